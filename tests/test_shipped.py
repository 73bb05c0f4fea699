"""The models that ship: small, sound, read their languages, are in a wheel, never in the way of a run of one's own."""

import json
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from test_package import unpack

import charlstm
from charlstm import checkpoint
from charlstm.checkpoint import BEST, CONFIG, ModelFile, find, find_models, load_model_file, save_model_file
from charlstm.config import ModelConfig
from charlstm.corpus.vocab import Vocabulary
from charlstm.errors import ModelFileError, UsageError
from charlstm.grammar import minimal_pairs
from charlstm.network.model import CharLM
from charlstm.network.reader import Reader
from charlstm.probe.causes import make_bench
from charlstm.probe.defaults import ENGLISH, NEAR, PORTUGUESE, Defaults
from charlstm.probe.pipeline import read_sentence
from charlstm.probe.reading import warm_state
from charlstm.probe.stimuli import make_stimuli

ROOT = Path(__file__).parent.parent
MODEL = ROOT / "charlstm" / "shipped" / "portuguese" / BEST
ENGLISH_MODEL = MODEL.parents[1] / "english" / BEST
NAMES = ["portuguese", "english", "series", "comparison/lstm", "comparison/rnn"]

PROSE = (
    "A casa ficava no fim da rua, e dela via-se o mar. Todas as tardes, ao pôr do sol, o velho sentava-se à porta "
    "e olhava para os barcos que voltavam. Ninguém lhe perguntava nada; todos sabiam que esperava pelo filho."
)


ENGLISH_PROSE = (
    "The house stood at the end of the street, and from it one could see the sea. Every evening, when the sun went "
    "down, the old man sat at his door and watched the boats come home. Nobody asked him why; they all knew."
)


@pytest.fixture(scope="module")
def shipped() -> dict[str, ModelFile]:
    return {path.parent.name: load_model_file(path) for path in (MODEL, ENGLISH_MODEL)}


@pytest.fixture(autouse=True)
def _locale_of_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)


def put(folder: Path, age: int, trained_here: bool) -> Path:
    """A small model in a folder, and the settings of a run where it was trained there."""
    folder.mkdir(parents=True)
    vocabulary = Vocabulary("ab ")
    model = CharLM(ModelConfig(3, hidden_size=4, num_layers=1, embedding_size=2))
    save_model_file(folder / BEST, ModelFile(model, vocabulary, {}))
    os.utime(folder / BEST, (1e9 - age, 1e9 - age))
    if trained_here:
        (folder / CONFIG).write_text("{}")
    return folder / BEST


def test_runs_of_ones_own_come_first_and_the_model_that_ships_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = tmp_path / "checkpoints"
    shipped = put(tmp_path / "package" / "portuguese", 0, False)
    monkeypatch.setattr(find, "SHIPPED", tmp_path / "package")
    assert find_models(None, runs) == [shipped]
    copied = put(runs / "copied", 1, False)
    assert find_models(None, runs) == [copied, shipped]
    old, new = put(runs / "old", 50, True), put(runs / "new", 40, True)
    assert find_models(None, runs) == [new, old, copied, shipped]
    assert find_models(runs) == [new, old, copied]
    (tmp_path / "file").write_text("")
    assert find_models(None, tmp_path / "file") == [shipped]
    monkeypatch.setattr(find, "SHIPPED", tmp_path / "none")
    with pytest.raises(ModelFileError, match=r"there is no model in it; train one \(charlstm train FILE\)$"):
        find_models(None, tmp_path / "nowhere")


def test_a_model_that_ships_goes_by_its_name_in_any_folder(invoke) -> None:
    assert list(checkpoint.shipped_models()) == NAMES
    assert [checkpoint.name_of(find_models(Path(name))[0]) for name in NAMES] == NAMES
    assert charlstm.load("portuguese").vocabulary == charlstm.load(MODEL).vocabulary
    done = invoke("sample", "-c", "portuguese", "--length", 5)
    assert done.code == 0
    assert done.err.startswith("model: portuguese (built in)\n")
    assert "2 x 512 cells" in invoke("info", "portuguese").out
    assert "1 x 256 cells" in invoke("info", "comparison/rnn").out


