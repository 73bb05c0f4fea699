"""The text that a person and a model write, and what the model would write next.

The random number for a character depends on the seed and on the place in the text alone. So whoever types what the
model suggests, or takes it, sees the rest of the suggestion stay as it is.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from charlstm.checkpoint import ModelFile
from charlstm.corpus.vocab import Ids, describe
from charlstm.drawing.draw import draw
from charlstm.errors import TextError, UnknownCharacterError, UsageError
from charlstm.files.atomic import new_text_file, write_atomically
from charlstm.network.cells import State
from charlstm.network.kernels import Kernels
from charlstm.writing.reader import Reader

SUGGESTED = 60  # characters of a suggestion, at most
LIKELIEST = 5
TEMPERATURES = (0.2, 0.5, 0.8, 1.1)  # of a sweep
SWEPT = 120  # characters


@dataclass(frozen=True)
class Manner:
    """How the model writes.

    Attributes:
        temperature: 0 takes the likeliest character every time.
        seed: the same seed, text and temperature give the same continuation.
        length: characters of a continuation.
    """

    temperature: float = 0.8
    seed: int = 0
    length: int = SUGGESTED


class Desk:
    """One text, with all that was done to it. May be asked from several threads.

    Args:
        content: the model.
        kernels: how longer stretches are read.
        manner: how it writes, to begin with.

    Attributes:
        text: what has been written.
        manner: how the model writes.
        saved: whether the text, as it is, has been saved.
        path: where it was saved last.
        swept: what the last sweep found, by temperature; nothing once the text is another.
    """

    def __init__(self, content: ModelFile, kernels: Kernels, manner: Manner | None = None) -> None:
        self.content, self.manner = content, manner or Manner()
        self.text, self.saved = "", True
        self.path: Path | None = None
        self.swept: dict[float, str] = {}
        self._before: list[tuple[str, str]] = []  # the texts before each change, and what it added
        self._reader = Reader(content.model, kernels)
        self._opening = content.vocabulary.encode(content.opening)
        self._random: tuple[int, np.random.Generator, list[float]] = (-1, np.random.default_rng(0), [])
        self._lock = threading.RLock()

    def known(self, piece: str) -> str:
        """A piece as the text takes it: in the form of the model's corpus.

        Raises:
            UnknownCharacterError: for a character that the model has never seen; names its position in the piece.
            TextError: for a lone surrogate.
        """
        normal = self.content.normalize(piece)
        self.content.vocabulary.encode(normal, "error", "the line")
        return normal

    def problem(self, piece: str) -> tuple[str, int] | None:
        """What is wrong with a piece, in a line, and where; None if it can be added."""
        try:
            self.known(piece)
        except UnknownCharacterError as e:
            near = f"; it knows {' '.join(e.nearest[:5])}" if e.nearest else ""
            return f"the model has never seen {describe(e.character)}{near}", e.position
        except TextError as e:
            return str(e).partition(": ")[2], 0
        return None

    def add(self, piece: str) -> str:
        """Add to the text what a person wrote, or takes; as it stands there now. Raises what `known` raises."""
        added = self.known(piece)
        with self._lock:
            self._before.append((self.text, added))
            self.text += added
            self.saved, self.swept = not self.text, {}
        return added

    def undo(self) -> str:
        """Take back what was added last; it. Raises UsageError if there is nothing."""
        with self._lock:
            if not self._before:
                raise UsageError("there is nothing to take back")
            self.text, added = self._before.pop()
            self.saved, self.swept = not self.text, {}
        return added

    def set_manner(self, **changes: float) -> None:
        """Write in another manner from now on."""
        self.manner = replace(self.manner, **changes)  # type: ignore[arg-type]

    def continuation(self, draft: str = "", characters: int | None = None) -> Iterator[str]:
        """What the model writes after the text and a draft, character by character; not added to anything.

        Args:
            draft: what is being typed, and not part of the text yet.
            characters: how many; None: as `manner` says.

        Raises:
            UnknownCharacterError: for a draft with a character that the model has never seen.
        """
        manner, vocabulary = self.manner, self.content.vocabulary
        ids = self._ids(draft)
        for _ in range(manner.length if characters is None else characters):
            with self._lock:
                logits, _ = self._reader.read(ids)
                u = np.array([self._u(len(ids))])
            drawn = draw(logits[None].numpy(), u, manner.temperature)
            ids = np.append(ids, drawn)
            yield vocabulary.decode(drawn)

    def suggestions(self, draft: str = "") -> Iterator[str]:
        """What the model suggests to add to the line, as it grows; the last one is whole.

        It ends before a newline, or with a whole word. Nothing comes where the model would end the line, or cannot read
        the draft.
        """
        if self.problem(draft):
            return
        text = ""
        for character in self.continuation(draft):
            if character == "\n":
                return
            text += character
            yield text
        words = text.rstrip().rpartition(" ")[0]
        if text[-1:].isalnum() and words.strip():
            yield words

    def suggestion(self, draft: str = "") -> str:
        """The whole suggestion; "" for none."""
        text = ""
        for text in self.suggestions(draft):  # noqa: B007 (the last one)
            pass
        return text

    def go_on(self, characters: int | None = None) -> str:
        """Let the model go on with the text; what it added."""
        return self.add("".join(self.continuation("", characters)))

    def likeliest(self, draft: str = "", n: int = LIKELIEST) -> list[tuple[str, float]]:
        """The n characters that are likeliest to come next, with their probabilities, whatever the temperature."""
        with self._lock:
            logits, _ = self._reader.read(self._ids(draft))
        p, ids = logits.softmax(dim=0).topk(min(n, len(logits)))
        return list(zip(self.content.vocabulary.decode(ids.numpy()), p.tolist(), strict=True))

    def sweep(
        self, draft: str = "", temperatures: Sequence[float] = TEMPERATURES, characters: int = SWEPT
    ) -> dict[float, str]:
        """Continuations at several temperatures, with the same random numbers; all of them side by side in a batch."""
        ids, vocabulary = self._ids(draft), self.content.vocabulary
        B = len(temperatures)
        drawn: list[Ids] = []
        with self._lock, torch.no_grad():
            logits, state = self._reader.read(ids)
            logits, state = logits.repeat(B, 1), State(state.h.repeat(1, B, 1), state.c.repeat(1, B, 1))
            for k in range(characters):
                u = np.array([self._u(len(ids) + k)])
                rows = zip(logits.numpy(), temperatures, strict=True)
                drawn.append(new := np.concatenate([draw(row[None], u, t) for row, t in rows]))
                if k < characters - 1:
                    read = torch.from_numpy(new).to(self.content.model.device)
                    logits, state = self.content.model.step(read, state)
                    logits = logits.float().cpu()
        texts = (vocabulary.decode([step[b] for step in drawn]) for b in range(B))
        self.swept = dict(zip(temperatures, texts, strict=True))
        return self.swept

    def save(self, path: Path | None = None) -> Path:
        """Write the text to a new file, or to the one that this session wrote; which one.

        Raises:
            UsageError: without a path, the first time.
            FileExistsError: for a file that this session has not written.
            OSError, CharLSTMError: if it cannot be written.
        """
        path = path or self.path
        if path is None:
            raise UsageError("name the file: :save FILE")
        if path == self.path:
            write_atomically(path, self.text.encode())
        else:
            with new_text_file(path) as f:
                f.write(self.text)
        self.path, self.saved = path, True
        return path

    def _ids(self, draft: str) -> Ids:
        """What the network reads: what a part of the training text begins after, the text, the draft."""
        text = self.content.vocabulary.encode(self.text + self.known(draft)).astype(np.int64)
        return np.concatenate([self._opening.astype(np.int64), text])

    def _u(self, place: int) -> float:
        """The random number for a place in the text, in [0, 1)."""
        seed, rng, numbers = self._random
        if seed != self.manner.seed:
            seed, rng, numbers = self._random = (self.manner.seed, np.random.default_rng(self.manner.seed), [])
        if place >= len(numbers):
            numbers.extend(rng.random(place + 256 - len(numbers)).tolist())
        return numbers[place]
