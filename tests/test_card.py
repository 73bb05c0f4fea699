"""`make gpu`, as far as a processor can show it."""

from __future__ import annotations

import json
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from conftest import small_text
from rich.table import Table

from charlstm.bench import card, training_speed
from charlstm.bench.card import PARTS, Counts, Part, measure, parts_for, rows_of
from charlstm.bench.timing import float32_products
from charlstm.cli import gpu
from charlstm.report.bench import draw_training_speed

AT = {"device": "cpu", "compiled": False}


@pytest.mark.slow
def test_every_part_measures_what_the_tables_show(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    text = tmp_path / "text.txt"
    text.write_text(small_text(3000), encoding="utf-8")
    monkeypatch.setattr(card, "PROJECT", tmp_path)
    monkeypatch.setattr(training_speed, "large_product", lambda dtype, device: (lambda: None, 1.0))  # 17 GFLOP
    found = []
    for part in parts_for("cpu", text, quick=True):
        if part.name != "tests":
            rows = list(PARTS[part.name.partition(" ")[0]](part.asked))
            found.append({"name": part.name, "asked": part.asked, "rows": json.loads(json.dumps(rows))})
    assert found[0]["rows"][0]["torch"] == torch.__version__
    (train,) = rows_of(found, "train")
    assert train["chars_per_s"].keys() == {"charlstm fp32", "nn.LSTM fp32"}
    *points, about = next(part["rows"] for part in found if part["name"] == "quality")
    assert points == rows_of(found, "quality")
    assert about["kernel"] == "fp32, eager"
    assert about["chars_per_s"] == pytest.approx(points[-1]["characters"] / points[-1]["seconds"])
    assert about["text"] == "text.txt"
    (tmp_path / "gpu.json").write_text(json.dumps({"parts": found}))
    assert gpu.main(["--show", "--out", str(tmp_path / "gpu.json")]) == 0
    shown = capsys.readouterr().out
    for title in ("Training, characters/s", "Sampling, characters/s", "Peak memory of training, MB", "bits/char"):
        assert title in shown
    with pytest.raises(Exception, match=r"test_cuda\.py"):  # an installed charlstm has no tests
        list(PARTS["tests"](AT))


@pytest.mark.slow
def test_a_part_that_fails_or_takes_too_long_is_recorded_and_the_rest_goes_on(tmp_path: Path) -> None:
    missing = {**AT, "text": str(tmp_path / "none.txt"), "time": 1.0, "given": {}}
    endless = {**AT, "hidden_size": [8] * 10_000, "streams": [1], "length": 1, "rounds": 1}
    parts = [
        Part("quality", 100.0, missing),
        Part("train 8", -1e9, {**endless, "lanes": [2], "windows": [3]}),
        Part("environment", 1e9 + 100.0, AT),
    ]
    ended = {outcome.name: outcome for outcome in measure(parts) if outcome.ended}
    assert list(ended) == ["quality", "train 8", "environment"]
    assert "none.txt" in ended["quality"].error
    assert "its time was up" in ended["train 8"].error
    assert ended["environment"].error == ""
    assert len(ended["environment"].rows) == 1


def test_rows_that_came_in_time_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    endless = Part("sample", 60.0, {**AT, "hidden_size": [8] * 10_000, "streams": [1], "length": 1, "rounds": 1})
    now = time.monotonic
    lost = [0.0]
    monkeypatch.setattr(card, "time", SimpleNamespace(monotonic=lambda: now() + lost[0]))
    for outcome in measure([endless]):
        if len(outcome.rows) >= 2:
            lost[0] = 100.0  # seconds
    assert outcome.ended
    assert "its time was up" in outcome.error
    assert len(outcome.rows) >= 2
    assert all(row["bench"] == "sample" for row in outcome.rows)


def test_a_shape_that_does_not_fit_is_recorded_and_the_next_one_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    def bench_training(shape: SimpleNamespace, *arguments: object, **more: object) -> SimpleNamespace:
        if shape.batch_size == 256:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20 GiB.\nMore of that")
        return SimpleNamespace(to_dict=lambda: {"bench": "train", "batch_size": shape.batch_size})

    monkeypatch.setattr("charlstm.bench.training_speed.bench_training", bench_training)
    asked = {**AT, "hidden_size": [8], "lanes": [256, 64], "windows": [3], "rounds": 1}
    too_large, small = PARTS["train"](asked)
    assert too_large["error"] == "CUDA out of memory. Tried to allocate 20 GiB."
    assert too_large["batch_size"] == 256
    assert small == {"bench": "train", "batch_size": 64}


def test_failed_tests_are_named() -> None:
    counts = Counts()
    for when, outcome in [("setup", "passed"), ("call", "passed"), ("call", "failed"), ("setup", "skipped")]:
        counts.pytest_runtest_logreport(
            SimpleNamespace(
                **{name: name == outcome for name in ("passed", "failed", "skipped")},
                when=when,
                nodeid="test_x.py::test_y",
                longreprtext="a\nAssertionError: 1 != 2\n",
            )
        )
    assert (counts.passed, counts.skipped) == (1, 1)
    assert counts.failed == [{"test": "test_x.py::test_y", "error": "test_x.py::test_y: AssertionError: 1 != 2"}]


def test_everything_ends_within_eight_minutes() -> None:
    assert sum(part.limit_s for part in parts_for("cuda")) < 480


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a card here")
@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], "there is no cuda device here"),
        (["--device", "cpu"], "QUICK=1"),
        (["--text", "nowhere.txt"], "nowhere.txt"),
        (["--device", "gpu9"], "gpu9"),
    ],
)
def test_what_cannot_be_measured_is_said_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], expected: str
) -> None:
    out = tmp_path / "gpu.json"
    assert gpu.main([*arguments, "--out", str(out)]) == 2
    said = capsys.readouterr().err
    assert expected in said
    assert said.count("\n") == 1
    assert not out.exists()
    assert gpu.main(["--show", "--out", str(out)]) == 1


def test_both_sides_multiply_float32_alike() -> None:
    settings = torch.backends.cuda.matmul, torch.backends.cudnn.rnn
    before = [setting.fp32_precision for setting in settings]
    for tf32, name in ((True, "tf32"), (False, "ieee")):
        with float32_products(tf32):
            assert [setting.fp32_precision for setting in settings] == [name, name]
        assert [setting.fp32_precision for setting in settings] == before


def test_a_table_of_tf32_says_so() -> None:
    from charlstm.bench.training_speed import Shape, TrainingRow

    rates = {"charlstm tf32": 4.0, "charlstm tf32 eager": 3.0, "nn.LSTM tf32": 2.0}
    rates |= {"charlstm bf16": 9.0, "charlstm bf16 eager": 3.0, "nn.LSTM bf16": 3.0}
    row = TrainingRow.from_dict(TrainingRow(Shape(8, 1, 2, 3), rates, {"tf32": 1e9, "bf16": 1e9}, "").to_dict())
    assert row.chars_per_s == rates
    table, *words = draw_training_speed([row], 5, 100, False)
    assert isinstance(table, Table)
    assert [column.header for column in table.columns][-3:] == ["times", "times tf32", "limit"]
    assert list(table.columns[-2].cells) == ["2.00"]
    assert list(table.columns[-3].cells) == ["3.00"]
    assert "both in TF32" in str(words[-1])
