"""Going on from a model: whose characters and rows, what is kept and forgotten, exact to resume."""

import json
import math
import shlex
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import Invoke, small_text, texts_leave_the_cache

import charlstm
from charlstm import checkpoint
from charlstm.checkpoint import licence_of, load_model_file, shipped_models
from charlstm.checkpoint.find import LICENCES
from charlstm.config import TrainConfig
from charlstm.corpus import CorpusRequest, open_corpus
from charlstm.corpus.vocab import Vocabulary
from charlstm.errors import UsageError
from charlstm.evaluate import score_stream
from charlstm.network.kernels import Kernels
from charlstm.training import trainer
from charlstm.training.batches import Lanes, Position
from charlstm.training.mixing import MixedLanes, lanes_for, new_lanes, old_lanes
from charlstm.training.new_characters import starting_network
from charlstm.training.running import Running
from charlstm.training.session import resumed_session
from charlstm.training.start import open_source

SMALL = ("--hidden-size", 8, "--embedding-size", 4, "--num-layers", 1, "--batch-size", 4, "--seq-len", 16)
LANES = ("--batch-size", 4, "--seq-len", 16, "--device", "cpu", "--precision", "fp32")
FILES = ("best.safetensors", "last.safetensors")
CPU = torch.device("cpu")


@pytest.fixture
def model(invoke: Invoke, corpus_file: Path) -> Path:
    """A run, and beside it `new.txt`: another text, with characters that it has never seen."""
    result = invoke("train", corpus_file, "--steps", 40, *SMALL, "--out", "old", "-q", "--lr", 0.02)
    assert result.code == 0, result.err
    Path("new.txt").write_text(small_text(5000, seed=3).replace("lo", "lô").replace(",", ";ж"), encoding="utf-8")
    return Path("old")


def go_on(invoke: Invoke, out: str, *more: object, steps: int = 12) -> list[dict]:
    result = invoke("train", "new.txt", "--from", "old", *LANES, "--steps", steps, "--out", out, "--json", "-q", *more)
    assert result.code == 0, result.err
    return [json.loads(line) for line in result.out.splitlines()]


def same(a: str, b: str) -> bool:
    return all(Path(a, name).read_bytes() == Path(b, name).read_bytes() for name in FILES)


def test_characters_are_matched_by_character_and_the_rest_of_the_network_is_taken_over(
    invoke: Invoke, model: Path
) -> None:
    old = load_model_file(model / "best.safetensors")
    source = open_source(model)
    corpus = open_corpus(CorpusRequest(("new.txt",), characters=source.characters))
    known = len(old.vocabulary)
    assert corpus.vocabulary.characters[:known] == old.vocabulary.characters
    assert corpus.vocabulary.characters[known:] == (";", "ô", "ж")
    assert corpus.vocabulary.decode(corpus.train[:100]) == Path("new.txt").read_text()[:100]
    network = starting_network(old, corpus)
    for name, weights in old.model.state_dict().items():
        rows = network.state_dict()[name][: len(weights)]
        assert torch.equal(rows, weights), name
    plain, accented = (int(k) for k in corpus.vocabulary.encode("oô"))
    assert torch.equal(network.embedding.weight[accented], old.model.embedding.weight[plain])
    assert torch.equal(network.head.weight[accented], old.model.head.weight[plain])


def test_a_new_character_begins_at_about_its_frequency(invoke: Invoke, model: Path) -> None:
    old = load_model_file(model / "best.safetensors")
    corpus = open_corpus(CorpusRequest(("new.txt",), characters="".join(old.vocabulary.characters)))
    network = starting_network(old, corpus)
    with torch.no_grad():
        logits, _ = network(torch.from_numpy(corpus.train[:512].astype(np.int64))[None])
    odd = int(corpus.vocabulary.encode("ж")[0])
    frequency = corpus.counts[odd] / sum(corpus.counts)
    assert float(logits.softmax(-1)[0, :, odd].mean()) == pytest.approx(frequency, rel=0.5)
    started = score_stream(network, corpus.valid, Kernels(torch.float32)).nats_per_char
    network.head.bias.data[len(old.vocabulary) :] = 0.0
    network.head.weight.data[len(old.vocabulary) :] = 0.0
    assert started < score_stream(network, corpus.valid, Kernels(torch.float32)).nats_per_char


