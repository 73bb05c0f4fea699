"""Lists on the command line and from Python: `train --lines`, `sample --lines`, `eval` of a model of a list."""

import itertools
import json
import shlex
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conftest import Invoke

import charlstm
from charlstm import checkpoint
from charlstm.config import ModelConfig, SampleConfig
from charlstm.corpus.vocab import Vocabulary
from charlstm.errors import Interrupted, TextError, UsageError
from charlstm.network import kernels
from charlstm.sample import Drawn, draw_lines
from charlstm.sample import lines as lines_module

NAMES = [f"{a}{b}{c}" for a, b, c in itertools.product(("An", "Be", "Cleo", "Da"), ("ra", "li", "mo"), ("", "na", "o"))]
SMALL = ("--hidden-size", 12, "--embedding-size", 4, "--num-layers", 1)


@pytest.fixture
def names(tmp_path: Path) -> Path:
    path = tmp_path / "names.txt"
    path.write_text("\n".join(["", *NAMES, "Dara"]), encoding="utf-8")
    return path


@pytest.fixture
def run(invoke: Invoke, names: Path) -> str:
    result = invoke("train", names, "--lines", "--steps", 60, *SMALL, "--out", "run")
    assert result.code == 0, result.err
    assert "list        37 lines, 239 characters" in result.err
    assert "split       33 lines for training, 4 for validation" in result.err
    assert "note: 1 blank line is left out" in result.err
    assert "note: 1 line repeats an earlier one" in result.err
    return "run"


def test_lines_are_written_and_nothing_else(invoke: Invoke, run: str) -> None:
    result = invoke("sample", "-c", run, "--lines", 7, "--seed", 1)
    assert (result.code, result.err) == (0, "model: run/best.safetensors\n")
    lines = result.out.split("\n")
    assert len(lines) == 8
    assert all(line.strip() for line in lines[:7])
    again = invoke("sample", "-c", run, "--lines", 7, "--seed", 1, "--json", "-q")
    objects = [json.loads(line) for line in again.out.splitlines()]
    assert [o["text"] for o in objects] == lines[:7]
    assert [o["sample"] for o in objects] == list(range(7))
    assert all(len(o["logprobs"]) == len(o["text"]) for o in objects)
    prompted = invoke("sample", "-c", run, "--lines", 5, "--prompt", "Be", "-q").out.splitlines()
    assert len(prompted) == 5
    assert all(line.startswith("Be") for line in prompted)
    assert len(invoke("sample", "-c", run, "-q").out.splitlines()) == 20  # a model of a list writes lines
    assert len(invoke("sample", "-c", run, "-q", "-n", 30).out) == 30  # unless told otherwise


def test_novel_lines(invoke: Invoke, run: str, names: Path, tmp_path: Path) -> None:
    result = invoke("sample", "-c", run, "--lines", 30, "--novel", "--seed", 0, "--temperature", 1.5)
    lines = result.out.splitlines()
    assert len(set(lines)) == 30
    assert not set(lines) & set(NAMES)
    assert "lines, which the training text has" in result.err
    known = tmp_path / "known.txt"
    known.write_text("\n".join(lines[:10]) + "\n")
    there = ("--novel", "--training-text", known, "-q", "--temperature", 1.5)
    others = invoke("sample", "-c", run, "--lines", 30, "--seed", 0, *there).out.splitlines()
    assert len(others) == 30
    assert not set(others) & set(lines[:10])
    few = invoke("sample", "-c", run, "--lines", 3, "--novel", "--temperature", 0, "-q")
    assert (few.code, len(few.out.splitlines()) <= 1) == (0, True)
    assert "not 3: 300 were drawn; try a higher --temperature" in few.err
    names.unlink()
    for store in Path(charlstm.corpus.store.cache_folder("corpora")).iterdir():
        if store.name == checkpoint.load_model_file(Path(run) / "best.safetensors").corpus_sha256:
            (store / "corpus.json").unlink()
    gone = invoke("sample", "-c", run, "--lines", 3, "--novel", "-q")
    assert (gone.code, "give it as --training-text" in gone.err) == (3, True)


