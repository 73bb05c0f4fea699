"""The bytes of a model file: safetensors with one metadata key, checked before anything is built from them.

    8 bytes                     length of the header
    JSON                        {"__metadata__": {"charlstm": JSON}, name: {"dtype", "shape", "data_offsets"}, ...}
    tensors

The inner JSON is sorted and holds `sha256`: that of the whole file with these 64 digits replaced by zeros.
Nothing in a file is executed, and no tensor is made before header, shapes, size and hash are found right.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor

from charlstm.errors import CharLSTMError, ModelFileError

FORMAT = 1
KEY = "charlstm"
ZEROS = "0" * 64
MAX_HEADER = 16 << 20  # a vocabulary of 65,536 characters takes about 1 MB
BYTES_OF = {"F32": 4, "BF16": 2, "F64": 8}
Shapes = Mapping[str, tuple[int, ...]]


def write_file(path: Path, tensors: Mapping[str, Tensor], about: Mapping[str, Any]) -> None:
    """Write a model file: to a temporary file, synced, renamed, folder synced. Equal content, equal bytes.

    Raises:
        CharLSTMError: names the file and why it could not be written; what was there before is untouched.
    """
    text = json.dumps({**about, "format": FORMAT, "sha256": ZEROS}, sort_keys=True, allow_nan=False)
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    data = bytearray(safetensors.torch.save(plain, metadata={KEY: text}))
    digits = _digits_at(data[: 8 + int.from_bytes(data[:8], "little")])
    data[digits : digits + 64] = hashlib.sha256(data).hexdigest().encode()
    write_atomically(path, data)


def write_atomically(path: Path, data: bytes | bytearray) -> None:
    """Replace a file so that a reader, or a crash, finds the old content or the new, never a part of it."""
    temporary = None
    try:
        descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
        with os.fdopen(descriptor, "wb") as f:
            f.write(data)
            f.flush()
            os.fsync(f.fileno())
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, path)
        sync_folder(path.parent)
    except OSError as e:
        raise CharLSTMError(f"cannot write {path}: {e.strerror or e}; free some space or give another --out") from None
    finally:
        if temporary is not None:
            with suppress(OSError):
                os.unlink(temporary)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder outlive a power failure, where the system can."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def read_about(path: Path) -> dict[str, Any]:
    """The inner JSON of a model file, hash not checked. Raises ModelFileError."""
    return _read_header(path)[0]


def read_file(path: Path, shapes_for: Callable[[dict[str, Any]], Shapes]) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Tensors (float32, on the CPU) and inner JSON of a model file.

    Args:
        path: the file.
        shapes_for: from the inner JSON to the tensors that the file must hold; raises CharLSTMError.

    Raises:
        ModelFileError: for anything that is not a sound model file.
    """
    about, header, size = _read_header(path)
    try:
        expected = dict(shapes_for(about))
    except CharLSTMError as e:
        raise ModelFileError(f"{path}: {e}") from None
    except (KeyError, TypeError, ValueError, AttributeError) as e:
        raise ModelFileError(f"{path}: its description is not sound ({type(e).__name__}: {e})") from None
    _check_tensors(path, header, expected, size)
    _check_hash(path)
    try:
        tensors = safetensors.torch.load_file(path)
    except (safetensors.SafetensorError, OSError, ValueError) as e:
        raise ModelFileError(f"{path}: not a sound safetensors file: {e}") from None
    for name, tensor in tensors.items():
        if not bool(torch.isfinite(tensor).all()):
            raise ModelFileError(f"{path}: {name} holds numbers that are not finite")
    return {name: tensor.float() for name, tensor in tensors.items()}, about


def _read_header(path: Path) -> tuple[dict[str, Any], dict[str, Any], int]:
    """Inner JSON, outer JSON without it, and the bytes that the tensors take."""
    try:
        size = path.stat().st_size
        with open(path, "rb") as f:
            length = int.from_bytes(f.read(8), "little")
            if size < 8 or length > size - 8 or length > MAX_HEADER:
                raise ModelFileError(f"{path}: not a charlstm model (its header does not fit)")
            raw = f.read(length)
    except OSError as e:
        raise ModelFileError(f"{path}: {e.strerror}") from None
    try:
        header = _strict_json(raw.decode("utf-8"))
        about = _strict_json(header.pop("__metadata__")[KEY])
        if not isinstance(about, dict):
            raise ValueError("its description is not an object")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as e:
        raise ModelFileError(f"{path}: not a charlstm model ({type(e).__name__} in its header: {e})") from None
    version = about.get("format")
    if version != FORMAT:
        hint = "made by a newer charlstm: upgrade" if isinstance(version, int) and version > FORMAT else "unknown"
        raise ModelFileError(f"{path}: format {version!r} ({hint}); this charlstm reads format {FORMAT}")
    return about, header, size - 8 - length


def _strict_json(text: str) -> Any:
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len({key for key, _ in pairs}) != len(pairs):
            raise ValueError("a key stands twice")
        return dict(pairs)

    def refuse(constant: str) -> None:
        raise ValueError(f"{constant} is not a number")

    return json.loads(text, object_pairs_hook=unique, parse_constant=refuse)


def _check_tensors(path: Path, header: Mapping[str, Any], expected: dict[str, tuple[int, ...]], size: int) -> None:
    if header.keys() != expected.keys():
        odd = sorted(header.keys() ^ expected.keys())[0]
        raise ModelFileError(
            f"{path}: its tensors do not fit its config ({'extra' if odd in header else 'missing'}: {odd!a})"
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
            raise ModelFileError(f"{path}: the tensor {name} is not of the shape {shape} that its config says")
        total += n_bytes
    if total != size:
        raise ModelFileError(f"{path}: {size:,} bytes of tensors where its config says {total:,}; was it cut short?")


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


def _check_hash(path: Path) -> None:
    digest = hashlib.sha256()
    with open(path, "rb") as f:
        length = int.from_bytes(f.read(8), "little")
        f.seek(0)
        header = bytearray(f.read(8 + length))
        try:
            digits = _digits_at(header)
        except ValueError:
            raise ModelFileError(f"{path}: it carries no hash") from None
        claimed = bytes(header[digits : digits + 64])
        header[digits : digits + 64] = ZEROS.encode()
        digest.update(header)
        while chunk := f.read(1 << 20):
            digest.update(chunk)
    if digest.hexdigest().encode() != claimed:
        raise ModelFileError(f"{path}: its content does not fit its hash: it was damaged or changed")
