"""`charlstm study`: several seeds of a tiny network, interrupted anywhere, and what a person can get wrong."""

import hashlib
import io
import json
import re
import shutil
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from conftest import Invoke, Result, texts_leave_the_cache
from planted import ordinary_lines, toy_pairs, write_pairs
from rich.console import Console

from charlstm.cli import runtime
from charlstm.corpus import CorpusRequest
from charlstm.errors import Interrupted, TextError
from charlstm.interrupts import INTERRUPTS
from charlstm.probe import texts
from charlstm.probe.statistics import binomial
from charlstm.report.study import draw_study, headline
from charlstm.study import run as studies
from charlstm.study.manifest import read
from charlstm.study.result import SeedProbe, SeedResult, SeedTraining, summarise
from charlstm.training.trainer import Trainer

SHAPE = ("--hidden-size", 8, "--embedding-size", 4, "--num-layers", 1, "--batch-size", 4, "--seq-len", 16)
SMALL = ("--steps", 4, "--evaluations", 2, *SHAPE, "--nulls", 2, "--device", "cpu", "-q")


@pytest.fixture(autouse=True)
def _little_is_sampled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(texts, "SAMPLED_CHARS", 2000)


@pytest.fixture
def text(tmp_path: Path) -> Path:
    path = tmp_path / "toy.txt"
    path.write_text(ordinary_lines(60), encoding="utf-8")
    return path


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    return write_pairs(tmp_path / "pairs.jsonl", toy_pairs(lemmas=12, distances=(6,)))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Where one uninterrupted study is kept for the tests that compare with it."""
    return {"folder": tmp_path_factory.mktemp("whole")}


@pytest.fixture
def finished(invoke: Invoke, text: Path, pairs: Path, whole: dict[str, Path]) -> Path:
    """A study of two seeds that was never interrupted; made once, and copied."""
    kept, here = whole["folder"] / "study", text.parent / "whole"
    if not kept.exists():
        done = invoke("study", text, "--seeds", 2, "--pairs", pairs, *SMALL, "--out", kept)
        assert (done.code, done.err) == (0, "")
    shutil.copytree(kept, here)
    return here


def results(folder: Path) -> list[dict[str, Any]]:
    """What is known of the seeds, hashes included."""
    found: list[dict[str, Any]] = json.loads((folder / "study.json").read_text(encoding="utf-8"))["results"]
    return found


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def one_line(done: Result, code: int) -> str:
    assert done.code == code, done.err
    assert done.out == ""
    return " ".join(line.strip("│ ") for line in done.err.splitlines())


def test_all_that_a_paper_needs_is_in_the_manifest(invoke: Invoke, text: Path, pairs: Path, finished: Path) -> None:
    data = json.loads((finished / "study.json").read_text(encoding="utf-8"))
    assert data["finished"]
    assert data["seeds"] == [0, 1]
    assert list(data["corpus"]["files_sha256"].values()) == [sha256(text)]
    assert list(data["pairs"]["files"].values()) == [sha256(pairs)]
    assert (data["pairs"]["number"], data["probe"]["nulls"], data["train"]["steps"]) == (36, 2, 4)
    assert {"charlstm", "torch", "python", "processor", "threads"} <= data["machine"].keys()
    for result in data["results"]:
        run = finished / result["folder"]
        assert result["training"]["sha256"] == sha256(run / "best.safetensors")
        assert result["probe"]["sha256"] == sha256(run / "probe.json")
        found = json.loads((run / "probe.json").read_text(encoding="utf-8"))
        assert result["probe"]["accuracy"] == found["behaviour"]["value"]
        opposite = found["behaviour"]["by"]["attractor"]["opposite"]["value"]
        assert result["probe"]["accuracy_opposite"] == opposite
        best = found["cells"][0]
        assert result["probe"]["cell"] == f"{best['layer']}:{best['cell']}"
        assert (result["probe"]["verdict"], result["probe"]["nulls"]) == (best["verdict"], 2)
    assert len({result["training"]["sha256"] for result in data["results"]}) == 2
    bits = [result["training"]["best_valid_bits_per_char"] for result in data["results"]]
    assert data["summary"]["mean"]["bits_per_char"] == pytest.approx(sum(bits) / 2)


def test_a_text_that_has_left_the_cache_is_read_again_by_as_many_processes_as_threads(
    invoke: Invoke, finished: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = texts_leave_the_cache(monkeypatch)
    assert invoke("study", "--resume", finished, "--threads", 1, "-q").code == 0
    assert asked == [1]


def test_a_finished_study_is_shown_again_and_nothing_is_done(
    invoke: Invoke, text: Path, pairs: Path, finished: Path
) -> None:
    before = {path: path.stat().st_mtime_ns for path in finished.rglob("*") if path.is_file()}
    same = invoke("study", text, "--seeds", 2, "--pairs", pairs, *SMALL, "--out", finished)
    again = invoke("study", "--resume", finished / "study.json", "-q")
    assert (same.code, same.err, same.out) == (0, "", again.out)
    assert re.search(r"^A cell tracks the feature of the pairs, and the network uses it, in \d of 2 seeds", same.out)
    assert re.search(r"^0 +\d\.\d{3} .*\n1 +\d\.\d{3} .*\nmean +\d.*\nsd +\d", same.out, re.MULTILINE)
    shown = invoke("study", "--resume", finished, "--json", "-q")
    assert json.loads(shown.out) == json.loads((finished / "study.json").read_text(encoding="utf-8"))
    assert {path: path.stat().st_mtime_ns for path in finished.rglob("*") if path.is_file()} == before


def stop_after(checks: int, patch: pytest.MonkeyPatch) -> None:
    """Ctrl-C, when a study has asked so often whether it has come."""
    asked = iter(range(10_000))

    def requested() -> bool:
        if next(asked) >= checks:
            INTERRUPTS.signum = signal.SIGINT
        return INTERRUPTS.signum is not None

    patch.setattr(INTERRUPTS, "requested", requested)


def stop_in_probe(number: int, patch: pytest.MonkeyPatch) -> None:
    """Ctrl-C in one of the probes."""
    probe, begun = studies.probe, iter(range(10))

    def stopped(*arguments: Any) -> Any:
        if next(begun) == number:
            INTERRUPTS.signum = signal.SIGINT
            raise Interrupted(signal.SIGINT)
        return probe(*arguments)

    patch.setattr(studies, "probe", stopped)


@pytest.mark.parametrize(
    ("stop", "number", "words", "known"),
    [
        (stop_after, 3, "in the training of seed 0; 0 of 2 seeds done", 0),
        (stop_in_probe, 0, "in the probe of seed 0; 0 of 2 seeds done", 1),
        (stop_after, 11, "in the training of seed 1; 1 of 2 seeds done", 1),
    ],
)
def test_an_interrupted_study_comes_to_the_same_bits(
    invoke: Invoke,
    text: Path,
    pairs: Path,
    finished: Path,
    monkeypatch: pytest.MonkeyPatch,
    stop: Callable[[int, pytest.MonkeyPatch], None],
    number: int,
    words: str,
    known: int,
) -> None:
    command = ("study", text, "--seeds", 2, "--pairs", pairs, *SMALL)
    with monkeypatch.context() as patch:
        stop(number, patch)
        stopped = invoke(*command)
    INTERRUPTS.signum = None
    folder = Path("checkpoints/toy-study")
    assert stopped.code == 130
    assert words in stopped.err
    assert f"To go on:\n  charlstm study --resume {folder} --device cpu\n" in stopped.err
    assert len(results(folder)) == known
    on = invoke(*command) if number else invoke("study", "--resume", folder, "-q")
    assert (on.code, on.err) == (0, "")
    assert results(folder) == results(finished)
    for seed in range(2):  # the state, too: whoever goes on from it comes to the same
        last = [place / f"seed-{seed}" / "best.safetensors" for place in (folder, finished)]
        assert sha256(last[0]) == sha256(last[1])


def test_a_seed_that_is_gone_is_trained_again(invoke: Invoke, finished: Path) -> None:
    before = results(finished)
    shutil.rmtree(finished / "seed-0")
    (finished / "seed-1" / "probe.json").unlink()
    done = invoke("study", "--resume", finished)
    assert done.code == 0, done.err
    assert "seed-0 is gone, so this seed is trained again" in done.err
    assert "probe.json is gone, so this model is probed again" in done.err
    assert "this budget for each of 1 of 2 seeds" in done.err
    assert results(finished) == before


@pytest.mark.parametrize("name", ["best.safetensors", "probe.json"])
def test_a_file_that_is_not_the_recorded_one(invoke: Invoke, finished: Path, name: str) -> None:
    with open(finished / "seed-1" / name, "ab") as f:
        f.write(b"\n")
    done = invoke("study", "--resume", finished)
    assert "is not the file that the study recorded: put it back, or remove" in one_line(done, 4)


def test_the_folder_of_another_run_in_place_of_a_seed(invoke: Invoke, text: Path, finished: Path) -> None:
    data = json.loads((finished / "study.json").read_text(encoding="utf-8"))
    data["results"] = data["results"][:1]
    (finished / "study.json").write_text(json.dumps(data), encoding="utf-8")
    shutil.rmtree(finished / "seed-1")
    shutil.copytree(finished / "seed-0", finished / "seed-1")
    assert "this run is not one of this study" in one_line(invoke("study", "--resume", finished, "-q"), 4)


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (("--seeds", 0), 2, "Invalid value for '--seeds'"),
        (("--seeds", 3), 2, "--seeds is 0 to 1 there, and 0 to 2 here"),
        (
            ("--steps", 5),
            2,
            "--steps is 4 there, and 5 here; go on with it by --resume, or give another folder as --out",
        ),
        (("--seed", 7), 2, "0 to 1 there, and 7 to 8 here"),
        (("--nulls", 3), 2, "--nulls is 2 there, and 3 here"),
        (("--lr", 0.1), 2, "--lr is 0.016 there, and 0.1 here"),
        (("--seed", 2**63 - 1), 2, "seed is 9223372036854775808"),
        (("--out", "text"), 2, "text exists already, and charlstm never overwrites it"),
        (("--pairs", "none.jsonl"), 3, "none.jsonl"),
        (("--resume", "whole"), 2, "--resume goes on with a study as it began; leave out --batch-size, "),
    ],
)
def test_what_a_person_can_get_wrong(
    invoke: Invoke, text: Path, pairs: Path, finished: Path, options: tuple[object, ...], code: int, words: str
) -> None:
    (text.parent / "text").mkdir()
    (text.parent / "text" / "novel.txt").write_text("x")
    before = (finished / "study.json").read_bytes()
    command = ["study", text, "--seeds", 2, "--pairs", pairs, *SMALL, "--out", finished]
    done = invoke(*command, *options)
    shown = one_line(done, code)
    assert words in re.sub(r"\s+", " ", shown)
    assert (finished / "study.json").read_bytes() == before


def test_other_texts_and_pairs_are_other_studies(invoke: Invoke, text: Path, pairs: Path, finished: Path) -> None:
    other = text.with_name("other.txt")
    other.write_text(ordinary_lines(61), encoding="utf-8")
    command = ("--seeds", 2, "--pairs", pairs, *SMALL, "--out", finished)
    assert "holds another study: of another text" in one_line(invoke("study", other, *command), 3)
    assert "the text has changed since the study began" in one_line(
        invoke("study", other, "--resume", finished, "-q"), 3
    )
    anew = ("study", other, "--pairs", pairs, *SMALL, "--out", "new")
    moved = text.rename(text.with_name("moved.txt"))
    assert invoke("study", moved, "--resume", finished, "-q").code == 0
    write_pairs(pairs, toy_pairs(lemmas=13, distances=(6,)))
    assert "this study began with other pairs" in one_line(
        invoke("study", moved, "--resume", finished, "--pairs", pairs, "-q"), 3
    )
    write_pairs(pairs, toy_pairs(lemmas=3))
    assert "3 independent pairs (lemmas); give at least 10" in one_line(invoke(*anew), 3)
    pairs.write_text(pairs.read_text(encoding="utf-8").replace("F", "É"), encoding="utf-8")
    assert "the text has no 'É'" in one_line(invoke(*anew), 3)
    assert not Path("new").exists()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('"format": 1', '"format": 2'),
        ('"seeds": [', '"seeds": [0, '),
        ('"threads": 1', '"threads": "1"'),
        ('"best_step": ', '"best_steps": '),
        ('"hidden_size": 8', '"hidden_size": -8'),
        ('"finished"', "finished"),
        ('"accuracy": ', '"accuracy": "x", "unused": '),
    ],
)
def test_a_damaged_manifest(invoke: Invoke, finished: Path, before: str, after: str) -> None:
    path = finished / "study.json"
    content = path.read_text(encoding="utf-8")
    assert before in content
    path.write_text(content.replace(before, after), encoding="utf-8")
    assert "study.json: damaged (" in one_line(invoke("study", "--resume", finished), 4)


def test_no_study_to_go_on_with(invoke: Invoke, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    for name in ("run", "nothing"):
        assert f"is {name} the folder of a study?" in one_line(invoke("study", "--resume", name), 4)


def test_without_pairs_only_the_scores(invoke: Invoke, text: Path) -> None:
    done = invoke("study", text, "--seeds", 2, *SMALL)
    assert (done.code, done.err) == (0, "")
    words = " ".join(done.out.split())
    assert re.match(
        r"Validation over 2 seeds: \d\.\d{3} bits/char on average \(standard deviation \d\.\d{3}\)\. ", words
    )
    assert "seed bits/char step 0 " in words
    assert (
        "No probe: the text has no 'A' (U+0041 LATIN CAPITAL LETTER A), which the pairs need (Portuguese, which"
        in words
    )
    data = json.loads(Path("checkpoints/toy-study/study.json").read_text(encoding="utf-8"))
    assert (data["pairs"], data["summary"]["share"]) == (None, None)
    assert invoke("study", "--resume", "checkpoints/toy-study", "-q").out == done.out


def test_pairs_without_twins_are_scored(invoke: Invoke, text: Path, pairs: Path) -> None:
    write_pairs(pairs, [replace(pair, twin=None, attractor=None) for pair in toy_pairs(lemmas=3, distances=(6,))])
    done = invoke("study", text, "--seeds", 1, "--pairs", pairs, *SMALL)
    assert (done.code, done.err) == (0, "")
    words = " ".join(done.out.split())
    assert "nothing can be said about cells, because these pairs have no twins" in words
    assert "verdict" not in words
    assert re.search(r"mean \d\.\d{3} \d \d+\.\d \d+\.\d sd - - - -", words)


def test_a_seed_that_diverges_is_a_result(
    invoke: Invoke, text: Path, pairs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = Trainer._step
    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "_step", lambda self: None if self.config.seed == 0 else step(self))
        done = invoke("study", text, "--seeds", 2, "--pairs", pairs, *SMALL)
    assert done.code == 0, done.err
    assert re.search(r"^0 +- .* diverged$", done.out, re.MULTILINE)
    assert "in 0 of 2 seeds" in done.out
    assert "A training that diverged has no figures" in done.out
    assert [result["training"]["reason"] for result in results(Path("checkpoints/toy-study"))] == ["diverged", "budget"]


def seed_result(seed: int, nats: float, qualified: tuple[str, ...]) -> SeedResult:
    training = SeedTraining(10, 1.0, "budget", nats, 10, "0" * 64)
    return SeedResult(seed, training, SeedProbe(0.9, 0.8, "1:2", "none", 0.7, None, qualified, 5, "0" * 64))


def test_over_all_seeds() -> None:
    found = summarise([seed_result(0, 1.0, ()), seed_result(1, 2.0, ("1:2",)), seed_result(2, 3.0, ("1:4", "1:5"))])
    assert (found.qualified, found.probed) == (2, 3)
    assert found.mean["bits_per_char"] == pytest.approx(2.0 / 0.6931471805599453)
    assert found.deviation["bits_per_char"] == pytest.approx(1.0 / 0.6931471805599453)  # n - 1
    assert found.mean["moved"] is None
    assert summarise([seed_result(0, 1.0, ())]).deviation["bits_per_char"] is None


def test_the_conclusion_counts_the_seeds(finished: Path) -> None:
    manifest = read(finished)
    manifest.results = [seed_result(0, 1.0, ("1:2",)), seed_result(1, 1.0, ())]
    assert headline(manifest)[0] == (
        "A cell tracks the feature of the pairs, and the network uses it, in 1 of 2 seeds: 50 % (95 % interval: 1 to "
        "99 %)."
    )


def test_the_table_fits_into_80_columns(finished: Path) -> None:
    manifest = read(finished)
    used = SeedProbe(0.987, 0.975, "2:110", "tracks and used", 0.97, 0.45, ("2:110",), 5, "0" * 64)
    manifest.results = [
        SeedResult(0, SeedTraining(9000, 1.0, "budget", 1.0, 9000, "0" * 64), used),
        seed_result(1, 1.0, ()),
    ]
    console = Console(width=80, file=io.StringIO(), record=True)
    for part in draw_study(manifest, 80, False):
        console.print(part)
    text = console.export_text()
    assert re.search(
        r"^0 +1\.443  9,000     98\.7     97\.5  2:110  0\.97   0\.45  tracks and used *$", text, re.MULTILINE
    )
    assert re.search(r"^1 +1\.443     10     90\.0     80\.0    1:2  0\.70      -  none *$", text, re.MULTILINE)


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [(3, 5, 0.1466, 0.9473), (0, 5, 0.0, 0.5218), (5, 5, 0.4782, 1.0), (1, 20, 0.0013, 0.2487)],
)
def test_the_exact_interval(successes: int, trials: int, low: float, high: float) -> None:
    """The tables of Clopper and Pearson."""
    found = binomial(successes, trials)
    assert found.value == successes / trials
    assert [found.low, found.high] == pytest.approx([low, high], abs=5e-5)


def test_threads_are_those_of_the_reading_too(
    invoke: Invoke, text: Path, pairs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    processes: list[int | None] = []

    def stop(request: CorpusRequest, stdin: object, on_progress: object, most: int | None = None) -> None:
        processes.append(most)
        raise TextError("read")

    monkeypatch.setattr(runtime, "open_corpus", stop)
    assert invoke("study", text, "--pairs", pairs, *SMALL, "--threads", 1).code == 3
    assert processes == [1]


def test_a_file_of_settings_that_a_variable_names_is_for_new_studies(
    invoke: Invoke, text: Path, pairs: Path, finished: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("mine.toml").write_text("steps = 9\ndropout = 0.5\n")
    monkeypatch.setenv("CHARLSTM_STUDY_CONFIG", "mine.toml")
    assert invoke("study", "--resume", finished, "-q").code == 0
    done = invoke("study", text, "--seeds", 1, "--pairs", pairs, *SMALL, "--out", "new")
    assert done.code == 0, done.err
    train = read(Path("new")).train
    assert (train.steps, train.dropout) == (4, 0.5)  # the budget that is typed goes before the file's


def test_a_list_is_studied_line_by_line(invoke: Invoke, tmp_path: Path) -> None:
    (tmp_path / "names.txt").write_text("\n".join(f"{a}{b}" for a in "klmnp" for b in "aeiou") + "\n", encoding="utf-8")
    done = invoke("study", "names.txt", "--lines", "--seeds", 1, *SMALL, "--out", "lists")
    assert done.code == 0, done.err
    run = json.loads((tmp_path / "lists" / "seed-0" / "config.json").read_text(encoding="utf-8"))
    assert run["corpus"]["lines"] is True
    assert run["train"]["lines"] is True
    assert invoke("info", "lists/seed-0").code == 0
