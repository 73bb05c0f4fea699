"""The suffix array of a training text: all places in it, sorted by what follows them. Kept in the cache, by content.

Made by libdivsufsort (Mori), as pydivsufsort wraps it. A folder named by the sha256 of the corpus holds `index.json`
and `places.u4`; a damaged one (see `corpus.blocks`) is made again.

    Legend: N characters of the training text.
"""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from charlstm.corpus.blocks import BlockWriter, read_numbers
from charlstm.corpus.encode import check_of
from charlstm.corpus.store import Corpus
from charlstm.corpus.vocab import Ids
from charlstm.errors import CharLSTMError
from charlstm.files.atomic import read_regular, sync, sync_folder
from charlstm.files.cache import cache_folder, make_folder, move_into_cache, remove_abandoned
from charlstm.files.memory import memory_bytes
from charlstm.progress import OnProgress, Tally, unheard

FORMAT = 1
ABOUT, PLACES = "index.json", "places.u4"
PLACE = np.dtype(np.uint32)
LARGEST = 1 << 31  # bytes of ids that the 32-bit library sorts
SCRATCH = "new-"
MAX_ABOUT = 16 << 20  # bytes
ABANDONED_S = 24 * 3600
MEMORY_SHARE = 0.75  # of the machine's: the rest is for everything else on it
AT_ONCE = 1 << 22  # places

Places = npt.NDArray[np.uint32]


@dataclass(frozen=True)
class Index:
    """A training text that can be searched.

    Attributes:
        corpus: the training text.
        places: (N) where its suffixes begin, in their order; small ones in memory, large ones memory-mapped.
    """

    corpus: Corpus
    places: Places


def bytes_needed(characters: int, vocab_size: int) -> int:
    """The memory that making an index takes: the ids, a copy of them, and the sorted places of their bytes."""
    width = 1 if vocab_size <= 256 else 2
    return characters * width * (2 + PLACE.itemsize)


def open_index(corpus: Corpus, on_progress: OnProgress = unheard) -> Index:
    """Sort the places of a training text, or find them sorted.

    Raises:
        CharLSTMError: for a text that is too long for the memory of this machine, or a cache that cannot be written.
    """
    cache = cache_folder("originality")
    index = _open(cache / corpus.sha256, corpus, on_progress)
    if index is not None:
        return index
    _check_size(corpus)
    try:
        make_folder(cache)
        remove_abandoned(cache, f"{SCRATCH}*", ABANDONED_S)
        with tempfile.TemporaryDirectory(prefix=SCRATCH, dir=cache) as scratch:
            new = Path(scratch) / "index"
            new.mkdir()
            on_progress("indexing", 0, 1)
            _write(new, corpus, sorted_places(corpus.train))
            on_progress("indexing", 1, 1)
            index = _open(new, corpus, unheard)
            if index is None:
                raise CharLSTMError(f"cannot read back the index in {cache}: is the disk full or failing?")
            move_into_cache(new, cache / corpus.sha256, Path(scratch) / "damaged", ABOUT)
            return index
    except OSError as e:
        raise CharLSTMError(f"cannot write the index to {cache}: {e.strerror or e}; set CHARLSTM_CACHE_DIR") from None


def _check_size(corpus: Corpus) -> None:
    """Raise CharLSTMError for a training text that this machine cannot sort."""
    characters, needed, there = (
        len(corpus.train),
        bytes_needed(len(corpus.train), len(corpus.vocabulary)),
        memory_bytes(),
    )
    if corpus.train.nbytes >= LARGEST:
        raise CharLSTMError(
            f"the training text has {characters:,} characters, and at most {LARGEST // corpus.train.itemsize - 1:,} "
            "can be searched for copies; give a part of it as `training_text`",
            "training_text",
        )
    if needed > MEMORY_SHARE * there:
        raise CharLSTMError(
            f"to search a training text of {characters:,} characters for copies takes {needed / 1e9:.1f} GB of memory, "
            f"and this machine can give {MEMORY_SHARE * there / 1e9:.1f} GB; give a part of it as `training_text`",
            "training_text",
        )


def sorted_places(ids: Ids) -> Places:
    """The places of a text (N), sorted by what follows them: a place before another if its text is smaller."""
    from pydivsufsort import divsufsort

    width = ids.itemsize
    as_bytes = np.ascontiguousarray(ids).astype(ids.dtype.newbyteorder(">")).view(np.uint8)
    places: npt.NDArray[np.int32] = divsufsort(as_bytes)
    if width == 1:
        return places.view(PLACE)
    kept = 0  # of the places of bytes those where a character begins; moved to the front of the same array
    for start in range(0, len(places), AT_ONCE):
        part = places[start : start + AT_ONCE]
        part = part[part % width == 0] // width
        places[kept : kept + len(part)] = part
        kept += len(part)
    return places[:kept].view(PLACE)


def _write(folder: Path, corpus: Corpus, places: Places) -> None:
    with BlockWriter(folder / PLACES) as writer:
        for start in range(0, len(places), AT_ONCE):
            writer.write(places[start : start + AT_ONCE])
        about: dict[str, Any] = {"format": FORMAT, "sha256": corpus.sha256, "places": writer.finish()}
    with open(folder / ABOUT, "w", encoding="utf-8") as f:
        f.write(json.dumps({**about, "check": check_of(about)}))
        f.flush()
        sync(f.fileno())
    sync_folder(folder)


def _open(folder: Path, corpus: Corpus, on_progress: OnProgress) -> Index | None:
    """The index in a folder; None if there is none, or it was damaged."""
    try:
        about = json.loads(read_regular(folder / ABOUT, MAX_ABOUT))
        check = about.pop("check")
        if (about["format"], about["sha256"]) != (FORMAT, corpus.sha256) or check != check_of(about):
            return None
        size = about["places"]["bytes"]
        if size != len(corpus.train) * PLACE.itemsize:
            return None
        tally = Tally(on_progress, "checking the index", size)
        places = read_numbers(folder / PLACES, about["places"], PLACE, max(1, len(corpus.train)), tally.add)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    return Index(corpus, places.view(PLACE))
