"""The screens of `charlstm probe`: the conclusion first, in few lines; every figure explained."""

import io
from collections.abc import Sequence
from dataclasses import replace

import pytest
import torch
from planted import CHARS, Planted, ordinary_lines, toy_pairs
from rich.text import Text

from charlstm.corpus.vocab import Vocabulary
from charlstm.grammar.pairs import MinimalPair
from charlstm.probe.behaviour import CHANCE
from charlstm.probe.cause_result import Removal, Rival, SetPoint, SetTest
from charlstm.probe.defaults import ENGLISH, PORTUGUESE, SOFT, words_of_labels
from charlstm.probe.headline import about_asked, beside, headline, not_claimed
from charlstm.probe.pipeline import ProbeRequest, probe
from charlstm.probe.result import CellReport, ProbeResult, SentenceReport
from charlstm.probe.statistics import Estimate
from charlstm.probe.stimuli import an_example
from charlstm.probe.verdict import Verdict
from charlstm.report import html as html  # from here on results know how to show themselves
from charlstm.report import legend
from charlstm.report.columns import GROUNDS
from charlstm.report.console import Console
from charlstm.report.probe import draw_probe
from charlstm.report.probe_details import draw_details
from charlstm.report.sentence import sentence_lines
from charlstm.view.content import Shown

PT = PORTUGUESE.words
OWN = words_of_labels(("F", "M"))


@pytest.fixture(scope="module")
def found() -> ProbeResult:
    """A planted cell that holds the cue and drives the answer, shown over the sentence of the girl and João."""
    network = Planted()
    network.write(0, {"F": 0.9, "M": -0.9, "\n": 0.0})
    network.read(0, 4.0)
    vocabulary, pairs = Vocabulary(CHARS), toy_pairs(lemmas=12)
    request = ProbeRequest(
        pairs,
        sentences=an_example(pairs),
        warm="\n",
        ordinary=(vocabulary.encode(ordinary_lines()), "lines"),
        nulls=3,
        cells=[(0, 9)],
    )
    result = probe(network.model, vocabulary, request)
    return replace(result, sentences=[of_the_girl(result.sentences[0])])


def of_the_girl(sentence: SentenceReport) -> SentenceReport:
    """The same traces, as long as the sentence that ships."""
    pair = PORTUGUESE.sentences()[0][1]
    trace = sentence.traces[0]
    long = [
        replace(
            trace,
            state=torch.linspace(sign * 0.5, sign, len(text))[None, :, None].expand(1, -1, trace.state.shape[2]),
            gates={name: torch.ones(1, len(text), part.shape[2]) for name, part in trace.gates.items()},
        )
        for text, sign in ((pair.prefix, 1), (pair.twin_prefix, -1))
    ]
    return SentenceReport("soft", pair, (0.997, 0.003), (long[0], long[1]))


def as_text(parts: Sequence[object], width: int) -> list[str]:
    """What a person sees, line by line."""
    file = io.StringIO()
    console = Console(width=width, file=file, markup=False, highlight=False, emoji=False)
    for part in parts:
        console.print(part)
    return file.getvalue().splitlines()


def screen(result: ProbeResult, words: object = PT, width: int = 80) -> str:
    return "\n".join(as_text(draw_probe(result, words, width, False), width))


def judged(result: ProbeResult, *verdicts: Verdict, **more: object) -> ProbeResult:
    """The same result with these verdicts: of as many cells."""
    first = result.cells[0]
    cells = [
        replace(
            first,
            verdict=verdict,
            candidate=replace(first.candidate, found=first.candidate.found._replace(cell=k)),
        )
        for k, verdict in enumerate(verdicts)
    ]
    return replace(result, cells=cells, asked=[], **more)


def nothing(result: ProbeResult) -> ProbeResult:
    """The same cell, with a hold of chance."""
    first = result.cells[0]
    weak: CellReport = replace(
        first,
        verdict=Verdict.none,
        evidence=replace(first.evidence, hold=0.55, far_hold=0.5, gap=0.1, p=0.4, recovery=None),
        patch=None,
        ablation=None,
        interval=Estimate(0.55, 0.4, 0.7),
    )
    return replace(result, cells=[weak], asked=[], sets=SetTest(), detectable=0.97)