@pytest.mark.parametrize("command", [("sample", "--length", 3, "-c"), ("info",), ("explain", "distance", "-c")])
def test_a_file_or_folder_of_its_name_goes_first_and_is_said(invoke, command: tuple[object, ...]) -> None:
    path = put(Path("portuguese"), 0, True)
    done = invoke(*command, "portuguese")
    assert f"model: {path} in this folder; for the built-in model of that name, give {MODEL}\n" in done.err
    assert f"model: {path}" not in invoke(*command, "portuguese", "-q").err
    path.rename("aside")
    Path("portuguese", CONFIG).unlink()
    hidden = invoke(*command, "portuguese")
    assert hidden.code == 4
    assert "portuguese: there is no model in this folder, and its name hides the built-in model" in hidden.err
    assert str(MODEL) in hidden.err
    Path("portuguese").rmdir()
    Path("aside").rename("portuguese")
    assert "model: portuguese in this folder;" in invoke(*command, "portuguese").err


def test_who_names_a_model_that_is_not_there_is_told_which_ship(invoke) -> None:
    missing, unlike = (invoke("sample", "-c", name) for name in ("portugese", "novel"))
    assert "portugese: no such file or folder; did you mean portuguese?" in missing.err
    assert "novel: no such file or folder; built-in models:" in unlike.err
    Path("empty").mkdir()
    empty = invoke("sample", "-c", "empty")
    assert "empty: there is no model in it; train one (charlstm train FILE)" in empty.err
    for done in (missing, unlike, empty):
        assert (done.code, done.err.count("\n")) == (4, 1)
    for done in (unlike, empty):
        assert done.err.endswith(f" {', '.join(NAMES)}\n")
    put(Path("checkpoints/lessons"), 10, True)
    assert "did you mean checkpoints/lessons?" in invoke("sample", "-c", "lesons").err


@pytest.mark.usefixtures("nothing_ships")
def test_where_nothing_ships_no_name_is_known(invoke) -> None:
    done = invoke("sample", "-c", "portuguese")
    assert done.code == 4
    assert done.err.endswith("portuguese: no such file or folder\n")


def test_a_folder_that_cannot_be_read_hides_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [put(tmp_path / name, age, True) for age, name in enumerate("abc")]
    readable = find._models_in

    def models_in(folder: Path) -> list[Path]:
        if folder.name == "b":
            raise PermissionError(13, "Permission denied")
        return readable(folder)

    monkeypatch.setattr(find, "_models_in", models_in)
    assert find_models(tmp_path) == [paths[0], paths[2]]
    with pytest.raises(ModelFileError, match="b: Permission denied"):
        find_models(tmp_path / "b")


def test_the_pair_to_compare_is_small_and_no_run() -> None:
    pair = checkpoint.shipped_pair()
    assert pair is not None
    lstm, rnn = (load_model_file(path) for path in pair)
    assert sum(path.stat().st_size for path in pair) <= 1_000_000
    assert lstm.vocabulary == rnn.vocabulary
    for setting in ("corpus_sha256", "step", "config"):
        assert lstm.training[setting] == rnn.training[setting]
    with pytest.raises(ModelFileError, match="there is no model in it"):
        find_models(pair[0].parent)


@pytest.mark.parametrize("path", [MODEL, ENGLISH_MODEL], ids=lambda path: path.parent.name)
def test_it_is_small_and_holds_nothing_but_weights(path: Path) -> None:
    assert {file.name for file in path.parent.iterdir()} - {"probe.json"} == {BEST, "LICENSE", "metrics.jsonl"}
    assert path.stat().st_size <= 12_000_000
    with safe_open(path, "pt") as f:
        assert {f.get_slice(name).get_dtype() for name in f.keys()} == {"BF16"}  # noqa: SIM118
    about = checkpoint.describe_model_file(path)
    assert "resume" not in about
    metrics = checkpoint.read_metrics(path.parent)
    assert metrics[-1]["step"] >= about["training"]["best_step"]
    said = (str(about["training"]) + str(metrics)).replace(find.LICENCES["portuguese"], "")  # which has an address
    assert "/" not in said  # no path of the machine it was trained on


