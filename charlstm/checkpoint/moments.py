"""What a run keeps of its optimiser: which tensors, for which tensor of the network."""

from __future__ import annotations

ADAMW_MOMENTS = ("exp_avg", "exp_avg_sq")  # what AdamW remembers of each parameter
MUON_MOMENTS = ("momentum_buffer",)


def is_hidden_matrix(name: str) -> bool:
    """Whether a tensor of the network, by its name, maps hidden states: W_hh, and W_ih above the first layer."""
    return "weight_hh" in name or ("weight_ih" in name and not name.endswith("weight_ih_l0"))


def moments_of(name: str, optimizer: str) -> tuple[str, ...]:
    """What is remembered of the tensor of that name, each of its shape, with the optimiser "adamw" or "muon"."""
    return MUON_MOMENTS if optimizer == "muon" and is_hidden_matrix(name) else ADAMW_MOMENTS
