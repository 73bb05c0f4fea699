"""A text encoded in parts, by one process or several: to the byte what comes of it in one piece, errors too."""

from __future__ import annotations

import errno
import gzip
import os
import random
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_children import alive, descendants, on_linux, until

from charlstm.corpus import CorpusRequest, appearance, blocks, encode, lines, open_corpus, sources, split, workers
from charlstm.corpus.encode import Sharing, sharing_of
from charlstm.corpus.hashing import hash_files
from charlstm.corpus.parts import cut_places, plan_parts
from charlstm.corpus.workers import take_jobs, tell, tell_failure
from charlstm.errors import CharLSTMError, TextError
from charlstm.progress import unheard

GOOD = ["a", "b", "c", "d", "e\u0301", "é", "字", "😀", "ᄀ", "ᅡ", "\u0301\u0323", "\ufeff", " ", "\r", "\r\n", "\n\n"]
BAD = [b"\xff", b"\xc3", b"\xed\xa0\x80", b"\0", b"xyzuvw", "\u0301".encode() * 12, b"o" * 150]


def result_of(files: Sequence[Path], sharing: Sharing, valid: int = 0, **how: Any) -> tuple[Any, ...]:
    """The bytes of the store that is made of these files, or what is wrong with them."""
    request = CorpusRequest((), **how)
    with tempfile.TemporaryDirectory() as place:
        folder, scratch = Path(place, "store"), Path(place, "parts")
        folder.mkdir()
        scratch.mkdir()
        kept = len(files) - valid
        try:
            encode.encode(request, files[:kept], files[kept:], folder, scratch, "0" * 64, unheard, sharing)
        except TextError as e:
            return type(e), str(e), e.settings
        assert {path.name for path in folder.iterdir()} == {"corpus.json", "train.ids", "valid.ids"}
        return tuple((folder / name).read_bytes() for name in ("corpus.json", "train.ids", "valid.ids"))


@contextmanager
def small_limits():
    """Chunks, and all that is too much of something, so small that a few characters reach them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sources, "CHUNK_BYTES", 60)
        patch.setattr(sources, "MAX_MARKS", 10)
        patch.setattr(lines, "MAX_LINE", 60)
        patch.setattr(split, "COPY_IDS", 7)
        for module in (appearance, encode):
            patch.setattr(module, "MAX_CHARACTERS", 18)
            patch.setattr(module, "CODE_POINTS", 0x20000)  # half of the time is spent on tables of them
        yield


def random_text(rng: random.Random) -> bytes:
    """A text with lines, in which now and then something is wrong."""
    pieces = [rng.choice(GOOD) if rng.random() < 0.8 else "\n" for _ in range(rng.choice([0, 40, 200]))]
    text = [piece.encode() for piece in pieces]
    for _ in range(rng.choice([0, 0, 0, 1, 3])):
        text.insert(rng.randrange(len(text) + 1), rng.choice(BAD))
    return b"".join(text)


def test_parts_make_no_difference(tmp_path: Path) -> None:
    seen: Counter[str] = Counter()
    for seed in range(4000 if os.environ.get("SOAK") else 300):
        rng = random.Random(seed)
        files = [tmp_path / f"{k}.txt" for k in range(rng.choice([1, 1, 2, 4]))]
        if rng.random() < 0.2:
            files[0] = tmp_path / "0.txt.gz"
        for file in files:
            text = random_text(rng)
            file.write_bytes(gzip.compress(text) if file.suffix == ".gz" else text)
        encoding = rng.choice(["utf-8"] * 5 + ["iso8859-1", "cp1252", "utf-16"])
        how = {"encoding": encoding, "normalize": rng.random() < 0.8, "lines": rng.random() < 0.4}
        valid, part_bytes = rng.randrange(len(files)), rng.randrange(1, 200)
        with small_limits():
            parts = list(plan_parts(files, encoding, part_bytes))
            in_parts = result_of(files, Sharing(1, part_bytes), valid, **how)
            assert in_parts == result_of(files, Sharing(), valid, **how), seed
        was_cut = sum(map(len, parts)) > len(files)
        seen[f"{'cut' if was_cut else 'whole'}: {in_parts[1] if isinstance(in_parts[1], str) else 'sound'}"] += 1
    for what in ("sound", "found 0xff", "found 0xc3", "NUL", "distinct", "combining", "a line has more", "empty"):
        assert sum(times for kind, times in seen.items() if kind.startswith("cut") and what in kind) > 2, (what, seen)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(GOOD), max_size=200).map("".join), st.integers(1, 60))
def test_a_file_is_cut_behind_newlines_that_nothing_joins(
    tmp_path_factory: pytest.TempPathFactory, content: str, part_bytes: int
) -> None:
    path, text = tmp_path_factory.mktemp("cut") / "t.txt", content.encode()
    path.write_bytes(text)
    with small_limits():
        places = list(cut_places(path, "utf-8", len(text), part_bytes))
    assert places == sorted(set(places))
    for place in places:
        assert 0 < place < len(text)
        assert text[place - 1 : place] == b"\n"
        assert sources.stands_alone(text[place:].decode()[0])


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Files of all kinds, the last of which has more than 256 characters that occur in no other."""
    folder = tmp_path_factory.mktemp("texts")
    rng = random.Random(0)
    lines = [f"{rng.randrange(10**9):,} é e\u0301 \u0301{'字' * (k % 3)}\r\n" * (k % 2 + 1) for k in range(50_000)]
    wide = "".join(chr(0x5000 + k) + "\n" * (k % 5 == 0) for k in range(500))
    contents = {"a.txt": "".join(lines), "b.txt": "\ufeffshort\n", "c.txt.gz": "packed\n" * 9, "d.txt": wide + "end\n"}
    for name, content in contents.items():
        data = content.encode()
        (folder / name).write_bytes(gzip.compress(data) if name.endswith("gz") else data)
    return [folder / name for name in contents]


