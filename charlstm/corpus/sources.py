"""From what a person typed (files, folders, globs, `-`) to chunks of sound, normalised text."""

from __future__ import annotations

import codecs
import fnmatch
import glob
import gzip
import io
import os
import stat
import sys
import unicodedata
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import BinaryIO, NamedTuple

from charlstm.errors import TextError, UsageError
from charlstm.files.atomic import is_empty, read_beginning

CHUNK_BYTES = 1 << 18  # everything made of a chunk stays in the processor's cache
MAX_MARKS = 10_000
BOMB_BYTES = 1 << 26  # a file that unpacks to more than this ...
BOMB_RATIO = 200  # ... and to this many times its size would only fill the disk: text has a ratio of 3, logs of 20
GLOBS = ("*.txt", "*.txt.gz")  # what a folder gives
STDIN, SPOOLED = "-", "standard input"  # what a person types, and what a copy of it is called
SAVE_AS_TEXT = "not a plain text; save its text as a .txt file first"
NO_TEXT = {  # what people take for a text, by its first bytes
    b"PK\x03\x04": f"a zip archive (such as a Word, OpenDocument or EPUB file), {SAVE_AS_TEXT}",
    b"\xd0\xcf\x11\xe0": f"an old Word file, {SAVE_AS_TEXT}",
    b"%PDF": f"a PDF file, {SAVE_AS_TEXT}",
    b"\x1f\x8b": "a gzip file, not a plain text; give it a name that ends in .txt.gz",
}
MAX_KINDS = 5  # of files, and so many of each, are looked at to find out which are texts


class Span(NamedTuple):
    """Some of the bytes of a file: `begin` to `end`, exclusive."""

    begin: int
    end: int


WHOLE = Span(0, sys.maxsize)


def find_files(arguments: Sequence[str], globs: Sequence[str] = ()) -> list[Path]:
    """The files that the arguments name, in order: files as they are, folders searched, globs expanded.

    A folder gives the files in it and in the folders below it, sorted by path. Links to folders are not followed, empty
    files and folders whose names begin with a dot are left out.

    Args:
        arguments: names of files and folders, and globs.
        globs: which files a folder gives, by their names; by their paths below it where there is a / in the glob.
            Empty: `*.txt` and `*.txt.gz`.

    Raises:
        TextError: for a name that matches nothing, a folder without such files, or anything but a regular file.
    """
    found: list[Path] = []
    for argument in arguments:
        try:
            found += _find(argument, globs)
        except OSError as e:  # a name that is too long, for example
            raise TextError(f"{argument}: {e.strerror}") from None
    for path in found:
        _check_regular(path)
    return found


def find_texts(arguments: Sequence[str], globs: Sequence[str] = ()) -> list[Path]:
    """The texts that the arguments name, in order: as `find_files`, with `-` for standard input as it is.

    Raises:
        UsageError: for a second `-`, because nothing is left to be read there.
        TextError: as `find_files`, and for `globs` without a folder that they could choose from.
    """
    check_stdin(arguments)
    check_globs(arguments, globs)
    found: list[Path] = []
    for name in arguments:
        if name == STDIN:
            found.append(Path(STDIN))
        else:  # a file of that name (./-) is another than standard input, which its path does not tell
            found += [path.absolute() if str(path) == STDIN else path for path in find_files([name], globs)]
    return found


def check_stdin(arguments: Sequence[str]) -> None:
    """Raise UsageError for a second `-`, because nothing is left to be read there."""
    if arguments.count(STDIN) > 1:
        raise UsageError(f"{STDIN} is given {arguments.count(STDIN)} times, but standard input is read only once")


def check_globs(arguments: Sequence[str], globs: Sequence[str]) -> None:
    """Raise TextError if `globs` are given, and none of the arguments is a folder that they could choose from."""
    named = [name for name in arguments if name != STDIN]
    if globs and not any(os.path.isdir(path) for name in named for path in (name, *glob.iglob(name))):
        raise TextError("`glob` chooses files in a folder, and no folder is given", "glob")


