"""The bytes of a model file: safetensors with one metadata key, checked before anything is built from them.

    8 bytes                     length of the header
    JSON                        {"__metadata__": {"charlstm": JSON}, name: {"dtype", "shape", "data_offsets"}, ...}
    tensors

The inner JSON is sorted and holds `sha256`: that of the whole file with these 64 digits replaced by zeros.
Nothing in a file is executed. It is opened once, its header is read before the rest, and no tensor is made before
header, shapes, size and hash are found right.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import reprlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
import safetensors

from charlstm.checkpoint.renamed import MODEL_FILE, in_todays_names
from charlstm.errors import CharLSTMError, ModelFileError, UnreadableModelError
from charlstm.files.atomic import NOT_A_FILE, open_regular, write_atomically
from charlstm.files.memory import machine_bytes
from charlstm.in_numpy.functions import Array

if TYPE_CHECKING:  # imported when a file is written: who only reads one need not wait for torch
    from torch import Tensor

FORMAT = 1
KEY = "charlstm"
ZEROS = "0" * 64
MAX_HEADER = 4 << 20  # bytes; a vocabulary of 65,536 characters takes about 1.3 MB
# How many parts a header may have, not counting what stands in its texts. What JSON makes of 4 MB of brackets takes
# hundreds: they are counted first.
MAX_PARTS = {b"{": 5_000, b"[": 20_000, b",": 150_000}
BYTES_OF = {"F32": 4, "BF16": 2, "F64": 8}
Shapes = Mapping[str, tuple[int, ...]]


def write_file(path: Path, tensors: Mapping[str, Tensor], about: Mapping[str, Any]) -> None:
    """Write a model file: to a temporary file, synced, renamed, folder synced. Equal content, equal bytes.

    Raises:
        CharLSTMError: names the file and why it could not be written; the old file is untouched.
    """
    import safetensors.torch

    text = json.dumps({**about, "format": FORMAT, "sha256": ZEROS}, sort_keys=True, allow_nan=False)
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    data = bytearray(safetensors.torch.save(plain, metadata={KEY: text}))
    digits = _digits_at(data[: 8 + int.from_bytes(data[:8], "little")])
    data[digits : digits + 64] = hashlib.sha256(data).hexdigest().encode()
    write_atomically(path, data)


def read_about(path: Path) -> dict[str, Any]:
    """The inner JSON of a model file, hash not checked. Raises ModelFileError."""
    with _open(path) as f:
        return _parse_header(path, _read_header(path, f))[0]


def read_file(path: Path, shapes_for: Callable[[dict[str, Any]], Shapes]) -> tuple[dict[str, Array], dict[str, Any]]:
    """Tensors (float32) and inner JSON of a model file.

    Args:
        path: the file.
        shapes_for: from the inner JSON to the tensors that the file must hold; raises CharLSTMError.

    Raises:
        ModelFileError: for anything that is not a sound model file.
    """
    with _open(path) as f:
        raw = _read_header(path, f)
        about, header = _parse_header(path, raw)
        try:
            expected = dict(shapes_for(about))
        except CharLSTMError as e:
            raise ModelFileError(f"{path}: {e}") from None
        except (KeyError, TypeError, ValueError, AttributeError) as e:
            raise ModelFileError(f"{path}: its description is damaged ({type(e).__name__}: {e})") from None
        _check_tensors(path, header, expected, os.fstat(f.fileno()).st_size - len(raw))
        f.seek(0)
        try:
            data = f.read()
        except (OSError, MemoryError) as e:
            raise UnreadableModelError(f"{path}: {getattr(e, 'strerror', None) or 'out of memory'}") from None
    if not data.startswith(raw):
        raise ModelFileError(f"{path}: the file changed while charlstm read it")
    _check_hash(path, data, len(raw))
    try:
        found = safetensors.deserialize(data)  # type: ignore[no-untyped-call]
    except (safetensors.SafetensorError, ValueError) as e:
        raise ModelFileError(f"{path}: damaged safetensors file: {e}") from None
    del data
    tensors = {}
    for name, tensor in found:
        tensors[name] = _as_float32(tensor["data"], tensor["dtype"]).reshape(tensor["shape"])
        if not np.isfinite(tensors[name]).all():
            raise ModelFileError(f"{path}: {name} holds numbers that are infinite or undefined in float32")
    return tensors, about


def _as_float32(data: bytearray, dtype: str) -> Array:
    if dtype == "BF16":  # the upper half of a float32
        return (np.frombuffer(data, "<u2").astype("<u4") << 16).view(np.float32)
    if dtype == "F32":
        return np.frombuffer(data, "<f4")
    with np.errstate(over="ignore"):  # what is finite in float64 need not be
        return np.frombuffer(data, "<f8").astype(np.float32)


def _open(path: Path) -> BinaryIO:
    """A regular file, for reading; anything else could hang."""
    try:
        return open_regular(path)
    except (OSError, ValueError) as e:
        is_none = isinstance(e, OSError) and e.errno == NOT_A_FILE
        kind = ModelFileError if is_none else UnreadableModelError
        raise kind(f"{path}: {getattr(e, 'strerror', None) or e}") from None


def _read_header(path: Path, f: BinaryIO) -> bytes:
    """The length and the header of a file, as they stand in it."""
    try:
        size = os.fstat(f.fileno()).st_size
        raw = f.read(8) if size >= 8 else b""
        length = int.from_bytes(raw, "little")
        if not raw or length > size - 8 or length > MAX_HEADER:
            raise ModelFileError(f"{path}: not a charlstm model (its header does not fit)")
        _check_memory(path, size)
        return raw + f.read(length)
    except OSError as e:
        raise UnreadableModelError(f"{path}: {e.strerror}") from None


def _check_memory(path: Path, size: int) -> None:
    if size > machine_bytes() / 2:
        raise UnreadableModelError(f"{path}: it has {size / 1e9:,.1f} GB, more than half of this machine's memory")


def _parse_header(path: Path, raw: bytes) -> tuple[dict[str, Any], dict[str, Any]]:
    """Inner JSON, and outer JSON without it."""
    try:
        header = _few_parts(raw[8:].decode("utf-8"))
        about = _few_parts(header.pop("__metadata__")[KEY])
        if not isinstance(about, dict):
            raise ValueError("its description is not an object")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as e:
        raise ModelFileError(f"{path}: not a charlstm model ({type(e).__name__} in its header: {e})") from None
    version = about.get("format")
    if type(version) is int and version > FORMAT:
        raise UnreadableModelError(
            f"{path}: format {version} (made by a newer charlstm: upgrade); this charlstm reads format {FORMAT}"
        )
    if version != FORMAT:
        raise ModelFileError(f"{path}: format {reprlib.repr(version)} (unknown); this charlstm reads format {FORMAT}")
    return in_todays_names(about, MODEL_FILE), header


def _few_parts(text: str) -> Any:
    """The JSON in a text, if it has no more parts than a header of ours. Raises as `strict_json`."""
    plain = _outside_texts(text.encode("utf-8", "surrogatepass"))
    if any(plain.count(part) > most for part, most in MAX_PARTS.items()):
        raise ValueError("too many parts")
    return strict_json(text)


def _outside_texts(json_bytes: bytes) -> bytes:
    """JSON without the texts in it: a name of a file may hold any number of brackets."""
    unescaped = json_bytes.replace(b"\\\\", b"").replace(b'\\"', b"")  # what is left of quotes begins or ends a text
    characters = np.frombuffer(unescaped, dtype=np.uint8)
    return characters[~np.logical_xor.accumulate(characters == ord('"'))].tobytes()


def strict_json(text: str | bytes) -> Any:
    """JSON in which every number is one that we write, and no key stands twice. Raises ValueError or RecursionError."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len({key for key, _ in pairs}) != len(pairs):
            raise ValueError("a key stands twice")
        return dict(pairs)

    def refuse(constant: str) -> None:
        raise ValueError(f"{constant} is not a number")

    def finite(digits: str) -> float:
        if not math.isfinite(float(digits)):
            refuse(digits)
        return float(digits)

    def short(digits: str) -> int:
        if len(digits) > 20:
            refuse("one of so many digits")
        return int(digits)

    return json.loads(text, object_pairs_hook=unique, parse_constant=refuse, parse_float=finite, parse_int=short)