def test_every_model_writes_lines(invoke: Invoke, corpus_file: Path) -> None:
    assert invoke("train", corpus_file, "--steps", 20, *SMALL, "--out", "stream", "-q").code == 0
    result = invoke("sample", "-c", "stream", "--lines", 6, "--length", 40, "-q")
    assert (result.code, len(result.out.splitlines())) == (0, 6)
    cut = invoke("sample", "-c", "stream", "--lines", 6, "--length", 1)
    assert "cut off at 1 characters (--length): 6 of the lines" in cut.err
    lines = invoke("eval", corpus_file, "-c", "stream", "--protocol", "lines", "--json")
    assert json.loads(lines.out)["protocol"] == "lines"


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("--novel",), 2, "--novel leaves out whole lines: give --lines, too"),
        (("--lines", 2, "--num", 2), 2, "give only one of --lines and --num"),
        (("--lines", 2, "--stop", "a"), 2, "give only one of --lines and --stop"),
        (("--lines", 2, "--match", "a"), 2, "give only one of --lines and --match"),
        (("--lines", 2, "--prompts", "names.txt"), 2, "--prompts does not go with --lines"),
        (("--lines", 2, "--originality"), 2, "--originality does not go with --lines"),
        (("--lines", 2, "--max-copy", 9), 2, "--max-copy does not go with --lines"),
        (("--lines", 0), 2, "lines"),
        (("--lines", 2, "--training-text", "names.txt"), 2, "goes with --originality, --max-copy or --novel"),
        (("--lines", 2, "--prompt", "An\nBe"), 3, "the prompt has a newline in it"),
    ],
)
def test_what_does_not_go_together(invoke: Invoke, run: str, arguments: tuple, code: int, said: str) -> None:
    result = invoke("sample", "-c", run, *arguments, "-q")
    assert (result.code, result.out) == (code, "")
    assert said in result.err


def test_eval_reads_by_line_what_was_learnt_by_line(invoke: Invoke, run: str, names: Path) -> None:
    valid = json.loads(invoke("eval", names, "-c", run, "--valid-fraction", 0.1, "--json").out)
    training = checkpoint.load_model_file(Path(run) / "best.safetensors").training
    assert valid["protocol"] == "lines"
    assert valid["nats_per_char"] == pytest.approx(training["best_valid_nats"], abs=1e-6)
    whole = json.loads(invoke("eval", names, "-c", run, "--json").out)
    assert whole["characters"] == sum(len(name) + 1 for name in [*NAMES, "Dara"])
    piped = invoke("eval", "-", "-c", run, "--json", stdin=names.read_bytes())
    assert json.loads(piped.out)["nats_per_char"] == whole["nats_per_char"]
    stream = invoke("eval", names, "-c", run, "--protocol", "stream", "--json")
    assert json.loads(stream.out)["nats_per_char"] != whole["nats_per_char"]
    unknown = invoke("eval", "-", "-c", run, stdin="Ana\nZoë\n".encode())
    assert (unknown.code, "'Z'" in unknown.err, "at character 5" in unknown.err) == (3, True, True)
    none = invoke("eval", "-", "-c", run, stdin=b"\n \n")
    assert (none.code, "there is no line to score" in none.err) == (3, True)