def _find(argument: str, globs: Sequence[str]) -> list[Path]:
    if not argument:  # as an empty variable of a shell gives it; to Path it is the current folder
        raise TextError("the name of a text is empty; the current folder is .")
    path = Path(argument)
    if path.is_dir():
        return _in_folder(path, globs or GLOBS)
    if path.exists() or path.is_symlink():
        return [path]
    if matches := sorted(glob.glob(argument, recursive=True)):
        return find_files(matches, globs)
    raise TextError(f"{argument}: no such file or folder")


def _in_folder(folder: Path, globs: Sequence[str]) -> list[Path]:
    inside: list[Path] = []
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        inside += [Path(place, name) for name in names]
    chosen = [path for path in inside if any(_matches(path.relative_to(folder), pattern) for pattern in globs)]
    found = sorted(path for path in chosen if not _has_size_0(path))
    if found:
        return found
    if chosen:
        raise TextError(f"{folder}: the files {' and '.join(globs)} in this folder are all empty")
    hint = f"; it has {others}" if (others := _other_texts(inside)) else ""
    raise TextError(f"{folder}: there is no {' or '.join(globs)} in this folder{hint}", "glob")


def _matches(path: Path, pattern: str) -> bool:
    return fnmatch.fnmatchcase(path.as_posix() if "/" in pattern else path.name, pattern)


def _has_size_0(path: Path) -> bool:
    try:
        status = path.stat()
    except OSError:  # whoever reads it will say what is wrong
        return False
    return stat.S_ISREG(status.st_mode) and status.st_size == 0


def _other_texts(paths: Sequence[Path]) -> str:
    """The most frequent kind of text among files, and how to take it; empty if none seems to be text."""
    kinds: dict[str, list[Path]] = {}
    for path in paths:
        if path.suffix and not path.name.startswith("."):
            kinds.setdefault(path.suffix, []).append(path)
    for suffix, files in sorted(kinds.items(), key=lambda kind: (-len(kind[1]), kind[0]))[:MAX_KINDS]:
        if any(map(_begins_as_text, files[:MAX_KINDS])):
            how_many = f"{len(files):,} files" if len(files) > 1 else "a file"
            return f"{how_many} *{suffix}: take them with `glob` '*{suffix}'"
    return ""


def _begins_as_text(path: Path) -> bool:
    with suppress(OSError):
        beginning = read_beginning(path, 1024)
        text = beginning.decode("utf-8", "ignore")
        return bool(beginning) and "\0" not in text and len(text.encode()) >= len(beginning) - 3  # a character was cut
    return False


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
    stream: BinaryIO | None = None,
    span: Span = WHOLE,
) -> Iterator[str]:
    """The text of a file in chunks: decoded, without byte-order mark, CRLF made LF, composed to NFC.

    Args:
        path: a regular file; decompressed where it ends in `.gz`.
        stream: what is read in place of the file, which may be a pipe; then `path` is only its name.
        encoding: as `check_encoding` returns it.
        normalize: whether to bring the text into normal form C.
        on_bytes: called with the number of bytes read from disk since the last call.
        span: which bytes of the file; they begin and end where `parts.cut_places` says that it may be cut.

    Raises:
        TextError: names the file, the byte offset (in the decompressed text) and what was expected.
    """
    held, offset = "", 0
    for text, is_last in _decoded(path, encoding, on_bytes, stream, span):
        if "\0" in text:
            if what := _no_text(text[:4].encode(encoding, "ignore") if offset == span.begin == 0 else b""):
                raise TextError(f"{path}: this is {what}")
            before = _decoded(path, encoding, span=Span(0, span.begin)) if span.begin else ()
            at = sum(len(earlier) for earlier, _ in before) + offset + text.index("\0")
            raise TextError(
                f"{path}: character {at:,} is NUL: expected a text in {encoding}; "
                "if it is UTF-16 or UTF-32, set `encoding`",
                "encoding",
            )
        offset += len(text)
        # A cut must not separate a letter from its accent, nor CR from LF: end each chunk where nothing joins.
        text = held + text
        cut = len(text) if is_last else _safe_cut(text)
        if cut == 0 and len(text) >= MAX_MARKS:
            raise TextError(f"{path}: {MAX_MARKS:,} combining marks in a row; is it a text?")
        text, held = text[:cut], text[cut:]
        if text:
            yield _clean(text, normalize)
    if held:
        yield _clean(held, normalize)


