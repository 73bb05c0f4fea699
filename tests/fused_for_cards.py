"""In a process of its own, outside of Triton's interpreter: compile the fused gates for cards that are not here."""

from __future__ import annotations

import importlib

import torch
import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

from charlstm.network.cells import CELLS
from charlstm.network.cells.fused import BLOCK

NAMES = {torch.float32: "*fp32", torch.float64: "*fp64", torch.bfloat16: "*bf16"}


def compile_all(cell_type: str) -> None:
    """Compile both kernels for all types; print the generations that have machine code for all."""
    module = importlib.import_module(f"charlstm.network.cells.{cell_type}_fused")
    for generation in (80, 90, 100):
        for part, kernel in (("forward", module.forward_kernel), ("backward", module.backward_kernel)):
            for H, dtype in ((512, torch.bfloat16), (37, torch.float32), (64, torch.float64)):
                arguments = CELLS[cell_type].pointwise[part].example(1, H, dtype)
                if dtype == torch.float64:  # a network of which all is
                    arguments = [argument.double() for argument in arguments]
                signature = {
                    name: NAMES[argument.dtype]
                    for name, argument in zip(kernel.arg_names, arguments, strict=False)  # then H and BLOCK
                }
                source = ASTSource(
                    fn=kernel,
                    signature=signature | {"H": "constexpr", "BLOCK": "constexpr"},
                    constexprs={"H": H, "BLOCK": BLOCK},
                )
                compiled = triton.compile(source, target=GPUTarget("cuda", generation, 32))
                assert compiled.asm["cubin"]
        print(f"sm_{generation}")
