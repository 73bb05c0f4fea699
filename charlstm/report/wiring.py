"""How a cell is written and read, for people."""

from __future__ import annotations

from rich.console import RenderableType
from rich.text import Text

from charlstm.explain.connections import GateWiring, Reader, Wiring
from charlstm.explain.wiring import MOMENTS
from charlstm.report.tables import table
from charlstm.report.text import printable

SHOWN_PLACES = 3  # characters at which it is written


def draw_wiring(found: Wiring, about: str, width: int, colour: bool) -> list[RenderableType]:
    """A sentence, a table for each gate, and what reads the cell."""
    first, second = found.classes
    lines: list[RenderableType] = [Text(printable(about)), Text(printable(in_words(found))), Text("")]
    for gate in found.gates.values():
        lines += [_gate(gate, first, second), Text("")]
    readers = [(_reads(reader), f"{reader.weight:+.2f}", f"{reader.twin:+.2f}") for reader in found.readers]
    lines += [
        table(readers, ("read by", "weight", f"{first} - {second}")),
        Text(""),
        *(Text(printable(line), "dim" if colour else "") for line in _legend(found)),
    ]
    return lines


def _gate(gate: GateWiring, first: str, second: str) -> RenderableType:
    levels = [("pre-activation", "", f"usual {gate.usual:+.2f}", *_levels(gate))]
    rows = [
        (
            source.name,
            "" if source.weight is None else f"{source.weight:+.2f}",
            "" if source.by_weight is None else f"{source.by_weight:+.3f}",
            *(f"{change[moment]:+.2f}" for moment in MOMENTS for change in (source.usual, source.twin)),
        )
        for source in (*gate.whole, *gate.sources)
    ]
    titles = (
        f"{gate.letter}, {gate.role}",
        "weight",
        "x spread",
        *(f"{moment}: {change}" for moment in MOMENTS for change in ("- usual", f"{first} - {second}")),
    )
    return table([*levels, *rows], titles)


def _levels(gate: GateWiring) -> list[str]:
    found = []
    for moment in MOMENTS:
        one, other = gate.mean[moment]
        found += [f"{(one + other) / 2:+.2f}", f"{one - other:+.2f}"]
    return found


def _reads(reader: Reader) -> str:
    return f"logit of {reader.name}" if not reader.gate else f"{reader.gate} of {reader.name}"


def in_words(found: Wiring) -> str:
    """When the cell is written, what decides on the value, what opens the gates, and what it does to the answer."""
    first, second = found.classes
    places = list(found.written_at.items())[:SHOWN_PLACES]
    where = ", ".join(f"{character} ({100 * share:.0f} %)" for character, share in places)
    said = [f"Cell {found.cell} of layer {found.layer + 1} is written at {where}"]
    candidate, writes, shows = (found.gates[letter] for letter in found.roles)
    one, other = candidate.mean["written"]
    if candidate.sources:
        value = candidate.strongest("twin", "written")
        said.append(
            f"what is written there ({first} against {second}) comes most from {value.name}: "
            f"{value.twin['written']:+.1f} of {one - other:+.1f} in the {candidate.role}"
        )
    for gate, moment in ((writes, "written"), (shows, "read")):
        if gate.sources:
            source, (one, other) = gate.strongest("usual", moment), gate.mean[moment]
            more = (one + other) / 2 - gate.usual
            said.append(
                f"the {gate.role}, {more:+.1f} beyond its mean where the cell is {moment}, has "
                f"{source.usual[moment]:+.1f} of it from {source.name}"
            )
    sentence = "; ".join(said) + "."
    if found.endings is None:
        return sentence
    alone, every = found.endings
    return f"{sentence} At the deciding character it makes {alone:.1f} of the {every:.1f} nats between twins."


def _legend(found: Wiring) -> list[str]:
    first, second = found.classes
    return [
        f"means over {found.pairs} pairs of twins, in units of the pre-activation (of a logit: nats); written: at the "
        "character of the cue where what is written differs most; read: before the deciding character",
        "x spread   weight times the standard deviation of the source on ordinary text: sources are chosen by it, and "
        "by what they change",
        f"- usual    what the source adds beyond its mean on ordinary text; {first} - {second}: what it adds in a "
        "sentence beyond what it adds in the twin; first line: all sources together",
    ]
