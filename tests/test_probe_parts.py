"""The parts of the probe: stimuli, the n-gram baseline, verdicts, gates."""

import itertools

import numpy as np
import pytest
import torch
from planted import CHARS, Planted, toy_pairs

from charlstm.config import ModelConfig
from charlstm.corpus.vocab import Vocabulary
from charlstm.errors import TextError, UnknownCharacterError
from charlstm.grammar.pairs import MinimalPair
from charlstm.network.cells import CELLS, Cell, State
from charlstm.network.model import CharLM
from charlstm.network.reader import Lanes, Reader
from charlstm.probe import ngram
from charlstm.probe.defaults import HARD, PORTUGUESE, SOFT, pair_of
from charlstm.probe.gating import gate_use
from charlstm.probe.ordinary import LANE_CHARS, MAX_CHARS, to_lanes
from charlstm.probe.pipeline import read_sentence
from charlstm.probe.reading import Clamp, read, trace_cells
from charlstm.probe.statistics import Estimate
from charlstm.probe.stimuli import make_stimuli, split_lemmas
from charlstm.probe.verdict import Evidence, Thresholds, Verdict, judge_cell
from charlstm.report.columns import GROUNDS, wrapped
from charlstm.report.sentence import sentence_lines

TOY = Vocabulary(CHARS)


def portuguese(pairs: list[MinimalPair]) -> Vocabulary:
    return Vocabulary.of("".join(p.sentence_good + p.sentence_bad + (p.twin or "") for p in pairs))


def named(pair: MinimalPair, lemma: str) -> MinimalPair:
    return MinimalPair(**{**vars_of(pair), "lemma": lemma})


def vars_of(pair: MinimalPair) -> dict[str, object]:
    return {name: getattr(pair, name) for name in pair.__dataclass_fields__}


def test_landmarks_of_a_sentence_and_of_its_twin() -> None:
    pair = PORTUGUESE.sentences()[1][1]
    assert pair.sentence_good == HARD
    pairs = [named(pair, f"L{k}") for k in range(10)]
    stimuli = make_stimuli(pairs, portuguese(pairs))
    read_at = [[HARD[: place + 1] for place in row] for row in stimuli.landmarks[:1].tolist()]
    assert read_at == [
        ["A menina ", "A menina que", "A menina que o João ", "A menina que o João viu ontem estava muito cansad"]
    ] or (
        read_at[0][0] == "A menina "
        and read_at[0][1].strip() == "A menina que"
        and read_at[0][2] == "A menina que o João "
        and read_at[0][3] == "A menina que o João viu ontem estava muito cansad"
    )
    assert stimuli.landmarks[1].tolist() == stimuli.landmarks[0].tolist()  # twins of one length
    assert [HARD[s:e] for s, e in zip(stimuli.cue_start[:1], stimuli.cue[:1], strict=True)] == ["menina"]


def test_labels_conditions_and_twins() -> None:
    stimuli = make_stimuli(toy_pairs(lemmas=10), TOY)
    assert stimuli.classes == ("F", "M")
    assert len(stimuli) == 180
    assert (stimuli.label[stimuli.twin] == 1 - stimuli.label).all()
    assert (stimuli.lemma[stimuli.twin] == stimuli.lemma).all()
    opposite = stimuli.condition == "opposite"
    assert (stimuli.condition[stimuli.twin[opposite]] == "same").all()
    assert (stimuli.contested == opposite).all()
    assert stimuli.bins == ("12", "30", "60")
    assert (np.bincount(stimuli.distance_bin) == 60).all()
    first, second = (TOY.decode(ids[5].numpy()) for ids in stimuli.endings)
    assert (first, second) == ("a.", "o.")


def test_halves_share_no_lemma() -> None:
    stimuli = make_stimuli(toy_pairs(lemmas=11), TOY)
    first, second = split_lemmas(stimuli, 3)
    assert (first ^ second).all()
    assert not set(stimuli.lemma[first]) & set(stimuli.lemma[second])
    assert len(set(stimuli.lemma[first])) == 5
    assert (split_lemmas(stimuli, 3)[0] == first).all()


def test_kinds_that_make_no_claim_stand_apart() -> None:
    pairs = toy_pairs(lemmas=10)
    pairs[0] = MinimalPair(**{**vars_of(pairs[0]), "kind": "hidden"})
    assert (~make_stimuli(pairs, TOY).main).sum() == 2


