"""From what a person typed (files, folders, globs, `-`) to chunks of sound, normalised text."""

from __future__ import annotations

import codecs
import glob
import gzip
import io
import os
import stat
import unicodedata
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from charlstm.errors import TextError
from charlstm.files.atomic import is_empty

CHUNK_BYTES = 1 << 18  # everything made of a chunk stays in the processor's cache
MAX_MARKS = 10_000
BOMB_BYTES = 1 << 26  # a file that unpacks to more than this ...
BOMB_RATIO = 200  # ... and to this many times its size would only fill the disk: text has a ratio of 3, logs of 20
SUFFIXES = (".txt", ".txt.gz")
STDIN = "-"


def find_files(arguments: Sequence[str]) -> list[Path]:
    """The files that the arguments name, in order: files as they are, folders searched, globs expanded.

    A folder gives its `*.txt` and `*.txt.gz`, recursively, sorted by path. Links to folders are not followed.

    Raises:
        TextError: for a name that matches nothing, a folder without text, or anything but a regular file.
    """
    found: list[Path] = []
    for argument in arguments:
        try:
            found += _find(argument)
        except OSError as e:  # a name that is too long, for example
            raise TextError(f"{argument}: {e.strerror}") from None
    for path in found:
        _check_regular(path)
    return found


def _find(argument: str) -> list[Path]:
    path = Path(argument)
    if path.is_dir():
        inside = sorted(
            Path(folder, name) for folder, _, names in os.walk(path) for name in names if name.endswith(SUFFIXES)
        )
        if not inside:
            raise TextError(f"{argument}: no *.txt or *.txt.gz in this folder")
        return inside
    if path.exists() or path.is_symlink():
        return [path]
    if matches := sorted(glob.glob(argument, recursive=True)):
        return find_files(matches)
    raise TextError(f"{argument}: no such file or folder")


def _check_regular(path: Path) -> None:
    try:
        mode = path.stat().st_mode
    except OSError as e:
        raise TextError(f"{path}: {e.strerror}") from None
    if not stat.S_ISREG(mode):
        raise TextError(f"{path}: not a regular file; to read from a pipe, give - and redirect it to standard input")


def check_encoding(encoding: str) -> str:
    """The canonical name of a text encoding. Raises TextError for a name that Python does not know."""
    try:
        info = codecs.lookup(encoding)
    except (LookupError, ValueError):
        info = None
    if info is None or not info._is_text_encoding or info.incrementaldecoder is None:
        raise TextError(f"`encoding` {encoding}: no such text encoding; try utf-8, utf-16 or latin-1", "encoding")
    return info.name


def read_chunks(
    path: Path,
    encoding: str = "utf-8",
    normalize: bool = True,
    on_bytes: Callable[[int], None] = lambda bytes_read: None,
) -> Iterator[str]:
    """The text of a file in chunks: decoded, without byte-order mark, CRLF made LF, composed to NFC.

    Args:
        path: a regular file; decompressed where it ends in `.gz`.
        encoding: as `check_encoding` returns it.
        normalize: whether to bring the text into normal form C.
        on_bytes: called with the number of bytes read from disk since the last call.

    Raises:
        TextError: names the file, the byte offset (in the decompressed text) and what was expected.
    """
    held, offset = "", 0
    for text in _decoded(path, encoding, on_bytes):
        if "\0" in text:
            at = offset + text.index("\0")
            raise TextError(
                f"{path}: character {at:,} is NUL: expected a text in {encoding}; "
                "if it is UTF-16 or UTF-32, say so with `encoding`",
                "encoding",
            )
        offset += len(text)
        # A cut must not separate a letter from its accent, nor CR from LF: end each chunk where nothing joins.
        text = held + text
        cut = _safe_cut(text)
        if cut == 0 and len(text) > MAX_MARKS:
            raise TextError(f"{path}: {MAX_MARKS:,} combining marks in a row are not text")
        text, held = text[:cut], text[cut:]
        if text:
            yield _clean(text, normalize)
    if held:
        yield _clean(held, normalize)


def _clean(text: str, normalize: bool) -> str:
    if "\r" in text:
        text = text.replace("\r\n", "\n")
    return text if not normalize or text.isascii() else unicodedata.normalize("NFC", text)


def _safe_cut(text: str) -> int:
    """The last place where a text may be cut: before a character that joins nothing before it; 0 if there is none."""
    for cut in range(len(text) - 1, max(0, len(text) - MAX_MARKS), -1):
        if _stands_alone(text[cut]) and text[cut - 1] != "\r":
            return cut
    return 0


def _stands_alone(character: str) -> bool:
    """Whether a character never composes with one before it: no mark, no Hangul vowel or final."""
    if character < "\u0300":
        return True
    return not (
        unicodedata.category(character).startswith("M")
        or "\u1160" <= character <= "\u11ff"
        or "\U00016d40" <= character <= "\U00016d7f"  # Kirat Rai vowels, younger than our Unicode tables
    )


@contextmanager
def open_text(path: Path) -> Iterator[BinaryIO]:
    """A file for reading; nothing where its size is 0, even if there were something (`/proc`). Raises OSError."""
    with open(path, "rb") as f:
        yield io.BytesIO() if is_empty(f) else f


def _decoded(path: Path, encoding: str, on_bytes: Callable[[int], None]) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    offset = 0  # of the chunk, in the (decompressed) file
    first = True
    try:
        with open_text(path) as raw:
            stream: BinaryIO | gzip.GzipFile = gzip.GzipFile(fileobj=raw) if path.suffix == ".gz" else raw
            position = 0
            while True:
                chunk = stream.read(CHUNK_BYTES)
                on_bytes(raw.tell() - position)
                position = raw.tell()
                pending = decoder.getstate()[0]
                try:
                    text = decoder.decode(chunk, final=not chunk)
                except UnicodeDecodeError as e:
                    at = offset - len(pending) + e.start
                    raise TextError(
                        _undecodable(path, encoding, at, e, (pending + chunk)[:4] if first else b""), "encoding"
                    ) from None
                except UnicodeError as e:  # "UTF-16 stream does not start with BOM" has no position
                    raise TextError(f"{path}: byte {offset:,}: expected {encoding}: {e}") from None
                if text:
                    if first and encoding == "utf-8":
                        text = text.removeprefix("\ufeff")
                    first = False
                    yield text
                if not chunk:
                    return
                offset += len(chunk)
                if offset > BOMB_BYTES and offset > BOMB_RATIO * position:
                    raise TextError(
                        f"{path}: it unpacks to more than {BOMB_RATIO} times its size, which no text does; "
                        "if it must be, unpack it first"
                    )
    except (gzip.BadGzipFile, EOFError, zlib.error) as e:
        raise TextError(f"{path}: not a sound gzip file: {e}") from None
    except OSError as e:
        raise TextError(f"{path}: {e.strerror or e}") from None


def _undecodable(path: Path, encoding: str, at: int, e: UnicodeDecodeError, start: bytes) -> str:
    if encoding == "utf-8" and start[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        hint = "it looks like UTF-16: try `encoding` utf-16"
    else:
        hint = "if it is in another encoding, say which: `encoding` latin-1, for example"
    return f"{path}: byte {at:,}: expected {encoding}, found 0x{e.object[e.start]:02x} ({e.reason}); {hint}"
