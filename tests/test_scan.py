"""The fast path against the readable one, and its hand-derived gradients against finite differences."""

import pytest
import torch
import torch.nn.functional as F
from test_stack import SIZES, objective, random_stack
from torch import Tensor

from charlstm.network import input_part
from charlstm.network.buffers import BufferPool
from charlstm.network.cells import CELLS, Cell, Layer, State
from charlstm.network.head_loss import HeadLoss
from charlstm.network.kernels import Kernels
from charlstm.network.scan import scan
from charlstm.training.dropout import drop_recurrent_weights, dropout_masks, recurrent_masks

F64 = torch.float64
V = 11


def setting(cell_type: str, L: int, E: int, H: int, T: int, B: int):
    torch.manual_seed(L)
    stack = random_stack(cell_type, L, E, H)
    embedding = torch.randn(V, E, dtype=F64, requires_grad=True)
    ids = torch.randint(V, (T, B))
    zero = stack.zero_state(B)
    state = State(torch.randn_like(zero.h).requires_grad_(), torch.randn_like(zero.c).requires_grad_())
    return stack, embedding, ids, state


@pytest.mark.parametrize(("L", "E", "H", "T", "B"), SIZES)
@pytest.mark.parametrize("cell_type", CELLS)
@pytest.mark.parametrize("regularised", [False, True])
def test_same_as_the_readable_path(cell_type: str, L: int, E: int, H: int, T: int, B: int, regularised: bool) -> None:
    stack, embedding, ids, state = setting(cell_type, L, E, H, T, B)
    masks = [m.double() for m in dropout_masks(0.4, False, (T, B, H), L, 0, 0, ids.device)] if regularised else []
    layers = drop_recurrent_weights(stack.layers(), recurrent_masks(0.3 if regularised else 0.0, stack.layers(), 0, 0))
    weights = torch.randn(T, B, H, dtype=F64)
    inputs = [embedding, state.h, *([state.c] if stack.cell.has_cell_state else []), *stack.parameters()]

    h, after = stack(embedding[ids], state, masks, layers)
    expected = torch.autograd.grad(objective(h, after, weights), inputs, retain_graph=True)
    fast_h, fast_after = scan(stack, embedding, ids, state, kernels=Kernels(F64), masks=masks, layers=layers)
    gradients = torch.autograd.grad(objective(fast_h, fast_after, weights), inputs)

    torch.testing.assert_close(fast_h, h, rtol=0, atol=1e-12)
    torch.testing.assert_close(fast_after, after, rtol=0, atol=1e-12)
    for gradient, right in zip(gradients, expected, strict=True):
        torch.testing.assert_close(gradient, right, rtol=0, atol=1e-10)


@pytest.mark.parametrize("looked_up", [True, False])
@pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS)
def test_gradcheck(cell: Cell, looked_up: bool) -> None:
    torch.manual_seed(0)
    T, B, E, H = 4, 2, 3, 3
    x = torch.randn((5, E) if looked_up else (T, B, E), dtype=F64, requires_grad=True)
    ids = torch.randint(5, (T, B)) if looked_up else None
    G, biases, states = len(cell.rows), len(cell.bias_rows), (H, H if cell.has_cell_state else 0)
    shapes = [(G * H, E), (G * H, H), (biases * H,), *((B, n) for n in states)]
    w = [torch.randn(*s, dtype=F64, requires_grad=0 not in s) for s in shapes]

    def f(x: Tensor, *w: Tensor) -> tuple[Tensor, ...]:
        pool = BufferPool(reuses=False)
        layer, (h, c) = Layer(*w[:3]), w[3:]
        found = cell.scan(x, ids, layer, h, c, compute_dtype=F64, gates=None, pool=pool, keep=True)
        return tuple(part for part in found if part.requires_grad)

    assert len(f(x, *w)) == (3 if cell.has_cell_state else 2)
    assert torch.autograd.gradcheck(f, (x, *w))


def head_setting() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    torch.manual_seed(0)
    h = torch.randn(9, 4, dtype=F64, requires_grad=True)
    weight = torch.randn(V, 4, dtype=F64, requires_grad=True)
    bias = torch.randn(V, dtype=F64, requires_grad=True)
    targets = torch.randint(V, (9,))
    targets[3] = -1  # not scored
    return h, weight, bias, targets


