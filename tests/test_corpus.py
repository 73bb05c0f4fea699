"""Texts in: what is read, what is refused and how, what is kept."""

import gzip
import io
import json
import os
import time
import unicodedata
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from charlstm.corpus import (
    CorpusRequest,
    blocks,
    find_files,
    find_texts,
    open_corpus,
    read_chunks,
    sources,
    stored_corpus,
)
from charlstm.errors import TextError, UsageError
from charlstm.files.cache import cache_folder


def corpus_of(*files: Path | str, **more: object):
    return open_corpus(CorpusRequest(tuple(map(str, files)), **more))  # type: ignore[arg-type]


def read_text(path: Path, *how: object, **more: object) -> str:
    return "".join(read_chunks(path, *how, **more))  # type: ignore[arg-type]


def write(path: Path, data: bytes | str) -> Path:
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path


def test_files_folders_and_globs(tmp_path: Path) -> None:
    deep = tmp_path / "deep"
    deep.mkdir()
    a, b = write(tmp_path / "b.txt", "x"), write(deep / "a.txt", "y")
    c = deep / "c.txt.gz"
    c.write_bytes(gzip.compress(b"z"))
    write(tmp_path / "notes.md", "no")
    assert find_files([str(tmp_path)]) == [a, b, c]
    assert find_files([str(tmp_path / "*.md"), str(a)]) == [tmp_path / "notes.md", a]
    assert find_files([str(tmp_path / "de*")]) == [b, c]
    odd = write(tmp_path / "what[1]?.txt", "q")
    assert find_files([str(odd)]) == [odd]


def test_globs_choose_what_folders_give(tmp_path: Path) -> None:
    (tmp_path / "code" / "deep").mkdir(parents=True)
    (tmp_path / "code" / ".venv").mkdir()
    code = tmp_path / "code"
    a, b = write(code / "a.py", "x"), write(code / "deep" / "b.py", "y")
    c, text = write(code / "deep" / "c.pyi", "z"), write(tmp_path / "t.txt", "t")
    write(code / "__init__.py", "")
    write(code / ".venv" / "torch.py", "no")
    assert find_files([str(code)], ["*.py"]) == [a, b]
    assert find_files([str(text), str(code)], ["*.py", "*.pyi"]) == [text, a, b, c]
    assert find_files([str(code)], ["deep/*"]) == [b, c]
    with pytest.raises(
        TextError, match=r"no \*\.txt or \*\.txt\.gz in this folder; it has 3 files \*\.py: take them with"
    ):
        find_files([str(code)])
    with pytest.raises(TextError, match=r"no \*\.c in this folder; it has"):
        find_files([str(code)], ["*.c"])
    with pytest.raises(TextError, match=r"the files __init__\.\* in this folder are all empty"):
        find_files([str(code)], ["__init__.*"])
    with pytest.raises(TextError, match="no folder is given"):
        open_corpus(CorpusRequest((str(text),), globs=("*.py",)))


def test_standard_input_among_the_files_of_a_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("a.txt", "b.txt", "-"):
        Path(name).write_text("abc")
    assert find_texts(["b.txt", "-", "a.txt"]) == [Path("b.txt"), Path("-"), Path("a.txt")]
    assert find_texts(["./-", "-"]) == [tmp_path / "-", Path("-")]  # a file of that name is not standard input
    with pytest.raises(UsageError, match="- is given 2 times, but standard input is read only once"):
        find_texts(["-", "a.txt", "-"])
    Path("-").unlink()
    Path("-").mkdir()
    with pytest.raises(TextError, match="no folder is given"):
        find_texts(["-", "a.txt"], ["*.txt"])


@pytest.mark.parametrize("data", [b"\x89PNG\r\n\0", b"", b"\xff\xfe\xff\xfe" * 9])
def test_only_texts_are_offered_in_place_of_those_that_are_not_there(tmp_path: Path, data: bytes) -> None:
    for name in ("a.png", "b.png", ".hidden"):
        write(tmp_path / name, data)
    with pytest.raises(TextError, match=r"in this folder$"):
        find_files([str(tmp_path)])
    write(tmp_path / "c.md", "é" * 600)
    with pytest.raises(TextError, match=r"it has a file \*\.md: take them with"):
        find_files([str(tmp_path)])


