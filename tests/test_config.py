import json
import math
from pathlib import Path

import pytest

from charlstm.config import ModelConfig, SampleConfig, TrainConfig, read_config_file
from charlstm.errors import UsageError


def test_there_and_back_through_json() -> None:
    for config in (ModelConfig(vocab_size=10), TrainConfig(steps=5, lr=0.1), SampleConfig(seed=3)):
        assert type(config).from_dict(json.loads(json.dumps(config.to_dict()))) == config


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda: ModelConfig(vocab_size=1), "vocab_size is 1; it must be between 2 and 65,536"),
        (lambda: ModelConfig(vocab_size=10, num_layers=1_000_000), "num_layers"),
        (lambda: ModelConfig(vocab_size=10, hidden_size=2.5), "type int"),
        (lambda: ModelConfig(vocab_size=10, hidden_size=True), "type int"),
        (lambda: ModelConfig(vocab_size=10, cell_type="gru"), "one of lstm, rnn"),
        (lambda: ModelConfig.from_dict({}), "'vocab_size' is missing"),
        (lambda: TrainConfig(lr=math.nan), "lr is nan"),
        (lambda: TrainConfig(time_s=math.inf), "time_s"),
        (lambda: TrainConfig(steps=1, epochs=1.0), "one of --steps, --epochs and --time"),
        (lambda: TrainConfig.from_dict({"hidden_sizes": 3}), "unknown setting 'hidden_sizes'"),
        (lambda: TrainConfig.from_dict({"dropuot": 0.1}), "did you mean 'dropout'"),
        (lambda: SampleConfig(temperature=-1.0), "temperature"),
        (lambda: SampleConfig(top_p=0.0), "top_p"),
    ],
)
def test_what_cannot_be_is_said(make, expected: str) -> None:
    with pytest.raises(UsageError) as caught:
        make()
    assert expected in str(caught.value)


def test_config_files(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text("lr = 0.01\nhidden_size = 64\n")
    (tmp_path / "a.json").write_text('{"lr": 0.01, "hidden_size": 64}')
    assert read_config_file(tmp_path / "a.toml") == read_config_file(tmp_path / "a.json")
    (tmp_path / "bad.toml").write_text("lr =")
    (tmp_path / "list.json").write_text("[1]")
    (tmp_path / "binary.json").write_bytes(b"\xff\xfe")
    for name, expected in (
        ("bad.toml", "TOML"),
        ("list.json", "by name"),
        ("binary.json", "JSON"),
        ("no.toml", "No such"),
    ):
        with pytest.raises(UsageError, match=expected):
            read_config_file(tmp_path / name)
