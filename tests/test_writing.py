"""A person and a model write one text: what is read again, what is suggested, what lines do; the prompt itself."""

import io
import json
import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import Invoke
from prompt_toolkit.application import create_app_session
from prompt_toolkit.input import PipeInput, create_pipe_input
from prompt_toolkit.output import DummyOutput

from charlstm.checkpoint import ModelFile, save_model_file
from charlstm.config import ModelConfig
from charlstm.corpus.vocab import Vocabulary
from charlstm.errors import Interrupted, UnknownCharacterError, UsageError
from charlstm.network.kernels import Kernels
from charlstm.network.model import CharLM
from charlstm.writing import Desk, Reader, run_line
from charlstm.writing.desk import Manner
from charlstm.writing.reader import EVERY, RECENT

ALPHABET = "\n abcdefghij.:\\ã"


@pytest.fixture(scope="module")
def content() -> ModelFile:
    """A network that learnt nothing, with weights large enough to have opinions."""
    vocabulary = Vocabulary.of(ALPHABET)
    model = CharLM(ModelConfig(vocab_size=len(vocabulary), hidden_size=12, num_layers=2, embedding_size=4))
    model.reset_parameters(8.0, 3)
    with torch.no_grad():
        model.head.weight.mul_(6)
    return ModelFile(model, vocabulary, {})


@pytest.fixture
def desk(content: ModelFile) -> Desk:
    return Desk(content, Kernels(torch.float32), Manner(seed=1, length=20))


def logits_of(content: ModelFile, ids: np.ndarray) -> torch.Tensor:
    with torch.no_grad():
        return content.model(torch.from_numpy(ids.astype(np.int64))[None])[0][0, -1]


def test_after_every_change_the_odds_are_those_of_the_whole_text(content: ModelFile) -> None:
    rng = np.random.default_rng(0)
    reader, text = Reader(content.model, Kernels(torch.float32)), rng.integers(0, 16, 900)
    for change in (lambda t: t, lambda t: np.append(t, 3), lambda t: t[:-1], lambda t: t[:-40], lambda t: t[:300]):
        text = change(text)
        logits, _ = reader.read(text)
        assert torch.allclose(logits, logits_of(content, text), atol=1e-5)
    text = np.concatenate([text[:70], text[80:], rng.integers(0, 16, 700)])
    assert torch.allclose(reader.read(text)[0], logits_of(content, text), atol=1e-5)
    assert len(reader.kept) <= 2 * RECENT + len(text) // EVERY + 1


def test_only_what_is_new_is_read(content: ModelFile) -> None:
    reader, text = Reader(content.model, Kernels(torch.float32)), np.arange(1000) % 16
    reader.read(text)
    assert reader.steps == 1000
    reader.read(np.append(text, 1))
    assert reader.steps == 1001
    reader.read(np.append(text[:-100], 2))
    assert reader.steps == 1002
    reader.read(np.append(text[:500], 3))
    assert reader.steps <= 1003 + EVERY


def test_a_suggestion_stays_when_it_is_typed_or_taken(desk: Desk) -> None:
    whole = "".join(desk.continuation("ab", 20))
    assert "".join(desk.continuation("ab" + whole[:7], 13)) == whole[7:]
    desk.add("ab" + whole[:3])
    assert "".join(desk.continuation("", 17)) == whole[3:]
    assert desk.undo() == "ab" + whole[:3]
    assert "".join(desk.continuation("ab", 20)) == whole
    desk.set_manner(seed=2)
    assert "".join(desk.continuation("ab", 20)) != whole


