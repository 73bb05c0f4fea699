"""What a text, a prompt or a model file holds never reaches a terminal as a command: every command, on a real one."""

import os
import pty
import re
import threading
from pathlib import Path

import pytest
from conftest import small_text
from forked import finish, fork, run_on_terminal

TITLE, CLEAR, RESET = "\x1b]0;OWNED\x07", "\x1b[2J", "\x1bc"
HOSTILE = f"{TITLE}{CLEAR}{RESET}\x9b2J\x90q\x9c\u202e\u2066\x08\x7f[bold red]markup[/] :smile: "
# what rich and tqdm send of their own: colours, the cursor up and shown or hidden, the rest of a line erased
OURS = re.compile(r"\x1b\[(?:[0-9;]*m|[0-9]*A|[0-9]*K|\?25[hl])")


def is_harmless(text: str) -> bool:
    rest = OURS.sub("", text)
    return not any((ord(c) < 32 and c not in "\n\r\t") or 127 <= ord(c) < 160 or c in "\u202e\u2066" for c in rest)


def on_terminal(folder: Path, *arguments: str) -> tuple[int, str]:
    """Exit code of a command, and what it sent to its terminal."""
    master, slave = pty.openpty()
    received = bytearray()

    def receive() -> None:
        try:
            while chunk := os.read(master, 1 << 16):
                received.extend(chunk)
        except OSError:  # all have closed the other end
            pass

    reader = threading.Thread(target=receive)
    reader.start()
    process = fork(run_on_terminal, folder, os.ttyname(slave), arguments)
    code = finish(process)
    os.close(slave)
    reader.join(10)
    os.close(master)
    return code, received.decode()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("terminal")
    text = "".join(line + HOSTILE + "\n" for line in small_text(8_000).split("\n"))
    (folder / "hostile.txt").write_text(text, encoding="utf-8")
    (folder / f"x{CLEAR}.txt").write_text("[[", encoding="utf-8")
    code, sent = on_terminal(
        folder, "train", "hostile.txt", "--steps", "30", "--hidden-size", "8", "--evaluations", "2", "--out", "run"
    )
    assert code == 0
    assert "best so far" in sent  # and the samples at its evaluations
    assert is_harmless(sent)
    return folder


COMMANDS = {
    "sample": ("sample", "-c", "run", "--temperature", "3", "-n", "2000", "--seed", "1"),
    "sample in colour": ("sample", "-c", "run", "--temperature", "3", "-n", "500", "--color", "--prompt", HOSTILE),
    "sample as JSON": ("sample", "-c", "run", "--temperature", "3", "-n", "500", "--json"),
    "a prompt": ("sample", "-c", "run", "-n", "20", "--prompt", HOSTILE),
    "an unknown character": ("sample", "-c", "run", "-n", "20", "--prompt", "\x1b[5m\x0e"),
    "a stop": ("sample", "-c", "run", "-n", "20", "--stop", CLEAR),
    "eval": ("eval", "hostile.txt", "-c", "run"),
    "info": ("info", "run"),
    "info as JSON": ("info", "run", "--json"),
    "resume": ("train", "--resume", "run", "--steps", "60"),
    "probe a sentence": ("probe", "-c", "run", "--sentence", f"ba{CLEAR}de lo", "--cue", "ba", "--endings", "lo/mu"),
    "probe features": ("probe", "-c", "run", "--feature", "line-position", "--text", "hostile.txt"),
    "explain": ("explain", HOSTILE, "-c", "run", "--cell", "1:0", "--unknown", "skip"),
    "a step": ("explain", "step", f"ba{CLEAR}", "-c", "run", "--cell", "1:0", "--at", "4"),
    "memory": ("explain", "memory", "--file", "hostile.txt", "-c", "run"),
    "gradients": ("explain", "gradient", "--file", "hostile.txt", "-c", "run", "--back", "10"),
    "a cell with a name": ("explain", "ba", "-c", "run", "--cell", CLEAR),
    "a file with a name": ("train", f"x{CLEAR}.txt"),
    "a model with a name": ("sample", "-c", f"x{CLEAR}"),
    "an option": ("sample", f"--{CLEAR}"),
    "a value": ("sample", "--length", TITLE),
    "a command": (CLEAR,),
    "settings with a name": ("train", "hostile.txt", "--config", f"x{CLEAR}.txt"),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_nothing_reaches_the_terminal_as_a_command(place: Path, name: str) -> None:
    code, sent = on_terminal(place, *COMMANDS[name])
    assert sent
    assert is_harmless(sent), repr(sent)
    assert "Traceback" not in sent
    assert "should not happen" not in sent
    assert code in (0, 2, 3, 4)


def test_the_test_itself_knows_what_is_harmful() -> None:
    for part in (TITLE, CLEAR, RESET, "\x9b2J", "\u202e", "\x08", "\x1b[1;1H", "\x1b]8;;file:///x\x1b\\"):
        assert not is_harmless(f"text {part} text")
    assert is_harmless("\x1b[1;31mred\x1b[0m\r\x1b[K text\n")