def test_classes_follow_from_endings_where_no_pair_has_a_label() -> None:
    def bare(pair: MinimalPair, turned: bool) -> MinimalPair:
        if not turned:
            return MinimalPair(pair.sentence_good, pair.sentence_bad, pair.twin, lemma=pair.lemma)
        twin, middle = pair.twin or "", pair.prefix[1:]
        return MinimalPair(twin, f"M{middle}a.", f"F{middle}a.", lemma=pair.lemma)

    pairs = [bare(pair, k % 2 == 1) for k, pair in enumerate(toy_pairs(lemmas=10))]
    stimuli = make_stimuli(pairs, TOY)
    first = [TOY.decode(stimuli.ids[row, :1].numpy()) for row in range(len(stimuli))]
    assert [("F", "M")[label] for label in stimuli.label] == first
    assert {TOY.decode(ids.numpy()) for ids in stimuli.endings[0]} == {"a."}
    labelled = MinimalPair(**{**vars_of(pairs[0]), "label": "F"})
    with pytest.raises(TextError, match="this pair has no label"):
        make_stimuli([labelled, *pairs[1:]], TOY)


def two_kinds(cues: str) -> list[MinimalPair]:
    """Ten nouns in each of which `a` is right and `o` wrong, and ten in which `f` is right and `m` wrong."""
    pairs = []
    for k in range(20):
        good, bad = ("a", "o") if k < 10 else ("f", "m")
        cue, twin = (cues[:2], cues[2:4]) if k < 10 else (cues[4:6], cues[6:])
        middle = "bcde"[k % 4] * (k + 3)
        pairs.append(
            MinimalPair(f"{cue} {middle}{good}.", f"{cue} {middle}{bad}.", f"{twin} {middle}{bad}.", lemma=f"L{k}")
        )
    return pairs


def test_of_several_kinds_of_endings_the_cues_say_which_belong_together() -> None:
    stimuli = make_stimuli(two_kinds("FbMbFbMb"), TOY)
    assert stimuli.label.tolist() == [0, 1] * 20
    turned = make_stimuli(two_kinds("FbMbMbFb"), TOY)
    assert turned.label.tolist() == [0, 1] * 10 + [1, 0] * 10
    with pytest.raises(TextError, match="do not say which belong together; give every pair a label"):
        make_stimuli(two_kinds("FbMbGbHb"), TOY)
    with pytest.raises(TextError, match="do not say which belong together"):
        make_stimuli([*two_kinds("FbMbFbMb"), *two_kinds("FbMbMbFb")], TOY)


def test_without_lemmas_pairs_of_one_cue_are_not_independent() -> None:
    def pairs_of(nouns: str) -> list[MinimalPair]:
        return [
            MinimalPair(f"F{noun} {middle}a.", f"F{noun} {middle}o.", f"M{noun} {middle}o.", label="F")
            for noun in nouns
            for middle in ("bc", "de", "hij", "kl")
        ]

    with pytest.raises(TextError, match="3 independent pairs"):
        make_stimuli(pairs_of("bcd"), TOY)  # twelve pairs of three nouns
    nouns = pairs_of("bcdehijklnpq")
    stimuli = make_stimuli(nouns, TOY)
    assert len(set(stimuli.lemma.tolist())) == 12
    assert stimuli.lemma.tolist() == [noun for noun in range(12) for _ in range(8)]


def test_an_ending_that_the_text_breaks_off_is_given_a_delimiter() -> None:
    stimuli = make_stimuli([MinimalPair("Fbca", "Fbc")], TOY)
    assert [TOY.decode(texts[0].numpy()) for texts in stimuli.endings] == ["a\n", "\n"]
    with pytest.raises(TextError, match="the model knows no delimiter"):
        make_stimuli([MinimalPair("Fbca", "Fbc")], Vocabulary("Fbca"))


def test_contested_sentences_need_both_classes() -> None:
    one_sided = [pair for pair in toy_pairs(lemmas=12) if pair.condition == "opposite"]  # F past m, never M past f
    stimuli = make_stimuli(one_sided, TOY)
    assert not stimuli.is_contested
    assert stimuli.contested.all()
    assert make_stimuli(toy_pairs(lemmas=12), TOY).is_contested