def test_several_lists_are_a_table(invoke: Invoke, run: str, names: Path, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Anra\nBeli\n\nCleomona", encoding="utf-8")
    (tmp_path / "blank.txt").write_text("\n \n", encoding="utf-8")
    files = ("a.txt", "blank.txt", "names.txt")
    done = invoke("eval", *files, "-c", run, "--json", "-q")
    a, blank, b, both = [json.loads(line) for line in done.out.splitlines()]
    assert all(o["protocol"] == "lines" for o in (a, blank, b, both))
    alone = [json.loads(invoke("eval", file, "-c", run, "--json", "-q").out) for file in ("a.txt", "names.txt")]
    assert [a, b] == alone
    assert (blank["nats_per_char"], blank["characters"]) == (None, 0)
    assert (both["file"], both["files"], both["characters"]) == (None, 3, a["characters"] + b["characters"])
    total = a["nats_per_char"] * a["characters"] + b["nats_per_char"] * b["characters"]
    assert both["nats_per_char"] == pytest.approx(total / both["characters"])
    rows = invoke("eval", *files, "-c", run, "-q").out.splitlines()
    assert [row.split()[0] for row in rows if ".txt" in row] == list(files)
    assert "all 3 files" in rows[-1]
    done = invoke("eval", *files, "-c", run, "--valid-fraction", 0.1, "--json", "-q")
    held = [json.loads(line) for line in done.out.splitlines()]
    assert held[-1]["characters"] == held[0]["characters"] + held[2]["characters"] < both["characters"] / 4


def test_a_list_is_learnt_by_a_model_that_knows_another_text(
    invoke: Invoke, names: Path, corpus_file: Path, tmp_path: Path
) -> None:
    size = (*SMALL, "--batch-size", 4, "--seq-len", 16)
    assert invoke("train", corpus_file, "--steps", 30, *size, "--lr", 0.02, "--out", "old", "-q").code == 0
    names.write_text(names.read_text() + "\nZoë\nZenaë\n", encoding="utf-8")
    how = ("train", names, "--lines", "--from", "old", "-q", "--json")
    done = invoke(*how, "--steps", 40, "--out", "next")
    assert done.code == 0, done.err
    events = [json.loads(line) for line in done.out.splitlines()]
    first, compared, last = events[0], events[-2], events[-1]
    assert (first["event"], compared["event"], last["event"]) == ("started", "compared", "finished")
    assert "ë" in first["new_characters"]
    assert first["valid_nats"] == compared["valid_nats_before"] > compared["valid_nats"] == last["best_nats"]
    by_line = json.loads(invoke("eval", names, "-c", "next", "--valid-fraction", 0.1, "--json", "-q").out)
    assert by_line["protocol"] == "lines"
    assert by_line["nats_per_char"] == pytest.approx(compared["valid_nats"], abs=1e-6)
    old = invoke("eval", corpus_file, "-c", "old", "--valid-fraction", 0.1, "--json", "-q")
    assert json.loads(old.out)["nats_per_char"] == pytest.approx(compared["old_nats_before"], abs=1e-6)
    assert invoke("sample", "-c", "next", "--lines", 3, "--novel", "-q").out.count("\n") == 3
    assert invoke(*how[:-1], "--steps", 20, "--out", "part").code == 0
    assert invoke("train", "--resume", "part", "--steps", 40, "-q").code == 0
    again = invoke("train", corpus_file, "--from", "next", "--steps", 5, "--out", "back", "-q", "--json")
    assert again.code == 0, again.err
    back = json.loads(again.out.splitlines()[0])
    assert back["old_nats"] == pytest.approx(compared["valid_nats"], abs=1e-6)  # of a list, by line


@pytest.mark.parametrize("option", ["keep", "keep_text"])
def test_an_old_text_does_not_go_beside_a_list(invoke: Invoke, names: Path, option: str) -> None:
    value: dict[str, object] = {"keep": 0.5, "keep_text": str(names)}
    name = option.replace("_", "-")
    done = invoke("train", names, "--lines", "--from", "english", f"--{name}", value[option], "--steps", 1)
    assert (done.code, done.out) == (2, "")
    said = " ".join(done.err.split())
    assert f"--{name} is about an old text beside the new one, but --lines reads a list alone: give only one" in said
    with pytest.raises(UsageError, match=f"`{option}` is about an old text") as caught:
        charlstm.train(names, lines=True, start_from="english", steps=1, progress=False, **{option: value[option]})
    assert caught.value.settings == (option, "lines")


def test_a_run_by_line_goes_on_by_line(invoke: Invoke, run: str, names: Path) -> None:
    done = invoke("train", "--resume", run, "--steps", 70, "-q")
    assert (done.code, done.err) == (0, "")
    again = invoke("train", "--resume", run, "--steps", 80, "--lines", "-q")
    assert (again.code, "not --lines" in again.err) == (2, True)
    last = checkpoint.load_last(Path(run))
    assert last is not None
    assert last[0].resume is not None
    last[0].resume["run"]["corpus"]["lines"] = False
    checkpoint.save_last(Path(run), last[0], keep_previous=False)
    damaged = invoke("train", "--resume", run, "--steps", 80, "-q")
    assert (damaged.code, "the settings of the run are damaged (lines)" in damaged.err) == (4, True)


def test_a_list_that_has_changed_is_offered_as_a_list(invoke: Invoke, run: str, names: Path) -> None:
    names.write_text("\n".join(NAMES[::2]))
    changed = invoke("train", names, "--resume", run, "--steps", 80)
    assert changed.code == 3
    command = shlex.split(changed.err[changed.err.index("charlstm train") :])
    assert command == ["charlstm", "train", str(names), "--from", run, "--lines"]
    assert "list        18 lines" in invoke(*command[1:], "--steps", 1).err


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--lines", 5000), [500_000]),  # as long as a long line, not as the most that a line may have
        (("--lines", 5000, "-n", 20), [100_000]),
        (("--num", 50, "-n", 20), [1000]),
        (("--lines", 1), []),  # one stream is drawn in NumPy, where there is nothing to compile
    ],
)
def test_many_lines_are_compiled_where_that_is_worth_it(
    invoke: Invoke, run: str, monkeypatch: pytest.MonkeyPatch, arguments: tuple[object, ...], expected: list[int]
) -> None:
    asked: list[float] = []

    def worth_compiling(config: ModelConfig, characters: float) -> bool:
        asked.append(characters)
        raise Interrupted(signal.SIGINT)  # drawing so many would take long

    monkeypatch.setattr(kernels, "worth_compiling", worth_compiling)
    code = invoke("sample", "-c", run, *arguments, "-q", "--device", "cpu").code
    assert (asked, code) == (expected, 130 if expected else 0)


