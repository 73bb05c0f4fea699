import pytest
import torch
from torch import nn

from charlstm.config import ModelConfig
from charlstm.in_numpy.shapes import num_parameters, tensor_shapes
from charlstm.network.cells import CELLS, Cell
from charlstm.network.kernels import Kernels
from charlstm.network.model import CharLM, from_torch, to_torch, torch_layers
from charlstm.training.dropout import drop_recurrent_weights, dropout_masks, recurrent_masks


def tiny(cell_type: str = "lstm", **more: int) -> CharLM:
    model = CharLM(
        ModelConfig(
            **{"vocab_size": 9, "embedding_size": 4, "hidden_size": 6, "num_layers": 2, "cell_type": cell_type, **more}
        )
    )
    model.reset_parameters(20, seed=1)
    return model


@pytest.mark.parametrize("cell_type", CELLS)
def test_to_torch_and_back(cell_type: str) -> None:
    model = tiny(cell_type).double()
    embedding, recurrent, head = to_torch(model)
    ids = torch.randint(9, (3, 7))
    logits, _ = model(ids)
    theirs = head(recurrent(embedding(ids.T))[0]).transpose(0, 1)
    torch.testing.assert_close(logits, theirs, rtol=0, atol=1e-12)
    back = from_torch(embedding, recurrent, head)
    assert back.config == model.config
    for name, tensor in back.state_dict().items():
        assert torch.equal(tensor, model.state_dict()[name])


@pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS)
def test_from_torch_keeps_what_two_biases_say(cell: Cell) -> None:
    torch.manual_seed(0)
    embedding, layers, head = nn.Embedding(9, 4), torch_layers(cell)(4, 6, 2), nn.Linear(6, 9)
    ids = torch.randint(9, (2, 5))
    logits, _ = from_torch(embedding, layers, head)(ids)
    torch.testing.assert_close(logits, head(layers(embedding(ids.T))[0]).transpose(0, 1), rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    "other",
    [
        nn.LSTM(4, 6, bidirectional=True),
        nn.LSTM(4, 6, proj_size=3),
        nn.LSTM(4, 6, bias=False),
        nn.RNN(4, 6, nonlinearity="relu"),
    ],
)
def test_from_torch_refuses_what_it_cannot_express(other: nn.LSTM | nn.RNN) -> None:
    with pytest.raises(ValueError, match="one-way"):
        from_torch(nn.Embedding(9, 4), other, nn.Linear(6, 9))


def test_from_torch_refuses_layers_that_no_cell_type_is() -> None:
    with pytest.raises(ValueError, match="RNNBase"):
        from_torch(nn.Embedding(9, 4), nn.RNNBase("GRU", 4, 6), nn.Linear(6, 9))


def test_window_loss_is_the_cross_entropy_of_the_logits() -> None:
    model = tiny().double()
    ids = torch.randint(9, (8, 3))
    loss, state = model.window_loss(ids[:-1], ids[1:], model.zero_state(3), kernels=Kernels(torch.float64))
    logits, end = model(ids[:-1].T)
    expected = nn.functional.cross_entropy(logits.flatten(0, 1), ids[1:].T.flatten())
    torch.testing.assert_close(loss, expected, rtol=0, atol=1e-12)
    torch.testing.assert_close(state, end, rtol=0, atol=1e-12)


def test_same_seed_same_weights() -> None:
    assert all(map(torch.equal, tiny().parameters(), tiny().parameters()))
    other = tiny()
    other.reset_parameters(20, seed=2)
    assert not torch.equal(other.head.weight, tiny().head.weight)


def test_tensor_shapes_are_those_of_the_model() -> None:
    for cell_type in CELLS:
        model = tiny(cell_type, num_layers=3)
        shapes = {name: tuple(p.shape) for name, p in model.state_dict().items()}
        assert shapes == tensor_shapes(model.config)
        assert num_parameters(model.config) == sum(p.numel() for p in model.parameters())


def test_dropout_masks_follow_from_seed_step_and_layer() -> None:
    def masks(seed: int = 1, step: int = 2, variational: bool = False) -> list[torch.Tensor]:
        return dropout_masks(0.25, variational, (50, 4, 30), 2, seed, step, torch.device("cpu"))

    first = masks()
    assert all(map(torch.equal, first, masks()))
    assert not torch.equal(first[0], first[1])
    assert not torch.equal(first[0], masks(seed=2)[0])
    assert not torch.equal(first[0], masks(step=3)[0])
    torch.testing.assert_close(first[0].unique(), torch.tensor([0.0, 1 / 0.75]))
    assert first[0].mean().item() == pytest.approx(1.0, abs=0.05)
    assert masks(variational=True)[0].shape == (1, 4, 30)
    assert dropout_masks(0.0, False, (5, 4, 3), 2, 0, 0, torch.device("cpu")) == []


def test_weight_dropout_touches_recurrent_weights_only() -> None:
    layers = tiny(hidden_size=40).stack.layers()
    dropped = drop_recurrent_weights(layers, recurrent_masks(0.5, layers, seed=0, step=0))
    for before, after in zip(layers, dropped, strict=True):
        assert after.weight_ih is before.weight_ih
        zero = after.weight_hh == 0
        assert 0.45 < zero.float().mean() < 0.55
        torch.testing.assert_close(after.weight_hh[~zero], 2 * before.weight_hh[~zero])
