"""The commands as a person types them: what they print, what they refuse, with which exit code."""

import ctypes
import gzip
import json
import math
import os
import re
import signal
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import typer
from conftest import Invoke, small_text
from forked import finish, fork, run_command
from test_files import files_of_at_most

from charlstm.checkpoint import load_model_file, read_content, read_run_config
from charlstm.cli.app import commands_of, make_app
from charlstm.cli.options import FOR_ALL, commands_in
from charlstm.cli.runtime import choose_model_for
from charlstm.errors import Interrupted

SMALL = (
    "--hidden-size",
    12,
    "--embedding-size",
    6,
    "--num-layers",
    1,
    "--batch-size",
    4,
    "--seq-len",
    16,
    "--evaluations",
    4,
)


@pytest.fixture
def trained(invoke: Invoke, corpus_file: Path) -> Path:
    result = invoke("train", corpus_file, "--steps", 20, *SMALL, "--out", "run", "-q")
    assert result.code == 0, result.err
    return corpus_file.parent / "run"


def one_line(text: str) -> bool:
    return text.endswith("\n") and text.count("\n") == 1


def test_train_then_sample_then_eval_then_info(invoke: Invoke, corpus_file: Path) -> None:
    result = invoke("train", corpus_file, "--steps", 20, *SMALL)
    assert result.code == 0
    assert result.out == ""
    for part in ("6,000 characters", "5,400 for training, 600 for validation", "rarest", "parameters", "characters/s"):
        assert part in result.err
    assert "charlstm sample -c checkpoints/small" in result.err
    assert {p.name for p in Path("checkpoints/small").iterdir()} == {
        ".lock",
        "best.safetensors",
        "last.safetensors",
        "previous.safetensors",
        "config.json",
        "metrics.jsonl",
    }
    again = invoke("train", corpus_file, "--steps", 20, *SMALL, "-q")
    assert again.code == 0
    assert Path("checkpoints/small-2").is_dir()

    sampled = invoke("sample", "-n", 30, "--seed", 1)
    assert sampled.code == 0
    assert len(sampled.out) == 30
    assert "checkpoints/small-2" in sampled.err

    scored = invoke("eval", corpus_file, "--json")
    score = json.loads(scored.out)
    assert score["characters"] == 5999
    assert score["bits_per_char"] == pytest.approx(score["nats_per_char"] / 0.693147, rel=1e-5)

    shown = invoke("info")
    assert "lstm, 1 x 12 cells" in shown.out
    described = json.loads(invoke("info", "checkpoints/small", "--json").out)
    assert described["config"]["hidden_size"] == 12
    assert described["training"]["step"] == 20


def test_train_json_streams_events(invoke: Invoke, corpus_file: Path) -> None:
    result = invoke("train", corpus_file, "--steps", 20, *SMALL, "--json")
    events = [json.loads(line) for line in result.out.splitlines()]
    kinds = [e["event"] for e in events]
    assert {"trained", "evaluated", "saved", "finished"} == set(kinds)
    assert kinds[-1] == "finished"
    kept = [json.loads(line) for line in Path("checkpoints/small/metrics.jsonl").read_text().splitlines()]
    assert kept == [event for event in events if event["event"] != "saved"]


def test_quiet_is_quiet(invoke: Invoke, corpus_file: Path) -> None:
    result = invoke("train", corpus_file, "--steps", 5, *SMALL, "-q")
    assert (result.out, result.err) == ("", "")


def test_from_standard_input_gz_folders_and_with_other_text_for_validation(invoke: Invoke, tmp_path: Path) -> None:
    text = small_text(3000)
    assert invoke("train", "-", "--steps", 3, *SMALL, "-q", stdin=text.encode()).code == 0
    assert Path("checkpoints/stdin/best.safetensors").exists()
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "a.txt.gz").write_bytes(gzip.compress(text.encode()))
    (tmp_path / "v.txt").write_text(text[:500])
    result = invoke("train", "texts", "--valid", "v.txt", "--steps", 3, *SMALL)
    assert "3,000 for training, 500 for validation" in result.err
    assert Path("checkpoints/texts/best.safetensors").exists()


@pytest.mark.parametrize("command", ["eval", "score", "originality"])
def test_standard_input_is_read_once(invoke: Invoke, trained: Path, command: str) -> None:
    text = small_text(500)
    Path("-").write_text(text)
    twice = invoke(command, "-", "small.txt", "-", "-c", "run", "-q", stdin=text.encode())
    assert (twice.code, twice.out) == (2, "")
    assert "- is given 2 times, but standard input is read only once" in " ".join(twice.err.replace("│", " ").split())
    once = invoke(command, "-", "./-", "-c", "run", "-q", "--json", stdin=text.encode())
    assert (once.code, once.err) == (0, "")
    names = {json.loads(line)["file"] for line in once.out.splitlines()} - {None}
    assert names == {"-", str(Path("-").absolute())}