def test_the_report_says_what_was_known_before_and_what_is_forgotten(invoke: Invoke, model: Path) -> None:
    events = go_on(invoke, "next", steps=60)
    first, compared, last = events[0], events[-2], events[-1]
    assert [first["event"], compared["event"], last["event"]] == ["started", "compared", "finished"]
    assert first["model"] == str(Path("old/best.safetensors"))
    assert first["new_characters"] == ";ôж"
    assert first["valid_nats"] == compared["valid_nats_before"] > compared["valid_nats"] == last["best_nats"]
    old_valid = open_corpus(CorpusRequest((str(Path("small.txt").absolute()),))).valid
    for moment, path in (("old_nats_before", "old"), ("old_nats", "next")):
        content = load_model_file(Path(path, "best.safetensors"))
        score = score_stream(content.model, old_valid, Kernels(torch.float32))
        assert compared[moment] == pytest.approx(score.nats_per_char, abs=1e-4)
    assert compared["old_bits_per_char"] == pytest.approx(compared["old_nats"] / math.log(2))
    shown = invoke("train", "new.txt", "--from", "old", *LANES, "--steps", 3, "--out", "shown")
    for words in ("from        old/best.safetensors", "new         3 characters: ; ô ж", "bits/char on the old text"):
        assert words in shown.err
    assert "this text" in shown.err
    assert "old text" in shown.err


def test_it_is_never_worse_than_where_it_began(invoke: Invoke, model: Path) -> None:
    events = go_on(invoke, "wild", "--lr", 30, "--clip-norm", 1000)
    assert events[-1]["best_nats"] == events[0]["valid_nats"]
    assert events[-1]["best_step"] == 0