def test_pairs_that_cannot_be_probed() -> None:
    with pytest.raises(TextError, match=r"9 independent pairs .* give at least 10"):
        make_stimuli(toy_pairs(lemmas=9), TOY)
    pairs = toy_pairs(lemmas=10)
    alone = MinimalPair(**{**vars_of(pairs[3]), "twin": None, "cue_end": None, "source": "file, line 4"})
    with pytest.raises(TextError, match="file, line 4: this pair has no twin"):
        make_stimuli([*pairs[:3], alone, *pairs[4:]], TOY)
    with pytest.raises(TextError, match="labels of 3 classes"):
        make_stimuli([MinimalPair(**{**vars_of(p), "label": x}) for p, x in zip(pairs, itertools.cycle("ABC"))], TOY)
    with pytest.raises(UnknownCharacterError):
        make_stimuli(pairs, Vocabulary("ab."))
    soft = [MinimalPair("Fba.", "Fbo.", kind="soft")]
    with pytest.raises(TextError, match="no claim rests on"):
        make_stimuli(soft, TOY)


def test_many_distances_fall_into_three_bins() -> None:
    pairs = []
    for k in range(30):
        middle = "b" * (5 + k)
        pairs.append(MinimalPair(f"F{middle}a.", f"F{middle}o.", twin=f"M{middle}o.", lemma=f"L{k}"))
    stimuli = make_stimuli(pairs, TOY)
    assert stimuli.bins == ("5-14", "15-24", "25-34")
    assert np.bincount(stimuli.distance_bin).tolist() == [20, 20, 20]


def test_a_pair_of_ones_own() -> None:
    pair = pair_of("A autora que o João viu era nova.", "A autora", "O autor", "nova", "novo")
    assert pair.twin == "O autor que o João viu era novo."
    assert pair.endings == ("a.", "o.")
    with pytest.raises(TextError, match="the cue 'Xyz' is not in the sentence"):
        pair_of(SOFT, "Xyz", "O", "cansada", "cansado")
    with pytest.raises(TextError, match="neither ending stands after the cue"):
        pair_of(SOFT, "A menina", "O menino", "bela", "belo")


def test_the_baseline_knows_what_was_seen() -> None:
    pairs = [MinimalPair("bcFa.", "bcFo."), MinimalPair("deFa.", "deFo."), MinimalPair("hhMa.", "hhMo.")]
    stimuli = make_stimuli(pairs, TOY)
    text = TOY.encode("bcFo.bcFo.bcFa.Fa.Fa.Fa.xFa.")
    answers = ngram.answer(stimuli, text)
    assert answers[0] == pytest.approx(np.log(1.5 / 2.5))  # the longest context that was seen: bcF
    assert answers[1] == pytest.approx(np.log(5.5 / 2.5))  # ... F
    assert answers[2] == pytest.approx(np.log(5.5 / 2.5))  # ... nothing: the endings alone


def test_the_baseline_agrees_with_counting_by_hand() -> None:
    rng = np.random.default_rng(0)
    text = "".join(rng.choice(list("bcao."), 3000))
    pairs = [
        MinimalPair(f"{context}a{end}", f"{context}o{end}")
        for context in ("".join(rng.choice(list("bc"), 6)) for _ in range(20))
        for end in (".", "b.")
    ]
    answers = ngram.answer(make_stimuli(pairs, TOY), TOY.encode(text))
    for pair, got in zip(pairs, answers, strict=True):
        for start in range(len(pair.prefix) + 1):
            context = pair.prefix[start:]
            counts = [sum(text.startswith(context + e, k) for k in range(len(text))) for e in pair.endings]
            if sum(counts):
                break
        assert got == pytest.approx(np.log((counts[0] + 0.5) / (counts[1] + 0.5)))