@pytest.mark.parametrize("how", [{}, {"lines": True}, {"valid_fraction": 0.0, "characters": "zy"}], ids=str)
def test_processes_make_no_difference(texts: list[Path], how: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 1 << 16)
    alone = result_of(texts, Sharing(), valid=1, **how)
    monkeypatch.setattr(encode, "encode_part", lambda *a: pytest.fail("encoded by this process"))
    assert result_of(texts, Sharing(2, 600_000), valid=1, **how) == alone


def test_small_texts_are_encoded_by_this_process_alone() -> None:
    assert sharing_of(encode.SHARED_FROM - 1, 8) == sharing_of(1 << 40, 1) == Sharing(1, sys.maxsize)
    assert sharing_of(10**11, 2) == Sharing(2, encode.MAX_PART_BYTES)
    assert sharing_of(encode.SHARED_FROM, 8) == Sharing(8, encode.MIN_PART_BYTES)
    assert sharing_of(10**11, 400).processes == encode.MAX_PROCESSES


def die_at_once(folder: str, count: str) -> None:
    """In a worker, as if Python or a library could not be loaded."""
    raise SystemExit(3)


def die_at_work(folder: str, count: str) -> None:
    """In a worker, as if the system had killed it for its memory."""
    for _ in take_jobs(Path(folder), int(count)):
        os.kill(os.getpid(), signal.SIGKILL)


def fail_at_work(folder: str, count: str) -> None:
    """In a worker."""
    for _ in take_jobs(Path(folder), int(count)):
        raise ValueError("that is no text")


def fill_the_disk(folder: str, count: str) -> None:
    """In a worker."""
    tell_failure(OSError(errno.ENOSPC, "No space left on device"))


def leave_work_undone(folder: str, count: str) -> None:
    """In a worker."""
    tell()


def shared(work: Callable[[str, str], None], place: Path) -> bool:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(workers, "ALONE", {"PYTHONPATH": str(Path(__file__).parent)})
        return workers.share_out(work, {}, [0, 1], place, 1, lambda message: None)


def test_what_ends_a_worker_is_said(tmp_path: Path) -> None:
    assert not shared(die_at_once, tmp_path / "1")
    with pytest.raises(CharLSTMError, match=r"was killed \(SIGKILL\): perhaps the memory was full; run the command"):
        shared(die_at_work, tmp_path / "2")
    with pytest.raises(CharLSTMError, match=r"a process that encodes the text failed: ValueError: that is no text"):
        shared(fail_at_work, tmp_path / "3")
    with pytest.raises(OSError, match="No space left"):
        shared(fill_the_disk, tmp_path / "4")
    with pytest.raises(CharLSTMError, match="did not do all of it"):
        shared(leave_work_undone, tmp_path / "5")


