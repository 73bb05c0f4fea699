"""Model files: exact there and back, and one line for anything that is not one."""

import errno
import hashlib
import io
import json
import math
import os
import shutil
import signal
import stat
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import torch
from attacks.model_files import ATTACKS, put, rewritten
from conftest import small_text
from hypothesis import example, given, settings
from hypothesis import strategies as st
from safetensors import safe_open

import charlstm
from charlstm import checkpoint
from charlstm.checkpoint import ModelFile, find, format, load_model_file, save_model_file
from charlstm.config import ModelConfig, SampleConfig, TrainConfig
from charlstm.corpus import CorpusRequest
from charlstm.corpus.vocab import Vocabulary
from charlstm.errors import CharLSTMError, Interrupted, ModelFileError, UsageError
from charlstm.network.cells import CELLS
from charlstm.network.kernels import Kernels
from charlstm.network.model import CharLM
from charlstm.sample import generate
from charlstm.training import session


def content(cell_type: str = "lstm") -> ModelFile:
    model = CharLM(ModelConfig(vocab_size=4, hidden_size=3, num_layers=2, embedding_size=2, cell_type=cell_type))
    model.reset_parameters(10, 0)
    return ModelFile(model, Vocabulary('a"\\é'), {"step": 3})


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    save_model_file(tmp_path / "m.safetensors", content())
    return tmp_path / "m.safetensors"


@pytest.mark.parametrize("cell_type", CELLS)
def test_there_and_back(tmp_path: Path, cell_type: str) -> None:
    path = tmp_path / "m.safetensors"
    before = content(cell_type)
    save_model_file(path, before)
    after = load_model_file(path)
    assert after.vocabulary == before.vocabulary
    assert after.training == before.training
    assert after.model.config == before.model.config
    for name, tensor in before.model.state_dict().items():
        assert torch.equal(after.model.state_dict()[name], tensor)
    again = tmp_path / "again.safetensors"
    save_model_file(again, after)
    assert again.read_bytes() == path.read_bytes()


def test_the_hash_is_that_of_the_file_with_zeros_in_its_place(sound: Path) -> None:
    data = sound.read_bytes()
    claimed = format.read_about(sound)["sha256"]
    assert data.count(claimed.encode()) == 1
    assert hashlib.sha256(data.replace(claimed.encode(), b"0" * 64)).hexdigest() == claimed


@settings(max_examples=20, deadline=None)
@given(st.integers(-45, 38), st.integers(0, 2**32), st.sampled_from(list(CELLS)), st.booleans())
@example(18, 0, "lstm", False)
@example(27, 0, "rnn", True)
def test_what_is_written_can_be_read_and_computes_numbers(
    tmp_path_factory: pytest.TempPathFactory, exponent: int, seed: int, cell_type: str, head_alone: bool
) -> None:
    path = tmp_path_factory.mktemp("large") / "m.safetensors"
    large = content(cell_type)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in (large.model.head if head_alone else large.model).parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator).sign() * 10.0**exponent)
    try:
        save_model_file(path, large)
    except CharLSTMError as e:
        refusal = str(e)
    else:
        refusal = ""
    if refusal:
        assert "is not written: its weights are so large" in refusal
        assert exponent >= (28 if head_alone else 19)  # the embedding is multiplied with the weights of its layer
        assert not path.exists()
        return
    model = charlstm.load(path)
    assert math.isfinite(model.score("é\\" * 2000).nats_per_char)
    for precision in (torch.float32, torch.bfloat16):
        drawn = generate(
            model.model, model.vocabulary, model.vocabulary.encode("a"), SampleConfig(20), opening="a",
            kernels=Kernels(precision),
        )  # fmt: skip
        assert all(math.isfinite(character.logprob) for character in drawn)


@pytest.mark.parametrize(
    "command", ["sample --json", "eval text.txt", "eval text.txt --json", "info", "probe", "explain a"]
)
def test_weights_that_overflow_are_one_line_and_exit_4(invoke, sound: Path, command: str) -> None:
    Path("text.txt").write_text("aé" * 500)
    Path("evil.safetensors").write_bytes(ATTACKS["sums that are infinite"][0](sound.read_bytes()))
    name, *more = command.split()
    where = ("evil.safetensors",) if name == "info" else ("-c", "evil.safetensors")
    result = invoke(name, *more, *where)
    assert result.code == 4
    assert result.out == ""
    assert result.err.startswith("error: evil.safetensors: its weights are so large")
    assert result.err.count("\n") == 1


