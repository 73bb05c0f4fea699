"""The gates as TorchScript: the bits of the gates as they stand, and those where there is no TorchScript."""

from collections.abc import Callable

import pytest
import torch

from charlstm.network import gates
from charlstm.network.compiling import EAGER, PARTS


@pytest.mark.parametrize("part", list(PARTS))
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize(("B", "H"), [(1, 7), (5, 64), (33, 256)])
def test_scripted_gates_give_the_same_bits(part: str, dtype: torch.dtype, B: int, H: int) -> None:
    plain: Callable[..., None] = getattr(gates, f"gates_{part}")
    script = gates.scripted(plain)
    assert isinstance(script, torch.jit.ScriptFunction)
    for _ in range(4):  # it is optimised after the first calls
        expected, computed = (PARTS[part].example(B, H, dtype) for _ in range(2))
        plain(*expected)
        script(*computed)
        getattr(EAGER, part)(*(used := PARTS[part].example(B, H, dtype)))  # what a training calls
        for right, result, trained in zip(expected, computed, used, strict=True):
            assert torch.equal(result, right)
            assert torch.equal(trained, right)


def test_without_torchscript_the_gates_run_as_they_stand(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(function: object) -> None:
        raise RuntimeError("torch.jit.script has been removed")

    monkeypatch.setattr(torch.jit, "script", gone)
    assert gates.scripted.__wrapped__(gates.gates_forward) is gates.gates_forward
