"""Real processes with streams that are full, unread or closed, and with variables that would mislead libraries."""

import ast
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import small_text
from forked import finish, fork, run_command

ESCAPE = b"\x1b"
FULL = Path("/dev/full")  # a disk without space, as Linux plays it
SAID = b"error: cannot write the output: No space left on device; free some space, or redirect it\n"
TRAIN = "train text.txt --steps 30 --hidden-size 8 --embedding-size 4 --batch-size 4 --seq-len 16 --evaluations 2"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a text and a run."""
    folder = tmp_path_factory.mktemp("surroundings")
    (folder / "text.txt").write_text(small_text(4_000), encoding="utf-8")
    assert finish(fork(run_command, folder, f"{TRAIN} --out run --threads 1 -q")) == 0
    return folder


def charlstm(
    place: Path, *arguments: str, prepare: Callable[[], None] | None = None, **variables: str
) -> subprocess.CompletedProcess[bytes]:
    """Run the program; `prepare` does something to its streams before it starts."""
    environment = {**os.environ, "CHARLSTM_CACHE_DIR": str(place / "cache"), **variables}
    return subprocess.run(
        [sys.executable, "-m", "charlstm", *arguments],
        cwd=place,
        env={name: value for name, value in environment.items() if value},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
        preexec_fn=prepare,
    )


def full(stream: int) -> Callable[[], None]:
    """A stream with no space left."""
    return lambda: os.dup2(os.open(FULL, os.O_WRONLY), stream)  # type: ignore[return-value]


def unread(stream: int) -> Callable[[], None]:
    """A pipe whose reader has gone."""

    def prepare() -> None:
        reader, writer = os.pipe()
        os.dup2(writer, stream)
        os.close(reader)

    return prepare


COMMANDS = {
    "sample": "sample -c run -n 50 -q",
    "sample as JSON": "sample -c run -n 2000 -q --json",
    "eval": "eval text.txt -c run/best.safetensors",
    "info": "info run",
    "explain": "explain ba -c run/best.safetensors --cell 1:0",
    "features": "probe --feature list",
    "corpus": "corpus agreement-pt --chars 20000",
    "short": "corpus agreement-pt --chars 20",  # less than what Python keeps back
    "help": "--help",
    "help of a command": "train --help",
    "version": "--version",
}


@pytest.mark.skipif(not FULL.exists(), reason="needs /dev/full")
@pytest.mark.parametrize("name", COMMANDS)
def test_a_full_stdout_is_one_line(place: Path, name: str) -> None:
    done = charlstm(place, *COMMANDS[name].split(), prepare=full(1))
    assert (done.returncode, done.stderr) == (1, SAID)


def test_a_file_that_must_not_grow_is_one_line(place: Path, tmp_path: Path) -> None:
    import resource

    def prepare() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
        os.dup2(os.open(tmp_path / "out", os.O_WRONLY | os.O_CREAT), 1)

    done = charlstm(place, "corpus", "agreement-pt", "--chars", "20000", prepare=prepare)
    assert done.returncode == 1
    assert done.stderr.startswith(b"error: cannot write the output: File too large")
    assert done.stderr.count(b"\n") == 1


@pytest.mark.skipif(not FULL.exists(), reason="needs /dev/full")
@pytest.mark.parametrize("lost", [unread(2), full(2), lambda: os.close(2)], ids=["unread", "full", "closed"])
def test_a_lost_stderr_changes_no_exit_code(place: Path, lost: Callable[[], None]) -> None:
    assert charlstm(place, "eval", "/nope", "-c", "run", prepare=lost).returncode == 3
    assert charlstm(place, "train", "--lr", "-1", prepare=lost).returncode == 2


def test_a_lost_stderr_costs_no_data(place: Path) -> None:
    heard = charlstm(place, "sample", "-c", "run", "-n", "40", "--seed", "1", "--verbose")
    assert b"seed: 1" in heard.stderr
    unheard = charlstm(place, "sample", "-c", "run", "-n", "40", "--seed", "1", "--verbose", prepare=unread(2))
    assert unheard.returncode == 0
    assert unheard.stdout == heard.stdout


@pytest.mark.parametrize("arguments", ["--help", "corpus --help", "corpus agreement-pt --chars 300000"])
def test_a_gone_reader_is_no_failure(place: Path, arguments: str) -> None:
    done = charlstm(place, *arguments.split(), prepare=unread(1))
    assert (done.returncode, done.stderr) == (0, b"")


def test_closed_streams_give_their_numbers_to_no_file(place: Path) -> None:
    def prepare() -> None:
        for stream in (0, 1, 2):
            os.close(stream)

    code = (
        "import os, sys\n"
        "from charlstm.cli.surroundings import open_streams\n"
        "open_streams()\n"
        "sys.exit(os.open(os.devnull, os.O_RDONLY))"
    )
    assert subprocess.run([sys.executable, "-c", code], preexec_fn=prepare, timeout=30).returncode > 2
    assert charlstm(place, *f"{TRAIN} --out silent --threads 1".split(), prepare=prepare).returncode == 0
    assert (place / "silent" / "last.safetensors").read_bytes() == (place / "run" / "last.safetensors").read_bytes()
    assert charlstm(place, "sample", "-c", "run", "--prompt", "-", prepare=prepare).returncode == 3


@pytest.mark.slow
def test_only_a_terminal_gets_colour(place: Path) -> None:
    forced = {"FORCE_COLOR": "1", "CLICOLOR_FORCE": "1", "TTY_COMPATIBLE": "1", "PY_COLORS": "1", "TERM": "xterm"}
    for arguments, code in (("info run", 0), ("eval /nope -c run", 3), ("train --lr x", 2), ("train --help", 0)):
        done = charlstm(place, *arguments.split(), **forced)
        assert done.returncode == code
        assert ESCAPE not in done.stdout + done.stderr


def test_tqdm_is_told_nothing_by_the_environment(place: Path) -> None:
    done = charlstm(place, "eval", "text.txt", "-c", "run", TQDM_MININTERVAL="x", TERMINAL_WIDTH="x")
    assert done.returncode == 0, done.stderr
    assert b"bits/char" in done.stdout


@pytest.mark.parametrize("home", [None, ""])
def test_a_user_without_a_home_or_a_name(place: Path, tmp_path: Path, home: str | None) -> None:
    (tmp_path / "text.txt").write_bytes((place / "text.txt").read_bytes())
    nameless = (
        "import pwd, sys\n"
        "def unknown(uid): raise KeyError(uid)\n"
        "pwd.getpwuid = unknown\n"
        "sys.argv[0] = 'charlstm'\n"
        "from charlstm.cli.main import main\n"
        "main()"
    )
    kept = {name: os.environ[name] for name in ("PATH", "OMP_NUM_THREADS", "PYTHONPATH") if name in os.environ}
    environment = kept if home is None else {**kept, "HOME": home}
    command = [sys.executable, "-c", nameless, *f"{TRAIN} --out run -q".split()]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, b"")
    assert {path.name for path in tmp_path.iterdir()} == {"text.txt", "run", ".charlstm-cache"}


@pytest.mark.parametrize("variable", ["COLUMNS", "LINES"])
@pytest.mark.parametrize("value", ["0", "²", "-5", "99999999", "x", "80.5"])
def test_a_size_that_no_terminal_has_is_not_believed(variable: str, value: str) -> None:
    master, slave = pty.openpty()
    # 60 columns, as the terminal says; the program draws one line over all of them
    code = (
        "import fcntl, struct, sys, termios\n"
        "fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack('4H', 24, 60, 0, 0))\n"
        "from charlstm.cli.surroundings import open_streams, tame_environment\n"
        "open_streams(), tame_environment()\n"
        "from rich.rule import Rule\n"
        "from charlstm.report.console import plain_console\n"
        "plain_console().print(Rule())\n"
    )
    environment = {**os.environ, variable: value, "TERM": "xterm"}
    done = subprocess.run([sys.executable, "-c", code], stdout=slave, stderr=slave, env=environment, timeout=30)
    os.close(slave)
    sent = b"".join(iter(lambda: _read(master), b"")).decode()
    os.close(master)
    assert done.returncode == 0, sent
    assert sent.strip().count("─") == 60


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 1 << 16)
    except OSError:  # all have closed the other end
        return b""


OF_THREADS = ("OMP_WAIT", "GOMP", "KMP")  # how variables of OpenMP begin


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, {"GOMP_SPINCOUNT": "3000", "OMP_WAIT_POLICY": "passive"}),
        ({"OMP_WAIT_POLICY": "active"}, {"OMP_WAIT_POLICY": "active"}),
        ({"KMP_BLOCKTIME": "200"}, {"KMP_BLOCKTIME": "200"}),
    ],
)
def test_threads_wait_asleep_unless_the_person_says_otherwise(given: dict[str, str], expected: dict[str, str]) -> None:
    code = (
        "import os\n"
        "from charlstm.cli.surroundings import tame_environment\n"
        "tame_environment()\n"
        f"print({{k: v for k, v in os.environ.items() if k.startswith({OF_THREADS})}})"
    )
    environment = {name: value for name, value in os.environ.items() if not name.startswith(OF_THREADS)}
    done = subprocess.run(
        [sys.executable, "-c", code], env={**environment, **given}, capture_output=True, text=True, check=True
    )
    assert ast.literal_eval(done.stdout) == expected
