"""The weights of a model as a text that a page can hold: rounded, deflated, in base64.

Two forms. In bfloat16 a number is the upper half of its float32; its two bytes are kept apart, all upper ones first,
because those of trained weights resemble each other and deflate well. In int8 every row of a matrix has a scale: the
largest of its sizes is 127. Biases stay float32 in both: there are few, and they say how long a cell remembers.

    matrices    bfloat16: all upper bytes, then all lower bytes; or int8
    floats      float32, little-endian: with int8 the scales of all rows, matrix by matrix; then the biases
"""

from __future__ import annotations

import base64
import zlib
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from charlstm.errors import CharLSTMError
from charlstm.network.model import CharLM

Form = Literal["bfloat16", "int8"]
LEVELS = 127  # of int8, on either side of 0
WHOLE_PAGE, MAX_PAGE = 10_000_000, 40_000_000  # bytes: up to here in bfloat16; more than that is refused
BASE64 = 4 / 3
LEAST_DEFLATED = 0.75  # of the bytes of int8 weights, trained ones reach 0.9


@dataclass(frozen=True)
class Packed:
    """The weights of a model, to be put into a page.

    Attributes:
        form: what they are rounded to.
        exact: whether they are the model's own, to the last bit.
        tensors: name and shape of each, in the order in which they stand: matrices, then biases.
        text: the bytes, deflated, in base64.
    """

    form: Form
    exact: bool
    tensors: list[tuple[str, tuple[int, ...]]]
    text: str

    def to_dict(self) -> dict[str, Any]:
        """What the page must know of them, but for the bytes."""
        tensors = [{"name": name, "shape": list(shape)} for name, shape in self.tensors]
        return {"form": self.form, "exact": self.exact, "tensors": tensors}


def pack(model: CharLM, whole_page: int = WHOLE_PAGE, max_page: int = MAX_PAGE) -> Packed:
    """The weights in bfloat16, or in int8 where the page would be larger than `whole_page` bytes.

    Raises:
        CharLSTMError: if it would be larger than `max_page`; says how many weights would fit.
    """
    count = sum(parameter.numel() for parameter in model.parameters())
    if count * LEAST_DEFLATED * BASE64 < max_page:  # else not even int8 could fit, and deflating takes a while
        for form, limit in (("bfloat16", whole_page), ("int8", max_page)):
            packed = pack_as(model, form)  # type: ignore[arg-type]
            if len(packed.text) < limit:
                return packed
        fitting = count * max_page / len(packed.text)
    else:
        fitting = max_page / BASE64 / 0.9
    raise CharLSTMError(
        f"the page would be larger than {max_page / 1e6:g} MB: this model has {count / 1e6:,.1f} million weights, and "
        f"about {fitting / 1e6:,.1f} million fit; take a smaller model"
    )


def pack_as(model: CharLM, form: Form) -> Packed:
    """The weights in one form."""
    matrices, biases = _apart(model)
    chosen = _as_bfloat16 if form == "bfloat16" else _as_int8
    main, scales = chosen(list(matrices.values()))
    floats = np.concatenate([scales, *(bias.numpy().ravel() for bias in biases.values())]).astype("<f4")
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)  # without a header: what browsers call deflate-raw
    deflated = deflate.compress(main + floats.tobytes()) + deflate.flush()
    own = model.state_dict()
    exact = all(torch.equal(own[name].cpu(), tensor) for name, tensor in rounded(model, form).items())
    tensors = [(name, tuple(tensor.shape)) for name, tensor in (*matrices.items(), *biases.items())]
    return Packed(form, exact, tensors, base64.b64encode(deflated).decode())


def rounded(model: CharLM, form: Form) -> dict[str, Tensor]:
    """The weights that a page computes with, as a state that `CharLM` loads."""
    matrices, biases = _apart(model)
    if form == "bfloat16":
        return {**{name: matrix.to(torch.bfloat16).float() for name, matrix in matrices.items()}, **biases}
    found = {}
    for name, matrix in matrices.items():
        levels, scale = _levels(matrix)
        found[name] = levels * scale
    return {**found, **biases}


def _apart(model: CharLM) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Matrices and biases, on the CPU."""
    own = {name: tensor.detach().cpu().float() for name, tensor in model.state_dict().items()}
    matrices = {name: tensor for name, tensor in own.items() if tensor.dim() == 2}
    return matrices, {name: tensor for name, tensor in own.items() if tensor.dim() == 1}


def _as_bfloat16(matrices: list[Tensor]) -> tuple[bytes, Any]:
    halves = torch.cat([matrix.to(torch.bfloat16).ravel() for matrix in matrices]).view(torch.int16).numpy()
    pairs = halves.astype("<i2").view(np.uint8).reshape(-1, 2)
    return pairs[:, 1].tobytes() + pairs[:, 0].tobytes(), np.zeros(0, np.float32)


def _as_int8(matrices: list[Tensor]) -> tuple[bytes, Any]:
    parts = [_levels(matrix) for matrix in matrices]
    return (
        b"".join(levels.to(torch.int8).numpy().tobytes() for levels, _ in parts),
        np.concatenate([scale.numpy().ravel() for _, scale in parts]),
    )


def _levels(matrix: Tensor) -> tuple[Tensor, Tensor]:
    """Whole numbers (R, C) from -127 to 127, and what to multiply each row with (R, 1); both float32."""
    scale = matrix.abs().amax(dim=1, keepdim=True) / LEVELS
    return torch.round(matrix / torch.where(scale > 0, scale, 1.0)).clamp(-LEVELS, LEVELS), scale