def test_a_girl_is_remembered_in_24_lines(found: ProbeResult) -> None:
    shown = screen(found)
    lines = shown.splitlines()
    lines = screen(judged(found, Verdict.tracks_and_used)).splitlines()
    assert len(lines) <= 22  # one for the name of the model, one for what else there is
    assert max(map(len, lines)) <= 80
    words = " ".join(shown.split())
    assert words.startswith(
        "Cell 0 of layer 1 remembers the girl: it carries gender (feminine or masculine) from the noun to the letter "
        "that agrees with it, and the network uses it."
    )
    assert "A menina disse que não foi se despedir porque quando o João viajou estava" in shown
    assert "-> cansada 99.7 %, cansado 0.3 %" in shown
    assert "-> cansado 99.7 %, cansada 0.3 %" in shown
    assert "(The girl said that she did not go to say goodbye because, when João left, she was very tired.)" in words
    assert [line.split()[0] for line in lines if line.startswith(("right ", "hold ", "moved "))] == [
        "right",
        "hold",
        "moved",
    ]
    assert "guessing gives 50 %" in words
    assert "Not claimed: that it does only this, or does it in other kinds of sentence." in words


def test_in_colour_the_ground_takes_the_place_of_signs(found: ProbeResult) -> None:
    plain = [line for line in as_text(draw_probe(found, PT, 80, False), 80) if line.startswith("~")]
    assert plain
    parts = draw_probe(found, PT, 80, True)
    coloured = [part for part in parts if isinstance(part, Text)]
    assert not any(part.plain.startswith("~") for part in coloured)
    styles = {str(span.style) for part in coloured for span in part.spans}
    assert all(any(ground in style for style in styles) for ground in (GROUNDS[0], GROUNDS[-1]))
    assert len(as_text(parts, 80)) < len(as_text(draw_probe(found, PT, 80, False), 80))


@pytest.mark.parametrize("width", [60, 80, 120])
def test_no_line_is_wider_than_asked(found: ProbeResult, width: int) -> None:
    for parts in (draw_probe(found, PT, width, False), draw_details(found, PT, "model", width, False)):
        assert all(len(line.rstrip()) <= width for line in as_text(parts, width))
        texts = [part.plain for part in parts if isinstance(part, Text)]
        assert all(len(text) <= width for text in texts)  # nothing is left to be broken by the console
    assert all(line.cell_len <= width for line in legend.draw_legend(width, False))


@pytest.mark.parametrize(
    ("verdicts", "expected", "never"),
    [
        ([Verdict.tracks_and_used], ["remembers the girl", "and the network uses it."], ["So do", "nothing shows"]),
        ([Verdict.tracks_and_used] * 2, ["So does cell 1 of layer 1."], ["So do cell"]),
        (
            [Verdict.tracks_and_used] * 6,
            ["So do cell 1 of layer 1, cell 2 of layer 1 and 3 other cells."],
            ["cell 3 of layer 1"],
        ),
        (
            [Verdict.tracks_and_used, Verdict.tracks],
            ["Cell 1 of layer 1 carries it, too, but nothing shows that the network uses it."],
            [],
        ),
        (
            [Verdict.tracks],
            ["carries gender (feminine or masculine)", "but nothing shows that the network uses it"],
            ["remembers", "and the network uses it"],
        ),
        ([Verdict.tracks] * 2, ["Cell 0 of layer 1 and cell 1 of layer 1 carry gender"], ["remember"]),
        ([Verdict.used], ["drives the answer", "cannot be told"], ["remembers", "carries"]),
    ],
)
def test_never_more_than_the_verdict_carries(
    found: ProbeResult, verdicts: list[Verdict], expected: list[str], never: list[str]
) -> None:
    result = judged(found, *verdicts)
    words = " ".join(headline(result, PT))
    assert all(part in words for part in expected)
    assert not any(part in words for part in never)
    assert len(screen(result).splitlines()) < 24


def test_causes_that_could_not_be_tested(found: ProbeResult) -> None:
    result = judged(found, Verdict.tracks)
    (cell,) = result.cells
    assert cell.patch is not None
    untested = replace(result, cells=[replace(cell, patch=None, ablation=None)])
    assert "whether the network uses it was not tested" in headline(untested, PT)[0]
    assert "\nmoved" not in screen(untested)
    alone = replace(result, cells=[replace(cell, patch=replace(cell.patch, p=None))])
    assert "too few other cells to compare with" in headline(alone, PT)[0]


