"""A text encoded in parts, by one process or several: to the byte what comes of it in one piece, errors too."""

from __future__ import annotations

import gzip
import os
import random
import tempfile
from collections import Counter
from collections.abc import Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from charlstm.corpus import CorpusRequest, appearance, blocks, encode, lines, sources, split
from charlstm.corpus.encode import Sharing
from charlstm.corpus.parts import cut_places, plan_parts
from charlstm.errors import TextError
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