EVIDENCE = Evidence(
    hold=0.97,
    same_hold=0.98,
    far_hold=0.95,
    resolution=1e-3,
    gap=1.2,
    p=0.001,
    null_hold=np.array([0.6, 0.61, 0.62, 0.6, 0.59]),
    short=1.0,
    null_short=np.array([0.7, 0.72, 0.75, 0.7, 0.71]),
    cue=1.0,
    null_cue=np.ones(5),
    recovery=Estimate(0.5, 0.4, 0.6),
    patch_p=0.01,
)


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({}, Verdict.tracks_and_used),
        ({"recovery": None}, Verdict.tracks),
        ({"recovery": Estimate(0.12, 0.1, 0.14)}, Verdict.tracks),
        ({"recovery": Estimate(0.5, -0.1, 0.9)}, Verdict.tracks),
        ({"patch_p": 0.2}, Verdict.tracks),
        ({"patch_p": None}, Verdict.tracks),
        ({"hold": 0.89}, Verdict.short_range),
        ({"same_hold": 0.1}, Verdict.short_range),
        ({"far_hold": 0.7}, Verdict.short_range),
        ({"same_hold": float("nan")}, Verdict.tracks_and_used),
        ({"gap": 0.4}, Verdict.none),
        ({"p": 0.05}, Verdict.none),
        ({"null_hold": np.array([0.98, 0.6, 0.6, 0.6, 0.6])}, Verdict.used),
        ({"null_hold": np.array([0.98, 0.6, 0.6, 0.6, 0.6]), "patch_p": 0.2}, Verdict.none),
        ({"free_hold": 0.5}, Verdict.none),
        ({"free_hold": 0.95}, Verdict.tracks_and_used),
        ({"hold": 0.5, "short": 0.8, "null_cue": np.array([0.6, 0.6, 0.7, 0.6, 0.6])}, Verdict.cue_only),
        ({"hold": 0.5, "short": 0.8}, Verdict.none),
    ],
)
def test_verdicts(changes: dict[str, object], verdict: Verdict) -> None:
    evidence = Evidence(**{**vars(EVIDENCE), **changes})  # type: ignore[arg-type]
    assert judge_cell(evidence, Thresholds()) is verdict


def test_thresholds_decide() -> None:
    assert judge_cell(EVIDENCE, Thresholds(hold=0.98)) is Verdict.short_range
    assert judge_cell(EVIDENCE, Thresholds(recovery=0.6)) is Verdict.tracks


@torch.no_grad()
def test_a_trace_is_what_the_readable_step_does() -> None:
    network = Planted()
    ids = torch.from_numpy(TOY.encode("FbcdmM").astype(np.int64))[None]
    _, trace = trace_cells(Reader(network.model), ids, torch.tensor([6]), network.model.zero_state(1), [(0, 7)], False)
    state = network.model.zero_state(1)
    for t in range(6):
        state, (gates,) = network.model.stack.step(network.model.embedding(ids[:, t]), state)
        assert trace.state[0, t, 0] == pytest.approx(float(state.c[0, 0, 7]), abs=1e-6)
        assert trace.gates["f"][0, t, 0] == pytest.approx(float(gates["f"][0, 7]), abs=1e-6)
        assert trace.gates["o"][0, t, 0] == pytest.approx(float(gates["o"][0, 7]), abs=1e-6)


def test_gate_use_adds_up() -> None:
    network = Planted()
    network.keep(0, f=0.9)
    network.write(0, {"F": 0.9})
    ids = torch.from_numpy(TOY.encode("bFbbbf").astype(np.int64))[None]
    _, trace = trace_cells(Reader(network.model), ids, torch.tensor([6]), network.model.zero_state(1), [(0, 0)], False)
    use = gate_use(trace, 0, np.array([1]), np.array([[1, 3, 5, 5]]), np.array([6]))
    assert use.cleared_at_cue == pytest.approx(1.0, abs=1e-6)
    assert use.written_at_cue == pytest.approx(0.9, abs=1e-6)
    assert use.kept_over_span == pytest.approx(0.9**4, abs=1e-6)
    assert use.cleared_at_attractor == pytest.approx(1 - 0.9**2, abs=1e-6)
    assert use.written_at_attractor == pytest.approx(0.0, abs=1e-6)
    assert use.shown_at_target == pytest.approx(1.0, abs=1e-6)