def test_no_cell(found: ProbeResult) -> None:
    result = nothing(found)
    shown = screen(result)
    words = " ".join(shown.split())
    assert words.startswith("No cell is shown to carry gender (feminine or masculine)")
    assert (
        "The best, cell 0 of layer 1, falls short: its hold is below 0.9; at one distance its hold is 0.50; " in words
    )
    assert "; and 3 other reasons." in words
    assert "Cell 0 of layer 1 (no claim) over the sentence" in words
    assert "hold 0.55 [0.40, 0.70]" in words
    assert "with 6 nouns, a cell whose true hold is 0.97 is found in four cases of five" in words.replace(
        "With", "with"
    )
    assert "remembers" not in words
    assert len(shown.splitlines()) < 24
    few = replace(result, detectable=None)
    assert "even a perfect one can be missed" in not_claimed(few, PT)
    spread = replace(result, sets=SetTest(curve=[SetPoint(8, 0.8, 0.1, 0.1)]))
    assert "But 8 cells together move the answer 80 % of the way" in " ".join(headline(spread, PT))
    brief = replace(result, cells=[replace(result.cells[0], verdict=Verdict.short_range)])
    assert "For a while only, cell 0 of layer 1 carries it." in headline(brief, PT)


def test_behaviour_at_chance_is_said_first(found: ProbeResult) -> None:
    behaviour = found.behaviour
    assert behaviour is not None
    guess = Estimate(CHANCE, 0.4, 0.6)
    guessing = replace(behaviour, overall=replace(behaviour.overall, accuracy=guess), nats=Estimate(0.0, -0.1, 0.1))
    said = headline(replace(nothing(found), behaviour=guessing), PT)
    assert said[0] == "The network's answers are no better than those of networks that learnt nothing."
    assert len(screen(replace(nothing(found), behaviour=guessing)).splitlines()) < 24
    without = replace(found, cells=[], sentences=[], behaviour=guessing, notes=["these pairs have no twins"])
    assert headline(without, OWN)[0] == "On these pairs the network is not shown to do better than chance."
    worse = replace(guessing, overall=replace(behaviour.overall, accuracy=Estimate(0.2, 0.1, 0.3)))
    assert "worse than chance" in headline(replace(without, behaviour=worse), OWN)[0]


def test_pairs_without_twins_say_nothing_of_cells(found: ProbeResult) -> None:
    result = replace(found, cells=[], sentences=[], watched=[])
    shown = screen(result, OWN)
    assert shown.startswith("The network prefers the right form in 100 % of these pairs.")
    assert "because these pairs have no twins" in shown
    assert "hold" not in shown
    assert "Note:" not in screen(replace(result, notes=["these pairs have no twins"]), OWN)
    only_a_sentence = replace(found, behaviour=None, cells=[], watched=[])
    assert "soft sentence: P(cansada)" in screen(only_a_sentence)


def test_words_follow_the_corpus(found: ProbeResult) -> None:
    assert PORTUGUESE.words.glosses[SOFT].startswith("The girl said")
    assert ENGLISH.words.glosses == {}
    assert "remembers the keys: it carries number (singular or plural)" in headline(found, ENGLISH.words)[0]
    own = screen(found, OWN)
    assert "carries the class of the cue (F or M) from the cue to the character that decides" in " ".join(own.split())
    assert "The girl" not in own
    assert "\x1b" not in screen(found, words_of_labels(("\x1b[31mF", "M")))


def test_what_else_bears_on_it(found: ProbeResult) -> None:
    removal = Removal("opposite", 20, 0.4, 0.9, Estimate(2.0, 1.0, 3.0))
    result = replace(found, rival=Rival(0, 5, 0.97, [removal]))
    assert beside(result)[-1].startswith("Cell 5 of layer 1 follows the last noun instead")
    assert "from 40 % to 90 % right" in screen(result)
    (asked,) = about_asked(found)
    assert asked.startswith("Cell 9 of layer 1, which you named, does not carry it all the way: its hold is below 0.9")
    assert about_asked(judged(found, Verdict.tracks)) == []