def read_lines(
    path: Path,
    encoding: str = "utf-8",
    normalize: bool = True,
    on_bytes: Callable[[int], None] = lambda bytes_read: None,
    stream: BinaryIO | None = None,
) -> Iterator[str]:
    """The lines of a file, one after the other, without the line feeds that end them. Arguments as for `read_chunks`.

    What follows the last line feed is a line, too, unless it is empty.
    """
    held: list[str] = []  # pieces of a line whose end has not been read
    for text in read_chunks(path, encoding, normalize, on_bytes, stream):
        *ended, rest = text.split("\n")
        for line in ended:
            yield "".join([*held, line])
            held = []
        held += [rest] if rest else []
    if held:
        yield "".join(held)


def _clean(text: str, normalize: bool) -> str:
    if "\r" in text:
        text = text.replace("\r\n", "\n")
    return text if not normalize or text.isascii() else unicodedata.normalize("NFC", text)


def _safe_cut(text: str) -> int:
    """The last place where a text may be cut: before a character that joins nothing before it; 0 if there is none."""
    for cut in range(len(text) - 1, max(0, len(text) - MAX_MARKS), -1):
        if stands_alone(text[cut]) and text[cut - 1] != "\r":
            return cut
    return 0


def stands_alone(character: str) -> bool:
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


def _decoded(
    path: Path,
    encoding: str,
    on_bytes: Callable[[int], None] = lambda bytes_read: None,
    given: BinaryIO | None = None,
    span: Span = WHOLE,
) -> Iterator[tuple[str, bool]]:
    """The text of every chunk, and whether the span ends with it."""
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    offset = span.begin  # of the chunk, in the (decompressed) file
    first = span.begin == 0
    try:
        with open_text(path) if given is None else nullcontext(given) as raw:
            stream: BinaryIO | gzip.GzipFile = gzip.GzipFile(fileobj=raw) if path.suffix == ".gz" else raw
            if span.begin:
                raw.seek(span.begin)
            position = span.begin
            while True:
                # chunks end at the same places wherever the file is cut: so it has the same first error, in any case
                chunk = stream.read(min(CHUNK_BYTES - offset % CHUNK_BYTES, span.end - offset))
                read_to = raw.tell() if given is None else position + len(chunk)  # a pipe cannot tell
                on_bytes(read_to - position)
                position = read_to
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
                    yield text, offset + len(chunk) == span.end
                if not chunk:
                    return
                offset += len(chunk)
                if offset > BOMB_BYTES and offset > BOMB_RATIO * position:
                    raise TextError(
                        f"{path}: it unpacks to more than {BOMB_RATIO} times its size, as no ordinary text does; "
                        "if you trust it, unpack it first"
                    )
    except (gzip.BadGzipFile, EOFError, zlib.error) as e:
        raise TextError(f"{path}: damaged gzip file: {e}") from None
    except OSError as e:
        raise TextError(f"{path}: {e.strerror or e}") from None


def _no_text(start: bytes) -> str:
    """What a file is that begins like this, and what to do; empty if it may be a text."""
    return next((what for magic, what in NO_TEXT.items() if start.startswith(magic)), "")


def _undecodable(path: Path, encoding: str, at: int, e: UnicodeDecodeError, start: bytes) -> str:
    if encoding == "utf-8" and start[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        hint = "it looks like UTF-16: try `encoding` utf-16"
    elif what := _no_text(start):
        return f"{path}: this is {what}"
    else:
        hint = "if it is in another encoding, name it: `encoding` latin-1, for example"
    return f"{path}: byte {at:,}: expected {encoding}, found 0x{e.object[e.start]:02x} ({e.reason}); {hint}"
