"""Lists: every line a text of its own, from the file to the loss, the score and the run that goes on."""

import itertools
import math
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from charlstm import checkpoint
from charlstm.config import ModelConfig, TrainConfig
from charlstm.corpus import Corpus, CorpusRequest, open_corpus, stored_corpus
from charlstm.corpus.lines import LineReader, held_out_lines, line_lengths, pick_lines
from charlstm.errors import TextError
from charlstm.evaluate import Stopped, score_list
from charlstm.evaluate.lists import MAX_LANES
from charlstm.network.buffers import BufferPool
from charlstm.network.cells import CELLS, State
from charlstm.network.kernels import Kernels
from charlstm.network.model import CharLM
from charlstm.training.batches import Lines, Position
from charlstm.training.events import Evaluated, Event, Stepped
from charlstm.training.plan import plan, steps_in_all
from charlstm.training.trainer import Trainer

CPU = torch.device("cpu")
F64 = Kernels(torch.float64)
NEWLINE = 0
NAMES = [f"{a}{b}{c}" for a, b, c in itertools.product(("An", "Be", "Cleo", "Da"), ("ra", "li", "mo"), ("", "na", "o"))]


def listed(tmp_path: Path, text: str, name: str = "names.txt", **how) -> Corpus:
    (tmp_path / name).write_text(text, encoding="utf-8", newline="")
    return open_corpus(CorpusRequest((str(tmp_path / name),), lines=True, **how))


def in_words(corpus: Corpus) -> tuple[list[str], list[str]]:
    train, valid = (corpus.vocabulary.decode(ids) for ids in (corpus.train, corpus.valid))
    assert train.endswith("\n")
    return train.split("\n")[:-1], valid.split("\n")[:-1]


@given(st.text("ab \n", max_size=60), st.lists(st.integers(0, 60), max_size=6))
def test_lines_are_the_same_however_the_text_comes(text: str, cuts: list[int]) -> None:
    reader = LineReader()
    edges = [0, *sorted(cut for cut in cuts if cut < len(text)), len(text)]
    pieces = list(reader.read((text[a:b] for a, b in itertools.pairwise(edges)), "it"))
    kept = [line for line in text.split("\n") if line.strip()]
    assert "".join(pieces) == "".join(line + "\n" for line in kept)
    assert all(piece.endswith("\n") for piece in pieces)
    assert len(reader) == len(reader.marks) == len(kept)
    assert len(set(reader.marks.tolist())) == len(set(kept))
    assert reader.blank == text.count("\n") + bool(text and not text.endswith("\n")) - len(kept)


def test_a_list_is_split_by_line(tmp_path: Path) -> None:
    names = NAMES * 2  # every one twice
    corpus = listed(tmp_path, "\r\n".join(["", *names, " ", "Zoë"]))
    train, valid = in_words(corpus)
    assert sorted(train + valid) == sorted([*names, "Zoë"])
    assert not set(train) & set(valid)
    assert len(set(valid)) == round(0.1 * 37)
    assert train == [name for name in [*names, "Zoë"] if name in set(train)]  # in order
    assert corpus.lines is not None
    assert (corpus.lines.train, corpus.lines.valid, corpus.lines.blank) == (len(train), len(valid), 2)
    assert (corpus.lines.repeated, corpus.lines.shared) == (36, 0)
    assert corpus.opening() == "\n"
    backwards = listed(tmp_path, "\n".join(["Zoë", *reversed(names)]), "backwards.txt")
    assert sorted(in_words(backwards)[1]) == sorted(valid)  # whatever the order


def test_the_store_of_a_list_is_not_that_of_the_text(tmp_path: Path) -> None:
    corpus = listed(tmp_path, "\n".join(NAMES))
    stream = open_corpus(CorpusRequest((str(tmp_path / "names.txt"),)))
    assert corpus.sha256 != stream.sha256
    assert stream.lines is None
    again = stored_corpus(corpus.sha256)
    assert again is not None
    assert again.lines == corpus.lines
    assert (again.valid == corpus.valid).all()


def test_a_list_of_many_characters_is_split_by_line(tmp_path: Path) -> None:
    """The first 256 characters take one byte each until the others come."""
    lines = [chr(0x4E00 + k) * (1 + k % 3) for k in range(600)]
    train, valid = in_words(listed(tmp_path, "\n".join(lines)))
    assert sorted(train + valid) == sorted(lines)
    assert len(valid) == 60


