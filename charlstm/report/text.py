"""Text for people: nothing from a corpus, prompt or model file reaches a terminal as a command."""

from __future__ import annotations

import unicodedata


def printable(text: str, keep: str = "\n\t") -> str:
    """A text with control, format and other invisible characters written out, as Python escapes them.

    Args:
        text: anything.
        keep: control characters that may stay.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(c if c in keep or not _invisible(c) else _escape(c) for c in text)


def _invisible(character: str) -> bool:
    # Cc controls, Cf direction overrides and the like (but not the soft hyphen and joiners that languages use)
    category = unicodedata.category(character)
    if category == "Cf":
        return character not in "\u00ad\u200c\u200d"
    # and what Unicode promises never to make a character of, which no XML may hold
    is_none = (ord(character) & 0xFFFE) == 0xFFFE or "\ufdd0" <= character <= "\ufdef"
    return category in ("Cc", "Cs", "Zl", "Zp") or is_none


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


def quoted(character: str) -> str:
    """One character as a table shows it: a space in quotes, a line feed written out."""
    if character == " ":
        return "' '"
    return printable(character, keep="") if character != "\\" else "\\"


def duration(seconds: float) -> str:
    """A length of time: `less than 1 s`, `42 s`, `3 min 05 s`, `2 h 10 min`."""
    s = round(seconds)
    if s < 1:
        return "less than 1 s"
    if s < 60:
        return f"{s} s"
    if s < 3600:
        return f"{s // 60} min {s % 60:02} s"
    return f"{s // 3600} h {s % 3600 // 60:02} min"


def count(n: float) -> str:
    """A large number: `1.2 M`, `845 k`, `312`."""
    for limit, unit in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if n >= limit:
            return f"{n / limit if unit != 'k' else n / 1e3:.{0 if unit == 'k' else 1}f} {unit}"
    return f"{n:,.0f}"
