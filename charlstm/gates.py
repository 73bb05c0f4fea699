"""The gates of one LSTM step and their gradients: all of a step but its matrix products.

`scan` calls these T times a window. They are the equations of `lstm.lstm_step`, written into memory that is there
already. They run as they stand, or as TorchScript (`scripted`), or compiled by PyTorch into one loop that reads and
writes every number once (`compiling`): one source for all.

    Legend: B lanes, H hidden. d_x stands for d loss / d x.

    Backward through one step, from d_h (from above and from step t + 1) and d_c (from step t + 1):
        d_o = d_h * tanh(c_t)            d_c += d_h * o_t * (1 - tanh(c_t)^2)
        d_i = d_c * g_t                  d_f = d_c * c_{t-1}            d_g = d_c * i_t
        d_z = (d_i i (1-i), d_f f (1-f), d_g (1-g^2), d_o o (1-o))      the four pre-activations
        d_c_{t-1} = d_c * f_t            d_h_{t-1} = d_z W_hh           (the product is left to the caller)
    (Hochreiter & Schmidhuber 1997, appendix; the same in PyTorch's and cuDNN's kernels.)
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor


def gates_forward(
    z_x: Tensor,
    z_h: Tensor,
    bias: Tensor,
    c_prev: Tensor,
    i: Tensor,
    f: Tensor,
    g: Tensor,
    o: Tensor,
    c: Tensor,
    h: Tensor,
) -> None:
    """From the two products of a step to its gates, cell state and hidden state.

    Args:
        z_x, z_h: W_ih x_t and W_hh h_{t-1}, (B, 4H), in the type of the products.
        bias: (4H); c_prev: c_{t-1}, (B, H).
        i, f, g, o, c: (B, H), written; h: (B, H), written in the type of the products.
    """
    z_i, z_f, z_g, z_o = torch.add(bias, z_x).add_(z_h).chunk(4, dim=1)
    torch.sigmoid(z_i, out=i)
    torch.sigmoid(z_f, out=f)
    tanh(z_g, out=g)
    torch.sigmoid(z_o, out=o)
    torch.mul(f, c_prev, out=c).addcmul_(i, g)
    torch.mul(o, tanh(c, out=torch.empty_like(c)), out=h)


def gates_backward(
    i: Tensor,
    f: Tensor,
    g: Tensor,
    o: Tensor,
    c_prev: Tensor,
    c: Tensor,
    d_h_above: Tensor,
    d_h_next: Tensor,
    d_c: Tensor,
    d_i: Tensor,
    d_f: Tensor,
    d_g: Tensor,
    d_o: Tensor,
) -> None:
    """From the gradients of a step's hidden and cell state to those of its pre-activations.

    Args:
        i, f, g, o, c_prev, c: (B, H), as `gates_forward` left them.
        d_h_above, d_h_next: the two parts of d_h, (B, H), in the type of the products.
        d_c: (B, H), d_c_t when called, d_c_{t-1} after.
        d_i, d_f, d_g, d_o: (B, H), written in the type of the products: d_z, one gate each.
    """
    d_h = d_h_above.to(c.dtype).add(d_h_next)
    tanh_c = tanh(c, out=torch.empty_like(c))
    d_tanh_c = d_h * o
    d_c.add_(torch.ops.aten.tanh_backward(d_tanh_c, tanh_c, grad_input=d_tanh_c))  # grad * (1 - y^2)
    torch.ops.aten.sigmoid_backward(d_c * g, i, grad_input=d_i)  # grad * y * (1 - y)
    torch.ops.aten.sigmoid_backward(d_c * c_prev, f, grad_input=d_f)
    torch.ops.aten.tanh_backward(d_c * i, g, grad_input=d_g)
    torch.ops.aten.sigmoid_backward(d_h * tanh_c, o, grad_input=d_o)
    d_c.mul_(f)


def tanh(x: Tensor, out: Tensor) -> Tensor:
    """The hyperbolic tangent; compiled, as 2 sigmoid(2x) - 1: one exponential, which vectorises better."""
    if not torch.jit.is_scripting() and torch.compiler.is_compiling():  # type: ignore[attr-defined]
        return out.copy_(2 * torch.sigmoid(2 * x) - 1)
    return torch.tanh(x, out=out)


@cache
def scripted(function: Callable[..., None]) -> Callable[..., None]:
    """The same function as TorchScript, or as it stands where PyTorch has that no more.

    TorchScript goes from one operation to the next without Python. It gives the same bits, and Python's lock, which
    threads would pass to and fro a dozen times a step, is free all the while.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            script: Callable[..., None] = torch.jit.script(function)
    except Exception:  # whatever a later version raises: it is only slower without
        return function
    return script