@pytest.mark.parametrize("max_logits", [1, 4 * V, 1 << 22])
def test_head_and_loss_in_any_number_of_pieces(max_logits: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("charlstm.network.head_loss.MAX_LOGITS", max_logits)
    h, weight, bias, targets = head_setting()
    expected = F.cross_entropy(h @ weight.T + bias, targets, ignore_index=-1)
    loss = HeadLoss.apply(h, weight, bias, targets, True)
    torch.testing.assert_close(loss, expected, rtol=0, atol=1e-12)
    torch.testing.assert_close(HeadLoss.apply(h, weight, bias, targets, False), expected, rtol=0, atol=1e-12)
    ours = torch.autograd.grad(3 * loss, [h, weight, bias])
    theirs = torch.autograd.grad(3 * expected, [h, weight, bias])
    for mine, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine, other, rtol=0, atol=1e-12)
    assert torch.autograd.gradcheck(lambda *x: HeadLoss.apply(*x, targets, True), (h, weight, bias))


def test_without_gradients_the_numbers_are_the_same() -> None:
    stack, embedding, ids, state = setting("lstm", 2, 5, 7, 9, 3)
    h, after = scan(stack, embedding, ids, state, kernels=Kernels(F64))
    with torch.no_grad():
        h_too, after_too = scan(stack, embedding, ids, state, kernels=Kernels(F64), pool=BufferPool())
    assert torch.equal(h, h_too)
    assert torch.equal(after.c, after_too.c)


def test_windows_that_share_a_pool_do_not_disturb_each_other() -> None:
    stack, embedding, ids, state = setting("lstm", 2, 5, 7, 9, 3)
    pool = BufferPool()

    def gradients(ids: Tensor, pool: BufferPool | None) -> list[Tensor]:
        h, _ = scan(stack, embedding, ids, state, kernels=Kernels(F64), pool=pool)
        return list(torch.autograd.grad(h.sum(), stack.parameters()))

    other = (ids + 1) % V
    alone = gradients(ids, None)
    for _ in range(3):
        gradients(other, pool)
        assert all(map(torch.equal, gradients(ids, pool), alone))
    # two windows in flight at once
    h1, _ = scan(stack, embedding, ids, state, kernels=Kernels(F64), pool=pool)
    h2, _ = scan(stack, embedding, other, state, kernels=Kernels(F64), pool=pool)
    torch.autograd.grad(h2.sum(), stack.parameters())
    assert all(map(torch.equal, torch.autograd.grad(h1.sum(), stack.parameters()), alone))


def test_a_second_backward_through_pooled_buffers_is_refused() -> None:
    stack, embedding, ids, state = setting("lstm", 1, 5, 7, 9, 3)
    h, _ = scan(stack, embedding, ids, state, kernels=Kernels(F64), pool=BufferPool())
    h.sum().backward(retain_graph=True)
    with pytest.raises(AttributeError):
        h.sum().backward()


def test_a_large_vocabulary_gathers_its_gradient_by_rows() -> None:
    torch.manual_seed(0)
    rows, ids = torch.randn(50, 6, dtype=F64), torch.randint(700, (50,))
    expected = F.one_hot(ids, 700).double().T @ rows
    torch.testing.assert_close(input_part.gather_rows(rows, ids, 700), expected, rtol=0, atol=1e-12)
    small = input_part.gather_rows(rows, ids % 7, 7)
    torch.testing.assert_close(small, F.one_hot(ids % 7, 7).double().T @ rows, rtol=0, atol=1e-12)


@pytest.mark.parametrize("cell_type", CELLS)
def test_bfloat16_products_stay_close(cell_type: str) -> None:
    torch.manual_seed(0)
    stack = random_stack(cell_type, 2, 16, 64).float()
    for p in stack.parameters():
        p.data /= 4
    embedding = torch.randn(V, 16, requires_grad=True)
    ids = torch.randint(V, (20, 8))
    results = []
    for dtype in (torch.float32, torch.bfloat16):
        h, after = scan(stack, embedding, ids, stack.zero_state(8), kernels=Kernels(dtype))
        assert after.h.dtype == after.c.dtype == torch.float32
        results.append((h.float(), torch.autograd.grad(h.float().square().mean(), list(stack.parameters()))))
    (h, gradients), (narrow_h, narrow_gradients) = results
    assert (h - narrow_h).abs().max() < 0.02
    for gradient, narrow in zip(gradients, narrow_gradients, strict=True):
        assert narrow.dtype == torch.float32
        assert (gradient - narrow).norm() < 0.02 * gradient.norm()