def test_validation_lines_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "valid.txt").write_text("Anra\nQuentin\n")
    corpus = listed(tmp_path, "\n".join(NAMES), valid_files=(str(tmp_path / "valid.txt"),), valid_fraction=0.0)
    assert in_words(corpus) == (NAMES, ["Anra", "Quentin"])
    assert corpus.lines is not None
    assert corpus.lines.shared == 1


def test_a_few_lines_and_too_few(tmp_path: Path) -> None:
    assert [len(part) for part in in_words(listed(tmp_path, "one\ntwo", "two.txt"))] == [1, 1]
    assert plan(listed(tmp_path, "one\ntwo", "two.txt"), {"lines": True})[1].batch_size == 1
    with pytest.raises(TextError, match="has only one line"):
        plan(listed(tmp_path, "one\none\n\n", "one.txt"), {"lines": True})
    with pytest.raises(TextError, match="has only blank lines"):
        listed(tmp_path, " \n\n", "blank.txt")
    with pytest.raises(TextError, match="a line has more than 1,000,000 characters"):
        listed(tmp_path, "ab" * 600_000, "long.txt")


def test_what_is_held_out_is_a_share_of_the_distinct_lines() -> None:
    marks = np.array([9, 1, 5, 1, 7, 3], dtype=np.uint64)
    assert held_out_lines(marks, 0.0).sum() == 0
    assert held_out_lines(marks, 0.4).tolist() == [False, True, False, True, False, True]
    assert held_out_lines(marks, 0.01).tolist() == [False, True, False, True, False, False]
    assert held_out_lines(marks, 0.99).tolist() == [False, True, True, True, True, True]
    assert held_out_lines(marks[:1], 0.5).sum() == 0


def ids_of(lengths: list[int], seed: int = 0) -> np.ndarray:
    """Lines of these lengths, of the characters 1 to 6."""
    rng = np.random.default_rng(seed)
    return np.concatenate([[*rng.integers(1, 7, n), NEWLINE] for n in lengths]).astype(np.uint8)


def test_lines_that_are_picked_come_from_all_over() -> None:
    ids = ids_of([3] * 100)
    assert pick_lines(ids, NEWLINE, 400) is ids
    some = pick_lines(ids, NEWLINE, 80)
    assert len(some) == 80
    assert (line_lengths(some, NEWLINE) == 4).all()
    assert (pick_lines(ids, NEWLINE, 80) == some).all()
    assert not (some == ids[:80]).all()
    assert len(pick_lines(ids, NEWLINE, 1)) == 4


@given(st.lists(st.integers(1, 12), min_size=1, max_size=120), st.integers(1, 4), st.integers(1, 7))
def test_every_line_is_read_once_a_pass_from_its_beginning(lengths: list[int], batch_size: int, seq_len: int) -> None:
    ids = ids_of(lengths)
    lines = Lines(ids, NEWLINE, batch_size, seq_len, seed=3)
    position, seen, count = Position(0, 0), [], 0
    lanes: list[list[int]] = []
    windows = 0
    while position.epoch == 0:
        assert lines.holds(position)
        assert lines.characters(position) == count
        assert lines.passes(position) == pytest.approx(count / len(ids))
        window = lines.window(position, CPU)
        assert window.inputs.shape == window.targets.shape
        assert window.inputs.shape[1] == batch_size
        assert len(window.inputs) <= seq_len
        assert window.characters == int((window.targets >= 0).sum()) > 0
        if window.is_fresh:
            seen += lanes
            lanes = [[] for _ in range(batch_size)]
            assert (window.inputs[0] == NEWLINE).all()
        for lane, (inputs, targets) in zip(lanes, zip(window.inputs.T, window.targets.T, strict=True), strict=True):
            for read, target in zip(inputs.tolist(), targets.tolist(), strict=True):
                if target >= 0:
                    assert read == (lane[-1] if lane else NEWLINE)
                    lane.append(target)
        count += window.characters
        windows += 1
        position = window.position
    seen += lanes
    assert position == Position(1, 0)
    assert windows == lines.windows_per_epoch
    assert not lines.holds(Position(0, windows))
    assert lines.characters(position) == len(ids)
    whole = [line.tolist() for line in np.split(ids, np.cumsum(line_lengths(ids, NEWLINE)))[:-1]]
    assert sorted(lane for lane in seen if lane) == sorted(whole)