CHARACTERS = st.sampled_from('{}[],:"\\ \n\x7f\x1b') | st.characters(exclude_characters="/\0", max_codepoint=0x10FFFF)
NAMES = st.lists(st.text(CHARACTERS | st.just("{"), min_size=1, max_size=40), min_size=1, max_size=30)


@settings(max_examples=150, deadline=None)
@given(NAMES, st.integers(1, 300))
@example(["{{a}}{{b}}"], 2000)
@example(["[" * 200], 400)
@example(['\\",' * 8], 3000)
def test_a_run_on_files_of_any_names_can_be_read_again(
    tmp_path_factory: pytest.TempPathFactory, names: list[str], times: int
) -> None:
    folder = tmp_path_factory.mktemp("names")
    request = session.absolute(CorpusRequest(tuple(f"/{name}" for name in names) * times))
    assert request.files in ((), tuple(str(Path(f"/{name}")) for name in names) * times)
    about = {"corpus": json.loads(json.dumps(asdict(request)))}
    checkpoint.write_run_config(folder, about)
    assert checkpoint.read_run_config(folder) == about
    run = content()
    run.resume = {"run": {"train": {"batch_size": 2}, **about}, "progress": {}}
    run.tensors = {
        f"optimizer.{m}.{n}": torch.zeros_like(t)
        for n, t in run.model.named_parameters()
        for m in ("exp_avg", "exp_avg_sq")
    }
    run.tensors |= {"state.h": torch.zeros(2, 2, 3), "state.c": torch.zeros(2, 2, 3)}
    checkpoint.save_last(folder, run, keep_previous=False)
    assert checkpoint.load_last(folder)[0].resume == run.resume


def test_a_run_on_a_template_goes_on(invoke) -> None:
    """Names with as many brackets as a hostile header."""
    folder = Path("texts/{{cookiecutter.a}}")
    folder.mkdir(parents=True)
    for k in range(600):
        (folder / f"{'{' * 10}{k}.txt").write_text(small_text(30, k), encoding="utf-8")
    (folder / ("[" * 200 + ".txt")).write_text(small_text(30), encoding="utf-8")
    files = sorted(path.relative_to(Path.cwd()) for path in Path.cwd().glob("texts/*/*"))
    assert invoke("train", *files, "--steps", 2, "--hidden-size", 4, "--threads", 1, "--out", "run", "-q").code == 0
    assert "{{599.txt" in Path("run/config.json").read_text()
    result = invoke("train", "--resume", "run", "--steps", 3, "-q")
    assert result.code == 0, result.err