def test_links_that_go_in_circles_end(tmp_path: Path) -> None:
    (tmp_path / "round").symlink_to(tmp_path)
    write(tmp_path / "a.txt", "x")
    assert find_files([str(tmp_path)]) == [tmp_path / "a.txt"]
    (tmp_path / "self.txt").symlink_to(tmp_path / "self.txt")
    with pytest.raises(TextError, match=r"self\.txt"):
        find_files([str(tmp_path / "self.txt")])


@pytest.mark.parametrize(
    ("data", "encoding", "text"),
    [
        ("olá\r\nfim\r\n".encode(), "utf-8", "olá\nfim\n"),
        ("\ufeffolá".encode(), "utf-8", "olá"),
        ("olá".encode("utf-16"), "utf-16", "olá"),
        ("olá".encode("latin-1"), "iso8859-1", "olá"),
        (unicodedata.normalize("NFD", "coração").encode(), "utf-8", "coração"),
        (b"a\rb\r\r\nc\r", "utf-8", "a\rb\r\nc\r"),
    ],
)
def test_what_is_read(tmp_path: Path, data: bytes, encoding: str, text: str) -> None:
    assert read_text(write(tmp_path / "t.txt", data), encoding) == text
    packed = tmp_path / "t.txt.gz"
    packed.write_bytes(gzip.compress(data))
    assert read_text(packed, encoding) == text


def test_normal_form_is_left_alone_when_asked(tmp_path: Path) -> None:
    text = unicodedata.normalize("NFD", "ação")
    assert read_text(write(tmp_path / "t.txt", text), normalize=False) == text


PIECES = st.lists(
    st.sampled_from(["a", "\u0301", "\u0323", "\r", "\n", "é", "ᄀ", "ᅡ", "ᆨ", "😀", "\u09c7", "\u09be", " "]), min_size=1
)


@settings(max_examples=300, deadline=None)
@given(PIECES, st.integers(1, 5))
def test_where_a_text_is_cut_into_chunks_does_not_matter(tmp_path_factory, pieces: list[str], chunk: int) -> None:
    path = tmp_path_factory.mktemp("chunks") / "t.txt"
    text = "".join(pieces)
    path.write_bytes(text.encode())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sources, "CHUNK_BYTES", chunk)
        read = read_text(path)
    assert read == unicodedata.normalize("NFC", text.replace("\r\n", "\n"))


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"ab\xff\xfecd", "byte 2: expected utf-8, found 0xff"),
        (b"abc\xc3", "byte 3: expected utf-8"),
        (
            b"PK\x03\x04\x14\x00\xff\xfe",
            "this is a zip archive (such as a Word, OpenDocument or EPUB file), not a plain text",
        ),
        (b"PK\x03\x04\x14\0", "this is a zip archive"),
        (b"%PDF-1.7\n\xff\xfe", "this is a PDF file, not a plain text; save its text as a .txt file first"),
        (b"\xc0\xaf", "byte 0"),
        (b"abc\xed\xa0\x80", "byte 3"),
        ("olá olá".encode("utf-16"), "try `encoding` utf-16"),
        ("ola ola".encode("utf-16-le"), "NUL"),
        (b"a\0b", "NUL"),
    ],
)
def test_what_cannot_be_decoded_is_located(tmp_path: Path, data: bytes, expected: str) -> None:
    path = write(tmp_path / "bad.txt", data)
    with pytest.raises(TextError) as caught:
        read_text(path)
    assert expected in str(caught.value)
    assert str(path) in str(caught.value)


