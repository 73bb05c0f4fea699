"""The text that a person gives to a view of `charlstm explain`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from charlstm.cli.runtime import read_stdin
from charlstm.corpus import check_encoding, read_chunks
from charlstm.errors import TextError, UsageError

STDIN = "-"


@dataclass(frozen=True)
class GivenText:
    """A text that was typed, a file that holds it, or neither."""

    text: str | None
    file: Path | None
    encoding: str

    @property
    def is_given(self) -> bool:
        """Whether there is one."""
        return self.text is not None or self.file is not None

    @property
    def name(self) -> str:
        """What the text is called in messages."""
        return "the text" if self.file is None else str(self.file)

    def check(self, picture: Path | None) -> None:
        """Raise UsageError for a text and a file, and for a picture in place of the text."""
        if self.text is not None and self.file is not None:
            raise UsageError("TEXT and --file: give one of the two")
        if picture is not None and self.file is not None and picture.resolve() == self.file.resolve():
            raise UsageError(f"{picture}: the text is in this file; give the picture another name")

    def read(self, composed: bool) -> str:
        """The text. Raises TextError for one that cannot be read, or is empty."""
        encoding = check_encoding(self.encoding)
        if STDIN in (self.text, str(self.file)):
            found = read_stdin(encoding)
        elif self.file is not None:
            found = "".join(read_chunks(self.file, encoding, composed))
        else:
            found = self.text or ""
        if not found:
            raise TextError(f"there is nothing to read in {self.name}; give at least one character")
        return found