def test_every_pass_and_every_seed_has_an_order_of_its_own() -> None:
    ids = ids_of([2, 3, 4, 5, 6] * 8)
    lines = Lines(ids, NEWLINE, 4, 8, seed=0)
    first = [lines.window(Position(epoch, 0), CPU).targets for epoch in (0, 1)]
    assert not torch.equal(*first)
    assert torch.equal(lines.window(Position(0, 0), CPU).targets, first[0])
    other = Lines(ids, NEWLINE, 4, 8, seed=1).window(Position(0, 0), CPU).targets
    assert not torch.equal(other, first[0])
    # lines of about equal length are read together: little is read in vain
    read = [lines.window(Position(0, k), CPU) for k in range(lines.windows_per_epoch)]
    assert sum(w.characters for w in read) > 0.9 * sum(w.inputs.numel() for w in read)
    with pytest.raises(ValueError, match="a list needs a line"):
        Lines(ids[:0], NEWLINE, 4, 8, seed=0)


def small_model(cell_type: str = "lstm", layers: int = 2) -> CharLM:
    shape = {"hidden_size": 12, "num_layers": layers, "embedding_size": 4, "cell_type": cell_type}
    model = CharLM(ModelConfig(vocab_size=7, **shape)).double()
    model.reset_parameters(5, 0)
    return model


def alone(model: CharLM, ids: np.ndarray) -> list[torch.Tensor]:
    """The summed loss of every line, read alone and from a zero state, by the readable path."""
    losses = []
    for line in np.split(ids, np.cumsum(line_lengths(ids, NEWLINE)))[:-1]:
        targets = torch.from_numpy(line.astype(np.int64))
        logits, _ = model(torch.cat([torch.tensor([NEWLINE]), targets[:-1]])[None])
        losses.append(F.cross_entropy(logits[0], targets, reduction="sum"))
    return losses


@pytest.mark.parametrize("cell_type", list(CELLS))
def test_padding_changes_no_loss_and_no_gradient(cell_type: str) -> None:
    """The oracle reads line by line, without padding; float64. 9 lines in 3 groups of 4 lanes: one is empty."""
    ids = ids_of([1, 9, 4, 2, 7, 3, 3, 8, 1])
    model = small_model(cell_type)
    weights = list(model.parameters())
    lines, pool = Lines(ids, NEWLINE, 4, 10, seed=0), BufferPool()
    sums = [torch.zeros_like(w) for w in weights]
    loss = 0.0
    for k in range(lines.windows_per_epoch):
        window = lines.window(Position(0, k), CPU)
        assert window.is_fresh  # each line fits into a window, so that its gradient is whole
        mean, _ = model.window_loss(window.inputs, window.targets, model.zero_state(4), kernels=F64, pool=pool)
        for total, gradient in zip(sums, torch.autograd.grad(mean, weights), strict=True):
            total += gradient * window.characters
        loss += mean.item() * window.characters
    expected = torch.stack(alone(model, ids)).sum()
    assert loss == pytest.approx(expected.item(), abs=1e-11)
    for total, gradient in zip(sums, torch.autograd.grad(expected, weights), strict=True):
        assert (total - gradient).abs().max() < 1e-11


def test_a_long_line_goes_on_in_the_next_window() -> None:
    ids = ids_of([20, 3, 11, 17])
    model, loss = small_model(), 0.0
    lines, state = Lines(ids, NEWLINE, 2, 5, seed=0), State(*torch.zeros(2, 2, 2, 12).double())
    for k in range(lines.windows_per_epoch):
        window = lines.window(Position(0, k), CPU)
        state = model.zero_state(2) if window.is_fresh else state
        with torch.no_grad():
            mean, state = model.window_loss(window.inputs, window.targets, state, kernels=F64)
        loss += mean.item() * window.characters
    assert loss == pytest.approx(torch.stack(alone(model, ids)).sum().item(), abs=1e-11)


def test_a_score_by_line_is_that_of_each_line_alone() -> None:
    lengths = [*(1 + k % 9 for k in range(MAX_LANES + 30)), 700]  # two groups, and a line of several windows
    ids, model = ids_of(lengths), small_model()
    told: list[tuple[int, int]] = []
    score = score_list(model, ids, NEWLINE, F64, on_progress=lambda *progress: told.append(progress))
    with torch.no_grad():
        expected = torch.stack(alone(model, ids)).sum().item() / len(ids)
    assert score.characters == len(ids)
    assert score.nats_per_char == pytest.approx(expected, abs=1e-12)
    assert told[-1] == (len(ids), len(ids))
    with pytest.raises(Stopped):
        score_list(model, ids, NEWLINE, F64, should_stop=lambda: True)