def test_sentences_of_different_length_wait_for_each_other() -> None:
    network = Planted(seed=2)
    ids = torch.randint(0, len(CHARS), (7, 12), generator=torch.Generator().manual_seed(0))
    start, stop = torch.tensor([0, 3, 1, 5, 0, 2, 11]), torch.tensor([12, 4, 9, 5, 7, 12, 12])
    begin = State(*(torch.randn(1, 7, network.hidden_size) for _ in range(2)))
    end, _ = read(Reader(network.model), ids, start, stop, begin)
    for n in range(7):
        state = State(begin.h[:, n : n + 1], begin.c[:, n : n + 1])
        with torch.no_grad():
            for t in range(int(start[n]), int(stop[n])):
                _, state = network.model.step(ids[n, t][None], state)
        assert torch.allclose(end.c[:, n], state.c[:, 0], atol=1e-5)
        assert torch.allclose(end.h[:, n], state.h[:, 0], atol=1e-5)


def test_a_sentence_is_coloured_by_the_cell() -> None:
    network = Planted()
    network.write(0, {"F": 0.9, "M": -0.9})
    pair = pair_of("bF" + "cdeh " * 6 + "a.", "bF", "bM", "a", "o")
    sentence = read_sentence(Reader(network.model), TOY, network.model.zero_state(1), "own", pair, [(0, 0)], False)
    for which, ground in ((0, GROUNDS[-1]), (1, GROUNDS[0])):
        lines = sentence_lines(sentence, which, 0, width=20, colour=True)
        texts = [line for line in lines if line.plain.startswith("    ") and "c" in line.plain]
        assert len(texts) == 3  # wrapped by words
        styles = {str(span.style) for line in texts for span in line.spans}
        assert any(ground in style and style.startswith("black") for style in styles)
    assert wrapped("ab cd ef", 6) == [(0, 6), (6, 8)]
    assert wrapped("abcdefgh", 3) == [(0, 3), (3, 6), (6, 8)]
    assert "".join("ação 字字"[a:b] for a, b in wrapped("ação 字字", 4)) == "ação 字字"


def test_ordinary_text_comes_from_all_over() -> None:
    lanes = to_lanes(np.arange(1_000_000))
    assert lanes.shape == (MAX_CHARS // LANE_CHARS, LANE_CHARS)
    assert (int(lanes[0, 0]), int(lanes[-1, -1])) == (0, 999_999)
    assert to_lanes(np.arange(150)).shape == (1, 150)


@pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS)
@torch.no_grad()
def test_what_is_held_stays_and_the_others_go_on(cell: Cell) -> None:
    """An ablation holds the memory; the layer above and the head see what follows from it."""
    model = CharLM(ModelConfig(len(CHARS), 6, 2, 5, cell.name))
    model.reset_parameters(20.0, 0)
    torch.manual_seed(0)
    state, value = State(*(torch.randn_like(part) for part in model.zero_state(3))), torch.randn(1, 1, 1)
    reader, lanes, ids = Reader(model), Lanes.of(state), np.array([3, 4, 5])
    free = reader.step(lanes, ids).state()
    held = reader.step(lanes, ids, Clamp.of([(0, 2)], value).at(0, 3, 2))
    after = held.state()
    memory = cell.memory_of(after)
    assert (memory[0, :, 2] == value).all()
    others = [0, 1, 3, 4, 5]
    assert torch.equal(memory[0][:, others], cell.memory_of(free)[0][:, others])
    assert not torch.equal(after.h[1], free.h[1])
    if cell.has_cell_state:
        shown = held.every(cell.output_gate)[0] * torch.tanh(after.c[0])
        torch.testing.assert_close(after.h[0], shown, rtol=0, atol=1e-7)


@pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS)
@torch.no_grad()
def test_what_a_class_says_of_its_memory_is_what_its_step_does(cell: Cell) -> None:
    model = CharLM(ModelConfig(len(CHARS), 6, 1, 5, cell.name)).double()
    model.reset_parameters(20.0, 0)
    torch.manual_seed(0)
    state = State(*(torch.randn_like(part) for part in model.zero_state(3)))
    after, (gates,) = model.stack.step(model.embedding(torch.tensor([3, 4, 5])), state)
    assert set(gates) == set(cell.gates)
    assert set(cell.parts) - set(cell.gates) == ({"c", "h"} if cell.has_cell_state else {"h"})
    assert all((gates[letter] > 0).all() and (gates[letter] < 1).all() for letter in cell.shares)
    if cell.keep_gate:
        expected = cell.kept(gates) * cell.memory_of(state) + cell.written(gates)
        torch.testing.assert_close(cell.memory_of(after), expected, rtol=0, atol=1e-12)
    else:
        assert not cell.gates
