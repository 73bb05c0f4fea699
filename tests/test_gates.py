"""The gates as TorchScript: the bits of the gates as they stand, and those where there is no TorchScript."""

import pytest
import torch

from charlstm.network.cells import CELLS, Cell
from charlstm.network.cells.pointwise import scripted

COMPILED = [cell for cell in CELLS.values() if cell.pointwise]


@pytest.mark.parametrize("part", ["forward", "backward"])
@pytest.mark.parametrize("cell", COMPILED, ids=lambda cell: cell.name)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize(("B", "H"), [(1, 7), (5, 64), (33, 256)])
def test_scripted_gates_give_the_same_bits(cell: Cell, part: str, dtype: torch.dtype, B: int, H: int) -> None:
    plain, example = cell.pointwise[part].function, cell.pointwise[part].example
    script = scripted(plain)
    assert isinstance(script, torch.jit.ScriptFunction)
    for _ in range(4):  # it is optimised after the first calls
        expected, computed, used = (example(B, H, dtype) for _ in range(3))
        plain(*expected)
        script(*computed)
        getattr(cell.eager, part)(*used)  # what a training calls
        for right, result, trained in zip(expected, computed, used, strict=True):
            assert torch.equal(result, right)
            assert torch.equal(trained, right)


def test_without_torchscript_the_gates_run_as_they_stand(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(function: object) -> None:
        raise RuntimeError("torch.jit.script has been removed")

    monkeypatch.setattr(torch.jit, "script", gone)
    plain = COMPILED[0].pointwise["forward"].function
    assert scripted.__wrapped__(plain) is plain
