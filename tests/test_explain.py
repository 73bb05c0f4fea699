"""The gates at work: each claim of the drawings of an LSTM, on networks whose numbers are known."""

import math
import random
import re
from decimal import Decimal
from itertools import islice, pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from planted import CHARS, OPEN, Planted, filler, toy_pairs

from charlstm.checkpoint import load_model_file, shipped_pair
from charlstm.config import ModelConfig
from charlstm.corpus.vocab import Vocabulary
from charlstm.explain.distance import accuracy_by_distance
from charlstm.explain.equations import write_step
from charlstm.explain.gradient import (
    WARM_CHARS,
    half_of,
    measure_reach,
    rate_of,
    untrained,
    with_recurrent_weight,
)
from charlstm.explain.memory import EDGES, half_life, measure_memory
from charlstm.explain.switches import STRETCHES, Contrast, Switches, best_at_gender, measure_switches
from charlstm.explain.walk import Step, name_step, walk
from charlstm.grammar import gendered_lines
from charlstm.network.cells import CELLS, Layer, State
from charlstm.network.cells.written import DIGITS, Equation
from charlstm.network.model import CharLM
from charlstm.probe.defaults import PORTUGUESE, SOFT
from charlstm.probe.statistics import Estimate
from charlstm.report.switches import in_words

ROOT = Path(__file__).parent.parent
TOY = Vocabulary(CHARS)


def ids_of(text: str, vocabulary: Vocabulary = TOY) -> torch.Tensor:
    return torch.from_numpy(vocabulary.encode(text).astype(np.int64))


def fresh(cell_type: str, hidden_size: int = 6, num_layers: int = 2, seed: int = 3) -> CharLM:
    model = CharLM(ModelConfig(len(CHARS), hidden_size, num_layers, 5, cell_type))
    model.reset_parameters(20.0, seed)
    return model


def places(rows: int, back: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, len(CHARS), (rows, WARM_CHARS + back + 1), generator=generator)


# the valves


def gates_at(f: float, i: float, o: float, hidden_size: int = 3) -> Layer:
    """A layer whose three valves stand at 0, 1/2 or 1 whatever it reads; the candidate is tanh(x)."""
    H = hidden_size
    at = {0.0: -1000.0, 0.5: 0.0, 1.0: 1000.0}
    weight_ih = torch.zeros(4 * H, H, dtype=torch.float64)
    weight_ih[2 * H : 3 * H] = torch.eye(H)
    bias = torch.cat([torch.full((H,), at[i]), torch.full((H,), at[f]), torch.zeros(H), torch.full((H,), at[o])])
    return Layer(weight_ih, torch.zeros(4 * H, H, dtype=torch.float64), bias.double())