def test_a_suggestion_ends_with_its_line_or_with_a_word(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    for written, suggested in {
        "abc de": "abc",
        "abc.": "abc.",
        "abcde": "abcde",
        " abc": " abc",
        "ab\nc": "ab",
        "\nab": "",
        "": "",
    }.items():
        monkeypatch.setattr(desk, "continuation", lambda draft, written=written: iter(written))
        assert desk.suggestion("a") == suggested
    assert list(desk.suggestions("€")) == []


def test_a_sweep_has_the_continuation_at_each_temperature(desk: Desk) -> None:
    swept = desk.sweep("abc", (0.0, 0.8), 15)
    desk.set_manner(temperature=0.8)
    assert "".join(desk.continuation("abc", 15)) == swept[0.8]
    assert list(swept) == [0.0, 0.8]
    assert swept[0.0] != swept[0.8]


def test_the_likeliest_are_those_of_the_network(desk: Desk) -> None:
    ids = desk.content.vocabulary.encode(desk.content.opening + "abc")
    p = logits_of(desk.content, ids).softmax(0)
    likeliest = desk.likeliest("abc")
    assert len(likeliest) == 5
    for (character, probability), wanted in zip(likeliest, p.sort(descending=True).values, strict=False):
        assert probability == pytest.approx(float(wanted), abs=1e-6)
        assert probability == pytest.approx(float(p[desk.content.vocabulary.encode(character)[0]]), abs=1e-6)


def test_lines_are_text_or_commands(desk: Desk) -> None:
    assert run_line(desk, "abc\\").data == {"added": "abc"}
    assert run_line(desk, "::d").data == {"added": ":d\n"}
    assert run_line(desk, "a\u0303").data == {"added": "ã\n"}
    assert desk.text == "abc:d\nã\n"
    assert run_line(desk, ":undo").data == {"taken_back": "ã\n"}
    assert len(run_line(desk, ":go 7").data["added"]) == 7
    assert len(desk.text) == 13
    assert run_line(desk, ":t 0.5").message == "temperature 0.5"
    assert run_line(desk, ":seed 7").data == {"seed": 7}
    assert run_line(desk, ":n 9").data == {"length": 9}
    assert (desk.manner.temperature, desk.manner.seed, desk.manner.length) == (0.5, 7, 9)
    assert len(run_line(desk, ":why").data["likeliest"]) == 5
    assert [one["temperature"] for one in run_line(desk, ":sweep 0.2, 1").data["sweep"]] == [0.2, 1]
    text = desk.swept[1]
    assert run_line(desk, ":take 1").data == {"added": text}
    assert run_line(desk, ":text").data["text"] == desk.text
    assert ":save [FILE]" in run_line(desk, ":help").data["commands"]
    assert run_line(desk, ":quit").ends


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("a€", "the model has never seen '€' (U+20AC EURO SIGN)"),
        ("É", "the model has never seen 'É' (U+00C9 LATIN CAPITAL LETTER E WITH ACUTE); it knows e"),
        ("a\ud800", "character 2 is a lone surrogate, not a character"),
        (":no", "no such command: :no; :help lists them"),
        (":t x", ":t x: give a number from 0 to 1,000,000"),
        (":t nan", ":t nan: give a number from 0 to 1,000,000"),
        (":seed -1", ":seed -1: give a whole number from 0 to 9,223,372,036,854,775,807"),
        (":go 0", ":go 0: give a whole number from 1 to 100,000"),
        (":undo", "there is nothing to take back"),
        (":take 1", "there is no sweep to take from; :sweep makes one"),
        (":sweep 1 2 3 4 5 6 7 8 9", "give at most 8 temperatures"),
        (":save", "name the file: :save FILE"),
        (":save no/where.txt", "cannot write no/where.txt: No such file or directory"),
    ],
)
def test_what_cannot_be_done_is_said_and_changes_nothing(desk: Desk, line: str, message: str) -> None:
    done = run_line(desk, line)
    assert (done.message, done.is_error, desk.text) == (message, True, "")


def test_what_is_swept_can_be_taken_only_while_the_text_is_the_same(desk: Desk) -> None:
    run_line(desk, ":sweep 1")
    assert run_line(desk, ":take 2").message == ":take 2: the sweep has 1"
    run_line(desk, "abc")
    assert run_line(desk, ":take 1").is_error


def test_saving(desk: Desk, tmp_path: Path) -> None:
    path = tmp_path / "story.txt"
    desk.add("abc ã\n")
    assert not desk.saved
    assert run_line(desk, f":save {path}").message == f"{path}: 6 characters"
    assert desk.saved
    desk.add("d")
    assert not desk.saved
    run_line(desk, ":save")
    assert path.read_text(encoding="utf-8") == "abc ã\nd"
    other = tmp_path / "other.txt"
    other.write_text("mine")
    assert "it exists already" in run_line(desk, f":save {other}").message
    assert other.read_text() == "mine"
    with pytest.raises(UsageError, match="nothing to take back"):
        for _ in range(3):
            desk.undo()
    with pytest.raises(UnknownCharacterError):
        desk.add("€")


@pytest.fixture
def model_file(content: ModelFile, tmp_path: Path) -> Path:
    path = tmp_path / "model.safetensors"
    save_model_file(path, content)
    return path