def test_a_folder_of_source_code(invoke: Invoke, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my.code" / "deep").mkdir(parents=True)
    for name in ("a.py", "deep/b.py"):
        (tmp_path / "my.code" / name).write_text(small_text(1000))
    (tmp_path / "my.code" / "__init__.py").write_text("")
    refused = invoke("train", "my.code")
    assert refused.code == 3
    assert "no *.txt or *.txt.gz in this folder; it has 3 files *.py: take them with --glob '*.py'" in refused.err
    assert one_line(refused.err)
    result = invoke("train", "my.code", "--glob", "*.py", "--steps", 3, *SMALL)
    assert result.code == 0, result.err
    assert "2,000 characters" in result.err
    run = Path("checkpoints/my-code")
    scored = invoke("eval", "my.code", "--glob", "a.py", "--glob", "x", "-c", run, "--json")
    assert json.loads(scored.out)["characters"] == 999
    monkeypatch.setenv("CHARLSTM_CACHE_DIR", str(tmp_path / "elsewhere"))
    assert invoke("train", "--resume", run, "--steps", 5, "-q").code == 0
    assert invoke("train", "--resume", run, "--steps", 6, "--glob", "*.c").code == 2
    nothing = invoke("train", "my.code/a.py", "--glob", "*.py")
    assert (nothing.code, "--glob chooses files in a folder, and no folder is given" in nothing.err) == (3, True)


def test_resume_from_the_command_line(invoke: Invoke, trained: Path) -> None:
    finished = invoke("train", "--resume", "run")
    assert finished.code == 0
    assert "has used its budget" in finished.err
    assert invoke("train", "--resume", "run", "--steps", 10).code == 2
    result = invoke("train", "--resume", "run", "--steps", 30, "--json", "-q")
    assert result.code == 0
    events = [json.loads(line) for line in result.out.splitlines()]
    assert events[-1]["step"] == 30
    steps = [json.loads(line)["step"] for line in (trained / "metrics.jsonl").read_text().splitlines()]
    assert steps == sorted(steps)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--hidden-size", 20), "not --hidden-size"),
        (("--lr", 0.1, "--dropout", 0.5), "not --dropout, --lr"),
        (("--out", "elsewhere"), "not --out"),
    ],
)
def test_resume_changes_nothing_but_the_budget(invoke: Invoke, trained: Path, arguments, expected: str) -> None:
    result = invoke("train", "--resume", "run", "--steps", 30, *arguments)
    assert result.code == 2
    assert expected in result.err


def test_resume_when_the_corpus_has_moved_or_changed(
    invoke: Invoke, trained: Path, corpus_file: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CHARLSTM_CACHE_DIR", str(tmp_path / "another cache"))
    moved = corpus_file.rename(tmp_path / "moved.txt")
    assert invoke("train", "--resume", "run", "--steps", 25).code == 3
    assert invoke("train", "--resume", "run", moved, "--steps", 25, "-q").code == 0
    monkeypatch.setenv("CHARLSTM_CACHE_DIR", str(tmp_path / "a third cache"))
    assert read_run_config(Path("run"))["corpus"]["files"] == [str(moved)]
    assert invoke("train", "--resume", "run", "--steps", 27, "-q").code == 0  # where it was found last time
    monkeypatch.setenv("CHARLSTM_CACHE_DIR", str(tmp_path / "a fourth cache"))
    moved.write_text(small_text(3000, seed=2))
    changed = invoke("train", "--resume", "run", moved, "--steps", 30)
    assert changed.code == 3
    assert "has changed" in changed.err


def test_resume_starts_over_when_nothing_was_saved(invoke: Invoke, trained: Path) -> None:
    whole = (trained / "last.safetensors").read_bytes()
    for name in ("last.safetensors", "previous.safetensors", "best.safetensors"):
        (trained / name).unlink()
    result = invoke("train", "--resume", "run")
    assert result.code == 0
    assert "starts over" in result.err
    assert (trained / "last.safetensors").read_bytes() == whole


def test_half_a_copy_of_a_run_is_not_started_over(invoke: Invoke, trained: Path) -> None:
    for name in ("last.safetensors", "previous.safetensors"):
        (trained / name).unlink()
    before = {path.name: path.read_bytes() for path in trained.iterdir()}
    for more in ((), ("--steps", 40)):
        result = invoke("train", "--resume", "run", *more)
        assert result.code == 4
        assert "best.safetensors, but no last.safetensors" in result.err
        assert one_line(result.err)
        assert {path.name: path.read_bytes() for path in trained.iterdir()} == before
    (trained / "metrics.jsonl").unlink()
    assert invoke("train", "--resume", "run").code == 4
    (trained / "best.safetensors").rename("mine.safetensors")
    assert invoke("train", "--resume", "run", "-q").code == 0


@pytest.mark.parametrize("again", [False, True])
def test_a_run_that_was_killed_before_the_state_of_its_first_evaluation_starts_over(
    invoke: Invoke, corpus_file: Path, again: bool
) -> None:
    arguments = (corpus_file, "--steps", 20, *SMALL, "-q", "--out")
    assert invoke("train", *arguments, "whole").code == 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "charlstm.training.state.RunFiles.save_last", lambda *a, **k: (_ for _ in ()).throw(KeyboardInterrupt)
        )
        assert invoke("train", *arguments, "killed").code != 0
    assert {p.name for p in Path("killed").iterdir()} == {".lock", "best.safetensors", "config.json", "metrics.jsonl"}
    if again:  # and killed once more, before the first step
        Path("killed", "metrics.jsonl").write_bytes(b"")
    result = invoke("train", "--resume", "killed")
    assert result.code == 0
    assert "starts over" in result.err
    for name in ("best.safetensors", "last.safetensors"):
        assert Path("killed", name).read_bytes() == Path("whole", name).read_bytes()


