"""The texts that come with charlstm, by name: written by rule when they are asked for, and kept in the cache."""

from __future__ import annotations

import difflib
import glob
import hashlib
import os
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path

from charlstm.errors import TextError
from charlstm.files.atomic import write_atomically
from charlstm.files.cache import cache_folder, make_folder
from charlstm.grammar.corpora import GRAMMARS, corpus_lines
from charlstm.progress import OnProgress, Tally, unheard

SIMILAR = 0.75  # of a name to the one that was probably meant


def is_built_in(name: str) -> bool:
    """Whether a name means a text that comes with charlstm: it is the name of one, and no file or folder has it."""
    return name in built_in() and not os.path.lexists(name)


def built_in() -> list[str]:
    """The names of the texts that come with charlstm."""
    return [name for name, grammar in GRAMMARS.items() if grammar.lines is not None]


def located(names: Sequence[str], on_progress: OnProgress = unheard) -> tuple[str, ...]:
    """The same names, with a file in place of each that means a text that comes with charlstm.

    Raises:
        TextError: for a name that is nothing, but close to the name of such a text; or if one cannot be kept.
    """
    return tuple(str(built_in_file(name, on_progress)) if is_built_in(name) else _not_misspelt(name) for name in names)


def built_in_file(name: str, on_progress: OnProgress = unheard) -> Path:
    """The file of a text that comes with charlstm, written first if it is not in the cache.

    Raises TextError if it cannot be kept there.
    """
    grammar = GRAMMARS[name]
    folder = cache_folder("texts") / _made_of()
    for path in folder.glob(f"{name}-*.txt"):
        with suppress(OSError):
            if path.name == _name_of(name, path.read_bytes()):  # as it was written
                return path
    tally = Tally(on_progress, f"writing {name}", grammar.characters)
    lines = []
    for line in corpus_lines(name, grammar.characters, grammar.seed):
        lines.append(line)
        tally.add(len(line))
    data = "".join(lines).encode()
    path = folder / _name_of(name, data)
    try:
        make_folder(folder)
    except OSError as e:
        raise TextError(f"cannot write {name} to {folder}: {e.strerror or e}; set CHARLSTM_CACHE_DIR") from None
    write_atomically(path, data)
    return path


def _name_of(name: str, data: bytes) -> str:
    return f"{name}-{hashlib.sha256(data).hexdigest()[:16]}.txt"


@cache
def _made_of() -> str:
    """A hash of the programs and word lists that write the texts."""
    digest = hashlib.sha256()
    here = Path(__file__).parent
    for path in sorted([*here.glob("*.py"), *(here / "words").glob("*")]):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _not_misspelt(name: str) -> str:
    """The name. Raises TextError if nothing has it, and it is close to that of a text that comes with charlstm."""
    if name in GRAMMARS and name not in built_in() and not os.path.lexists(name):
        raise TextError(f"{name}: this text is made of a prose of your own; charlstm corpus {name} writes it")
    near = difflib.get_close_matches(name, built_in(), n=1, cutoff=SIMILAR)
    if near and name not in GRAMMARS and not os.path.lexists(name) and not glob.glob(name, recursive=True):
        raise TextError(f"{name}: no such file or folder; did you mean {near[0]}, a built-in text?")
    return name
