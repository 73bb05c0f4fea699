import dataclasses
import json
import math
import os
import typing
from pathlib import Path
from typing import Literal

import pytest

from charlstm.config import ModelConfig, SampleConfig, TrainConfig, read_config_file
from charlstm.errors import UsageError
from charlstm.settings import parsed, type_of


def test_there_and_back_through_json() -> None:
    for config in (ModelConfig(10), TrainConfig(steps=5, lr=0.1, language="en"), TrainConfig(), SampleConfig(seed=3)):
        assert type(config).from_dict(json.loads(json.dumps(config.to_dict()))) == config


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda: ModelConfig(vocab_size=1), "vocab_size is 1; it must be between 2 and 65,536"),
        (lambda: ModelConfig(vocab_size=10, num_layers=1_000_000), "num_layers"),
        (lambda: ModelConfig(vocab_size=10, hidden_size=2.5), "type int"),
        (lambda: ModelConfig(vocab_size=10, hidden_size=True), "type int"),
        (lambda: ModelConfig(vocab_size=10, cell_type="lsmt"), "one of lstm, rnn, gru"),
        (lambda: ModelConfig.from_dict({}), "'vocab_size' is missing"),
        (lambda: TrainConfig(lr=math.nan), "lr is nan"),
        (lambda: TrainConfig(time=math.inf), "time"),
        (lambda: TrainConfig(steps=1, epochs=1.0), "one of `steps`, `epochs` and `time`"),
        (lambda: TrainConfig.from_dict({"hidden_sizes": 3}), "unknown setting 'hidden_sizes'"),
        (lambda: TrainConfig.from_dict({"dropuot": 0.1}), "did you mean 'dropout'"),
        (lambda: SampleConfig(temperature=-1.0), "temperature"),
        (lambda: SampleConfig(top_p=0.0), "top_p"),
        (lambda: TrainConfig(valid_chars=1), "valid_chars is 1; it must be 0 (all) or at least 2"),
        (lambda: TrainConfig(steps=1 << 20_000), "steps is a number of thousands of digits; it must be between 1 and"),
        (lambda: TrainConfig(steps=10**1000), "steps is 1000000000"),
        (lambda: TrainConfig(optimizer=1 << 20_000), "one of adamw"),
        (lambda: TrainConfig(lr=[1 << 20_000]), "type float"),
        (lambda: TrainConfig(language="eo"), "language is 'eo'; it must be one of pt, en"),
        (lambda: TrainConfig(language=["pt"]), "language is ['pt']; it must be one of pt, en"),
    ],
)
def test_what_cannot_be_is_said(make, expected: str) -> None:
    with pytest.raises(UsageError) as caught:
        make()
    assert expected in str(caught.value)
    assert len(str(caught.value)) < 200


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


DERIVED = {"vocab_size", "polar"}  # which nobody gives: the text, or the version, decides


def test_every_setting_tells_a_person_all_that_help_says() -> None:
    for kind in (ModelConfig, TrainConfig, SampleConfig):
        for f in dataclasses.fields(kind):
            about = f.metadata["setting"]
            assert bool(about.help) == bool(about.panel) == (f.name not in DERIVED), f.name
            hint = type_of(kind, f.name)
            named = [part for part in (hint, *typing.get_args(hint)) if typing.get_origin(part) is Literal]
            choices = [choice for part in named for choice in typing.get_args(part)]
            is_counted = hint is not bool and (not choices or all(choice in about.help for choice in choices))
            assert bool(about.unit) == (is_counted and f.name not in DERIVED), f.name


def test_lengths_of_time_in_a_file() -> None:
    assert parsed({"time": "3m", "memory": 9.0}, ModelConfig, TrainConfig) == {"time": 180.0, "memory": 9.0}
    for odd in ("soon", "", "0s", "3x"):
        with pytest.raises(UsageError, match="length of time"):
            parsed({"time": odd}, TrainConfig)
    with pytest.raises(UsageError, match="unknown setting 'time_s'; did you mean 'time'"):
        parsed({"time_s": 3}, ModelConfig, TrainConfig)
    with pytest.raises(UsageError, match="unknown setting 'vocab_size'"):
        parsed({"vocab_size": 3}, ModelConfig, TrainConfig)


def test_a_mark_before_the_settings_is_none_of_them(tmp_path: Path) -> None:
    for name, text in (("a.toml", "lr = 0.01\n"), ("a.json", '{"lr": 0.01}')):
        (tmp_path / name).write_text("\ufeff" + text, encoding="utf-8")
        assert read_config_file(tmp_path / name) == {"lr": 0.01}


def test_what_is_no_file_of_settings_does_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "empty.toml").touch()
    (tmp_path / "large.toml").write_text("#" * (2 << 20))
    for path, expected in (
        (Path("/dev/zero"), "not a file"),
        (tmp_path / "pipe", "not a file"),
        (tmp_path, "not a file"),
        (tmp_path / "empty.toml", "the file is empty"),
        (tmp_path / "large.toml", "more than 1 MB"),
    ):
        with pytest.raises(UsageError, match=expected):
            read_config_file(path)
    if Path("/proc/kmsg").exists():  # it has no end, and is closed to most
        with pytest.raises(UsageError, match=r"the file is empty|ermi"):
            read_config_file(Path("/proc/kmsg"))