def test_offsets_count_from_the_beginning_of_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "CHUNK_BYTES", 7)
    path = write(tmp_path / "bad.txt", "é".encode() * 50 + b"\xff")
    with pytest.raises(TextError, match="byte 100:"):
        read_text(path)


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda p: p / "missing.txt", "no such file"),
        (lambda p: write(p / "empty.txt", b""), "empty"),
        (lambda p: write(p / "bom.txt", "\ufeff"), "empty"),
        (lambda p: write(p / "one.txt", "aaaaaa"), "one distinct character"),
        (lambda p: p, r"no \*\.txt"),
        (lambda p: Path("/dev/null"), "not a regular file"),
        (lambda p: write(p / "cut.txt.gz", gzip.compress(b"hello world" * 99)[:40]), "gzip"),
        (lambda p: write(p / "not.gz", b"plain"), "gzip"),
    ],
)
def test_what_is_no_corpus_is_refused_and_leaves_nothing(tmp_path: Path, make, expected: str) -> None:
    with pytest.raises(TextError, match=expected):
        corpus_of(make(tmp_path))
    assert not [p for p in cache_folder("corpora").iterdir() if p.name.startswith("new-")]


def test_a_pipe_is_refused_before_it_hangs(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.txt")
    with pytest.raises(TextError, match="give -"):
        corpus_of(tmp_path / "pipe.txt")


def test_too_many_characters(tmp_path: Path) -> None:
    text = "".join(chr(c) for c in range(1, 0x11000) if not 0xD800 <= c < 0xE000)
    with pytest.raises(TextError, match="65,536"):
        corpus_of(write(tmp_path / "all.txt", text), normalize=False)


def test_unknown_encodings(tmp_path: Path) -> None:
    for name in ("klingon", "rot13", "hex", "utf\0-8"):
        with pytest.raises(TextError, match="no such text encoding"):
            corpus_of(write(tmp_path / "t.txt", "ab"), encoding=name)


def test_the_end_of_every_file_is_kept_for_validation(tmp_path: Path) -> None:
    a, b = write(tmp_path / "a.txt", "abcdefghij" * 10), write(tmp_path / "b.txt", "0123456789")
    corpus = corpus_of(a, b)
    assert corpus.vocabulary.decode(corpus.train) == "abcdefghij" * 9 + "012345678"
    assert corpus.vocabulary.decode(corpus.valid) == "abcdefghij" + "9"
    assert corpus.train.dtype == np.uint8
    assert dict(zip(corpus.vocabulary.characters, corpus.counts, strict=True))["a"] == 10


def test_texts_of_ones_own_for_validation(tmp_path: Path) -> None:
    corpus = corpus_of(write(tmp_path / "a.txt", "abab"), valid_files=(str(write(tmp_path / "v.txt", "abc")),))
    assert corpus.vocabulary.decode(corpus.train) == "abab"
    assert corpus.vocabulary.decode(corpus.valid) == "abc"
    assert len(corpus.vocabulary) == 3


def test_a_line_belongs_to_its_file_wherever_the_file_is_cut(tmp_path: Path) -> None:
    """And no line is made of the ends of two files."""
    texts = [[f"{name} line {k}" for k in range(20)] for name in ("alpha", "bravo", "charlie")]
    files = [write(tmp_path / f"{k}.txt", "\n".join(lines)) for k, lines in enumerate(texts)]
    every = {line for lines in texts for line in lines}
    glued = {"alpha line 19bravo line 0", texts[0][-1] + texts[1][0]}
    assert corpus_of(*files, valid_fraction=0.3).has_lines(every | glued) == every
    apart = corpus_of(*files[:2], valid_files=(str(files[2]),))
    assert apart.has_lines(every | glued) == every
    assert corpus_of(files[0], valid_fraction=0.3).has_lines(every) == set(texts[0])


def test_standard_input_is_called_so_and_keeps_its_place(tmp_path: Path) -> None:
    a, b = write(tmp_path / "a.txt", "ab" * 30), write(tmp_path / "b.txt", "cd" * 30)
    request = CorpusRequest((str(a), "-", str(b)), valid_fraction=0.0)
    corpus = open_corpus(request, io.BytesIO(b"ef" * 30))
    assert corpus.vocabulary.decode(corpus.train) == "ab" * 30 + "ef" * 30 + "cd" * 30
    assert corpus.files == (str(a), "standard input", str(b))
    with pytest.raises(TextError) as e:
        open_corpus(request, io.BytesIO(b"ef\xff"))
    assert str(e.value).startswith("standard input: byte 2: expected utf-8")
    assert e.value.settings == ("encoding",)
    with pytest.raises(UsageError, match="- is given 2 times"):
        open_corpus(CorpusRequest(("-",), valid_files=("-",)), io.BytesIO(b"ef" * 30))


def test_the_same_text_is_encoded_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "a.txt", "once upon a time")
    first = corpus_of(path)
    monkeypatch.setattr("charlstm.corpus.store.encode", lambda *a: pytest.fail("encoded again"))
    again = corpus_of(path)
    assert again.sha256 == first.sha256
    assert stored_corpus(first.sha256) is not None
    monkeypatch.undo()
    path.write_text("once upon a time!")
    assert corpus_of(path).sha256 != first.sha256