def test_bfloat16_weights_are_read_as_float32(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    before = content()
    before.model.bfloat16()
    save_model_file(path, before)
    with safe_open(path, "pt") as f:
        assert f.get_tensor("head.weight").dtype == torch.bfloat16
    after = load_model_file(path).model
    assert after.head.weight.dtype == torch.float32
    assert torch.equal(after.head.weight, before.model.head.weight.float())


def test_permissions_follow_the_umask(sound: Path) -> None:
    mask = os.umask(0)
    os.umask(mask)
    assert stat.S_IMODE(sound.stat().st_mode) == 0o666 & ~mask


def test_every_changed_byte_is_noticed(sound: Path) -> None:
    raw = sound.read_bytes()
    for at in range(0, len(raw), 7):
        changed = bytearray(raw)
        changed[at] ^= 0x10
        sound.write_bytes(changed)
        with pytest.raises(ModelFileError):
            load_model_file(sound)


def test_missing_files_are_said(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match="No such file"):
        load_model_file(tmp_path / "none")


def test_a_write_that_fails_leaves_the_old_file(sound: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = sound.read_bytes()

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(CharLSTMError, match="No space left"):
        save_model_file(sound, content())
    assert sound.read_bytes() == before
    assert list(sound.parent.iterdir()) == [sound]


def new_run(folder: Path) -> None:
    with checkpoint.hold_run(folder, new=True):
        checkpoint.write_run_config(folder, {})


def test_runs_are_named_after_their_corpus_and_never_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my.code" / "src").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "my.code" / "src")
    assert checkpoint.make_run_folder("texts/My Book.txt.gz", tmp_path).name == "My-Book"
    assert checkpoint.make_run_folder("-", tmp_path).name == "stdin"
    assert checkpoint.make_run_folder(".", tmp_path).name == "src"
    assert checkpoint.make_run_folder("..", tmp_path).name == "my-code"
    assert checkpoint.make_run_folder("../src/*.py", tmp_path).name == "src-2"
    assert checkpoint.make_run_folder("/", tmp_path).name == "run"
    for expected in ("a", "a-2", "a-3"):
        folder = checkpoint.make_run_folder("a.txt", tmp_path)
        assert folder.name == expected
        new_run(folder)
        with pytest.raises(UsageError, match="never overwrites"):
            new_run(folder)


@pytest.mark.usefixtures("nothing_ships")
def test_which_model_is_meant(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match="train one"):
        checkpoint.find_model(None, tmp_path / "checkpoints")
    runs = tmp_path / "checkpoints"
    for age, name in ((50, "old"), (10, "new")):
        (runs / name).mkdir(parents=True)
        for file in (checkpoint.BEST, checkpoint.LAST):
            save_model_file(runs / name / file, content())
            os.utime(runs / name / file, (1e9 - age, 1e9 - age))
    (runs / "empty").mkdir()
    assert checkpoint.find_model(None, runs) == runs / "new" / checkpoint.BEST
    assert checkpoint.find_model(runs) == runs / "new" / checkpoint.BEST
    assert checkpoint.find_models(runs / "old") == [runs / "old" / checkpoint.BEST]
    assert checkpoint.find_model(runs / "old" / checkpoint.LAST) == runs / "old" / checkpoint.LAST
    (runs / "old" / checkpoint.BEST).unlink()
    assert checkpoint.find_model(runs / "old") == runs / "old" / checkpoint.LAST


def test_metrics_after_the_last_save_are_dropped_on_resuming(tmp_path: Path) -> None:
    path = tmp_path / checkpoint.METRICS
    metrics = checkpoint.Metrics(path)
    for step in (10, 20, 30):
        metrics.add({"event": "trained", "step": step})
    path.write_bytes(path.read_bytes() + b'{"event": "cut')
    checkpoint.Metrics(path, keep_until=20).add({"event": "trained", "step": 21})
    assert [m["step"] for m in checkpoint.read_metrics(tmp_path)] == [10, 20, 21]


def test_one_process_at_a_time(tmp_path: Path) -> None:
    run = tmp_path / "run"
    with checkpoint.hold_run(run, new=True):
        checkpoint.write_run_config(run, {})
        with pytest.raises(UsageError, match="another charlstm is training here"), checkpoint.hold_run(run, new=False):
            raise AssertionError
    with checkpoint.hold_run(run, new=False):  # the lock file is still there, and locks nothing
        assert (run / ".lock").exists()


def test_a_run_that_came_to_nothing_leaves_nothing(tmp_path: Path) -> None:
    run = tmp_path / "run"
    with pytest.raises(ZeroDivisionError), checkpoint.hold_run(run, new=True):
        raise ZeroDivisionError
    assert not run.exists()


def test_what_is_something_else_stays_as_it_is(tmp_path: Path) -> None:
    thesis = tmp_path / "thesis.tex"
    thesis.write_text("")
    (tmp_path / ".config.json-backup-of-mine").write_text("")
    before = sorted(path.name for path in tmp_path.iterdir())
    for folder, error, expected in (
        (tmp_path, UsageError, "exists already"),
        (thesis, UsageError, "Not a directory"),
        (thesis / "run", CharLSTMError, "cannot make the folder"),
    ):
        with pytest.raises(error, match=expected), checkpoint.hold_run(folder, new=True):
            raise AssertionError
    with checkpoint.hold_run(tmp_path, new=False):
        pass
    assert sorted(path.name for path in tmp_path.iterdir() if path.name != ".lock") == before
    with pytest.raises(CharLSTMError, match="cannot make the folder"):
        checkpoint.make_run_folder("a.txt", thesis)


@pytest.mark.parametrize("name", ["config.json", "metrics.jsonl", "last.safetensors"])
def test_what_is_no_file_in_a_run_does_not_hang(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(tmp_path / name)
    assert checkpoint.read_metrics(tmp_path) == []
    with pytest.raises(ModelFileError, match="not a file"):
        if name == "config.json":
            checkpoint.read_run_config(tmp_path)
        elif name == "metrics.jsonl":
            checkpoint.Metrics(tmp_path / name, keep_until=1)
        else:
            checkpoint.load_last(tmp_path)
    (tmp_path / name).unlink()
    (tmp_path / name).write_bytes(b" " * 1001)
    monkeypatch.setattr("charlstm.checkpoint.run.MAX_METRICS", 1000)
    assert checkpoint.read_metrics(tmp_path) == []


def test_a_save_that_cannot_be_read_here_and_now_is_no_reason_to_go_back(tmp_path: Path) -> None:
    """Going on from the save before it would lose work that a newer charlstm, or another day, can read."""
    save_model_file(tmp_path / "previous.safetensors", content())
    (tmp_path / checkpoint.LAST).write_bytes(
        rewritten((tmp_path / "previous.safetensors").read_bytes(), about=put("format", 2))
    )
    with pytest.raises(ModelFileError, match="newer charlstm"):
        checkpoint.load_last(tmp_path)


def test_whether_a_folder_is_that_of_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not checkpoint.is_run(tmp_path)
    (tmp_path / "config.json").write_text("{}")
    assert checkpoint.is_run(tmp_path)
    with pytest.raises(ModelFileError, match="too long"):
        checkpoint.is_run(tmp_path / ("a" * 5000))


def test_what_a_killed_process_had_begun_to_write_is_removed(tmp_path: Path) -> None:
    unfinished = [
        ".last.safetensors-abc_1234",
        ".last.safetensors-new",
        ".last.safetensors-new-12345678",
        ".metrics.jsonl-abcdefgh",
        ".config.json-00000000",
    ]
    for name in unfinished:
        (tmp_path / name).write_bytes(b"half")
    with checkpoint.hold_run(tmp_path, new=True):
        assert [path.name for path in tmp_path.iterdir()] == [".lock"]


@pytest.mark.parametrize(
    ("failure", "expected"),
    [
        (
            OSError(errno.ENOLCK, "No locks available"),
            None,
        ),  # some network drives: a run without one is better than none
        (OSError(errno.EACCES, "Permission denied"), "another charlstm is training here"),  # how some say so
        (OSError(errno.EIO, "Input/output error"), "cannot write .*lock: Input/output error; give another"),
    ],
)
def test_where_locks_cannot_be_had(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failure: OSError, expected: str | None
) -> None:
    def flock(descriptor: int, how: int) -> None:
        raise failure

    monkeypatch.setattr("fcntl.flock", flock)
    if expected is None:
        with checkpoint.hold_run(tmp_path, new=False) as missing:
            assert "has no locks" in missing[0]
        return
    with pytest.raises(CharLSTMError, match=expected), checkpoint.hold_run(tmp_path, new=False):
        raise AssertionError


def test_a_lock_that_is_no_file_of_ours_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text("mine")
    (tmp_path / ".lock").symlink_to("elsewhere")
    with pytest.raises(CharLSTMError, match="cannot write"), checkpoint.hold_run(tmp_path, new=False):
        raise AssertionError
    assert (tmp_path / "elsewhere").read_text() == "mine"


@pytest.mark.parametrize(
    ("settings", "expected"),
    [(None, "the folder of a run"), (b"[]", "damaged"), (b"{", "damaged"), (b"[" * 9**5, "damaged")],
)
def test_settings_of_a_run_that_are_not_sound(tmp_path: Path, settings: bytes | None, expected: str) -> None:
    if settings is not None:
        (tmp_path / "config.json").write_bytes(settings)
    with pytest.raises(ModelFileError, match=expected):
        checkpoint.read_run_config(tmp_path)
    (tmp_path / "config.json").write_text('{"a": 1}')
    assert checkpoint.read_run_config(tmp_path) == {"a": 1}


def test_the_state_to_go_on_from(tmp_path: Path, sound: Path) -> None:
    assert checkpoint.load_last(tmp_path) is None or sound.parent != tmp_path
    run = tmp_path / "run"
    run.mkdir()
    assert checkpoint.load_last(run) is None
    assert checkpoint.load_previous(run) is None
    save_model_file(run / checkpoint.LAST, content())
    with pytest.raises(ModelFileError, match="holds only a model"):
        checkpoint.load_last(run)
    save_model_file(run / "previous.safetensors", content())
    assert checkpoint.load_previous(run) is not None
    assert checkpoint.put_aside(run / checkpoint.LAST) == run / "damaged-last.safetensors"
    assert checkpoint.put_aside(run / checkpoint.LAST) is None


def test_metrics_that_are_not_sound_are_left_out(tmp_path: Path) -> None:
    assert checkpoint.read_metrics(tmp_path) == []
    path = tmp_path / checkpoint.METRICS
    path.write_bytes(b'{"step": 1}\n[1]\n' + b"[" * 9**5 + b'\n\xff\n{"step": "x"}\n{"step": 2}\n{"ste')
    assert checkpoint.read_metrics(tmp_path) == [{"step": 1}, {"step": "x"}, {"step": 2}]
    checkpoint.Metrics(path, keep_until=1)
    assert checkpoint.read_metrics(tmp_path) == [{"step": 1}]
    with pytest.raises(CharLSTMError, match="cannot write"):
        checkpoint.Metrics(tmp_path).add({})


def test_a_folder_of_runs_that_cannot_be_read(tmp_path: Path, sound: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = tmp_path / "runs"
    for name in ("open", "closed"):
        (runs / name).mkdir(parents=True)
        save_model_file(runs / name / checkpoint.BEST, content())
    real = Path.is_file

    def is_file(path: Path) -> bool:
        if "closed" in path.parts:
            raise PermissionError(13, "Permission denied")
        return real(path)

    monkeypatch.setattr(Path, "is_file", is_file)
    assert checkpoint.find_models(runs) == [runs / "open" / checkpoint.BEST]
    with pytest.raises(ModelFileError, match="Permission denied"):
        checkpoint.find_models(runs / "closed")


class Unsteady(io.BytesIO):
    """A file that is another one when it is read again, or cannot be read."""

    def __init__(self, path: Path, failure: Exception | None, fails_at: int) -> None:
        super().__init__(path.read_bytes())
        self.path, self.failure, self.reads, self.fails_at = path, failure, 0, fails_at

    def fileno(self) -> int:
        return os.open(self.path, os.O_RDONLY)

    def read(self, size: int = -1) -> bytes:
        self.reads += 1
        if self.reads < self.fails_at:
            return super().read(size)
        if self.failure:
            raise self.failure
        return b"other" + super().read(size)


@pytest.mark.parametrize(
    ("failure", "fails_at", "expected"),
    [
        (None, 3, "changed while charlstm read it"),
        (MemoryError(), 3, "out of memory"),
        (OSError(5, "Input/output error"), 3, "Input/output error"),
        (OSError(5, "Input/output error"), 1, "Input/output error"),
    ],
)
def test_a_file_that_does_not_hold_still(
    sound: Path, monkeypatch: pytest.MonkeyPatch, failure: Exception | None, fails_at: int, expected: str
) -> None:
    monkeypatch.setattr(format, "_open", lambda path: Unsteady(path, failure, fails_at))
    with pytest.raises(ModelFileError, match=expected):
        load_model_file(sound)


FORMAT_1 = Path(__file__).parent / "data" / "format-1"


def test_model_files_of_format_1_stay_readable() -> None:
    model = charlstm.load(FORMAT_1 / checkpoint.BEST)
    assert model.generate("ba", length=12, temperature=0) == "\ntové\ntové\nt"
    assert model.score(small_text(500)).bits_per_char == pytest.approx(1.45695, abs=1e-4)


def test_a_run_of_format_1_goes_on(invoke) -> None:
    run = Path("run")
    run.mkdir()
    for name in (checkpoint.BEST, checkpoint.LAST):
        shutil.copy(FORMAT_1 / name, run / name)
    text = small_text(4000).encode()
    done = invoke("train", "-", "--resume", run, "--steps", 410, "-q", stdin=text)
    assert done.code == 0, done.err
    assert checkpoint.load_last(run)[0].resume["progress"]["step"] == 410


VERSION_0_1 = Path(__file__).parent / "data" / "version-0.1"


def here() -> dict[str, str]:
    """What the bits of a training depend on: like `made_on.json`."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    processor = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
    return {
        "processor": processor,
        "capability": torch.backends.cpu.get_cpu_capability(),
        "torch": torch.__version__,
    }


def test_a_run_of_version_0_1_is_sampled_and_shown(invoke) -> None:
    sampled = invoke("sample", "-c", VERSION_0_1 / "run", "--prompt", "ba", "--length", 20, "--temperature", 0)
    assert sampled.code == 0, sampled.err
    assert sampled.out == "ba o\no\no\no\no\no\ntoé\ntoé"
    assert charlstm.load(VERSION_0_1 / "end.safetensors").generate("ba", length=12, temperature=0) == " tové\ntové\nd"
    described = invoke("info", VERSION_0_1 / "run")
    assert "trained      120 steps" in described.out
    assert "at step 141, 59% of its budget used" in described.out


def test_a_run_of_version_0_1_comes_to_the_weights_that_it_would_have_come_to(invoke) -> None:
    """Optimisers, schedule, dropout, random states, position and carried state of `last.safetensors` all mean the same.

    To the bit where it was made; elsewhere products are summed in another order.
    """
    shutil.copytree(VERSION_0_1 / "run", "run")
    done = invoke("train", "-", "--resume", "run", "-q", stdin=small_text(4000).encode())
    assert done.code == 0, done.err
    assert [event["step"] for event in checkpoint.read_metrics(Path("run"))][-1] == 240
    ours, theirs = charlstm.load("run/last.safetensors"), charlstm.load(VERSION_0_1 / "end.safetensors")
    assert ours.training["valid_history"][:3] == theirs.training["valid_history"][:3]
    same = here() == json.loads((VERSION_0_1 / "made_on.json").read_text())
    for weight, expected in zip(ours.model.parameters(), theirs.model.parameters(), strict=True):
        torch.testing.assert_close(weight, expected, rtol=0, atol=0 if same else 0.01)


def test_settings_that_had_other_names_in_version_0_1_have_todays(tmp_path: Path) -> None:
    run = dict(checkpoint.load_last(FORMAT_1)[0].resume)["run"]
    assert (run["train"]["memory"], run["train"]["time"], run["corpus"]["normalize"]) == (8.0, None, True)
    assert not {"memory_chars", "time_s"} & run["train"].keys()
    assert load_model_file(FORMAT_1 / checkpoint.BEST).training["config"]["memory"] == 8.0
    TrainConfig.from_dict(run["train"])
    old = {"train": {"time_s": 90.0, "memory_chars": 150.0}, "corpus": {"compose": False}}
    (tmp_path / checkpoint.CONFIG).write_text(json.dumps(old))
    config = checkpoint.read_run_config(tmp_path)
    assert config == {"train": {"time": 90.0, "memory": 150.0}, "corpus": {"normalize": False}}
    odds: tuple[dict[str, Any], ...] = ({}, {"train": [], "corpus": None}, {"train": {"time_s": 1, "time": 2}})
    for odd in odds:
        (tmp_path / checkpoint.CONFIG).write_text(json.dumps(odd))
        assert checkpoint.read_run_config(tmp_path) == odd


@pytest.mark.parametrize(("characters", "opening"), [("a\nb", "\n"), ("ab", "a")])
def test_what_a_model_that_says_nothing_of_it_begins_after(characters: str, opening: str) -> None:
    assert ModelFile(content().model, Vocabulary(characters), {}).opening == opening


def test_a_signal_while_a_file_is_read_does_not_make_it_a_damaged_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(characters: object) -> None:
        raise Interrupted(signal.SIGTERM)

    save_model_file(tmp_path / checkpoint.LAST, content())
    monkeypatch.setattr("charlstm.checkpoint.model_file.Vocabulary", interrupted)
    with pytest.raises(Interrupted):
        checkpoint.load_last(tmp_path)


def test_the_pair_that_ships_is_found_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(find, "SHIPPED", tmp_path)
    assert checkpoint.shipped_pair() is None
    for name in ("lstm", "rnn"):
        (tmp_path / "comparison").mkdir(exist_ok=True)
        (tmp_path / "comparison" / f"{name}.safetensors").touch()
        found = checkpoint.shipped_pair()
        assert (found is None) == (name == "lstm")
    assert found == tuple(tmp_path / "comparison" / f"{name}.safetensors" for name in ("lstm", "rnn"))


def test_a_model_of_lines_knows_the_newline(tmp_path: Path) -> None:
    model = CharLM(ModelConfig(3, hidden_size=4, num_layers=1, embedding_size=2))
    for characters, sound in (("\nab", True), ("abc", False)):
        path = tmp_path / f"{sound}.safetensors"
        save_model_file(path, ModelFile(model, Vocabulary(characters), {"lines": True}))
        if sound:
            assert load_model_file(path).lines
        else:
            with pytest.raises(ModelFileError, match="trained on lines, but knows no newline"):
                load_model_file(path)