def test_texts_that_have_left_the_cache_are_read_again_by_as_many_processes_as_threads(
    invoke: Invoke, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on(invoke, "run", "--keep", 0.25)
    asked = texts_leave_the_cache(monkeypatch)
    assert invoke("train", "--resume", "run", "--steps", 14, "--threads", 1, "-q").code == 0
    assert asked == [1, 1]  # the old text and the new one
    go_on(invoke, "next", "--threads", 1)
    assert asked == [1, 1, 1]  # the text of the run that is gone on from


@pytest.mark.parametrize("more", [(), ("--keep", 0.4), ("--optimizer", "muon")])
def test_stopped_and_resumed_is_the_same_to_the_bit_without_the_model(
    invoke: Invoke, model: Path, monkeypatch: pytest.MonkeyPatch, more: tuple[object, ...]
) -> None:
    go_on(invoke, "whole", *more)

    class Killed(BaseException):
        pass

    steps, step = [0], trainer.Trainer._step

    def killed(self: trainer.Trainer) -> float | None:
        steps[0] += 1
        if steps[0] == 3:
            raise Killed
        return step(self)

    monkeypatch.setattr(trainer.Trainer, "_step", killed)
    with pytest.raises(Killed):
        go_on(invoke, "part", *more)
    assert checkpoint.load_last(Path("part"))[0].resume["progress"]["step"] == 0
    shutil.rmtree("old")
    for until in (5, 9):  # stopped in the middle, and after evaluations
        budget = iter([False] * (until - 2) + [True] * 100)
        with monkeypatch.context() as patch:
            patch.setattr("charlstm.interrupts.INTERRUPTS.requested", lambda: next(budget))  # noqa: B023
            invoke("train", "--resume", "part", "-q")
    result = invoke("train", "--resume", "part", "--json", "-q")
    assert result.code == 0, result.err
    assert json.loads(result.out.splitlines()[-2])["event"] == "compared"
    assert same("whole", "part")


def test_a_training_that_only_made_it_worse_says_so_and_where_its_end_is(invoke: Invoke, model: Path) -> None:
    how = ("train", "new.txt", "--from", "old", *LANES, "--steps", 8, "--evaluations", 2)
    worse = invoke(*how, "--lr", 30, "--clip-norm", 1000, "--out", "worse").err
    end = f"still the one it began with. The end: {Path('worse', 'last.safetensors')}"
    assert end in " ".join(worse.split())
    begun, kept, last = (
        load_model_file(Path(name)).model.head.weight
        for name in ("old/best.safetensors", "worse/best.safetensors", "worse/last.safetensors")
    )
    assert torch.equal(kept[: len(begun)], begun)
    assert not torch.equal(last[: len(begun)], begun)
    assert "still the one" not in " ".join(invoke(*how, "--lr", 0.01, "--out", "better").err.split())


def test_a_roll_back_goes_back_to_the_model(invoke: Invoke, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stops = iter([False] * 8 + [True] * 100)
    with monkeypatch.context() as patch:
        patch.setattr("charlstm.interrupts.INTERRUPTS.requested", lambda: next(stops))
        go = ("new.txt", "--from", "old", *LANES, "--steps", 40, "--evaluations", 1, "--out", "part", "-q")
        invoke("train", *go)
    last = checkpoint.load_last(Path("part"))[0]
    assert last.resume["progress"]["step"] > 0
    assert last.resume["progress"]["evaluated_at"] == 0
    start = checkpoint.load_previous(Path("part"))
    session = resumed_session(Path("part"), (), {}, CPU, None, None, lambda *a: None)
    good = Running(session, 1000.0).trainer.good
    assert good.progress.step == 0
    assert torch.equal(good.tensors["head.weight"], start.model.head.weight)


def test_old_text_is_mixed_in(invoke: Invoke, model: Path) -> None:
    forgot = go_on(invoke, "forgets", "--lr", 0.02, steps=80)[-2]
    kept = go_on(invoke, "keeps", "--lr", 0.02, "--keep", 0.5, steps=80)[-2]
    assert kept["old_nats"] < forgot["old_nats"]
    shown = invoke("train", "new.txt", "--from", "old", *LANES, "--steps", 2, "--keep", 0.5, "--out", "shown")
    assert "old text    read by 2 of 4 lanes (50%)" in shown.err
    named = go_on(invoke, "named", "--keep", 0.25, "--keep-text", "small.txt")
    assert named[0]["old_nats"] is not None
    assert json.loads(Path("named/config.json").read_text())["train"]["keep"] == 0.25


def test_mixed_lanes_read_both_texts_in_order() -> None:
    new, old = np.arange(0, 101, dtype=np.uint8), np.arange(150, 171, dtype=np.uint8)
    lanes, alone = MixedLanes(new, old, 3, 2, 8), Lanes(new, 3, 8)
    position, read = Position(0, 0), []
    for _ in range(9):
        window, expected = lanes.window(position, CPU), alone.window(position, CPU)
        assert torch.equal(window.inputs[:, :3], expected.inputs)
        assert torch.equal(window.targets[:, :3], expected.targets)
        assert torch.equal(window.targets[:, 3:], window.inputs[:, 3:] + 1)
        assert (window.position, window.is_fresh) == (expected.position, expected.is_fresh)
        read.append(window.inputs[:, 3:])
        position = window.position
    lane = torch.cat(read)[:, 1].tolist()
    assert lane == [160 + k % 10 for k in range(len(lane))]
    with pytest.raises(ValueError, match="do not fill"):
        MixedLanes(new, old[:2], 3, 2, 8)


def test_how_many_lanes_are_kept() -> None:
    config = TrainConfig(batch_size=8)
    for keep, lanes in ((0.0, 0), (0.01, 1), (0.2, 2), (0.25, 2), (0.9, 7)):
        assert old_lanes(config.replace(keep=keep)) == lanes
        assert new_lanes(config.replace(keep=keep)) == 8 - lanes
    assert old_lanes(TrainConfig(batch_size=2, keep=0.9)) == 1
    with pytest.raises(ValueError, match="no old text"):
        lanes_for(np.zeros(100, dtype=np.uint8), None, config.replace(keep=0.5))


def test_licence_and_origin_travel(invoke: Invoke, tmp_path: Path) -> None:
    Path("new.txt").write_text(small_text(3000), encoding="utf-8")
    copied = Path("copy.safetensors")
    shutil.copy(shipped_models()["comparison/rnn"], copied)
    go = (*LANES, "--steps", 2, "-q")
    assert invoke("train", "new.txt", "--from", copied, *go, "--out", "a").code == 0
    assert invoke("train", "new.txt", "--from", "a", *go, "--out", "b").code == 0
    training = load_model_file(Path("b/best.safetensors")).training
    assert training["licence"] == LICENCES["comparison/rnn"]
    assert [each["name"] for each in training["started_from"]] == [str(Path("a/best.safetensors")), str(copied)]
    shown = " ".join(invoke("info", "b").out.split())
    assert "from a/best.safetensors, from copy.safetensors" in shown
    assert f"licence {LICENCES['comparison/rnn']}" in shown
    assert f"licence {LICENCES['portuguese'][:12]}" in " ".join(invoke("info", "portuguese").out.split())
    assert json.loads(invoke("info", "b", "--json").out)["training"]["licence"] == training["licence"]
    charlstm.load("b").save("c.safetensors")
    assert load_model_file(Path("c.safetensors")).training["licence"] == training["licence"]


def test_every_model_that_ships_has_its_licence() -> None:
    assert set(LICENCES) == set(shipped_models())
    for name, path in shipped_models().items():
        licence = licence_of(path, {})
        assert licence is not None
        beside = path.with_name("LICENSE")
        if beside.exists():
            short = licence.split(",")[0]
            assert short in " ".join(beside.read_text().split()), name


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("--hidden-size", 9), 2, "--hidden-size 9 contradicts old/best.safetensors, whose network has 8"),
        (("--cell-type", "gru"), 2, "--cell-type gru contradicts"),
        (("--memory", 50), 2, "--memory says how the cells of a new network begin"),
        (("--resume", "old"), 2, "give one of the two"),
        (("--keep", 0.5, "--keep-text", "none.txt"), 3, "none.txt: no such file"),
        (("--keep", 0.5, "--batch-size", 1), 2, "--keep needs a --batch-size of 2"),
        (("--keep", 1), 2, "keep"),
        (("--from", "nothing"), 4, "nothing: no such file or folder"),
        (("--from", ""), 2, "is empty"),
    ],
)
def test_what_cannot_be_is_one_line(
    invoke: Invoke, model: Path, arguments: tuple[object, ...], code: int, said: str
) -> None:
    result = invoke("train", "new.txt", "--from", "old", "--steps", 1, *arguments, "--out", "bad")
    assert result.code == code
    assert said in " ".join(result.err.split())
    assert not Path("bad").exists()