def test_a_run_goes_on_past_a_damaged_encoded_corpus_or_says_so(
    invoke: Invoke, corpus_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHARLSTM_CACHE_DIR", "cache")
    for run in ("whole", "part"):
        assert invoke("train", corpus_file, "--steps", 10, *SMALL, "-q", "--out", run).code == 0
    assert invoke("train", "--resume", "whole", "--steps", 20, "-q").code == 0
    (ids,) = Path("cache/corpora").glob("*/train.ids")
    ids.write_bytes(b"\xff" * ids.stat().st_size)
    result = invoke("train", "--resume", "part", "--steps", 20, "-q")
    assert (result.code, result.err) == (0, "")
    assert Path("part/last.safetensors").read_bytes() == Path("whole/last.safetensors").read_bytes()
    ids.write_bytes(bytes(ids.stat().st_size))
    corpus_file.unlink()
    result = invoke("train", "--resume", "part", "--steps", 30)
    assert result.code == 3
    assert one_line(result.err)
    assert "small.txt: no such file" in result.err
    assert "encoded copy is gone or damaged: give the text again" in result.err


@pytest.mark.parametrize(("damage", "said"), [(True, "is damaged"), (False, "is missing")])
def test_resume_falls_back_to_the_save_before(invoke: Invoke, trained: Path, damage: bool, said: str) -> None:
    last = trained / "last.safetensors"
    last.write_bytes(b"damaged") if damage else last.unlink()
    result = invoke("train", "--resume", "run", "--steps", 30)
    assert result.code == 0
    assert f"the last save {said}" in result.err
    assert "previous.safetensors" in result.err
    assert (trained / "damaged-last.safetensors").exists() == damage


def test_settings_from_a_file_yield_to_those_that_are_typed(invoke: Invoke, corpus_file: Path, tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text("hidden_size = 10\nseq_len = 16\nepochs = 3.0\nlr = 0.5\n")
    result = invoke("train", corpus_file, "--config", "c.toml", "--lr", 0.001, "--steps", 4, "-q", "--out", "run")
    assert result.code == 0, result.err
    config = json.loads(Path("run/config.json").read_text())
    assert config["model"]["hidden_size"] == 10
    assert (config["train"]["lr"], config["train"]["steps"], config["train"]["epochs"]) == (0.001, 4, None)


def test_settings_from_the_environment(invoke: Invoke, corpus_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHARLSTM_TRAIN_HIDDEN_SIZE", "9")
    monkeypatch.setenv("CHARLSTM_TRAIN_STEPS", "3")
    assert invoke("train", corpus_file, "--seq-len", 16, "-q", "--out", "run").code == 0
    assert json.loads(Path("run/config.json").read_text())["model"]["hidden_size"] == 9


USAGE_ERRORS = [
    (("train",), "CORPUS"),
    (("train", "x.txt", "--hidden-size", 0), "hidden-size"),
    (("train", "x.txt", "--lr", "nan"), "nan"),
    (("train", "x.txt", "--lr", -1), "lr is -1"),
    (("train", "x.txt", "--time", "soon"), "length of time"),
    (("train", "x.txt", "--time", "0s"), "length of time"),
    (("train", "x.txt", "--steps", 5, "--epochs", 2), "one of --steps"),
    (("train", "x.txt", "--config", "none.toml"), "none.toml"),
    (("train", "x.txt", "--config", "/dev/zero"), "not a file"),
    (("train", "x.txt", "--out", ""), "is empty"),
    (("train", "--resume", ""), "is empty"),
    (("train", "--resume", "", "x.txt"), "is empty"),
    (("corpus", "agreement-pt", "--out", ""), "already"),
    (("train", "x.txt", "--cell-type", "lsmt"), "lsmt"),
    (("train", "x.txt", "--device", "abacus"), "abacus"),
    (("train", "x.txt", "--valid-fraction", 2), "valid_fraction"),
    (("sample", "--temperature", -1), "temperature"),
    (("sample", "--temperature", "inf"), "inf"),
    (("sample", "--top-p", 0), "top_p"),
    (("sample", "--length", -5), "length"),
    (("eval",), "files"),
    (("explode",), "explode"),
]


@pytest.mark.parametrize(("arguments", "expected"), USAGE_ERRORS)
def test_usage_errors(invoke: Invoke, arguments, expected: str) -> None:
    result = invoke(*arguments)
    assert result.code == 2
    assert expected.lower() in result.err.lower()
    assert "Traceback" not in result.err
    assert not Path("checkpoints").exists()


SETTINGS = [
    ("c.toml", "valid_chars = 1", "valid_chars is 1"),
    ("c.toml", "steps = " + "9" * 5000, "invalid TOML"),
    ("c.toml", "steps = 0x" + "f" * 5000, "steps is a number of thousands of digits"),
    ("c.toml", "epochs = 0x" + "f" * 5000, "epochs is a number of thousands of digits"),
    ("c.toml", "cell_type = [0x" + "f" * 5000 + "]", "cell_type"),
    ("c.toml", "lr = 1e999", "lr is inf"),
    ("c.json", '{"steps": ' + "9" * 5000 + "}", "invalid JSON"),
    ("c.json", '{"seed": ' + "9" * 4000 + "}", "seed is 9999"),
    ("c.json", "[" * 100_000, "invalid JSON"),
]


@pytest.mark.parametrize(("name", "settings", "expected"), SETTINGS)
def test_settings_that_cannot_be_are_said_in_short(invoke: Invoke, name: str, settings: str, expected: str) -> None:
    Path(name).write_text(settings)
    result = invoke("train", "x.txt", "--config", name)
    assert result.code == 2
    assert expected in result.err.splitlines()[-1]
    assert len(result.err.splitlines()[-1]) < 200


@pytest.mark.parametrize("cell", ["1:" + "9" * 5000, "9" * 5000 + ":1", "x" * 5000, "9" * 5000])
def test_a_cell_of_thousands_of_digits(invoke: Invoke, trained: Path, cell: str) -> None:
    own = ("--sentence", "ba de gi", "--cue", "ba", "--twin", "lo", "--endings", "gi/to")
    for command in (("explain", "ba"), ("probe", *own)):
        result = invoke(*command, "-c", "run", "--cell", cell)
        assert result.code == 2, result.err
        assert "--cell" in result.err.splitlines()[-1]
        assert len(result.err.splitlines()[-1]) < 200


@pytest.mark.parametrize("value", ['"1.5"', '"x"', "null", "[1]", "true", "1e300"])
def test_what_is_odd_in_the_metrics_is_not_the_models_fault(invoke: Invoke, trained: Path, value: str) -> None:
    with open(trained / "metrics.jsonl", "a") as f:
        f.write(f'{{"event": "evaluated", "step": 21, "valid_bits_per_char": {value}}}\n')
        f.write(f'{{"event": "evaluated", "step": {value}, "valid_bits_per_char": 1.0}}\n')
    result = invoke("info", "run")
    assert result.code == 0, result.err
    assert "validation" in result.out
    assert invoke("info", "run", "--json").code == 0


def run_without_privileges(folder: Path, command: str) -> None:
    """In a forked process: a command by somebody to whom what is closed is closed, as it is not to root."""
    if os.geteuid() == 0:
        version, everything_off = 0x20080522, (ctypes.c_uint32 * 6)()
        libc = ctypes.CDLL(None, use_errno=True)
        assert libc.capset(ctypes.byref((ctypes.c_uint32 * 2)(version, 0)), ctypes.byref(everything_off)) == 0
    run_command(folder, command)


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("sample -c run", 4),
        ("eval text.txt -c run", 4),
        ("info run", 4),
        ("probe -c run", 4),
        ("explain ba -c run", 4),
        ("sample -c run/best.safetensors", 4),
        ("info closed.safetensors", 4),
        ("train --resume run", 4),
        ("train text.txt --out run", 2),
        ("eval closed.txt -c closed.safetensors", 4),
        ("train closed.txt", 3),
    ],
)
@pytest.mark.skipif(sys.platform != "linux", reason="gives up root's privileges as Linux does")
def test_what_is_closed_to_us_has_the_exit_code_of_what_it_is(tmp_path: Path, command: str, code: int) -> None:
    (tmp_path / "text.txt").write_text(small_text(500))
    (tmp_path / "run").mkdir()
    for name in ("run/best.safetensors", "closed.safetensors", "closed.txt"):
        (tmp_path / name).write_text("x")
        (tmp_path / name).chmod(0)
    (tmp_path / "run").chmod(0)
    try:
        assert finish(fork(run_without_privileges, tmp_path, command)) == code
        assert "ermission denied" in (tmp_path / "stderr.txt").read_text().splitlines()[-1]
    finally:
        (tmp_path / "run").chmod(0o700)


@pytest.mark.parametrize("more", [(), ("--pairs", 2000)])
def test_a_generated_corpus_is_whole_or_not_there(invoke: Invoke, monkeypatch: pytest.MonkeyPatch, more) -> None:
    command = ("corpus", "agreement-pt", *(more or ("--chars", 200_000)), "--out", "new.txt")
    with files_of_at_most(100_000):
        result = invoke(*command)
    assert result.code == 1
    assert "cannot write new.txt: File too large; give another name" in result.err
    assert one_line(result.err)
    assert list(Path().iterdir()) == []

    def interrupted(*arguments: object) -> Iterator[str]:
        yield "half a line"
        raise Interrupted(signal.SIGINT)

    with monkeypatch.context() as patch:
        patch.setattr("charlstm.cli.corpus.corpus_lines", interrupted)
        patch.setattr("charlstm.cli.corpus.minimal_pairs", lambda *a: (_ for _ in ()).throw(Interrupted(signal.SIGINT)))
        assert invoke(*command).code == 130
    assert list(Path().iterdir()) == []
    assert invoke(*command).code == 0
    whole = Path("new.txt").read_bytes()
    assert len(whole) > 100_000
    assert invoke(*command).code == 2
    assert [path.name for path in Path().iterdir()] == ["new.txt"]
    assert Path("new.txt").read_bytes() == whole


TEXT_ERRORS = [
    (b"", "empty"),
    (b"aaaaaaaaaaaa", "one distinct character"),
    (b"hello world", "too short"),
    (b"hello\xffworld", "byte 5"),
    ("hello".encode("utf-16"), "--encoding utf-16"),
]


@pytest.mark.parametrize(("data", "expected"), TEXT_ERRORS)
def test_text_errors_leave_no_folder(invoke: Invoke, tmp_path: Path, data: bytes, expected: str) -> None:
    (tmp_path / "bad.txt").write_bytes(data)
    result = invoke("train", "bad.txt")
    assert result.code == 3
    assert expected in result.err
    assert one_line(result.err)
    assert not Path("checkpoints").exists()


def test_a_corpus_that_is_missing(invoke: Invoke) -> None:
    result = invoke("train", "nowhere.txt")
    assert result.code == 3
    assert one_line(result.err)


def test_an_existing_run_is_never_overwritten(invoke: Invoke, trained: Path, corpus_file: Path) -> None:
    before = (trained / "last.safetensors").read_bytes()
    result = invoke("train", corpus_file, "--out", "run", "--steps", 1)
    assert result.code == 2
    assert "never overwrites" in result.err
    assert (trained / "last.safetensors").read_bytes() == before


def test_divergence_is_exit_5(invoke: Invoke, corpus_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("charlstm.training.trainer.guarded_step", lambda *a: False)
    result = invoke("train", corpus_file, "--steps", 20, *SMALL)
    assert result.code == 5
    assert "infinite or undefined" in result.err.splitlines()[-1]


def test_the_optimiser_can_be_chosen_and_belongs_to_the_run(invoke: Invoke, corpus_file: Path) -> None:
    tiny = ("--hidden-size", 8, "--num-layers", 2)
    done = invoke("train", corpus_file, "--out", "run", "--steps", 3, *tiny, "--optimizer", "muon", "-q")
    assert done.code == 0, done.err
    assert "optimizer muon" in invoke("info", "run", "--verbose").out
    again = invoke("train", "--resume", "run", "--steps", 5, "-q")
    assert again.code == 0, again.err
    assert invoke("train", "--resume", "run", "--steps", 6, "--optimizer", "adamw").code == 2
    assert invoke("train", corpus_file, "--optimizer", "sgd").code == 2
    Path("sgd.toml").write_text('optimizer = "sgd"\n')
    done = invoke("train", corpus_file, "--config", "sgd.toml")
    assert done.code == 2
    assert "optimizer is 'sgd'; it must be one of adamw, muon" in done.err.splitlines()[-1]


@pytest.mark.usefixtures("nothing_ships")
def test_model_errors(invoke: Invoke, trained: Path) -> None:
    (trained / "best.safetensors").write_bytes(b"nothing of the kind")
    for arguments in (
        ("sample", "-c", "run"),
        ("sample", "-c", "none"),
        ("info", "none"),
        ("sample",),
        ("train", "--resume", "none"),
    ):
        result = invoke(*arguments)
        assert result.code == 4, arguments
        assert one_line(result.err), arguments


def test_sample_is_the_same_in_all_its_forms(invoke: Invoke, trained: Path) -> None:
    arguments = ("sample", "-c", "run", "-n", 40, "--seed", 5, "--prompt", "ba", "-q")
    plain = invoke(*arguments)
    assert plain.err == ""
    assert plain.out.startswith("ba")
    data = json.loads(invoke(*arguments, "--json").out)
    assert data["prompt"] + data["text"] == plain.out
    assert len(data["logprobs"]) == 40
    assert all(p < 0 for p in data["logprobs"])
    several = invoke(*arguments, "--num", 2)
    assert several.out.count("\n--- 2 ---\n") == 1
    assert invoke(*arguments, "--color").out == plain.out  # not on a terminal


def test_a_prompt_from_standard_input(invoke: Invoke, trained: Path) -> None:
    result = invoke("sample", "-c", "run", "-n", 5, "--prompt", "-", "-q", stdin="vé".encode())
    assert result.out.startswith("vé")
    assert invoke("sample", "-c", "run", "--prompt", "-", stdin=b"\xff").code == 3


def test_an_unknown_character_in_a_prompt(invoke: Invoke, trained: Path) -> None:
    result = invoke("sample", "-c", "run", "--prompt", "bañê", "-q")
    assert result.code == 3
    assert all(part in result.err for part in ("'ê'", "character 4", "nearest known: e"))
    assert invoke("sample", "-c", "run", "--prompt", "bañê", "-n", 0, "--unknown", "nearest", "-q").out == "bañe"
    assert invoke("sample", "-c", "run", "--prompt", "bañê", "-n", 0, "--unknown", "skip", "-q").out == "bañ"


def test_a_decomposed_prompt_is_composed(invoke: Invoke, trained: Path) -> None:
    assert invoke("sample", "-c", "run", "--prompt", "ve\u0301", "-n", 0, "-q").out == "vé"


def test_eval_takes_the_same_end_of_a_file_as_training_kept(invoke: Invoke, trained: Path, corpus_file: Path) -> None:
    score = json.loads(invoke("eval", corpus_file, "-c", "run", "--valid-fraction", 0.1, "--json").out)
    assert score["characters"] == 599
    described = json.loads(invoke("info", "run", "--json").out)
    assert score["nats_per_char"] == pytest.approx(described["training"]["best_valid_nats"], abs=1e-6)


def test_eval_by_windows(invoke: Invoke, trained: Path, corpus_file: Path) -> None:
    arguments = (
        "eval",
        corpus_file,
        "-c",
        "run",
        "--protocol",
        "windows",
        "--seq-len",
        8,
        "--batches",
        3,
        "--batch-size",
        4,
        "--json",
    )
    score = json.loads(invoke(*arguments).out)
    assert score["characters"] == 96
    assert invoke(*arguments).out == invoke(*arguments).out


def test_eval_that_learns(invoke: Invoke, trained: Path, corpus_file: Path) -> None:
    dynamic = ("eval", corpus_file, "-c", "run", "--protocol", "dynamic")
    fixed = json.loads(invoke("eval", corpus_file, "-c", "run", "--json").out)
    learnt = json.loads(invoke(*dynamic, "--lr", 0.01, "--json").out)
    assert (learnt["protocol"], learnt["characters"]) == ("dynamic", fixed["characters"])
    assert learnt["nats_per_char"] < fixed["nats_per_char"]
    still = json.loads(invoke(*dynamic, "--lr", 0, "--segment", 50, "--json").out)
    assert still["nats_per_char"] == pytest.approx(fixed["nats_per_char"], abs=1e-5)
    assert invoke(*dynamic).out.endswith("5,999 characters scored, each learnt from afterwards\n")
    assert invoke(*dynamic, "--decay", 1.5).code == 2


def test_eval_of_several_files_is_a_table(invoke: Invoke, trained: Path, corpus_file: Path, tmp_path: Path) -> None:
    (tmp_path / "other.txt").write_text(small_text(900, seed=1), encoding="utf-8")
    (tmp_path / "b.txt").write_text("b", encoding="utf-8")
    names = ["small.txt", "other.txt", "b.txt"]
    alone = [json.loads(invoke("eval", name, "-c", "run", "--json").out) for name in names[:2]]
    assert [one["file"] for one in alone] == names[:2]
    *found, whole = map(json.loads, invoke("eval", *names, "-c", "run", "--json").out.splitlines())
    assert [one["file"] for one in found] == names
    for one, other in zip(found, alone, strict=False):
        assert one["nats_per_char"] == pytest.approx(other["nats_per_char"], rel=1e-6)
    assert (found[2]["nats_per_char"], found[2]["characters"]) == (None, 0)
    assert (whole["file"], whole["files"], whole["characters"]) == (None, 3, 5999 + 899)
    nats = sum(one["nats_per_char"] * one["characters"] for one in alone)
    assert whole["nats_per_char"] * whole["characters"] == pytest.approx(nats, rel=1e-6)
    head, *rows = invoke("eval", *names, "-c", "run").out.splitlines()
    assert head.split() == ["file", "nats/char", "bits/char", "characters", "scored"]
    assert [row.split()[0] for row in rows] == [*names, "all"]
    assert rows[2].split() == ["b.txt", "-", "too", "short", "0"]
    assert rows[3].split()[-1] == "6,898"
    windows = ("--protocol", "windows", "--seq-len", 8, "--batches", 3, "--batch-size", 4, "--json")
    one = json.loads(invoke("eval", "small.txt", "-c", "run", *windows).out)
    again = [json.loads(line) for line in invoke("eval", *names, "-c", "run", *windows).out.splitlines()]
    assert again[0] == one
    assert again[2]["nats_per_char"] is None
    assert again[3]["characters"] == 96


def test_eval_refuses_what_it_cannot_score(invoke: Invoke, trained: Path, tmp_path: Path) -> None:
    (tmp_path / "short.txt").write_text("b")
    assert invoke("eval", "short.txt", "-c", "run").code == 3
    (tmp_path / "other.txt").write_text("ba中")
    result = invoke("eval", "other.txt", "-c", "run")
    assert result.code == 3
    assert "other.txt" in result.err
    assert invoke("eval", "other.txt", "-c", "run", "--unknown", "skip").code == 0
    assert invoke("eval", "short.txt", "-c", "run", "--protocol", "windows").code == 3


def test_a_failure_nobody_thought_of_is_one_line(
    invoke: Invoke, trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def explode(*args: object) -> None:
        raise ValueError("boom")

    monkeypatch.setattr("charlstm.checkpoint.run.read_metrics", explode)
    monkeypatch.setattr("charlstm.checkpoint.read_metrics", explode)
    result = invoke("info", "run")
    assert result.code == 1
    assert one_line(result.err)
    assert "boom" in result.err
    with pytest.raises(ValueError, match="boom"):
        invoke("info", "run", "--debug")


def test_version_and_help(invoke: Invoke) -> None:
    assert invoke("--version").out.startswith("charlstm 0.")
    shown = invoke("--help")
    assert all(name in shown.out for name in ("train", "sample", "eval", "info"))
    assert "Commands" in invoke().out + invoke().err


def test_python_interface(trained: Path) -> None:
    import charlstm

    model = charlstm.load(trained)
    assert len(model.generate("ba", length=25, seed=1)) == 25
    assert model.generate("ba", length=25, seed=1) == model.generate("ba", length=25, seed=1)
    score = model.score("badegilo")
    assert score.characters == 7
    assert score.bits_per_char > 0
    with pytest.raises(charlstm.CharLSTMError):
        model.score("b")
    with pytest.raises(charlstm.CharLSTMError):
        model.generate("中")
    model.save(trained / "copy.safetensors")
    assert charlstm.load(trained / "copy.safetensors").score("badegilo") == score
    assert not hasattr(charlstm, "nothing")
    assert "charlstm" in sys.modules


@pytest.mark.parametrize("precision", ["auto", "fp32", "bf16"])
def test_every_precision_runs_everywhere(invoke: Invoke, corpus_file: Path, precision: str) -> None:
    trained = invoke("train", corpus_file, "--steps", 2, *SMALL, "--out", "run", "-q", "--precision", precision)
    assert trained.code == 0, trained.err
    sampled = invoke("sample", "-c", "run", "-n", 9, "--prompt", "ba", "-q", "--precision", precision)
    assert len(sampled.out) == 11, sampled.err
    assert invoke("eval", corpus_file, "-c", "run", "--precision", precision).code == 0


def test_a_corpus_that_was_not_composed_is_read_back_as_it_is(invoke: Invoke, tmp_path: Path) -> None:
    import charlstm

    (tmp_path / "nfd.txt").write_text("a\u0301e\u0301 " * 300, encoding="utf-8")
    assert invoke("train", "nfd.txt", "--no-normalize", "--steps", 2, *SMALL, "--out", "run", "-q").code == 0
    assert invoke("eval", "nfd.txt", "-c", "run").code == 0
    assert invoke("sample", "-c", "run", "--prompt", "a\u0301", "-n", 0, "-q").out == "a\u0301"
    assert charlstm.load("run").score("a\u0301e\u0301").characters == 3


@pytest.mark.parametrize("any_that_reads", [True, False])
def test_a_run_that_becomes_the_newest_meanwhile_is_left_alone(
    invoke: Invoke, trained: Path, monkeypatch: pytest.MonkeyPatch, any_that_reads: bool
) -> None:
    found = [trained / "best.safetensors", trained / "previous.safetensors"]
    runs = iter(found)
    monkeypatch.setattr("charlstm.checkpoint.find_model", lambda where: next(runs))
    content, path = choose_model_for("bade", None, True, any_that_reads)
    assert path == found[0]
    assert content.training == read_content(path).training != read_content(found[1]).training


def test_variables_are_for_new_runs(invoke: Invoke, trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHARLSTM_TRAIN_SEED", "7")
    monkeypatch.setenv("CHARLSTM_TRAIN_HIDDEN_SIZE", "99")
    assert invoke("train", "--resume", "run", "--steps", 25, "-q").code == 0
    monkeypatch.setenv("CHARLSTM_TRAIN_EPOCHS", "1")
    result = invoke("train", "small.txt", "--steps", 2, "--seq-len", 16, "-q")
    assert result.code == 0, result.err  # a budget that is typed replaces the variable
    assert invoke("train", "--resume", "run", "--encoding", "latin-1").code == 2


def test_a_file_of_settings_that_a_variable_names_is_for_new_runs(
    invoke: Invoke, trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("mine.toml").write_text("hidden_size = 9\nsteps = 3\n")
    monkeypatch.setenv("CHARLSTM_TRAIN_CONFIG", "mine.toml")
    result = invoke("train", "--resume", "run", "--steps", 25, "-q")
    assert (result.code, result.err) == (0, "")
    assert invoke("train", "small.txt", "--out", "new", "-q").code == 0
    assert json.loads(invoke("info", "new", "--json").out)["config"]["hidden_size"] == 9
    typed = invoke("train", "--resume", "run", "--steps", 30, "--config", "mine.toml")
    assert typed.code == 2
    assert "not --config, --hidden-size" in " ".join(typed.err.split())


def test_resume_with_a_smaller_budget_is_refused(invoke: Invoke, trained: Path) -> None:
    assert invoke("train", "--resume", "run", "--epochs", 0.01).code == 2
    assert invoke("train", "--resume", "run", "--steps", 19).code == 2


def test_info_of_a_run_says_how_far_it_is(invoke: Invoke, trained: Path) -> None:
    assert "at step 20, 100% of its budget used" in invoke("info", "run").out


def test_a_model_says_its_language_where_it_was_told(invoke: Invoke, corpus_file: Path) -> None:
    assert invoke("train", corpus_file, "--steps", 2, *SMALL, "--language", "pt", "--out", "run", "-q").code == 0
    assert re.search(r"^ *language +Portuguese *$", invoke("info", "run").out, re.MULTILINE)
    assert json.loads(invoke("info", "run", "--json").out)["training"]["language"] == "pt"
    refused = invoke("train", "--resume", "run", "--steps", 4, "--language", "en")
    assert (refused.code, "not --language" in refused.err) == (2, True)
    assert invoke("train", "--resume", "run", "--steps", 4, "-q").code == 0
    assert load_model_file(Path("run/best.safetensors")).language == "pt"
    unknown = invoke("train", corpus_file, "--steps", 2, "--language", "eo")
    assert (unknown.code, "eo" in unknown.err) == (2, True)


def test_a_model_is_saved_with_a_language(invoke: Invoke, trained: Path) -> None:
    import charlstm

    model = charlstm.load("run")
    assert model.language is None
    assert "language" not in invoke("info", "run").out
    model.save("en.safetensors", language="en")
    english = charlstm.load("en.safetensors")
    assert english.language == "en"
    english.save("again.safetensors")
    assert charlstm.load("again.safetensors").language == "en"
    with pytest.raises(charlstm.CharLSTMError, match="`language` is 'eo'; it must be one of pt, en"):
        model.save("eo.safetensors", language="eo")  # type: ignore[arg-type]


def test_without_standard_input(invoke: Invoke, trained: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    from charlstm.cli import main

    for arguments, code in ((["sample", "-c", "run", "-n", "1"], 0), (["sample", "-c", "run", "-p", "-"], 3)):
        monkeypatch.setattr(sys, "argv", ["charlstm", *arguments])
        monkeypatch.setattr(sys, "stdin", None)
        assert main.run() == code
    monkeypatch.setattr(sys, "argv", ["charlstm", "train", "-", "--steps", "1"])
    assert main.run() == 3


def test_metrics_that_cannot_be_written_do_not_end_a_training(
    invoke: Invoke, corpus_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from charlstm import checkpoint
    from charlstm.errors import CharLSTMError

    def full(self: checkpoint.Metrics, event: object) -> None:
        raise CharLSTMError("cannot write metrics.jsonl: No space left on device")

    monkeypatch.setattr(checkpoint.Metrics, "add", full)
    result = invoke("train", corpus_file, "--steps", 20, *SMALL)
    assert result.code == 0
    assert result.err.count("No space left") == 1


def test_what_a_result_depends_on_is_compared_on_resuming(invoke: Invoke, trained: Path) -> None:
    result = invoke("train", "--resume", trained, "--steps", 22, "--threads", 2)
    assert result.code == 0
    assert "because this is not as before: threads 1 -> 2" in result.err


@pytest.mark.parametrize("lr", [10, 1000])
def test_a_learning_rate_beyond_reason_ends_in_exit_5_or_a_sound_model(
    invoke: Invoke, corpus_file: Path, lr: float
) -> None:
    result = invoke("train", corpus_file, "--lr", lr, "--weight-decay", 10, "--steps", 40, *SMALL, "--out", "run")
    assert result.code in (0, 5), result.err
    assert "should not happen" not in result.err
    assert invoke("sample", "-c", "run", "-n", 5, "-q").code in (0, 4)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("THREADS", "abc"),
        ("TRAIN_SEED", "-1"),
        ("SAMPLE_SEED", "-1"),
        ("DEVICE", "abacus"),
        ("TRAIN_CELL_TYPE", "abacus"),
        ("TRAIN_TIME", "soon"),
        ("BENCH_TIME", "soon"),
        ("TRAIN_DROPOUT", "nan"),
        ("TRIAN_DROPOUT", "0.1"),
        ("NONSENSE", "1"),
    ],
)
@pytest.mark.parametrize("arguments", [("info", "run"), ("sample", "--seed", 1, "--threads", 1, "--device", "cpu")])
def test_a_variable_that_means_nothing_is_never_ignored(
    invoke: Invoke, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, arguments: tuple[object, ...]
) -> None:
    monkeypatch.setenv(f"CHARLSTM_{variable}", value)
    result = invoke(*arguments)
    assert result.code == 2
    assert f"CHARLSTM_{variable}" in result.err
    assert "Traceback" not in result.err
    assert invoke(arguments[0], "--help").code == 0


def test_a_variable_for_another_command_is_no_error(
    invoke: Invoke, trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    others = {"TRAIN_SEED": "3", "TRAIN_LR": "0.1", "PROBE_CELL": "1:0", "TRAIN_TIME": "2m", "PROBE_PAIRS": "no.jsonl"}
    for variable, value in {"THREADS": "1", **others, "CORPUS_OUT": "corpus.txt", "TRAIN_HIDDEN_SIZE": "8"}.items():
        monkeypatch.setenv(f"CHARLSTM_{variable}", value)
    assert invoke("info", "run").code == 0
    assert invoke("corpus", "agreement-pt", "--chars", 100, "-q").out == ""
    assert Path("corpus.txt").exists()
    monkeypatch.delenv("CHARLSTM_CORPUS_OUT")
    monkeypatch.setenv("CHARLSTM_TRAIN_OUT", "elsewhere")
    assert invoke("corpus", "agreement-pt", "--chars", 100).out


@pytest.mark.parametrize(
    ("old", "today"),
    [
        ("TIME", "CHARLSTM_BENCH_TIME, CHARLSTM_STUDY_TIME or CHARLSTM_TRAIN_TIME"),
        ("OUT", "CHARLSTM_STUDY_OUT, CHARLSTM_TRAIN_OUT or CHARLSTM_VIEW_OUT"),
        ("HIDDEN_SIZE", "CHARLSTM_TRAIN_HIDDEN_SIZE"),
        ("TEMPERATURE", "CHARLSTM_SAMPLE_TEMPERATURE"),
    ],
)
def test_a_variable_of_version_0_1_is_told_its_name_of_today(
    invoke: Invoke, trained: Path, monkeypatch: pytest.MonkeyPatch, old: str, today: str
) -> None:
    monkeypatch.setenv(f"CHARLSTM_{old}", "7")
    result = invoke("info", "run")
    assert result.code == 2
    assert f"CHARLSTM_{old}: charlstm knows no such variable; unset it, or use" in result.err
    assert today in result.err


def test_every_option_but_help_has_one_variable_and_what_all_commands_have_is_called_alike() -> None:
    found: dict[str, set[tuple[str, ...]]] = {}
    for words, command in commands_in(commands_of(make_app())):
        for parameter in command.params:
            if parameter.envvar:
                found.setdefault(parameter.envvar, set()).add(words)
    shared = {variable for variable, commands in found.items() if len(commands) > 1}
    assert shared == {f"CHARLSTM_{name}" for name in FOR_ALL}
    for variable in found.keys() - shared:
        ((command, *_),) = found[variable]
        assert variable.startswith(f"CHARLSTM_{command.upper()}_")


@pytest.mark.parametrize("value", ["nan", "inf", "-inf"])
def test_no_option_takes_what_is_no_number(value: str) -> None:
    taken = []
    for words, command in commands_in(commands_of(make_app())):
        context = typer.Context(command, info_name=words[-1])
        for parameter in command.params:
            with suppress(typer.BadParameter):
                number = parameter.process_value(context, value)
                if isinstance(number, float) and not math.isfinite(number):
                    taken.append((*words, parameter.name))
    assert taken == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--seq-len", 5000), "two windows of --seq-len 5000 need 10,001; add text or lower --seq-len"),
        (("--encoding", "abacus"), "--encoding abacus: no such text encoding"),
        (("--encoding", "utf-32"), "name it: --encoding latin-1"),
        (("--steps", 1, "--epochs", 1), "give only one of --steps, --epochs and --time"),
    ],
)
def test_a_person_is_told_the_option_of_a_setting(
    invoke: Invoke, corpus_file: Path, arguments: tuple[object, ...], said: str
) -> None:
    result = invoke("train", corpus_file, *arguments)
    assert said in result.err
    assert "`" not in result.err


@pytest.mark.parametrize(
    ("arguments", "place", "named"),
    [
        (("train", "small.txt"), "charlstm.cli.train_run.new_session", {"--hidden-size", "--batch-size", "--seq-len"}),
        (("train", "--resume", "run"), "charlstm.cli.train_run.resumed_session", set()),
        (("sample", "-c", "run", "--num", 2), "charlstm.cli.sample.load_model_for", {"--num"}),
        (("eval", "small.txt", "-c", "run"), "charlstm.cli.evaluate.load_model", set()),
    ],
)
def test_out_of_memory_names_what_the_command_has(
    invoke: Invoke, trained: Path, monkeypatch: pytest.MonkeyPatch, arguments, place: str, named: set[str]
) -> None:
    import torch

    monkeypatch.setattr(place, lambda *a, **k: torch.empty(2**50))  # what torch says on this system
    result = invoke(*arguments)
    assert result.code == 1
    assert one_line(result.err)
    assert result.err.startswith("error: out of memory; ")
    assert set(re.findall("--[a-z-]+", result.err)) == named