def test_where_no_process_can_be_started_this_one_encodes(texts: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    alone = result_of(texts, Sharing())
    monkeypatch.setattr(sys, "executable", "/there/is/no/python")
    assert result_of(texts, Sharing(2, 600_000)) == alone


def test_hashes_by_threads_are_those_by_one(texts: list[Path]) -> None:
    told: list[int] = []
    assert list(hash_files(texts, 3, told.append)) == list(hash_files(texts, 1, lambda n: None))
    assert sum(told) == sum(path.stat().st_size for path in texts)
    with pytest.raises(TextError, match=r"gone\.txt: No such file"):
        list(hash_files([*texts, texts[0].with_name("gone.txt")], 2, lambda n: None))

    def interrupt(n: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(hash_files(texts, 2, interrupt))


OPEN = """
import sys, time
from charlstm.corpus import CorpusRequest, encode, open_corpus
encode.SHARED_FROM = 0
slow = float(sys.argv[2])
def tell(what, done, total):
    print(what, flush=True)
    time.sleep(slow * (what == "encoding"))
print(open_corpus(CorpusRequest((sys.argv[1],)), None, tell, int(sys.argv[3])).sha256)
"""


def start(path: Path, slow: float = 0.0, processes: int = 1) -> subprocess.Popen[str]:
    """A process that opens a text and says what it does."""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)}
    command = [sys.executable, "-c", OPEN, str(path), str(slow), str(processes)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CHARLSTM_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache" / "corpora"


def open_slowly(path: Path) -> subprocess.Popen[str]:
    """A process that is encoding a text, and will be for a minute."""
    process = start(path, slow=60)
    while process.stdout.readline() != "encoding\n":
        assert process.poll() is None
    return process


@pytest.mark.slow
def test_processes_that_open_the_same_text_encode_it_once(corpus_file: Path, own_cache: Path) -> None:
    with start(corpus_file, slow=2) as first:
        while "encoding" not in first.stdout.readline():
            assert first.poll() is None
        stages: list[str] = []
        corpus = open_corpus(CorpusRequest((str(corpus_file),)), None, lambda what, *_: stages.append(what))
        assert first.communicate(timeout=60)[0].split()[-1] == corpus.sha256
    assert {"another process is encoding", "checking"} <= set(stages)
    assert {"reading", "encoding"}.isdisjoint(stages)  # by us
    assert [path.name for path in own_cache.iterdir()] == [corpus.sha256]


@on_linux
def test_who_waits_takes_over_from_a_process_that_is_killed(corpus_file: Path, own_cache: Path) -> None:
    with open_slowly(corpus_file) as first:
        assert len([path for path in own_cache.iterdir() if path.is_dir()]) == 1  # its scratch folder
        stages: list[str] = []

        def tell(what: str, done: int, total: int) -> None:
            stages.append(what)
            first.kill()

        corpus = open_corpus(CorpusRequest((str(corpus_file),)), None, tell)
    assert stages[0].startswith("another process is ")
    assert stages[-1] == "checking"
    assert "encoding" in stages
    assert [path.name for path in own_cache.iterdir()] == [corpus.sha256]


def test_a_text_that_changes_while_another_process_reads_it_is_refused(corpus_file: Path, own_cache: Path) -> None:
    with start(corpus_file, slow=1) as first:
        while "encoding" not in first.stdout.readline():
            assert first.poll() is None

        def change(what: str, done: int, total: int) -> None:
            corpus_file.touch()

        with pytest.raises(TextError, match="changed while charlstm read it"):
            open_corpus(CorpusRequest((str(corpus_file),)), None, change)
        first.communicate(timeout=60)


@on_linux
@pytest.mark.parametrize("signum", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_workers_end_with_the_process_that_started_them(tmp_path: Path, own_cache: Path, signum: int) -> None:
    path = tmp_path / "large.txt"
    path.write_bytes("words of a text, é\n".encode() * 2_000_000)
    with start(path, processes=2) as parent:
        while parent.stdout.readline() != "encoding\n":
            assert parent.poll() is None
        started = descendants(parent.pid)
        assert len(started) == 2
        parent.send_signal(signum)
        parent.communicate(timeout=60)
    assert parent.returncode != 0
    assert until(lambda: not any(map(alive, started)), 2)
    if signum == signal.SIGINT:  # the others end this program at once, as any that does not handle them
        assert list(own_cache.iterdir()) == []