def test_a_model_saved_in_bf16_is_half_the_size_and_loads_as_what_was_rounded(tmp_path: Path) -> None:
    model = charlstm.load(MODEL)
    model.model.reset_parameters(8.0, 0)
    model.save(tmp_path / "full.safetensors")
    model.save(tmp_path / "half.safetensors", precision="bf16")
    sizes = [(tmp_path / f"{name}.safetensors").stat().st_size for name in ("half", "full")]
    assert sizes[0] < 0.55 * sizes[1]
    half = charlstm.load(tmp_path / "half.safetensors").model
    for ours, theirs in zip(model.model.parameters(), half.parameters(), strict=True):
        assert torch.equal(ours.bfloat16().float(), theirs)
    with pytest.raises(UsageError, match="fp32, bf16"):
        model.save(tmp_path / "x.safetensors", precision="fp8")  # type: ignore[arg-type]


def test_sample_in_an_empty_folder(invoke) -> None:
    done = invoke("sample", "--prompt", "Era uma vez", "--length", 60, "--seed", 1)
    assert done.code == 0, done.err
    assert done.out.startswith("Era uma vez")
    assert "built in" in done.err
    assert invoke("sample", "--prompt", "Era uma vez", "--length", 60, "--seed", 1).out == done.out


def test_a_run_of_ones_own_is_sampled_and_said(invoke, corpus_file: Path) -> None:
    assert invoke("train", corpus_file, "--steps", 2, "--hidden-size", 8, "-q").code == 0
    done = invoke("sample", "--length", 5)
    assert done.code == 0
    assert "checkpoints/small/best.safetensors (your newest run)" in done.err


def test_the_other_commands_find_it_too(invoke, tmp_path: Path) -> None:
    path = tmp_path / "prose.txt"
    path.write_text(PROSE, encoding="utf-8")
    done = invoke("eval", path)
    assert done.code == 0, done.err
    assert "built in" in done.err
    done = invoke("info")
    assert done.code == 0
    assert "2 x 512 cells" in done.out
    assert charlstm.load().vocabulary == charlstm.load(MODEL).vocabulary


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("A menina que o João viu está cansada.", "portuguese"),
        ("o cavalo", "portuguese"),
        ("The girl whom John saw is tired.", "english"),
        ("the horse", "english"),
    ],
)
def test_a_text_is_read_by_the_model_of_its_language(invoke, text: str, name: str) -> None:
    said = f"model: {name} (built in; it predicts this text better than the others)\n"
    for command in (("explain", text, "--cell", "1:0"), ("sample", "--prompt", text, "--length", 3)):
        done = invoke(*command)
        assert done.code == 0, done.err
        assert done.err.startswith(said)