def test_a_shape_that_is_the_models_own_is_fine(invoke: Invoke, model: Path) -> None:
    go_on(invoke, "next", "--hidden-size", 8, "--num-layers", 1, "--cell-type", "lstm", steps=1)


def test_keep_without_a_model_or_without_an_old_text(invoke: Invoke, model: Path) -> None:
    for alone in (("--keep", 0.5), ("--keep-text", "small.txt")):
        result = invoke("train", "new.txt", *alone, "--steps", 1)
        assert (result.code, "no model is named: name it as --from" in " ".join(result.err.split())) == (2, True)
    shutil.copy("old/best.safetensors", "model.safetensors")
    result = invoke("train", "new.txt", "--from", "model.safetensors", "--keep", 0.5, "--steps", 1)
    assert result.code == 2
    assert "is not here; name it as --keep-text" in " ".join(result.err.split())
    events = json.loads(
        invoke(
            "train", "new.txt", "--from", "model.safetensors", *LANES, "--steps", 1, "-q", "--json"
        ).out.splitlines()[0]
    )
    assert events["old_nats"] is None
    assert "is not here" in events["why_no_old"]
    shown = invoke("train", "new.txt", "--from", "model.safetensors", *LANES, "--steps", 1)
    assert shown.err.count("is not here; name it as --keep-text") == 2  # before the training, and after it
    listed = invoke("train", "new.txt", "--from", "model.safetensors", *LANES, "--steps", 1, "--lines")
    assert listed.code == 0
    assert listed.err.count("is not here\n") >= 1  # no list takes --keep-text
    assert "name it" not in listed.err