def test_several_cells_together_are_told_where_they_go_farther(found: ProbeResult) -> None:
    curve = [SetPoint(1, 0.2, 0.0, 0.0), SetPoint(8, 0.95, 0.1, 0.1)]
    (cell,) = judged(found, Verdict.tracks_and_used).cells
    assert cell.patch is not None
    weak = replace(cell, patch=replace(cell.patch, recovery=Estimate(0.23, 0.2, 0.26)))
    spread = replace(found, cells=[weak], asked=[], sets=SetTest(curve=curve))
    assert "(8 cells together: 0.95)" in " ".join(screen(spread).split())
    assert "this alone, only this" in not_claimed(spread, PT)
    assert "together" not in screen(judged(found, Verdict.tracks_and_used, sets=SetTest(curve=curve)))


def test_a_word_that_is_decided_is_shown_in_full(found: ProbeResult) -> None:
    pair = ENGLISH.sentences()[0][1]
    trace = found.sentences[0].traces[0]
    result = replace(found, sentences=[SentenceReport("near", pair, (0.9, 0.2), (trace, trace))], asked=[])
    lines = screen(result, ENGLISH.words).splitlines()
    assert "    The keys to the cabinet are  -> are 90.0 %, is 10.0 %" in lines
    assert "    The key to the cabinet is  -> is 80.0 %, are 20.0 %" in lines


def test_a_word_is_the_same_in_a_terminal_in_a_notebook_and_on_a_page(found: ProbeResult) -> None:
    """The exclamation mark, too, is read with the ending, and is no part of the word."""
    usual = found.sentences[0]
    good, bad, twin = (
        text[:-1] + "!" for text in (usual.pair.sentence_good, usual.pair.sentence_bad, str(usual.pair.twin))
    )
    pair = MinimalPair(good, bad, twin)
    result = replace(found, sentences=[replace(usual, pair=pair)])
    assert "-> cansada 99.7 %, cansado 0.3 %" in screen(result)
    assert "P(cansada) / (P(cansada) + P(cansado))" in screen(replace(result, watched=[]))
    assert "P(cansada), of the two endings: 0.997" in str(result._repr_html_())
    assert Shown.of("own", pair, {}).endings == ("cansada", "cansado")


def test_of_a_long_word_that_is_decided_the_end_is_shown(found: ProbeResult) -> None:
    begun = "a" * 25
    pair = MinimalPair(f"A é {begun}da.", f"A é {begun}do.", f"O é {begun}do.")
    result = replace(found, sentences=[replace(found.sentences[0], pair=pair)])
    assert f"-> ...{'a' * 19}da 99.7 %, ...{'a' * 19}do 0.3 %" in " ".join(screen(result).split())


def test_a_cell_without_a_single_value_is_drawn_without_shades(found: ProbeResult) -> None:
    usual = found.sentences[0]
    nowhere = [replace(trace, state=torch.full_like(trace.state, torch.nan)) for trace in usual.traces]
    result = replace(found, sentences=[replace(usual, traces=(nowhere[0], nowhere[1]))])
    shown = "\n".join(as_text(sentence_lines(result.sentences[0], 0, 0, 80, colour=False), 80))
    assert "A menina disse que não foi" in shown
    assert not set("=#") & set(shown)
    notebook = str(result._repr_html_())
    assert "shaded by the cell state" in notebook
    assert "background:" not in notebook


def test_every_figure_is_explained(found: ProbeResult) -> None:
    """What stands before a value on a card is in the legend, and the legend says it in words of its own."""
    known = {name for figures in legend.LEGEND.values() for name in figures}
    shown = as_text(draw_details(found, PT, "model", 80, False), 80)
    cards = [line[2:22].strip() for line in shown if line.startswith("  ") and not line.startswith("   ")]
    names = {name for name in cards if name and not name.startswith(("right by", "0.", "1."))}
    assert {"hold", "moved", "kept", "gone", "twins in order"} <= names
    assert names <= known
    for name in (
        "hold",
        "moved",
        "flips",
        "AUC of the odds",
        "gap",
        "p",
        "networks that learnt nothing",
        "d'",
        "power",
    ):
        assert name in known
    assert all(verdict.value in legend.VERDICTS for verdict in Verdict)
    assert all(len(figure.meaning) > 7 for figures in legend.LEGEND.values() for figure in figures.values())