def test_buffers_serve_shorter_windows() -> None:
    pool, like = BufferPool(), torch.zeros(1)
    long = pool.take((9, 2, 4), like)
    pool.give(long)
    short = pool.take((5, 2, 4), like)
    assert short is long
    assert short.whole.shape == (5, 2, 4)
    assert [len(views) for views in (short.steps(0, 2), short.blocks(2, 0, 1))] == [5, 5]
    pool.give(short)
    assert pool.take((9, 2, 4), like).whole.shape == (9, 2, 4)
    pool.give(short)
    assert pool.take((10, 2, 4), like) is not long
    assert pool.take((9, 2, 4), like) is not long  # it was too short for windows as they come


RECIPE = TrainConfig(
    steps=20, batch_size=4, seq_len=3, evaluations=4, dropout=0.2, weight_dropout=0.1, lr=5e-3, lines=True
)


def trainer_of(corpus: Corpus, folder: Path, config: TrainConfig = RECIPE) -> Trainer:
    folder.mkdir(exist_ok=True)
    model = CharLM(ModelConfig(vocab_size=len(corpus.vocabulary), hidden_size=12, num_layers=2, embedding_size=6))
    model.reset_parameters(config.memory, config.seed)
    last = checkpoint.load_last(folder)
    return Trainer(
        model if last is None else last[0].model,
        corpus,
        config,
        folder,
        run_config={"train": config.to_dict()},
        kernels=Kernels(torch.float32),
        log_interval_steps=5,
        resumed=None if last is None else last[0],
    )


@pytest.mark.parametrize("stops", [(1,), (5, 11, 12), tuple(range(1, 20))])
def test_interrupted_and_resumed_is_the_same_to_the_bit(tmp_path: Path, stops: tuple[int, ...]) -> None:
    corpus = listed(tmp_path, "\n".join(NAMES))
    whole = list(trainer_of(corpus, tmp_path / "whole").run())
    assert trainer_of(corpus, tmp_path / "whole").progress.epoch >= 1
    pieces: list[Event] = []
    for stop in (*stops, None):
        trainer = trainer_of(corpus, tmp_path / "pieces")
        pieces += trainer.run(lambda: trainer.progress.step == stop)  # noqa: B023
    for kind, key in ((Stepped, "loss_nats"), (Evaluated, "valid_nats")):
        values = [[getattr(e, key) for e in events if type(e) is kind] for events in (pieces, whole)]
        assert values[0] == values[1]
    for name in (checkpoint.BEST, checkpoint.LAST):
        assert (tmp_path / "pieces" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_what_a_run_says_of_itself(tmp_path: Path) -> None:
    corpus = listed(tmp_path, "\n".join(NAMES))
    config = RECIPE.replace(steps=None, epochs=2.0)
    trainer = trainer_of(corpus, tmp_path / "run", config)
    events = list(trainer.run())
    assert trainer.progress.step == steps_in_all(corpus, config)
    assert trainer.position_epochs == pytest.approx(2.0, abs=0.2)
    content = checkpoint.load_model_file(tmp_path / "run" / checkpoint.BEST)
    assert content.lines
    assert content.opening == "\n"
    last = checkpoint.load_model_file(tmp_path / "run" / checkpoint.LAST)
    learnt = last.training["characters_learnt"]
    assert learnt == pytest.approx(trainer.position_epochs * len(corpus.train), abs=0.5)
    best = min(e.valid_nats for e in events if isinstance(e, Evaluated))
    again = score_list(content.model, corpus.valid, corpus.newline, Kernels(torch.float32))
    assert again.nats_per_char == best
    assert last.training["best_valid_nats"] == best


def test_a_list_has_a_recipe_of_its_own(tmp_path: Path) -> None:
    corpus = listed(tmp_path, "\n".join([*NAMES, "A longer line"]))
    model, config = plan(corpus, {"lines": True, "steps": 10})
    assert (config.batch_size, config.seq_len, config.reset) == (4, 14, 0.0)
    assert plan(corpus, {"lines": True, "steps": 10, "seq_len": 5, "reset": 0.5})[1].seq_len == 5
    long = listed(tmp_path, "\n".join(str(k) * 400 for k in range(300)), "long.txt")
    assert plan(long, {"lines": True, "steps": 10})[1].seq_len == 128
    assert math.isfinite(config.lr)
    assert model.vocab_size == len(corpus.vocabulary)
