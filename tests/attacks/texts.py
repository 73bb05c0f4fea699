"""Texts that are no sound corpus, and odd ones that are: name -> how one is made in a folder."""

from __future__ import annotations

import bz2
import codecs
import gzip
import os
import socket
from collections.abc import Callable
from pathlib import Path

Make = Callable[[Path], Path]
WORDS = "one fish, two fish, red fish, blue fish\n"


def file(data: bytes | str, name: str = "text.txt") -> Make:
    """A file with this in it."""

    def make(folder: Path) -> Path:
        (folder / name).write_bytes(data.encode() if isinstance(data, str) else data)
        return folder / name

    return make


def pipe(folder: Path) -> Path:
    os.mkfifo(folder / "pipe.txt")
    return folder / "pipe.txt"


def a_socket(folder: Path) -> Path:
    before = os.getcwd()
    os.chdir(folder)  # the name of a socket must be short
    with socket.socket(socket.AF_UNIX) as s:
        s.bind("socket.txt")
    os.chdir(before)
    return folder / "socket.txt"


def loop(folder: Path) -> Path:
    (folder / "loop.txt").symlink_to("loop.txt")
    return folder / "loop.txt"


def dangling(folder: Path) -> Path:
    (folder / "gone.txt").symlink_to("nowhere.txt")
    return folder / "gone.txt"


def folder_without_text(folder: Path) -> Path:
    (folder / "notes.md").write_text("not a text")
    return folder


def folder_with_a_pipe(folder: Path) -> Path:
    file("abc" * 100)(folder)
    pipe(folder)
    return folder


def unreadable(folder: Path) -> Path:
    path = file(WORDS)(folder)
    path.chmod(0)
    return path


def bomb(folder: Path) -> Path:
    """80 kB that unpack to 80 MB."""
    with gzip.open(folder / "bomb.txt.gz", "wb") as f:
        for _ in range(80):
            f.write(b"a" * (1 << 20))
    return folder / "bomb.txt.gz"


packed = gzip.compress(WORDS.encode() * 500)
SURROGATE = "a\ud800b".encode("utf-8", "surrogatepass")

# name -> how it is made, and what the message must say; all end with exit code 3
REFUSED: dict[str, tuple[Make, str]] = {
    "missing": (lambda folder: folder / "missing.txt", "no such file"),
    "empty": (file(""), "empty"),
    "a byte-order mark alone": (file(codecs.BOM_UTF8), "empty"),
    "an empty gzip": (file(gzip.compress(b""), "text.txt.gz"), "empty"),
    "one character": (file("a"), "one distinct character"),
    "one character, a thousand times": (file("a" * 1000), "one distinct character"),
    "newlines": (file("\n" * 1000), "one distinct character"),
    "two characters": (file("ab"), "short"),
    "UTF-16 with a mark": (file(WORDS.encode("utf-16")), "UTF-16"),
    "UTF-16 without": (file(WORDS.encode("utf-16-le")), "NUL"),
    "UTF-32": (file(WORDS.encode("utf-32")), "UTF-16"),
    "Latin-1": (file("coração\n".encode("latin-1") * 9), "latin-1"),
    "invalid UTF-8": (file(b"ab\xff\xfecd"), "byte 2"),
    "overlong UTF-8": (file(b"abc\xc0\xaf"), "byte 3"),
    "UTF-8 cut short": (file("olá".encode()[:-1]), "byte 2"),
    "beyond Unicode": (file(b"abc\xf5\x80\x80\x80"), "byte 3"),
    "a surrogate": (file(SURROGATE), "byte 1"),
    "a surrogate pair in UTF-8": (file("\ud83d\ude00".encode("utf-8", "surrogatepass") * 9), "byte 0"),
    "NUL": (file(b"abc\0def" * 99), "NUL"),
    "NUL after a megabyte": (file(WORDS * 30_000 + "\0"), "NUL"),
    "a picture": (file(b"\x89PNG\r\n\x1a\n" + bytes(range(256))), "byte 0"),
    "a pickle": (file(b"\x80\x04\x95" + bytes(50)), "byte 0"),
    "ten thousand accents": (file("e" + "\u0301" * 20_000), "combining"),
    "a folder without text": (folder_without_text, "no *.txt"),
    "a folder with a pipe": (folder_with_a_pipe, "regular"),
    "a pipe": (pipe, "regular"),
    "a socket": (a_socket, "regular"),
    "a device": (lambda folder: Path("/dev/zero"), "regular"),
    "a terminal": (lambda folder: Path("/dev/tty"), "regular"),
    "a link to itself": (loop, "symbolic links"),
    "a link to nothing": (dangling, "No such file"),
    "a name with a NUL": (lambda folder: folder / "a\0b.txt", "no such file"),
    "a name too long": (lambda folder: folder / ("a" * 5000), "too long"),
    "gzip cut short": (file(packed[:-20], "text.txt.gz"), "gzip"),
    "gzip with a wrong sum": (file(packed[:-8] + bytes(8), "text.txt.gz"), "gzip"),
    "gzip with something after it": (file(packed + b"garbage", "text.txt.gz"), "gzip"),
    "gzip that is none": (file(WORDS, "text.txt.gz"), "gzip"),
    "bzip2 called gzip": (file(bz2.compress(WORDS.encode()), "text.txt.gz"), "gzip"),
    "gzip called text": (file(packed), "this is a gzip file, not a plain text; give it a name that ends in .txt.gz"),
    "a gzip bomb": (bomb, "unpacks"),
}

# sound, however odd: read back as it is once line ends and accents are in normal form
READ: dict[str, Make] = {
    "one line of a megabyte": file("ab " * 350_000),
    "only controls": file("\x01\x02\x1b[2J" * 200),
    "markup": file("[red]not red[/red] [link=file:///x]y[/link]\n" * 50),
    "right to left": file("שלום \u202eevil\u202c عالم\n" * 50),
    "emoji": file("👩‍👩‍👧‍👦🏳️‍🌈\n" * 100),
    "carriage returns": file("a\rb\r\nc\r\r\n" * 200),
    "a mark in the middle": file("abc\ufeffdef\n" * 100),
    "private and unassigned": file("\ue000\u0378\U0010fffd\n" * 100),
    "decomposed": file("a\u0303 e\u0301 \u1100\u1161\u11a8\n" * 100),
    "gzip in two pieces": file(packed + packed, "text.txt.gz"),
    "without a last newline": file(WORDS * 20 + "end"),
}