def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "log.txt", "growing " * 10)
    stages: list[str] = []

    def grow(what: str, done: int, total: int) -> None:
        if what == "encoding" and not stages:
            stages.append(what)
            with open(path, "a") as f:
                f.write("more")

    with pytest.raises(TextError, match="changed while charlstm read it"):
        open_corpus(CorpusRequest((str(path),)), on_progress=grow)


@settings(max_examples=100, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=20), st.floats(0, 0.9))
def test_any_text_comes_back_as_it_was(tmp_path_factory, text: str, fraction: float) -> None:
    path = tmp_path_factory.mktemp("any") / "t.txt"
    path.write_bytes(text.encode())
    normal = unicodedata.normalize("NFC", text.removeprefix("\ufeff").replace("\r\n", "\n"))
    if len(set(normal)) < 2:
        return
    corpus = corpus_of(path, valid_fraction=fraction)
    decode = corpus.vocabulary.decode
    assert decode(corpus.train) + decode(corpus.valid) == normal
    assert len(corpus.train) == int(len(normal) * (1 - fraction))
    assert sum(corpus.counts) == len(normal)


def test_more_than_256_characters_take_two_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "CHUNK_BYTES", 100)
    text = "plain text first, " * 20 + "".join(chr(0x4E00 + i) for i in range(700)) + " and plain text last" * 20
    corpus = corpus_of(write(tmp_path / "wide.txt", text))
    assert corpus.train.dtype == np.uint16
    assert corpus.vocabulary.decode(corpus.train) + corpus.vocabulary.decode(corpus.valid) == text


def test_all_65536_characters_fit(tmp_path: Path) -> None:
    text = "".join(chr(c) for c in range(0x10000, 0x20000))
    corpus = corpus_of(write(tmp_path / "many.txt", text + text), normalize=False)
    assert len(corpus.vocabulary) == 65_536
    assert set(corpus.counts) == {2}
    assert corpus.vocabulary.decode(corpus.train) + corpus.vocabulary.decode(corpus.valid) == text + text


@pytest.mark.parametrize(
    ("content", "opening"),
    [
        ("First part,\nof two lines.\n\nSecond part,\nof two.\n\n" * 20, "\n\n"),
        ("A line.\nAnother line.\n" * 20 + "\n", "\n"),
        ("no lines at all, " * 20, " "),
    ],
)
def test_what_the_parts_of_a_text_begin_after(tmp_path: Path, content: str, opening: str) -> None:
    path = tmp_path / "text.txt"
    path.write_text(content, encoding="utf-8")
    assert open_corpus(CorpusRequest((str(path),))).opening() == opening


def overwrite(path: Path, at: int, data: bytes) -> None:
    with open(path, "r+b") as f:
        f.seek(at)
        f.write(data)


def without_hashes(store: Path) -> None:
    """As a store was before there were any."""
    about = json.loads((store / "corpus.json").read_text())
    (store / "corpus.json").write_text(json.dumps({k: v for k, v in about.items() if k not in ("ids", "check")}))