def run(layer: Layer, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    h = c = torch.zeros(1, x.shape[1], dtype=torch.float64)
    for x_t in x:
        h, c, _ = CELLS["lstm"].step(x_t[None], h, c, layer)
    return h, c


def test_with_every_valve_open_the_state_is_the_sum_of_what_was_written() -> None:
    x = torch.randn(50, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    h, c = run(gates_at(1.0, 1.0, 1.0), x)
    assert torch.allclose(c[0], torch.tanh(x).sum(dim=0), rtol=0, atol=1e-13)
    assert torch.allclose(h, torch.tanh(c), rtol=0, atol=0)


def test_with_every_valve_closed_nothing_comes_in_or_out() -> None:
    x = torch.randn(5, 3, dtype=torch.float64)
    assert all((part == 0).all() for part in run(gates_at(0.0, 0.0, 0.0), x))
    h, c = run(gates_at(1.0, 1.0, 0.0), x)
    assert (h == 0).all()
    assert (c != 0).all()


def test_a_forget_gate_of_a_half_dilutes_by_half_and_after_ten_steps_a_thousandth_is_left() -> None:
    x = torch.zeros(11, 3, dtype=torch.float64)
    x[0] = 1.0
    _, c = run(gates_at(0.5, 1.0, 1.0), x)
    assert torch.allclose(c, torch.tanh(torch.ones(1, 3, dtype=torch.float64)) / 1024)
    h = torch.full((1, 1), 1e-3, dtype=torch.float64)  # an RNN, where tanh is straight: W_hh is the share that is left
    layer = Layer(*(torch.tensor(part, dtype=torch.float64) for part in ([[0.0]], [[0.5]], [0.0])))
    for _ in range(10):
        h, _, _ = CELLS["rnn"].step(torch.zeros(1, 1, dtype=torch.float64), h, h[:, :0], layer)
    assert float(h) == pytest.approx(1e-3 / 1024, rel=1e-5)


@pytest.mark.parametrize(
    ("f", "i", "step"),
    [(0.9, 0.1, Step.kept), (0.1, 0.9, Step.replaced), (0.9, 0.9, Step.added_to), (0.1, 0.1, Step.cleared)],
)
def test_a_step_is_named_by_which_valves_are_open(f: float, i: float, step: Step) -> None:
    assert name_step(f, i) is step
    assert name_step(0.5, 0.49) is Step.kept
    assert name_step(f, i, open_from=0.95) is Step.cleared


def test_a_walk_shows_what_a_planted_cell_does() -> None:
    network = Planted()
    network.write(0, {"F": 0.9, "M": -0.9})
    network.write(0, {"f": 0.5}, add=True)
    with torch.no_grad():  # at a newline both valves are shut
        network.model.stack.layer(0).weight_ih[network._gate("f", 0), CHARS.index("\n")] = -2 * OPEN
    text = "bFcfd\nM"
    found = walk(network.model, ids_of(text), text, network.model.zero_state(1), (0, 0))
    kept, replaced, added = Step.kept, Step.replaced, Step.added_to
    assert found.steps == [kept, replaced, kept, added, kept, Step.cleared, replaced]
    f, i, g, _, c, h = found.numbers.values()
    assert c == pytest.approx([0, 0.9, 0.9, 1.4, 1.4, 0, -0.9], abs=1e-5)
    assert h == pytest.approx([math.tanh(c) for c in c], abs=1e-5)
    for keep, write, new, before, after in zip(f, i, g, [0.0, *c], c, strict=False):
        assert keep * before + write * new == pytest.approx(after, abs=1e-6)
    assert walk(network.model, ids_of("b"), "b", network.model.zero_state(1), (0, 0), 1.0).open_from == 1.0


def test_a_gru_keeps_or_writes_over_by_one_gate() -> None:
    model = fresh("gru")
    text = "bFcfd"
    found = walk(model, ids_of(text), text, model.zero_state(1), (1, 2))
    r, z, n, h = found.numbers.values()
    assert list(found.numbers) == ["r", "z", "n", "h"]
    assert found.kept == z
    assert found.memory == h
    assert found.written == pytest.approx([1 - kept for kept in z])
    for keep, new, before, after in zip(z, n, [0.0, *h], h, strict=False):
        assert keep * before + (1 - keep) * new == pytest.approx(after, abs=1e-6)
    assert found.steps == [Step.kept if keep >= 0.5 else Step.replaced for keep in z]
    assert all(0 < x < 1 for x in r)


def test_the_half_life_of_a_gru_is_that_of_its_update_gate() -> None:
    model = fresh("gru")
    with torch.no_grad():
        for layer in model.stack.layers():
            layer.weight_ih.zero_()
            layer.weight_hh.zero_()
            layer.bias[6:12] = math.log(3.0)  # z = 3/4
    memory = measure_memory(model, ids_of("abcab" * 4)[None], "toy")
    assert memory.half_life == pytest.approx(math.log(2) / -math.log(0.75), rel=1e-5)
    assert memory.keep_gate == "z"
    reach = measure_reach(model, places(3, 30), 0)
    assert reach.change == pytest.approx(0.75 ** np.arange(31), rel=1e-6)
    assert reach.theory_memory == pytest.approx(reach.memory, rel=1e-6)
    assert reach.theory_rate is None


def test_a_plain_rnn_has_a_hidden_state_and_no_valves() -> None:
    model = fresh("rnn")
    found = walk(model, ids_of("abc"), "abc", model.zero_state(1), (1, 2))
    assert not found.has_gates
    assert found.steps == []
    assert list(found.numbers) == ["h"]
    assert "f" not in found.to_dict()
    assert all(math.isfinite(h) for h in found.memory)


# one step in numbers


def is_right(line: str, result: Decimal, places: Decimal) -> bool:
    """Whether a line of an equation comes to a result, to its last digit."""
    names = {"sigmoid": lambda z: 1 / (1 + math.exp(-z)), "tanh": math.tanh}
    return abs(Decimal(eval(line, names)) - result) <= places * Decimal("0.5000001")


@pytest.mark.parametrize(("cell_type", "equations"), [("lstm", 6), ("rnn", 1), ("gru", 4)])
@pytest.mark.parametrize("place", [(0, 1), (1, 4)])
def test_every_line_of_a_written_step_adds_up_to_its_last_digit(
    cell_type: str, equations: int, place: tuple[int, int]
) -> None:
    model = fresh(cell_type)
    text = "bFcdeM acf."
    unit = Decimal(1).scaleb(-DIGITS)
    for at in range(len(text)):
        step = write_step(model, ids_of(text), text, model.zero_state(1), place, at)
        assert len(step.equations) == equations
        for equation in step.equations:
            assert equation.value == equation.value.quantize(unit)
            *sums, last = equation.numbers
            assert is_right(last, equation.value, unit)
            for line, after in zip(sums, [*sums[1:], last], strict=True):
                # a sum inside a function, or two products that are added: the next line has its terms
                check_sum(line, after, equation, unit)
        values = {equation.name: equation.value for equation in step.equations}
        assert float(values["h_t"]) == pytest.approx(step.h, abs=5e-6)
        if step.c is not None:
            assert float(values["c_t"]) == pytest.approx(step.c, abs=5e-6)


def check_sum(line: str, last: str, equation: Equation, unit: Decimal) -> None:
    if equation.name == "n_t":  # each line is the next one, worked out further
        inside = re.fullmatch(r"tanh\((.*)\)", line)
        assert inside
        assert is_right(inside[1], Decimal(repr(eval(last.removeprefix("tanh(").removesuffix(")")))), unit)
    elif line.startswith(("sigmoid(", "tanh(")):
        terms = [Decimal(term.replace(" ", "")) for term in re.findall(r"[+-] ?[0-9.]+", line)]
        assert len(terms) == 3
        assert sum(terms) == Decimal(last.split("(")[1].rstrip(")"))
    elif line.startswith("(1 - "):
        z, n, same_z, h = map(Decimal, re.fullmatch(r"\(1 - (\S+)\) \* (\S+) \+ (\S+) \* (\S+)", line).groups())
        written, kept = (Decimal(term.replace(" ", "")) for term in re.findall(r"[+-] ?[0-9.]+", last))
        assert z == same_z
        assert (written, kept) == (((1 - z) * n).quantize(unit) + 0, (z * h).quantize(unit) + 0)
        assert written + kept == equation.value
    elif equation.name == "c_t":
        f, c, i, g = (Decimal(number) for number in re.findall(r"[+-]?[0-9.]+(?:E-[0-9]+)?", line.replace(" + ", " ")))
        kept, written = (Decimal(term.replace(" ", "")) for term in re.findall(r"[+-] ?[0-9.]+", last))
        assert (kept, written) == ((f * c).quantize(unit) + 0, (i * g).quantize(unit) + 0)
        assert kept + written == equation.value
    else:
        squashed = Decimal(last.split(" * ")[1])
        assert is_right(line.split(" * ", 1)[1], squashed, unit)


def test_the_hidden_state_goes_up_and_on_unchanged() -> None:
    """Three inputs, two outputs: h is copied, to the layer above and to the next character."""
    model = fresh("lstm")
    text, cell = "bFc", 4
    ids, state = ids_of(text), model.zero_state(1)
    for at in range(len(text)):
        before = state
        with torch.no_grad():
            state, _ = model.stack.step(model.embedding(ids[at : at + 1]), before)
        step = write_step(model, ids, text, model.zero_state(1), (1, cell), at)
        (sums,) = [equation.numbers[0] for equation in step.equations if equation.name == "i_t"]
        up, on, bias = (float(term.replace(" ", "")) for term in re.findall(r"[+-] ?[0-9.]+", sums))
        weights = Layer(*(part.detach() for part in model.stack.layer(1)))
        assert up == pytest.approx(float(weights.weight_ih[cell] @ state.h[0, 0]), abs=1e-5)
        assert on == pytest.approx(float(weights.weight_hh[cell] @ before.h[1, 0]), abs=1e-5)
        assert bias == pytest.approx(float(weights.bias[cell]), abs=1e-5)


# how long cells remember


def test_a_half_life_is_that_of_the_forget_gate() -> None:
    network = Planted()
    for cell, f in enumerate((0.5, 0.9, 0.999)):
        network.keep(cell, f)
    network.write(3, {"\n": 0.5})  # clears at every newline, keeps in between
    text = (filler(random.Random(0), 9) + "\n") * 4
    memory = measure_memory(network.model, ids_of(text)[None], "toy")
    expected = [1.0, math.log(2) / -math.log(0.9), math.log(2) / -math.log(0.999)]
    assert memory.half_life[0, :3] == pytest.approx(expected, rel=1e-3)
    assert memory.between[0, :3] == pytest.approx(expected, rel=1e-3)
    assert memory.half_life[0, 3] == pytest.approx(10 * math.log(2) / OPEN, rel=1e-3)
    assert memory.between[0, 3] > 1e6
    assert memory.lets_go[0, [0, 3]].tolist() == pytest.approx([0.0, 0.1])
    assert memory.longest(1) == [(0, 2)] or memory.half_life[memory.longest(1)[0]] >= memory.half_life[0, 2]
    (row,) = memory.histogram()
    assert sum(row) == network.hidden_size
    assert len(row) == len(EDGES) + 1
    assert float(half_life(math.log(2))) == 1.0
    assert math.isinf(half_life(0.0))


# how far gradients reach


@pytest.mark.parametrize("w_rec", [0.5, 0.9, 1.0, 1.1])
def test_a_straight_rnn_vanishes_below_one_explodes_above_and_keeps_at_one(w_rec: float) -> None:
    model = CharLM(ModelConfig(len(CHARS), 4, 1, 3, "rnn"))  # all else is zero: tanh stays where it is straight
    with torch.no_grad():
        model.stack.layer(0).weight_hh.copy_(w_rec * torch.eye(4))
        model.head.weight.normal_(generator=torch.Generator().manual_seed(0))
    reach = measure_reach(model, places(3, 30), 0)
    k = np.arange(31)
    assert reach.change == pytest.approx((float(np.float32(w_rec)) ** k), rel=1e-9)
    assert reach.loss == pytest.approx(reach.change, rel=1e-9)
    assert reach.theory_rate == pytest.approx(w_rec, rel=1e-6)
    assert reach.memory is None


def test_tanh_takes_its_share_so_that_one_is_not_enough() -> None:
    model = fresh("rnn", hidden_size=32, num_layers=1)  # orthogonal: every singular value is 1
    rates = {w: rate_of(measure_reach(with_recurrent_weight(model, w), places(8, 40), 0).change) for w in (0.5, 1, 3)}
    assert rates[0.5] < rates[1] < 1 < rates[3]


def test_theory_tells_the_rate_of_a_fresh_rnn() -> None:
    model = fresh("rnn", hidden_size=128, num_layers=1)
    reach = measure_reach(model, places(16, 30), 0)
    assert reach.theory_rate is not None
    assert rate_of(reach.change) == pytest.approx(reach.theory_rate, rel=0.02)


def test_the_memory_pipeline_is_a_recurrent_weight_of_f() -> None:
    for f, expected in ((1.0, 1.0), (0.5, 0.5)):
        model = CharLM(ModelConfig(len(CHARS), 4, 1, 3))
        with torch.no_grad():
            model.stack.layer(0).bias[4:8] = 1000.0 if f == 1.0 else 0.0
            model.head.weight.normal_(generator=torch.Generator().manual_seed(0))
        reach = measure_reach(model, places(3, 30), 0)
        assert reach.memory == pytest.approx(expected ** np.arange(31), rel=1e-12)
        assert reach.theory_memory == pytest.approx(reach.memory, rel=1e-12)


@pytest.mark.parametrize("cell_type", CELLS)
def test_what_is_measured_is_the_norm_of_the_jacobian(cell_type: str) -> None:
    """Against Jacobians that PyTorch makes whole, of every layer by every layer."""
    model = fresh(cell_type).double()
    ids, back = places(2, 5), 5
    exact = measure_reach(model, ids, 0, vectors=12)  # as many as there are cells: no chance in it
    drawn = measure_reach(model, ids, 0, vectors=11)
    assert drawn.change == pytest.approx(exact.change, rel=0.5)
    squares = np.zeros((2, back + 1))
    for row in ids:
        state, states = model.zero_state(1), []
        with torch.no_grad():
            for character in row[:-1]:
                states.append(state)
                state, _ = model.stack.step(model.embedding(character[None]), state)
        states.append(state)
        for k in range(back + 1):

            def onward(*parts: torch.Tensor, k: int = k, row: torch.Tensor = row) -> tuple[torch.Tensor, ...]:
                state = State(parts[0], parts[-1] if model.cell.has_cell_state else parts[0][:, :, :0])
                for character in row[len(row) - 1 - k : -1]:
                    state, _ = model.stack.step(model.embedding(character[None]), state)
                return tuple(state)[: len(parts)]

            of = tuple(states[-1 - k]) if model.cell.has_cell_state else (states[-1 - k].h,)
            jacobian = torch.autograd.functional.jacobian(onward, of)
            for n in range(len(of)):  # h by h, c by c
                squares[n, k] += float(jacobian[n][n].square().sum()) / 12 / len(ids)
    assert exact.change == pytest.approx(np.sqrt(squares[0]), rel=1e-9)
    if model.cell.has_cell_state:
        assert exact.memory == pytest.approx(np.sqrt(squares[1]), rel=1e-9)


def test_half_lives_and_rates_of_curves() -> None:
    k = np.arange(50)
    for rate in (0.5, 0.9, 0.97):
        assert half_of(rate**k) == pytest.approx(math.log(0.5) / math.log(rate))
        assert rate_of(rate**k) == pytest.approx(rate)
    assert math.isinf(half_of(np.ones(50)))
    assert half_of(np.array([1.0, 0.0, 0.0])) < 1
    assert math.isnan(half_of(np.zeros(3)))
    assert rate_of(np.array([1.0, 0.5, 0.25, 0.0])) == pytest.approx(0.5)  # it went below what float64 can square
    assert math.isnan(rate_of(np.array([1.0, 0.0])))


def test_an_untrained_network_leaves_the_trained_one_alone() -> None:
    model = fresh("lstm")
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    other = untrained(model, 20.0, 9)
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    assert not torch.equal(other.head.weight, model.head.weight)


# an RNN cannot, an LSTM can


def test_the_pair_that_ships_shows_what_an_rnn_cannot() -> None:
    pair = shipped_pair()
    assert pair is not None
    contents = [load_model_file(path) for path in pair]
    lstm, rnn = (content.model.config for content in contents)
    assert (lstm.cell_type, rnn.cell_type) == ("lstm", "rnn")
    assert lstm.replace(cell_type="rnn") == rnn
    of_lstm, of_rnn = (
        accuracy_by_distance(c.model, c.vocabulary, PORTUGUESE.pairs(0)[:180], PORTUGUESE.warm, 0) for c in contents
    )
    assert of_lstm.overall.low > 0.85
    assert of_rnn.overall.high < 0.6
    assert [part.low for part in of_lstm.bins] == [part.low for part in of_rnn.bins]
    assert all(part.accuracy.value > 0.85 for part in of_lstm.bins)
    text = ids_of((SOFT + "\n") * 3, contents[0].vocabulary)[None, : WARM_CHARS + 62].repeat(2, 1)
    reaches = [measure_reach(content.model, text, 0, 2) for content in contents]
    assert reaches[0].memory is not None
    assert reaches[0].memory[60] > 100 * reaches[1].change[60]


def test_accuracy_by_distance_of_planted_networks() -> None:
    knows, forgets = Planted(), Planted()
    for network, f in ((knows, None), (forgets, 0.6)):
        network.keep(0, f)
        network.write(0, {"F": 0.9, "M": -0.9})
        network.read(0, 40.0)
    pairs = toy_pairs()
    found = accuracy_by_distance(knows.model, TOY, pairs, "\n", 0)
    assert found.overall.value == 1.0
    assert found.opposite is not None
    assert found.opposite.value == 1.0
    assert [part.sentences for part in found.bins] == [144] * 3
    assert sum(part.sentences for part in found.bins) == 2 * len(pairs)
    assert all(part.low <= distance <= part.high for part, distance in zip(found.bins, (12, 30, 60), strict=True))
    near, _, far = accuracy_by_distance(forgets.model, TOY, pairs, "\n", 0).bins
    assert near.accuracy.value == 1.0
    assert far.accuracy.value < 0.7


# from boy to girl


def english_czech(cell_rows: dict[str, dict[str, float]]) -> tuple[CharLM, Vocabulary]:
    """A network over the characters of `agreement-en-cs`; what single characters do to the gates of cell 0."""
    lines = islice(gendered_lines(random.Random(5)), 4000)
    vocabulary = Vocabulary(sorted(set("\n".join(line.text for line in lines)) | {"\n"}))
    V, H = len(vocabulary), 2
    model = CharLM(ModelConfig(V, H, 1, V))
    with torch.no_grad():
        model.embedding.weight.copy_(torch.eye(V))
        layer = model.stack.layer(0)
        layer.bias[0:H], layer.bias[H : 2 * H] = -OPEN, OPEN  # keeps, writes nothing
        for gate, values in cell_rows.items():
            for character, value in values.items():
                layer.weight_ih["ifgo".index(gate) * H, vocabulary.characters.index(character)] = value
    return model, vocabulary


@pytest.mark.slow
def test_a_cell_that_clears_at_every_newline_does_not_wait_for_a_switch() -> None:
    model, vocabulary = english_czech({"f": {"\n": -2 * OPEN}})
    found = measure_switches(model, vocabulary, (0, 0), 1)
    assert sum(found.lines) == 40 * 39
    assert abs(found.lines[0] - found.lines[1]) < 200  # at even odds
    start, *others = (found.cleared[name] for name in STRETCHES)
    assert start.first.value == start.second.value == pytest.approx(1.0)
    assert start.difference.value == pytest.approx(0.0, abs=1e-6)
    assert all(contrast.first.value < 1e-5 for contrast in others)
    assert found.holds.value < 0.6
    (words,) = in_words(found)
    assert "does not hold the speaker's gender" in words


@pytest.mark.slow
def test_the_cell_that_tells_the_gender_best_is_chosen() -> None:
    """A cell that is raised by the *a* of *holka* and *ráda* and cleared at the arrow tells some; the other nothing."""
    model, vocabulary = english_czech({"f": {">": -2 * OPEN}, "i": {"a": 2 * OPEN}, "g": {"a": 0.3}})
    assert best_at_gender(model, vocabulary, 0) == (0, 0)
    found = measure_switches(model, vocabulary, (0, 0), 0)
    assert 0.55 < found.holds.low < found.holds.value
    assert found.told["Czech noun"].low > 0.7  # most women's nouns end in an a
    assert found.told["start"].value < 0.6


@pytest.mark.slow
def test_what_is_written_at_a_noun_is_counted_there() -> None:
    """In *girl* and *holka* there is an l, in *boy* and *kluk* no g: a cell that opens for g."""
    model, vocabulary = english_czech({"i": {"g": 2 * OPEN}, "g": {"g": 0.5}})
    found = measure_switches(model, vocabulary, (0, 0), 1)
    g = math.tanh(0.5)
    counts: dict[str, list[float]] = {name: [] for name in STRETCHES}
    for k in range(40):
        lines = list(islice(gendered_lines(random.Random(f"switches 1 {k}")), 40))
        for line in lines[1:]:
            text = line.text + "\n"
            ends = (0, line.noun[0], line.noun[1] + 1, line.czech_noun[0], line.czech_noun[1] + 1)
            for name, (start, end) in zip(STRETCHES, pairwise(ends), strict=True):
                counts[name].append(g * text[start:end].count("g"))
    switch, repeat = found.lines
    for name in STRETCHES:
        both = found.written[name]
        mean = (both.first.value * switch + both.second.value * repeat) / (switch + repeat)
        assert mean == pytest.approx(np.mean(counts[name]), abs=1e-4)


def contrast(first: float, second: float) -> Contrast:
    def near(value: float) -> Estimate:
        return Estimate(value, value - 0.01, value + 0.01)

    return Contrast(near(first), near(second), near(first - second))


@pytest.mark.parametrize(
    ("cleared", "told", "shown", "words"),
    [
        ((0.9, 0.1), 0.95, (0.9, 0.1), ("yes; 0.90 is cleared in a switch, 0.10", "yes; what", "yes; o is 0.90")),
        ((0.9, 0.9), 0.95, (0.2, 0.2), ("not so; it clears in every line", "yes; what", "not so; o is 0.20")),
        ((0.0, 0.0), 0.6, (0.1, 0.9), ("not so; in no stretch more than 0.00", "not so; what", "not so; o is 0.10")),
    ],
)
def test_the_words_say_what_the_numbers_say(
    cleared: tuple[float, float], told: float, shown: tuple[float, float], words: tuple[str, ...]
) -> None:
    still = contrast(0.0, 0.0)
    found = Switches(
        layer=0,
        cell=0,
        lines=(10, 10),
        cleared={name: contrast(*cleared) if name == "English noun" else still for name in STRETCHES},
        written={name: contrast(0.8, 0.7) for name in STRETCHES},
        told={
            name: Estimate(value, value, value) for name, value in zip(STRETCHES, (0.5, told, 0.5, 0.5), strict=True)
        },
        shown=contrast(*shown),
        course={},
        holds=Estimate(1.0, 1.0, 1.0),
    )
    for line, part in zip(in_words(found), words, strict=True):
        assert part in line