def _check_tensors(path: Path, header: Mapping[str, Any], expected: dict[str, tuple[int, ...]], size: int) -> None:
    if header.keys() != expected.keys():
        odd = sorted(header.keys() ^ expected.keys())[0]
        raise ModelFileError(
            f"{path}: its tensors do not match its config ({'extra' if odd in header else 'missing'}: {odd!a})"
        )
    total = 0
    for name, shape in expected.items():
        entry = header[name]
        try:
            found, dtype, (begin, end) = tuple(entry["shape"]), entry["dtype"], entry["data_offsets"]
            n_bytes = BYTES_OF[dtype] * _count(shape)
            sound = found == shape and all(type(n) is int for n in (*found, begin, end)) and end - begin == n_bytes
        except (KeyError, TypeError, ValueError):
            sound = False
        if not sound:
            raise ModelFileError(f"{path}: the tensor {name} does not have the shape {shape} that its config requires")
        total += n_bytes
    if total != size:
        raise ModelFileError(
            f"{path}: {size:,} bytes of tensors, but its config requires {total:,}; was the file cut short?"
        )


def _count(shape: tuple[int, ...]) -> int:
    count = 1
    for n in shape:
        count *= n
    return count


def _digits_at(header: bytes | bytearray) -> int:
    """Where the 64 digits of the hash stand: after the last key `sha256` of the inner JSON."""
    marker = rb"\"sha256\": \""
    at = header.rfind(marker)
    if at < 0 or at + len(marker) + 64 > len(header):
        raise ValueError("no hash")
    return at + len(marker)


def _check_hash(path: Path, data: bytes, header_size: int) -> None:
    try:
        digits = _digits_at(data[:header_size])
    except ValueError:
        raise ModelFileError(f"{path}: it has no hash") from None
    view = memoryview(data)
    digest = hashlib.sha256(view[:digits])
    digest.update(ZEROS.encode())
    digest.update(view[digits + 64 :])
    if digest.hexdigest().encode() != data[digits : digits + 64]:
        raise ModelFileError(f"{path}: its content does not match its hash; the file is damaged or was changed")