def test_the_old_text_of_a_run_that_is_gone_is_said(
    invoke: Invoke, model: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    go_on(invoke, "keeps", "--keep", 0.5, steps=4)
    go_on(invoke, "forgets", steps=4)
    monkeypatch.setenv("CHARLSTM_CACHE_DIR", str(tmp_path / "another cache"))
    Path("small.txt").write_text(small_text(500), encoding="utf-8")
    refused = invoke("train", "--resume", "keeps", "--steps", 6)
    assert refused.code == 3
    assert "the old text that this run also reads cannot be had (it has changed): restore it" in refused.err
    done = invoke("train", "--resume", "forgets", "--steps", 6)
    assert done.code == 0, done.err
    assert "not measured: the old text cannot be had (it has changed)" in " ".join(done.err.split())
    events = go_on(invoke, "anew", steps=1)
    assert events[0]["old_nats"] is None
    assert "cannot be had (it has changed); name it as `keep_text`" in events[0]["why_no_old"]


def test_resume_of_what_is_no_run_names_the_way(invoke: Invoke, model: Path) -> None:
    folder = Path("models")
    folder.mkdir()
    shutil.copy("old/best.safetensors", folder / "it.safetensors")
    for named, kind in (("english", "a built-in model"), ("models/it.safetensors", "a model")):
        for given, text in ((("new.txt",), "new.txt"), ((), "FILE")):
            result = invoke("train", *given, "--resume", named)
            assert result.code == 4
            assert result.err.count("\n") == 1
            assert f"it is {kind}; to go on from it with a text: charlstm train" in result.err
            words = shlex.split(result.err[result.err.index("charlstm train") :])
            assert words == ["charlstm", "train", text, "--from", named]
    assert invoke(*shlex.split("train new.txt --from models/it.safetensors --steps 1 -q")).code == 0


def test_a_text_that_has_grown_names_the_way(
    invoke: Invoke, model: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with Path("small.txt").open("a", encoding="utf-8") as f:
        f.write(small_text(900, seed=8))
    result = invoke("train", "small.txt", "--resume", "old", "--steps", 50)
    assert result.code == 3
    assert result.err.count("\n") == 1
    words = shlex.split(result.err[result.err.index("charlstm train") :])
    assert words == ["charlstm", "train", "small.txt", "--from", "old"]
    done = invoke(*words[1:], "--steps", 2, "-q")
    assert done.code == 0, done.err


def test_a_damaged_record_of_the_start_is_one_line(invoke: Invoke, model: Path) -> None:
    go_on(invoke, "next", steps=2)
    last = checkpoint.load_last(Path("next"))[0]
    whole = last.resume["run"]["start"]
    for wrong in (
        {**whole, "lineage": []},
        {**whole, "before_nats": "low"},
        {**whole, "old": {"files": []}},
        {**whole, "why_no_old": 3},
        {},
        7,
    ):
        last.resume["run"]["start"] = wrong
        checkpoint.save_model_file(Path("next/last.safetensors"), last)
        Path("next/previous.safetensors").unlink(missing_ok=True)
        result = invoke("train", "--resume", "next", "--steps", 4)
        assert (result.code, "the settings of the run are damaged" in result.err) == (4, True), result.err
    for name in ("last.safetensors", "best.safetensors"):
        Path("next", name).unlink()
    result = invoke("train", "--resume", "next")
    assert result.code == 4
    assert (
        "what it saved before its first step is gone: remove the folder, and start it again with --from" in result.err
    )


def test_the_normal_form_is_the_models(invoke: Invoke, corpus_file: Path) -> None:
    assert invoke("train", corpus_file, "--steps", 1, *SMALL, "--no-normalize", "--out", "old", "-q").code == 0
    Path("new.txt").write_text(small_text(3000).replace("é", "e\u0301"), encoding="utf-8")
    go_on(invoke, "as-it-was", steps=1)
    assert not load_model_file(Path("as-it-was/best.safetensors")).composed
    result = invoke("train", "new.txt", "--from", "old", *LANES, "--steps", 1, "--normalize", "--out", "other")
    assert "was not brought into Unicode normal form C, and this one is" in result.err
    assert load_model_file(Path("other/best.safetensors")).composed


def test_from_python(invoke: Invoke, model: Path) -> None:
    settings = {"batch_size": 4, "seq_len": 16, "steps": 2, "device": "cpu"}
    a = charlstm.train("new.txt", start_from="old", out="a", **settings)
    b = charlstm.train("new.txt", start_from=charlstm.load("old"), keep=0.5, keep_text="small.txt", out="b", **settings)
    assert a.training["started_from"][0]["name"] == b.training["started_from"][0]["name"]
    assert "ж" in a.vocabulary
    with pytest.raises(UsageError, match="hidden_size"):
        charlstm.train("new.txt", start_from="old", hidden_size=9)
    with pytest.raises(UsageError, match="keep_text"):
        charlstm.train("new.txt", keep_text="small.txt")
    with pytest.raises(UsageError, match="start_from"):
        charlstm.train(resume="a", start_from="old")
    with pytest.raises(UsageError, match="no file"):
        charlstm.train("new.txt", start_from=charlstm.LanguageModel(a.content))


def test_a_vocabulary_is_widened_by_its_own_beginning_only(model: Path) -> None:
    corpus = open_corpus(CorpusRequest(("small.txt",)))
    wider = corpus.widened(Vocabulary([*corpus.vocabulary.characters, "Ж"]))
    assert len(wider.counts) == len(wider.vocabulary) == len(corpus.vocabulary) + 1
    assert wider.distinct == corpus.distinct
    with pytest.raises(ValueError, match="begin"):
        corpus.widened(Vocabulary("xyz"))
