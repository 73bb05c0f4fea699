"""Texts and models that come with charlstm, by name, from any folder; what has the name here wins, and is named."""

import json
from pathlib import Path

import pytest
from conftest import Invoke, small_text

import charlstm
from charlstm.errors import CharLSTMError, TextError
from charlstm.files.cache import cache_folder
from charlstm.grammar import GRAMMARS, corpus_lines, is_built_in, located
from charlstm.grammar.texts import built_in_file

ROOT = Path(charlstm.__file__).parents[1]
GARDEN = (ROOT / "corpora" / "garden.txt").read_bytes()
TINY = ("--steps", 2, "--hidden-size", 8)


def test_garden_is_the_file_that_ships(invoke: Invoke) -> None:
    assert invoke("corpus", "garden").out.encode() == GARDEN
    assert built_in_file("garden").read_bytes() == GARDEN
    beginning = invoke("corpus", "garden", "--chars", 500).out.encode()
    assert len(beginning) > 300
    assert GARDEN.startswith(beginning)
    assert not GARDEN.startswith(invoke("corpus", "garden", "--chars", 500, "--seed", 1).out.encode())


def test_a_run_on_a_text_that_comes_with_charlstm(invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHARLSTM_CACHE_DIR", str(Path("cache").absolute()))
    done = invoke("train", "garden", *TINY)
    assert done.code == 0, done.err
    assert "text: garden, built in (560 small stories" in done.err
    kept = json.loads(Path("checkpoints/garden/config.json").read_text())["corpus"]
    assert kept["files"] == ["garden"]
    scored = invoke("eval", "garden", "-c", "checkpoints/garden", "--json", "--valid-fraction", 0.01)
    assert (scored.code, json.loads(scored.out)["characters"]) == (0, 3172)

    monkeypatch.setenv("CHARLSTM_CACHE_DIR", str(Path("elsewhere").absolute()))  # nothing of it is left: made again
    again = invoke("train", "--resume", "checkpoints/garden", "--steps", 3, "-q")
    assert (again.code, again.err) == (0, "")


def test_a_file_of_that_name_wins_and_is_named(invoke: Invoke) -> None:
    Path("garden").write_text(small_text(3000), encoding="utf-8")
    assert not is_built_in("garden")
    done = invoke("train", "garden", "--out", "run", *TINY)
    assert done.code == 0, done.err
    assert "text: garden in this folder, not the built-in text of that name" in done.err
    assert "3,000 characters" in done.err
    assert invoke("eval", "garden", "-c", "run", "-q").code == 0


@pytest.mark.parametrize("wrong", ["gardn", "agrement-pt"])
def test_a_name_that_is_misspelt(invoke: Invoke, wrong: str) -> None:
    done = invoke("train", wrong)
    assert done.code == 3
    assert f"{wrong}: no such file or folder; did you mean" in done.err
    assert done.err.count("\n") == 1
    Path(wrong).write_text(small_text(300), encoding="utf-8")
    assert located([wrong, "-", "a/garden.txt"]) == (wrong, "-", "a/garden.txt")


def test_a_text_in_the_cache_that_was_changed_is_written_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CHARLSTM_CACHE_DIR", str(tmp_path))
    small = GRAMMARS["garden"].__class__("", GRAMMARS["garden"].lines, characters=700)
    monkeypatch.setitem(GRAMMARS, "garden", small)
    whole = "".join(corpus_lines("garden", 700, 0))
    path = built_in_file("garden")
    assert path.read_text(encoding="utf-8") == whole
    path.write_text("other")
    assert built_in_file("garden").read_text(encoding="utf-8") == whole


def test_a_cache_that_cannot_be_written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("CHARLSTM_CACHE_DIR", str(tmp_path / "file"))
    with pytest.raises(TextError, match=r"cannot write garden to .*; set CHARLSTM_CACHE_DIR"):
        built_in_file("garden")
    assert cache_folder("texts")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("garden", "--pairs", 3), "--pairs: garden has none; take one of agreement-pt,"),
        (("garden", "--into", "x.txt"), "--into: garden has no sentences to mix into prose; take one of agreement-pt,"),
        (("garden", "--share", 0.5), "--share needs --into FILE"),
        (("agreement-pt", "--pairs", 3, "--chars", 5), "give only one of --chars, --pairs"),
        (("garden", "--json"), "--json needs --out FILE"),
    ],
)
def test_what_a_text_has_not(invoke: Invoke, arguments: tuple[object, ...], said: str) -> None:
    done = invoke("corpus", *arguments)
    assert done.code == 2
    assert said in " ".join(done.err.split())


@pytest.mark.parametrize("name", ["portuguese", "english"])
def test_models_by_name_from_any_folder(invoke: Invoke, name: str) -> None:
    done = invoke("sample", "-c", name, "-n", 20, "--seed", 1)
    assert (done.code, len(done.out)) == (0, 20)
    assert f"model: {name} (built in)" in done.err
    assert charlstm.load(name).generate(length=20, temperature=0.8, seed=1) == done.out
    with pytest.raises(CharLSTMError, match="no such file or folder"):
        charlstm.load(name + "x")