def test_a_list_of_one_line(invoke: Invoke, tmp_path: Path) -> None:
    (tmp_path / "one.txt").write_text("only one line")
    result = invoke("train", "one.txt", "--lines", "--steps", 1)
    assert (result.code, result.out) == (3, "")
    assert "the text has only one line; train on it without --lines" in result.err


def test_lines_from_python(names: Path, tmp_path: Path) -> None:
    model = charlstm.train(
        names,
        lines=True,
        steps=40,
        hidden_size=12,
        embedding_size=4,
        num_layers=1,
        out=tmp_path / "run",
        progress=False,
    )
    lines = model.sample_lines(5, "An", seed=1, temperature=1.2, novel=True)
    assert len(lines) == 5
    assert all(line.prompt == "An" and line.seed == 1 and "An" + line not in NAMES for line in lines)
    assert [line.prompt for line in model.sample_lines(2)] == ["", ""]
    known = tmp_path / "known.txt"
    known.write_text("".join("An" + line + "\n" for line in lines))
    others = model.sample_lines(5, "An", seed=1, temperature=1.2, novel=True, training_text=known)
    assert not set(others) & set(lines)
    with pytest.raises(UsageError, match="`num` is 0"):
        model.sample_lines(0)
    with pytest.raises(TextError, match="has a newline"):
        model.sample_lines(prompt="a\nb", on_unknown="skip")


Script = Callable[[int], list[str]]


def drawing(monkeypatch: pytest.MonkeyPatch, script: Script) -> None:
    """Let the streams of each batch write what a script says."""

    def generate(model: object, vocabulary: object, prompt: object, config: SampleConfig, **more) -> Iterator[Drawn]:
        assert (config.stop, config.lines) == ("\n", None)
        for stream, text in enumerate(script(config.num)):
            yield from (Drawn(stream, character, -1.0) for character in text)

    monkeypatch.setattr(lines_module, "generate", generate)


def test_lines_are_drawn_until_there_are_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    vocabulary = Vocabulary.of("\n abc")
    batches: list[int] = []
    texts = itertools.cycle(["a", " ", "b", "a", "c"])

    def script(num: int) -> list[str]:
        batches.append(num)
        return [next(texts) for _ in range(num)]

    drawing(monkeypatch, script)
    nothing = vocabulary.encode("")
    config = SampleConfig(lines=4, length=9, seed=0)
    found = draw_lines(None, vocabulary, nothing, config, opening="\n")  # type: ignore[arg-type]
    assert (found.lines, found.drawn, found.known, found.repeated) == (["a", "b", "a", "c"], 5, 0, 0)
    novel = config.replace(lines=2, novel=True)
    known = {"b"}.intersection
    texts = itertools.cycle(["a", " ", "b", "a", "c"])
    found = draw_lines(None, vocabulary, nothing, novel, opening="\n", known=known)  # type: ignore[arg-type]
    assert (found.lines, found.drawn, found.known, found.repeated) == (["a", "c"], 5, 1, 1)
    found = draw_lines(None, vocabulary, nothing, novel.replace(lines=3), opening="\n", known=known)  # type: ignore[arg-type]
    assert (found.lines, found.drawn) == (["a", "c"], 300)
    with pytest.raises(TextError, match="knows no newline"):
        draw_lines(None, Vocabulary.of("ab"), nothing, config, opening="a")  # type: ignore[arg-type]
