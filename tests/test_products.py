import pytest
import torch

from charlstm.network import kernels, products
from charlstm.network.products import bf16_multiplier, choose_compute_dtype, prepare, product_name

CPU = torch.device("cpu")


@pytest.mark.parametrize("packable", [True, False])
def test_a_prepared_product_is_the_product(packable: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    weight, x = torch.randn(24, 40), torch.randn(5, 40)
    if not packable:
        monkeypatch.setattr(products, "can_pack", lambda dtype: False)
    torch.testing.assert_close(prepare(weight, torch.float32, 5)(x), x @ weight.T)
    narrow = prepare(weight, torch.bfloat16, 5)(x.bfloat16())
    assert narrow.dtype == torch.bfloat16
    expected = x.bfloat16().float() @ weight.bfloat16().float().T
    torch.testing.assert_close(narrow.float(), expected, rtol=0.01, atol=0.05)


def test_missing_packed_products_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(products, "can_pack", products.can_pack.__wrapped__)
    monkeypatch.setattr(torch.ops.mkldnn, "_linear_pointwise", lambda *a: torch.zeros(2, 16), raising=False)
    assert product_name(torch.bfloat16, CPU, 1) == "bf16"
    assert product_name(torch.float32, CPU, 1 << 20) == "fp32"


def test_precision_follows_from_processor_and_size(monkeypatch: pytest.MonkeyPatch) -> None:
    def chosen(*sizes: int) -> list[torch.dtype]:
        return [choose_compute_dtype("auto", CPU, size) for size in sizes]

    def processor(*, avx512: bool, amx: bool) -> None:
        monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: avx512, raising=False)
        monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: amx, raising=False)

    processor(avx512=True, amx=False)
    assert chosen(64, 96, 512) == [torch.float32, torch.bfloat16, torch.bfloat16]
    assert choose_compute_dtype("fp32", CPU, 512) == torch.float32
    assert choose_compute_dtype("bf16", CPU, 64) == torch.bfloat16
    processor(avx512=True, amx=True)
    assert chosen(64, 96, 191, 192) == [torch.float32] * 3 + [torch.bfloat16]
    processor(avx512=False, amx=False)
    assert chosen(64, 96, 512) == [torch.float32] * 3
    assert bf16_multiplier(torch.device("meta")) is None


def test_what_auto_came_to_is_found_again(monkeypatch: pytest.MonkeyPatch) -> None:
    for there, names in (
        (True, {"fp32": "fp32", "fp32-packed, compiled": "fp32", "bf16-packed, eager": "bf16", "None": "auto"}),
        (False, {"fp32, eager": "fp32", "bf16-packed, eager": "auto"}),
    ):
        monkeypatch.setattr(kernels, "bf16_multiplier", lambda device, there=there: "avx512" if there else None)
        assert {name: kernels.precision_again(name, CPU) for name in names} == names