def other_counts(store: Path) -> None:
    about = json.loads((store / "corpus.json").read_text())
    first, second, *rest = about["counts"]
    (store / "corpus.json").write_text(json.dumps({**about, "counts": [first + 1, second - 1, *rest]}))


DAMAGE: dict[str, Callable[[Path], object]] = {
    "zeros": lambda store: overwrite(store / "train.ids", 1000, bytes(500)),
    "ids of no character": lambda store: overwrite(store / "train.ids", 0, b"\xff"),
    "one other id": lambda store: overwrite(store / "valid.ids", 7, bytes([(store / "valid.ids").read_bytes()[7] ^ 1])),
    "backwards": lambda store: overwrite(store / "train.ids", 0, (store / "train.ids").read_bytes()[::-1]),
    "cut short": lambda store: os.truncate(store / "train.ids", 10),
    "longer": lambda store: os.truncate(store / "train.ids", 100_000),
    "empty": lambda store: os.truncate(store / "valid.ids", 0),
    "gone": lambda store: (store / "valid.ids").unlink(),
    "a folder": lambda store: ((store / "valid.ids").unlink(), (store / "valid.ids").mkdir()),
    "other counts": other_counts,
    "of the older form": without_hashes,
    "nested": lambda store: (store / "corpus.json").write_text("[" * 100_000),
    "a list": lambda store: (store / "corpus.json").write_text("[]"),
    "no JSON": lambda store: (store / "corpus.json").write_bytes(b"\xff"),
    "a pipe": lambda store: ((store / "corpus.json").unlink(), os.mkfifo(store / "corpus.json")),
}  # fmt: skip


