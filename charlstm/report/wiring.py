"""How a cell is written and read, for people."""

from __future__ import annotations

from rich.console import RenderableType
from rich.text import Text

from charlstm.config import cell_in_words
from charlstm.explain.connections import GateWiring, Reader, Wiring
from charlstm.explain.wiring import MOMENTS
from charlstm.probe.conclusion import capital
from charlstm.report.tables import table
from charlstm.report.text import printable

SHOWN_PLACES = 3  # characters at which it is written


def draw_wiring(found: Wiring, about: str, width: int, colour: bool) -> list[RenderableType]:
    """What was found in words, a table for each gate, and what reads the cell."""
    first, second = found.classes
    lines: list[RenderableType] = [Text(printable(in_words(found))), Text(""), Text(printable(about))]
    for gate in found.gates.values():
        title = f"{gate.letter}, {gate.role}: its pre-activation is {gate.usual:+.2f} on ordinary text"
        lines += [Text(""), Text(title, "bold" if colour else ""), _gate(gate, first, second)]
    readers = [(_reads(reader), f"{reader.weight:+.2f}", f"{reader.twin:+.2f}") for reader in found.readers]
    return [
        *lines,
        Text(""),
        Text("What reads the cell", "bold" if colour else ""),
        table(readers, ("", "weight", f"{first} - {second}")),
        Text(""),
        table(_legend(found)),
    ]


def _gate(gate: GateWiring, first: str, second: str) -> RenderableType:
    rows = [
        (
            source.name,
            "" if source.weight is None else f"{source.weight:+.2f}",
            "" if source.by_weight is None else f"{source.by_weight:+.3f}",
            *(f"{change[moment]:+.2f}" for moment in MOMENTS for change in (source.usual, source.twin)),
        )
        for source in (*gate.whole, *gate.sources)
    ]
    between = f"{first} - {second}"
    titles = ("from", "weight", "x spread", *(title for moment in MOMENTS for title in (moment, between)))
    return table([("everything", "", "", *_beyond(gate)), *rows], titles)


def _beyond(gate: GateWiring) -> list[str]:
    """What all sources together add at each moment: beyond the mean on ordinary text, and beyond the twin."""
    found = []
    for one, other in (gate.mean[moment] for moment in MOMENTS):
        found += [f"{(one + other) / 2 - gate.usual:+.2f}", f"{one - other:+.2f}"]
    return found


def _reads(reader: Reader) -> str:
    return f"logit of {reader.name}" if not reader.gate else f"{reader.gate} of {reader.name}"


def in_words(found: Wiring) -> str:
    """When the cell is written, what decides on the value, what opens the gates, what it does to the answer: lines."""
    first, second = found.classes
    places = list(found.written_at.items())[:SHOWN_PLACES]
    where = ", ".join(f"{character} ({100 * share:.0f} %)" for character, share in places)
    said = [f"{capital(cell_in_words(found.layer, found.cell))} is written at {where}."]
    candidate, writes, shows = (found.gates[letter] for letter in found.roles)
    one, other = candidate.mean["written"]
    if candidate.sources:
        value = candidate.strongest("twin", "written")
        said.append(
            f"What is written there differs by {one - other:+.1f} in the {candidate.role} ({first} less {second}); "
            f"{value.twin['written']:+.1f} of it comes from {value.name}, more than from any other source."
        )
    for gate, moment in ((writes, "written"), (shows, "read")):
        if gate.sources:
            source, (one, other) = gate.strongest("usual", moment), gate.mean[moment]
            more = (one + other) / 2 - gate.usual
            said.append(
                f"Where the cell is {moment}, the {gate.role} is {more:+.1f} beyond its mean; "
                f"{source.usual[moment]:+.1f} of it comes from {source.name}."
            )
    if found.endings is not None:
        alone, every = found.endings
        said.append(f"At the deciding character the cell makes {alone:.1f} of the {every:.1f} nats between twins.")
    return "\n".join(said)


def _legend(found: Wiring) -> list[tuple[str, str]]:
    first, second = found.classes
    return [
        ("written", "beyond its mean on ordinary text, at the character of the cue where what is written differs most"),
        ("read", "the same before the deciding character"),
        (f"{first} - {second}", "in a sentence beyond its twin, at the moment to the left"),
        ("weight", "what one unit of the source adds to the pre-activation (to a logit: nats)"),
        ("x spread", "weight times the standard deviation of the source on ordinary text"),
        (
            "from",
            "sources are cells (layer:cell) or characters; shown are those that add most, by x spread or at one of the "
            f"moments. All figures are means over {found.pairs} pairs of twins.",
        ),
    ]