def test_without_a_terminal_it_goes_line_by_line(invoke: Invoke, model_file: Path) -> None:
    lines = "abc\\\n:go 5\nx€\n:why\n:t\n:quit\nnever read\n".encode()
    done = invoke("write", "-c", model_file, "--seed", 1, stdin=lines)
    assert done.code == 0
    assert done.out.startswith("abc")
    assert len(done.out) == 8
    assert "error: the model has never seen 'x'" in done.err
    assert "probability" in done.err
    assert "temperature 0.8" in done.err
    again = invoke("write", "-c", model_file, "--seed", 1, "-p", "abc", stdin=b":go 5\n")
    assert again.out == done.out
    objects = [json.loads(line) for line in invoke("write", "-c", model_file, "--json", stdin=lines).out.splitlines()]
    assert [o["command"] for o in objects] == ["", "go", "", "why", "t", "quit"]
    assert "never seen" in objects[2]["error"]


def test_lines_are_answered_as_they_come(
    invoke: Invoke, model_file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answered = []

    class Asking(io.BytesIO):
        def __next__(self) -> bytes:
            answered.append(capsys.readouterr().out.count("\n"))
            return super().__next__()

    from charlstm.cli import write

    monkeypatch.setattr(write, "input_stream", lambda: Asking(b"abc\n:why\n:seed 3\n"))
    assert invoke("write", "-c", model_file, "--json").code == 0
    assert answered == [0, 1, 1, 1]


def test_a_line_that_is_not_text_ends_it_and_what_was_written_is_given(invoke: Invoke, model_file: Path) -> None:
    done = invoke("write", "-c", model_file, "--seed", 1, stdin=b"abc\ncaf\xe9\n")
    assert (done.code, done.out) == (3, "abc\n")
    assert "standard input, line 2: expected utf-8" in done.err


def test_a_prompt_that_the_model_cannot_read(invoke: Invoke, model_file: Path) -> None:
    done = invoke("write", "-c", model_file, "-p", "a€")
    assert done.err.splitlines()[-1] == "error: --prompt: the model has never seen '€' (U+20AC EURO SIGN)"


@pytest.mark.parametrize(("options", "code"), [(("-t", "nan"), 2), (("-t", "-1"), 2), (("-p", "€"), 3)])
def test_wrong_options(invoke: Invoke, model_file: Path, options: tuple[str, str], code: int) -> None:
    done = invoke("write", "-c", model_file, *options)
    assert (done.code, done.out) == (code, "")


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Iterator[PipeInput]:
    monkeypatch.delenv("PROMPT_TOOLKIT_NO_CPR", raising=False)
    with create_pipe_input() as keys, create_app_session(input=keys, output=DummyOutput()):
        yield keys


def test_tab_takes_the_continuation(desk: Desk, typed: PipeInput, capsys: pytest.CaptureFixture[str]) -> None:
    from charlstm.cli.write_screen import write_on_screen

    suggested = desk.suggestion("abc")
    assert suggested
    typed.send_text("abc\t\r:t 0.5\r:quit\r")
    write_on_screen(desk, "a model", output=DummyOutput())
    assert desk.text == f"abc{suggested}\n"
    assert desk.manner.temperature == 0.5
    assert capsys.readouterr().out == desk.text


def test_a_line_with_an_unknown_character_stays_and_ctrl_c_and_ctrl_d_leave(
    desk: Desk, typed: PipeInput, capsys: pytest.CaptureFixture[str]
) -> None:
    from charlstm.cli.write_screen import write_on_screen

    typed.send_text(
        "ab€\r\x1b[3~\rcd\r:undo\r\x7f\r\x04"
    )  # the cursor stands at €: Delete; in the end a backspace and Ctrl-D
    write_on_screen(desk, "a model", output=DummyOutput())
    assert desk.text == "ab\nc\n"  # what was taken back came into the prompt again
    typed.send_text("d\r\x03")
    with pytest.raises(Interrupted, match="Ctrl-C") as caught:
        write_on_screen(desk, "a model", output=DummyOutput())
    assert caught.value.signum == signal.SIGINT
    assert capsys.readouterr().out.endswith("ab\nc\nd\n")


def test_keys_that_ask(desk: Desk, typed: PipeInput, capsys: pytest.CaptureFixture[str]) -> None:
    from charlstm.cli.write_screen import write_on_screen

    typed.send_text("abc\x1bOQ\x1bOR\r:text\r:go 5\r\x04")  # F2, F3
    write_on_screen(desk, "a model", output=DummyOutput())
    shown = capsys.readouterr().out
    assert "probability" in shown
    assert "t 0.2" in shown
    assert len(desk.text) == 9
