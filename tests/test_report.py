"""Nothing from a text reaches a terminal as a command, and text arrives as it is."""

import io
import json
import sys
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from charlstm.cli.sample_texts import in_style, shade
from charlstm.report import console
from charlstm.report.info import draw_info
from charlstm.report.screen import show
from charlstm.report.study import StudyReporter
from charlstm.report.text import count, duration, printable, quoted
from charlstm.report.training import TrainingReporter
from charlstm.study.run import SeedBegins
from charlstm.training.events import NotSaved, RolledBack

HOSTILE = "a\x1b[31mb\x9b2Jc\u202ed\x07e\x7ff"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def is_harmless(text: str) -> bool:
    return not any((ord(c) < 32 and c not in "\n\t") or 127 <= ord(c) < 160 or c == "\u202e" for c in text)


def test_printable_writes_out_what_a_terminal_would_obey() -> None:
    assert is_harmless(printable(HOSTILE))
    assert printable("plain é 中 😀\n\ttext") == "plain é 中 😀\n\ttext"
    assert printable("a\nb", keep="") == r"a\nb"
    assert printable("\x1b") == r"\x1b"


def test_json_on_a_terminal_is_ascii(monkeypatch: pytest.MonkeyPatch) -> None:
    for out, ascii_only in ((Terminal(), True), (io.StringIO(), False)):
        monkeypatch.setattr(sys, "stdout", out)
        console.print_json({"text": HOSTILE + "é"})
        assert json.loads(out.getvalue()) == {"text": HOSTILE + "é"}
        assert out.getvalue().isascii() == ascii_only
        assert not ascii_only or is_harmless(out.getvalue())


def test_messages_and_tables_are_harmless_and_unchanged(monkeypatch: pytest.MonkeyPatch) -> None:
    err, out = io.StringIO(), io.StringIO()
    monkeypatch.setattr(sys, "stderr", err)
    monkeypatch.setattr(sys, "stdout", out)
    console.say(HOSTILE)
    console.say("checkpoints/:car:/[bold]x[/bold]" + "y" * 200)
    console.fail("two\nlines " + HOSTILE)
    show(partial(draw_info, [("name", HOSTILE), ("path", "x" * 120)], "t"))
    assert is_harmless(err.getvalue() + out.getvalue())
    assert ":car:/[bold]x[/bold]" + "y" * 200 in err.getvalue()
    assert err.getvalue().count("\n") == 3
    assert "x" * 120 in out.getvalue()


def test_samples_are_escaped_on_a_terminal_only() -> None:
    assert in_style(HOSTILE, terminal=False) == HOSTILE
    assert is_harmless(in_style(HOSTILE, terminal=True))


def test_the_likelier_the_calmer() -> None:
    assert len({shade(p) for p in (-0.01, -0.5, -1.0, -2.0, -9.0)}) == 5


def test_usage_errors_are_harmless(invoke, tmp_path: Path) -> None:
    (tmp_path / "x\x1b[31mred").mkdir()
    (tmp_path / "x\x1b[31mred" / "something").write_text("")
    result = invoke("train", "a.txt", "--out", "x\x1b[31mred")
    assert result.code == 2
    assert is_harmless(result.err)


def test_numbers_for_people() -> None:
    assert [duration(s) for s in (0, 42.4, 185, 7800)] == ["less than 1 s", "42 s", "3 min 05 s", "2 h 10 min"]
    assert [count(n) for n in (312, 9_999, 84_500, 1_240_000, 2.5e9)] == ["312", "9,999", "84 k", "1.2 M", "2.5 G"]
    assert [quoted(c) for c in (" ", "\n", "a", "\x1b")] == ["' '", r"\n", "a", r"\x1b"]


FULL = "cannot write last.safetensors: No space left on device"
SAID_FULL = f"warning: {FULL}; training goes on\n"
SAID_ROLLED_BACK = (
    "warning: step 1,200: the loss is infinite or undefined; back to step 900, with the learning rate times 0.5\n"
)


def test_a_problem_of_a_training_is_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    training = TrainingReporter(True, 0.0)
    for event in (NotSaved(3, FULL), RolledBack(900, 1200, 0.5, 1), NotSaved(5, FULL)):
        training.show(event)
    assert capsys.readouterr().err == SAID_FULL + SAID_ROLLED_BACK


def test_a_problem_of_a_study_is_said_once_for_each_seed(capsys: pytest.CaptureFixture[str]) -> None:
    session: Any = SimpleNamespace(notes=[])
    study = StudyReporter(True, 2)
    for seed in range(2):
        study.show(SeedBegins(seed, seed + 1, session, 1.0, 0.0))
        for event in (NotSaved(3, FULL), RolledBack(900, 1200, 0.5, 1), NotSaved(5, FULL)):
            study.show(event)
        assert capsys.readouterr().err == SAID_FULL + SAID_ROLLED_BACK