@pytest.mark.parametrize("in_memory", [True, False])
@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_store_is_never_used_and_made_again(
    corpus_file: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, damage: str, in_memory: bool
) -> None:
    monkeypatch.setenv("CHARLSTM_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 512)
    monkeypatch.setattr(blocks, "IN_MEMORY_BYTES", 1 << 20 if in_memory else 0)
    first = corpus_of(corpus_file)
    assert isinstance(first.train, np.memmap) != in_memory
    train, valid = first.train.copy(), first.valid.copy()
    store = cache_folder("corpora") / first.sha256
    DAMAGE[damage](store)
    assert stored_corpus(first.sha256) is None
    again = corpus_of(corpus_file)
    for corpus in (again, stored_corpus(first.sha256)):
        assert np.array_equal(corpus.train, train)
        assert np.array_equal(corpus.valid, valid)
        assert corpus.counts == first.counts
    assert [path.name for path in store.parent.iterdir()] == [store.name]


def test_a_store_that_is_cut_short_disturbs_nobody_who_has_it_open(corpus_file: Path) -> None:
    corpus = corpus_of(corpus_file)
    text = corpus_file.read_text(encoding="utf-8")
    for name in ("train.ids", "valid.ids"):
        os.truncate(cache_folder("corpora") / corpus.sha256 / name, 0)
    assert corpus.vocabulary.decode(corpus.train) + corpus.vocabulary.decode(corpus.valid) == text


def test_a_mapped_store_that_is_made_again_or_removed_disturbs_nobody(
    corpus_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blocks, "IN_MEMORY_BYTES", 0)
    corpus = corpus_of(corpus_file)
    text = corpus_file.read_text(encoding="utf-8")
    store = cache_folder("corpora") / corpus.sha256
    without_hashes(store)
    assert np.array_equal(corpus_of(corpus_file).train, corpus.train)
    for path in store.iterdir():
        path.unlink()
    assert corpus.vocabulary.decode(corpus.train) + corpus.vocabulary.decode(corpus.valid) == text


def test_of_a_large_corpus_every_id_is_seen_and_a_fixed_part_is_compared(
    corpus_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 64)
    monkeypatch.setattr(blocks, "HASHED_BLOCKS", 4)
    assert blocks.hashed_blocks(4) == {0, 1, 2, 3}
    assert blocks.hashed_blocks(85) == {0, 28, 56, 84}
    corpus = corpus_of(corpus_file)  # 5,400 ids for training: 85 blocks
    ids = cache_folder("corpora") / corpus.sha256 / "train.ids"
    sound = ids.read_bytes()
    other = bytes([sound[64] ^ 1])
    for block, data, is_noticed in ((0, other, True), (1, other, False), (1, b"\xff", True), (84, other, True)):
        ids.write_bytes(sound)
        overwrite(ids, 64 * block, data)
        assert (stored_corpus(corpus.sha256) is None) == is_noticed
    ids.write_bytes(sound)
    assert stored_corpus(corpus.sha256) is not None


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 300), max_size=60), st.integers(1, 50), st.sampled_from([np.uint8, np.uint16]))
def test_ids_come_back_however_they_were_written(tmp_path_factory, ids: list[int], piece: int, id_type: type) -> None:
    path = tmp_path_factory.mktemp("blocks") / "ids"
    written: np.ndarray = np.array([i % 256 for i in ids] if id_type is np.uint8 else ids, dtype=id_type)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "BLOCK_BYTES", 16)
        with blocks.BlockWriter(path) as out:
            for start in range(0, len(written), piece):
                out.write(written[start : start + piece])
            about = out.finish()
            assert len(about["blocks"]) == -(-written.nbytes // 16)
            assert np.array_equal(blocks.read_ids(path, about, 256 if id_type is np.uint8 else 301), written)


def test_a_store_is_on_the_disk_before_it_has_its_name(corpus_file: Path, monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CHARLSTM_CACHE_DIR", str(tmp_path / "cache"))
    synced: set[int] = set()
    real_sync, real_rename = os.fsync, os.rename

    def fsync(descriptor: int) -> None:
        real_sync(descriptor)
        synced.add(os.fstat(descriptor).st_ino)

    def rename(source: os.PathLike, target: os.PathLike) -> None:
        if Path(source).is_dir():
            inside = {path.name: path.stat().st_ino for path in Path(source).iterdir()}
            assert set(inside) == {"corpus.json", "train.ids", "valid.ids"}
            assert {*inside.values(), Path(source).stat().st_ino} <= synced
        real_rename(source, target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "rename", rename)
    corpus = corpus_of(corpus_file)
    assert (tmp_path / "cache" / "corpora").stat().st_ino in synced
    assert stored_corpus(corpus.sha256) is not None


def test_gigabytes_of_nothing_are_refused_by_their_beginning(tmp_path: Path) -> None:
    for name in ("a.txt", "b.txt"):
        write(tmp_path / name, "a text\n" * 100)
    with open(tmp_path / "b.txt", "wb") as f:
        f.truncate(6 << 30)
    began, read = time.process_time(), []
    with pytest.raises(TextError, match=r"b\.txt: character 0 is NUL"):
        open_corpus(CorpusRequest((str(tmp_path),)), on_progress=lambda what, done, total: read.append(done))
    assert max(read, default=0) == 0
    assert time.process_time() - began < 2


@pytest.mark.skipif(not Path("/proc/version").exists(), reason="files that a system makes up, as Linux does")
def test_what_may_never_end_is_empty(tmp_path: Path) -> None:
    assert read_text(Path("/proc/version")) == ""
    with pytest.raises(TextError, match="/proc/version: the file is empty"):
        corpus_of("/proc/version")


def test_progress_is_told_as_how_much_is_done_of_how_much(tmp_path: Path) -> None:
    """Of all files together, in bytes, whatever is done with them."""
    for name in ("a.txt", "b.txt"):
        write(tmp_path / name, "a text\n" * 400_000)
    told: dict[str, list[tuple[int, int]]] = {}
    open_corpus(
        CorpusRequest((str(tmp_path),)),
        on_progress=lambda what, done, total: told.setdefault(what, []).append((done, total)),
    )
    assert set(told) == {"reading", "encoding", "storing", "checking"}
    for steps in told.values():
        dones, (total,) = [done for done, _ in steps], {total for _, total in steps}
        assert dones == sorted(dones)
        assert dones[0] < dones[-1] == total