def test_without_a_prompt_the_locale_says_which_model_writes(invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    for variables, name, language in (
        ({}, "english", "English"),
        ({"LANG": "pt_BR.UTF-8"}, "portuguese", "Portuguese"),
        ({"LANG": "pt_BR.UTF-8", "LC_ALL": "de_DE.UTF-8"}, "english", "English"),
        ({"LC_MESSAGES": "PT", "LANG": "C"}, "portuguese", "Portuguese"),
    ):
        with monkeypatch.context() as patch:
            for variable, value in variables.items():
                patch.setenv(variable, value)
            done = invoke("sample", "--length", 3)
        assert done.err == f"model: {name} (built in; its language is {language}, like your locale)\n"
    assert len(done.out) == 3


def test_where_only_one_model_of_prose_ships_it_is_taken(
    invoke, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path / "package" / "portuguese", 0, False)
    monkeypatch.setattr(find, "SHIPPED", tmp_path / "package")
    for how in ((), ("--prompt", "ab")):
        assert invoke("sample", "--length", 3, *how).err == "model: portuguese (built in)\n"


def test_the_models_say_their_language(invoke) -> None:
    assert charlstm.load("english").language == "en"
    data = json.loads(invoke("explain", "-c", "english", "--cell", "1:0", "--json").out)
    assert data["text"] == NEAR


def test_a_sentence_of_ones_own_is_shown_by_a_run_of_ones_own(invoke, corpus_file: Path) -> None:
    """That run cannot read the default pairs, and the model that ships could."""
    corpus_file.write_text("the old cat sat, the cats sat. " * 200, encoding="utf-8")
    assert invoke("train", corpus_file, "--steps", 2, "--hidden-size", 8, "-q").code == 0
    done = invoke("probe", "--sentence", "the cat sat", "--cue", "cat", "--twin", "cats", "--endings", "sat/sst")
    assert done.code == 0, done.err
    assert "checkpoints/small/best.safetensors (your newest run that knows" in done.err


@pytest.mark.parametrize(("name", "prose", "limit"), [("portuguese", PROSE, 2.2), ("english", ENGLISH_PROSE, 1.9)])
def test_it_reads_prose_it_has_never_seen(shipped: dict[str, ModelFile], name: str, prose: str, limit: float) -> None:
    assert charlstm.LanguageModel(shipped[name]).score(prose).bits_per_char < limit


@pytest.mark.parametrize(
    ("name", "usual", "good", "bad", "least"),
    [("portuguese", PORTUGUESE, 0.9, 0.1, 0.95), ("english", ENGLISH, 0.7, 0.3, 0.9)],
)
def test_it_knows_of_the_subject_past_others(
    shipped: dict[str, ModelFile], name: str, usual: Defaults, good: float, bad: float, least: float
) -> None:
    """Of the girl past João, of the keys past the cabinet."""
    content = shipped[name]
    reader = Reader(content.model)
    warm = warm_state(reader, torch.from_numpy(content.vocabulary.encode(usual.warm).astype("int64")))
    for example, pair in usual.sentences():
        own, of_twin = read_sentence(reader, content.vocabulary, warm, example, pair, [], False).share
        assert own > good > bad > of_twin
    stimuli = make_stimuli(minimal_pairs(usual.corpus, 100, 5, usual.labels), content.vocabulary)
    answers = make_bench(reader, stimuli, warm, np.ones(len(stimuli), dtype=bool)).base
    right = (answers > 0) == (stimuli.label == 0)
    assert right.mean() >= least


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The content of a wheel, built from an sdist of a copy of the sources."""
    where = tmp_path_factory.mktemp("wheel")
    source = where / "source"
    shutil.copytree(ROOT / "charlstm", source / "charlstm", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE", "MANIFEST.in"):
        shutil.copy(ROOT / name, source / name)
    shutil.copytree(MODEL.parent, source / "checkpoints" / "a-run-of-ones-own")
    sources = build("sdist", source, where)
    with tarfile.open(sources) as archive:
        assert not [name for name in archive.getnames() if "a-run-of-ones-own" in name]
        unpack(archive, where / "sources")
    with zipfile.ZipFile(build("wheel", where / "sources" / sources.name.removesuffix(".tar.gz"), where)) as archive:
        archive.extractall(where / "content")
    return where / "content"


def build(kind: str, source: Path, where: Path) -> Path:
    """Make an sdist or a wheel of a source folder."""
    code = f"from setuptools import build_meta; print(build_meta.build_{kind}({str(where)!r}))"
    done = subprocess.run([sys.executable, "-c", code], cwd=source, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return where / done.stdout.split()[-1]


@pytest.mark.slow
def test_a_wheel_holds_it_and_samples_at_once(wheel: Path, tmp_path: Path) -> None:
    copy = wheel / "charlstm" / "shipped" / "portuguese"
    ships = sorted(path.relative_to(MODEL.parents[1]) for path in MODEL.parents[1].rglob("*") if path.is_file())
    assert sorted(path.relative_to(copy.parent) for path in copy.parent.rglob("*") if path.is_file()) == ships
    assert all((copy.parent / path).read_bytes() == (MODEL.parents[1] / path).read_bytes() for path in ships)
    assert not [path for path in wheel.rglob("*") if "a-run-of-ones-own" in path.parts]
    environment = {**os.environ, "PYTHONPATH": str(wheel)}

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "charlstm", *arguments]
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)

    sampled = run("sample", "--length", "20", "--seed", "1", "--threads", "1")
    assert sampled.returncode == 0, sampled.stderr
    assert "model: english (built in; its language is English, like your locale)" in sampled.stderr
    assert len(sampled.stdout) == 20
    described = json.loads(run("info", "comparison/rnn", "--json").stdout)
    assert described["path"] == str(copy.parent / "comparison" / "rnn.safetensors")
