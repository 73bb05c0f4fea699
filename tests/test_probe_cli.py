"""`charlstm probe` and `charlstm corpus` as a person meets them."""

import inspect
import json
import random
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from planted import CHARS, Planted, ordinary_lines, toy_pairs, write_pairs
from rich.cells import cell_len
from safetensors import safe_open

import charlstm
from charlstm.checkpoint import ModelFile, load_model_file, save_model_file
from charlstm.cli.corpus import CorpusName
from charlstm.cli.probe.pairs import probe
from charlstm.config import ModelConfig
from charlstm.corpus import open_corpus
from charlstm.corpus.request import CorpusRequest
from charlstm.corpus.vocab import Vocabulary
from charlstm.grammar import GRAMMARS, corpus_lines, minimal_pairs
from charlstm.grammar.pairs import MinimalPair
from charlstm.network.cells import CELLS
from charlstm.network.model import CharLM
from charlstm.probe import pipeline
from charlstm.probe.texts import ordinary_text, train_text
from charlstm.probe.verdict import Thresholds
from charlstm.progress import unheard


@pytest.fixture
def toy(tmp_path: Path) -> dict[str, Path]:
    """A planted model that holds the cue in cell 0, pairs and ordinary text."""
    network = Planted()
    network.write(0, {"F": 0.9, "M": -0.9, "\n": 0.0})
    network.read(0, 4.0)
    text = tmp_path / "ordinary.txt"
    text.write_text(ordinary_lines(), encoding="utf-8")
    return {
        "model": network.save(tmp_path / "planted.safetensors"),
        "pairs": write_pairs(tmp_path / "pairs.jsonl", toy_pairs(lemmas=12)),
        "text": text,
    }


@pytest.fixture
def portuguese(tmp_path: Path) -> Path:
    """An untrained model that knows the characters of agreement-pt, and whose file names no language."""
    return untrained(tmp_path / "portuguese.safetensors", "agreement-pt", {})


def untrained(path: Path, corpus: str, training: dict[str, str]) -> Path:
    """The file of an untrained model that knows the characters of a corpus."""
    pairs = minimal_pairs(corpus, 540, 0)
    text = "".join(corpus_lines(corpus, 60_000, 0)) + "".join(pair.sentence_good + pair.sentence_bad for pair in pairs)
    vocabulary = Vocabulary.of(text)
    model = CharLM(ModelConfig(len(vocabulary), hidden_size=24, num_layers=2, embedding_size=16))
    model.reset_parameters(8.0, 0)
    save_model_file(path, ModelFile(model, vocabulary, training))
    return path


def asked(toy: dict[str, Path]) -> tuple[object, ...]:
    """A probe of the toy model, quick: with few null networks."""
    return "probe", "-c", toy["model"], "--pairs", toy["pairs"], "--text", toy["text"], "--nulls", 5


def test_what_a_person_sees(invoke, toy) -> None:
    done = invoke("probe", "-c", toy["model"], "--pairs", toy["pairs"], "--text", toy["text"])
    assert done.code == 0, done.err
    words = " ".join(done.out.split())
    assert words.startswith(
        "Cell 0 of layer 1 carries the class of the cue (F or M) from the cue to the character that decides, and the "
        "network uses it. Cell 0 of layer 1 over the sentence, low (=) to high (#):"
    )
    assert re.search(r"right 100\.0 \[\d\d\.\d, 100\.0\] % of 216 choices; guessing gives 50 %", words)
    assert re.search(r"hold 1\.00 \[0\.\d\d, 1\.00\]: how well it tells F from M", words)
    assert "moved 1.00 [1.00, 1.00] of the way to the twin's answer" in words
    assert words.endswith("More: --details shows every figure, --legend explains them.")
    assert len(done.out.splitlines()) <= 24
    assert "\x1b" not in done.out


def test_every_figure_on_the_screen(invoke, toy) -> None:
    done = invoke("probe", "-c", toy["model"], "--pairs", toy["pairs"], "--text", toy["text"], "--details")
    assert done.code == 0, done.err
    words = " ".join(done.out.split())
    assert words.startswith(
        "Cell 0 of layer 1 carries the feature (F against M) from the cue to the deciding character, and the network "
        "uses it: given its value in the twin, it moves the log odds 100 % of the way to the twin's"
    )
    assert "and flips 100 % of the choices" in words
    assert "it removes 100 % of the difference between them, and the network no longer tells them apart" in words
    assert "is enough alone: patched, it moves the answer 100 % of the way, all others but it 0 %." in words
    assert "right by attractor: none 100.0, same 100.0, opposite 100.0 %" in words
    assert "cell 0 of layer 1: tracks and used; it is high for F" in done.out
    assert "bound: the best cells of 19 networks that learnt nothing reach a hold of" in words
    assert re.search(r"^f   [09]+ *$", done.out, re.M)


def test_every_figure_in_json(invoke, toy) -> None:
    done = invoke(
        "probe", "-c", toy["model"], "--pairs", toy["pairs"], "--text", toy["text"], "--json", "--cell", "1:9"
    )
    assert done.code == 0, done.err
    result = json.loads(done.out)
    assert {"behaviour", "sentence", "nulls", "cells", "sets", "thresholds", "at_other_holds", "notes"} <= result.keys()
    assert [(cell["layer"], cell["cell"]) for cell in result["cells"]] == [(1, 0), (1, 9)]
    names = {"layer", "cell", "sign", "hold", "gap", "p", "ablation", "patch", "verdict", "auc", "gates"}
    assert all(names <= cell.keys() for cell in result["cells"])
    assert all(cell["patch"]["p"] is not None for cell in result["cells"])
    assert len(result["nulls"]["hold"]) == len(result["nulls"]["twin_order"]) == 19
    assert result["at_other_holds"]["0.95"] == {"1:0": "tracks and used"}
    assert [point["cells"] for point in result["sets"]["top_k"]] == [1, 2, 4, 8, 16, 32]
    assert result["behaviour"]["chance"] == 0.5


def test_the_same_seed_says_the_same(invoke, toy) -> None:
    first, again = (invoke(*asked(toy), "--json").out for _ in "ab")
    assert first == again


def test_thresholds_are_options_and_are_printed(invoke, toy) -> None:
    arguments = asked(toy)
    done = invoke(*arguments, "--gap", 50)
    words = " ".join(done.out.split())
    assert words.startswith("No cell is shown to carry the class of the cue (F or M) from the cue to the character")
    assert "The best, cell 0 of layer 1, falls short: its gap is" in words
    assert "in deviations; required: 50" in " ".join(invoke(*arguments, "--gap", 50, "--details").out.split())
    for wrong in (("--hold", 0.2), ("--hold", "nan"), ("--alpha", 2), ("--seed", -1)):
        assert invoke(*arguments, *wrong).code == 2


def test_the_options_start_from_the_thresholds_of_the_probe() -> None:
    defaults = inspect.signature(probe).parameters  # written again there, because --help must load no torch
    limits = Thresholds()
    for name in ("hold", "gap", "alpha", "recovery"):
        assert defaults[name].default == getattr(limits, name)


def test_hidden_states_are_an_option(invoke, toy) -> None:
    done = invoke(
        *asked(toy),
        "--state",
        "h",
        "--json",
    )
    result = json.loads(done.out)
    assert (result["state"], result["cells"][0]["cell"], result["cells"][0]["verdict"]) == ("h", 0, "tracks and used")


@pytest.mark.slow
@pytest.mark.parametrize("cell_type", [name for name, cell in CELLS.items() if not cell.has_cell_state])
def test_without_a_cell_state_the_hidden_one_is_probed(invoke, tmp_path: Path, toy, cell_type: str) -> None:
    model = CharLM(ModelConfig(len(CHARS), hidden_size=24, num_layers=2, embedding_size=8, cell_type=cell_type))
    model.reset_parameters(0.0, 1)
    path = tmp_path / "model.safetensors"
    save_model_file(path, ModelFile(model, Vocabulary(CHARS), {}))
    done = invoke(
        "probe", "-c", path, "--pairs", toy["pairs"], "--text", toy["text"], "--nulls", 5, "--cell", "2:3", "--json"
    )
    assert done.code == 0, done.err
    result = json.loads(done.out)
    assert result["state"] == "h"
    for cell in result["cells"]:
        if cell_type == "rnn":
            assert cell["gates"] is None
        else:
            assert 0 < cell["gates"]["kept_over_span"] < 1
            assert cell["gates"]["shown_at_target"] is None
    assert invoke("probe", "-c", path, "--pairs", toy["pairs"], "--text", toy["text"], "--nulls", 5).code == 0


def test_pairs_without_twins_are_scored_for_behaviour_only(invoke, tmp_path: Path, toy) -> None:
    items = tmp_path / "pairs.tsv"
    items.write_text("True\tFbcda.\nFalse\tFbcdo.\nTrue\tMbcdo.\nFalse\tMbcda.\n", encoding="utf-8")
    done = invoke("probe", "-c", toy["model"], "--pairs", items)
    assert done.code == 0, done.err
    assert re.search(r"right   100\.0 \[\d+\.\d, 100\.0\] % of 2 choices", done.out)
    assert "Nothing can be said about its cells, because these pairs have no twins." in done.out
    assert (
        "these pairs have no twins, so only the answers can be scored"
        in invoke("probe", "-c", toy["model"], "--pairs", items, "--details").out
    )
    assert invoke("probe", "-c", toy["model"], "--pairs", items, "--save", "x.safetensors").code == 3


BLIMP = [
    ("F b.", "F c.", "one", "first"),
    ("Fba.", "Fbo.", "one", "second"),
    ("Mbo.", "Mba.", "two", "third"),
]


def write_blimp(path: Path, rows: list[tuple[str, str, str, str]]) -> Path:
    """Pairs as BLiMP has them."""
    names = "sentence_good", "sentence_bad", "linguistics_term", "UID"
    path.write_text("".join(json.dumps(dict(zip(names, row, strict=True))) + "\n" for row in rows), encoding="utf-8")
    return path


def test_kinds_of_pairs_without_twins_are_a_table(invoke, tmp_path: Path, toy) -> None:
    pairs = write_blimp(tmp_path / "blimp.jsonl", BLIMP)
    shown = invoke("probe", "-c", toy["model"], "--pairs", pairs).out
    rows = [line for line in shown.splitlines() if "[" in line and not line.startswith("right")]
    assert [row.split()[0] for row in rows] == ["one", "first", "second", "two", "third"]
    assert [row.split()[-1] for row in rows] == ["2", "1", "1", "1", "1"]
    assert rows[1].startswith("  first ")
    assert not re.search("cue|twin |feminine|masculine|singular|plural", shown)
    details = invoke("probe", "-c", toy["model"], "--pairs", pairs, "--details").out
    assert [line for line in details.splitlines() if line in rows] == rows
    assert "right by kind" not in details
    one_kind = write_blimp(tmp_path / "one.jsonl", [("Fba.", "Fbo.", "", "second")])
    assert "kind of pair" not in invoke("probe", "-c", toy["model"], "--pairs", one_kind).out


def test_no_classes_are_made_up(invoke, tmp_path: Path, toy) -> None:
    pairs = write_blimp(tmp_path / "blimp.jsonl", BLIMP[1:])  # *a*, *o* both ways round
    found = json.loads(invoke("probe", "-c", toy["model"], "--pairs", pairs, "--json").out)
    by = found["behaviour"]["by"]
    assert (found["classes"], by["class"], by["class and attractor"]) == (None, {}, {})
    assert (found["behaviour"]["d_prime"], found["behaviour"]["auc"]) == (None, None)
    assert {name: group["value"] for name, group in by["phenomenon"].items()} == {"one": 1.0, "two": 1.0}
    assert list(by["kind"]) == ["second", "third"]
    pairs.write_text('{"sentence_good": "Fba.", "sentence_bad": "Fbo.", "label": "F"}\n')
    assert json.loads(invoke("probe", "-c", toy["model"], "--pairs", pairs, "--json").out)["classes"] == ["F"]


def test_several_files_of_pairs_are_one_set(invoke, tmp_path: Path, toy) -> None:
    first = write_blimp(tmp_path / "first.jsonl", BLIMP[:2])
    second = write_blimp(tmp_path / "second.jsonl", BLIMP[1:])
    done = invoke("probe", "-c", toy["model"], "--pairs", first, "--pairs", second)
    assert "of 3 choices" in done.out
    assert "pairs: 1 left out that an earlier file holds, too" in done.err
    found = json.loads(invoke("probe", "-c", toy["model"], "--pairs", first, "--pairs", second, "--json").out)
    assert found["items"] == f"{first}, {second}"
    assert found["behaviour"]["n"] == 3
    mixed = invoke("probe", "-c", toy["model"], "--pairs", toy["pairs"], "--pairs", second)
    assert mixed.code == 3
    assert "second.jsonl, line 1: this pair has no twin, others have" in mixed.err
    second.write_text("{\n")
    broken = invoke("probe", "-c", toy["model"], "--pairs", first, "--pairs", second)
    assert (broken.code, broken.err.count("\n")) == (3, 1)
    assert "second.jsonl, line 1: not JSON" in broken.err


def test_answers_one_by_one(invoke, tmp_path: Path, toy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("charlstm.probe.pipeline.AT_ONCE", 2)
    pairs = write_blimp(tmp_path / "blimp.jsonl", BLIMP)
    done = invoke("probe", "-c", toy["model"], "--pairs", pairs, "--save", "items.jsonl")
    assert done.code == 0, done.err
    items = [json.loads(line) for line in Path("items.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [(i["sentence_good"], i["sentence_bad"], i["linguistics_term"], i["kind"]) for i in items] == BLIMP
    assert items[1]["source"] == f"{pairs}, line 2"
    model = charlstm.load(toy["model"])
    for item in items:  # the two whole sentences, read as lines are
        good, bad = model.score([item["sentence_good"], item["sentence_bad"]])
        assert item["log_odds"] == pytest.approx(bad.nats - good.nats, abs=1e-4)
        assert item["right"] == (item["log_odds"] > 0 if item["log_odds"] else None)
    assert invoke("probe", "-c", toy["model"], "--pairs", pairs, "--save", "items.jsonl").code == 2


def test_answers_to_twins_one_by_one(invoke, toy) -> None:
    done = invoke(*asked(toy), "--save", "items.jsonl", "--json")
    behaviour = json.loads(done.out)["behaviour"]
    items = [json.loads(line) for line in Path("items.jsonl").read_text(encoding="utf-8").splitlines()]
    assert len(items) == behaviour["n"]
    assert np.mean([item["right"] for item in items]) == pytest.approx(behaviour["value"])
    assert [item["is_twin"] for item in items[:4]] == [False, True, False, True]
    for one, twin in zip(items[::2], items[1::2], strict=True):
        assert one["sentence_good"][:1] != twin["sentence_good"][:1]
        assert one["sentence_good"].split(one["sentence_good"][0])[-1][-2:] == twin["sentence_bad"][-2:]


def test_a_sentence_of_ones_own(invoke, toy) -> None:
    done = invoke(
        *asked(toy),
        "--sentence", "Fbcdmhijka.", "--cue", "F", "--twin", "M", "--endings", "a/o",
    )  # fmt: skip
    assert done.code == 0, done.err
    assert re.search(r"Fbcdmhijka  -> Fbcdmhijka (100\.0|99\.\d) %, Fbcdmhijko 0\.\d %", done.out)
    assert re.search(r"Mbcdmhijko  -> Fbcdmhijko (100\.0|99\.\d) %, Fbcdmhijka 0\.\d %", done.out)
    done = invoke(
        *asked(toy),
        "--sentence", "Fbcdmhijka.", "--cue", "F", "--twin", "M", "--endings", "a/o", "--details",
    )  # fmt: skip
    assert "cell state of cell 0 of layer 1, own sentence" in done.out
    shares = [float(line.split()[0]) for line in done.out.splitlines() if line.endswith(("hijka.", "hijko."))]
    assert shares[0] > 0.99
    assert shares[1] < 0.01


def test_lines_of_a_sentence_keep_their_columns(invoke, toy) -> None:
    done = invoke(
        *asked(toy),
        "--sentence", "F" + "bcde hijk " * 30 + "a.", "--cue", "F", "--twin", "M", "--endings", "a/o", "--details",
    )  # fmt: skip
    lines = done.out[done.out.rindex("own sentence") :].splitlines()[1:]
    assert max(map(cell_len, lines)) <= 160
    texts = [k for k, line in enumerate(lines) if line.startswith("    ") and "bcde" in line]
    assert len(texts) == 4  # the sentence and its twin, two lines each
    for k in texts:
        assert [line[0] for line in lines[k + 1 : k + 5]] == ["~", "f", "i", "o"]
        assert {len(line.rstrip()) for line in lines[k + 2 : k + 5]} <= {len(lines[k]) + more for more in (-1, 0, 1)}


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("--sentence", "Fba."), 2, "--cue is missing"),
        (
            ("--sentence", "Fba.", "--cue", "X", "--twin", "M", "--endings", "a/o"),
            3,
            "the cue 'X' is not in the sentence",
        ),
        (("--sentence", "Fba.", "--cue", "F", "--twin", "M", "--endings", "a/a"), 3, "the two endings are the same"),
        (("--sentence", "Fba.", "--cue", "F", "--twin", "M", "--endings", "a"), 2, "give both forms"),
        (("--sentence", "Fba.", "--cue", "F", "--twin", "M", "--endings", "x/y"), 3, "neither ending"),
        (("--sentence", "F☃a.", "--cue", "F", "--twin", "M", "--endings", "a/o"), 3, "has never seen"),
        (("--cell", "3"), 2, "write layer:cell"),
        (("--cell", "2:0"), 2, "this model has layers 1 to 1, cells 0 to 31"),
        (("--cell", "1:32"), 2, "this model has layers 1 to 1, cells 0 to 31"),
        (("--text", "nothing.txt"), 3, "No such file"),
        (("--feature", "quotes"), 2, "--pairs does not go with --feature"),
    ],
)
def test_what_a_person_can_get_wrong(invoke, toy, arguments: tuple[str, ...], code: int, message: str) -> None:
    done = invoke("probe", "-c", toy["model"], "--pairs", toy["pairs"], *arguments)
    assert done.code == code
    assert message in " ".join(done.err.replace("│", " ").split())
    assert done.out == ""


def test_pairs_that_cannot_be_used(invoke, tmp_path: Path, toy) -> None:
    few = write_pairs(tmp_path / "few.jsonl", toy_pairs(lemmas=9))
    done = invoke("probe", "-c", toy["model"], "--pairs", few)
    assert (done.code, done.err.count("\n")) == (3, 1)
    assert "with fewer p could not reach .05" in done.err
    unknown = tmp_path / "unknown.jsonl"
    unknown.write_text('{"sentence_good": "Fé.", "sentence_bad": "Fè."}\n', encoding="utf-8")
    done = invoke("probe", "-c", toy["model"], "--pairs", unknown)
    assert done.code == 3
    assert "unknown.jsonl, line 1: the model has never seen" in done.err
    assert "--skip-unknown" in done.err
    assert invoke("probe", "-c", toy["model"], "--pairs", unknown, "--skip-unknown").code == 3
    with open(unknown, "a", encoding="utf-8") as f:
        f.write('{"sentence_good": "Fbca.", "sentence_bad": "Fbco."}\n')
    done = invoke("probe", "-c", toy["model"], "--pairs", unknown, "--skip-unknown")
    assert done.code == 0
    assert "1 of 2 pairs left out" in done.err
    assert invoke("probe", "-c", toy["model"], "--pairs", "nothing").code == 3


@pytest.mark.usefixtures("nothing_ships")
def test_a_model_of_another_script(invoke, toy) -> None:
    done = invoke("probe", "-c", toy["model"])
    assert (done.code, done.err.count("\n")) == (3, 1)
    assert "this model cannot read the built-in Portuguese sentences" in done.err
    assert invoke("probe", "-c", "nothing").code == 4
    assert invoke("probe").code == 4


def test_the_newest_run_that_covers_the_items_is_taken(invoke, toy, portuguese: Path) -> None:
    for name, source in (("old", toy["model"]), ("new", portuguese)):
        folder = Path("checkpoints") / name
        folder.mkdir(parents=True)
        (folder / "best.safetensors").write_bytes(source.read_bytes())
    done = invoke("probe", "--pairs", toy["pairs"], "--text", toy["text"], "--nulls", 5)
    assert done.code == 0, done.err
    assert "model: checkpoints/old/best.safetensors" in done.err


@pytest.mark.slow
def test_the_default_items_on_an_untrained_model(invoke, portuguese: Path) -> None:
    done = invoke("probe", "-c", portuguese)
    assert done.code == 0, done.err
    assert "pairs: held-out pairs of agreement-pt, because the model file names no language\n" in done.err
    assert "(The girl said that she did not go to say goodbye because, when João left, she was very tired.)" in done.out
    assert "remembers" not in done.out
    assert "network's answers are no better than those of networks that learnt nothing" in " ".join(done.out.split())
    done = invoke("probe", "-c", portuguese, "--details")
    assert "soft sentence: P(cansada) / (P(cansada) + P(cansado))" in done.out
    assert "  A menina disse que não foi se despedir porque quando o João viajou estava muito cansada." in done.out
    assert "hard sentence: P(cansada) / (P(cansada) + P(cansado))" in done.out
    assert "  O menino que o João viu ontem estava muito cansado." in done.out
    assert "No cell is shown to carry the feature all the way" in done.out
    assert "networks that learnt nothing" in done.out


@pytest.mark.slow
def test_a_model_of_english_is_asked_in_english(invoke, tmp_path: Path) -> None:
    untrained(tmp_path / "english.safetensors", "agreement-en", {"language": "en"})
    done = invoke("probe", "-c", "english.safetensors", "--json")
    assert (done.code, done.err) == (0, "")
    data = json.loads(done.out)
    assert data["items"] == "agreement-en"
    assert data["classes"] == ["singular", "plural"]
    assert data["behaviour"]["n"] > 900
    assert "The key to the cabinet is on the table." in done.out
    explained = json.loads(invoke("explain", "-c", "english.safetensors", "--json").out)  # what was found is kept
    assert explained["text"] == "The keys to the cabinet are on the table."
    assert explained["chosen"].endswith("charlstm probe found none (held-out pairs of agreement-en)")
    assert explained["warm"] == "\n\n"


def test_no_escape_codes_from_a_file_reach_the_terminal(invoke, tmp_path: Path, toy) -> None:
    pairs = [
        MinimalPair(**{**{n: getattr(p, n) for n in p.__dataclass_fields__}, "label": "\x1b[31mF", "kind": "\x1b[0m"})
        for p in toy_pairs(lemmas=10)
    ]
    items = write_pairs(tmp_path / "escapes.jsonl", pairs)
    done = invoke("probe", "-c", toy["model"], "--pairs", items, "--text", toy["text"])
    assert done.code == 0, done.err
    assert "\x1b" not in done.out
    more = invoke("probe", "-c", toy["model"], "--pairs", items, "--text", toy["text"], "--details").out
    assert "\x1b" not in more
    assert "it is high for \\x1b[31mF" in more


def test_activations_are_saved(invoke, toy) -> None:
    arguments = (
        *asked(toy),
        "--save",
        "a.safetensors",
    )
    assert invoke(*arguments).code == 0
    with safe_open("a.safetensors", "np") as f:
        about = {name: json.loads(value) for name, value in f.metadata().items()}
        states, label = f.get_tensor("states"), f.get_tensor("label")
    assert about["classes"] == ["F", "M"]
    assert about["condition"] == ["none", "opposite", "same"]
    assert states.shape == (216, 4, 1, 32)
    assert np.sign(states[:, 3, 0, 0]).tolist() == np.where(label == 0, 1, -1).tolist()
    again = invoke(*arguments)
    assert again.code == 2
    assert "never overwrites" in " ".join(again.err.split())
    assert invoke(*arguments[:-1], "no/such/folder/a.safetensors").code == 2
    assert "give a name that ends in .safetensors or .jsonl" in invoke(*arguments[:-1], "a.csv").err


@pytest.mark.parametrize("name", ["late.safetensors", "late.jsonl"])
def test_what_was_found_is_shown_even_if_it_cannot_be_saved(
    invoke, toy, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    probe = pipeline.probe

    def probe_meanwhile(*arguments: Any) -> Any:
        Path(name).write_text("somebody else's", encoding="utf-8")
        return probe(*arguments)

    monkeypatch.setattr(pipeline, "probe", probe_meanwhile)
    done = invoke(*asked(toy), "--save", name)
    assert done.code == 2
    assert done.out.startswith("Cell 0 of layer 1")
    assert f"--save {name}: it exists already" in done.err
    assert Path(name).read_text(encoding="utf-8") == "somebody else's"


def test_a_sentence_that_only_the_model_can_read(invoke, toy) -> None:
    arguments = ("--sentence", "Fbcdmhijka.", "--cue", "F", "--twin", "M", "--endings", "a/o")
    done = invoke("probe", "-c", toy["model"], "--text", toy["text"], *arguments, "--cell", "1:0")
    assert done.code == 0, done.err
    assert "this network cannot read the pairs, so nothing can be said about its cells" in done.out
    assert "Cell 0 of layer 1 over the sentence, low (=) to high (#)" in done.out
    result = json.loads(invoke("probe", "-c", toy["model"], "--text", toy["text"], *arguments, "--json").out)
    assert (result["behaviour"], result["cells"]) == (None, [])
    assert result["sentence"]["share"] > 0.99


def test_features(invoke, tmp_path: Path, toy) -> None:
    listed = invoke("probe", "--feature", "list")
    assert listed.code == 0
    assert {"quotes", "brackets", "url"} <= {line.split()[0] for line in listed.out.splitlines()}
    text = tmp_path / "long.txt"
    text.write_text(ordinary_lines(400), encoding="utf-8")
    done = invoke(
        "probe", "-c", toy["model"], "--feature", "line-position", "--feature", "quotes", "--text", text, "--nulls", 5
    )
    assert done.code == 0, done.err
    assert "line-position" in done.out
    assert "quotes (inside quotation marks): it does not vary in this text." in done.out
    result = json.loads(
        invoke("probe", "-c", toy["model"], "--feature", "all", "--text", text, "--nulls", 5, "--json").out
    )
    assert set(result["features"]) >= {"quotes", "indentation"}
    assert invoke("probe", "-c", toy["model"], "--feature", "nothing").code == 2
    short = invoke("probe", "-c", toy["model"], "--feature", "quotes", "--text", toy["text"])
    assert short.code == 3
    assert "a feature needs at least" in short.err


@pytest.mark.slow
def test_a_feature_and_its_causes_as_a_person_sees_them(invoke, tmp_path: Path) -> None:
    network = Planted()
    network.write(0, {"F": 0.9, "\n": -0.9})  # in that vocabulary F stands for a bracket that opens, M for its end
    network.write(0, {"M": -0.9})
    with torch.no_grad():
        network.model.head.weight *= 0.01
        network.model.head.weight[CHARS.index("M"), 0] += 4
    vocabulary = Vocabulary(CHARS.replace("F", "(").replace("M", ")"))
    model, text = tmp_path / "brackets.safetensors", tmp_path / "brackets.txt"
    save_model_file(model, ModelFile(network.model, vocabulary, {}))
    rng = random.Random(0)
    words = ("".join(rng.choice("bcde") for _ in range(rng.randint(10, 30))) for _ in range(900))
    text.write_text("".join(rng.choice(["({})", "{}", "{}\n"]).format(word) for word in words), encoding="utf-8")
    arguments = ("probe", "-c", model, "--feature", "brackets", "--text", text, "--nulls", 3)
    done = invoke(*arguments)
    assert done.code == 0, done.err
    said = " ".join(done.out.split())
    assert said.startswith("brackets (how many brackets stand open): cell 0 of layer 1 follows it, r ")
    assert "and the network uses it: alone it accounts for 100 % of the" in said
    assert "nats by which the feature moves the odds of a closing bracket." in said
    assert "an r counts if it is higher. The best cells of 3 networks that learnt nothing reach" in said
    cards = " ".join(invoke(*arguments, "--details").out.split())
    assert "cell 0 of layer 1: tracks and used r " in cards
    assert "when all cells but this are exchanged" in cards
    found = json.loads(invoke(*arguments, "--json").out)["features"]["brackets"]
    assert len(found["null"]) == 3
    assert found["verdict"] == found["cells"][0]["verdict"] == "tracks and used"
    assert found["cells"][0]["correlation"]["value"] > found["bound"] >= 0.3
    assert found["cells"][0]["patch"]["recovery"]["low"] > 0.9
    strict = json.loads(invoke(*arguments, "--json", "--recovery", 1).out)["features"]["brackets"]
    assert strict["verdict"] in ("tracks", "tracks and used")
    assert invoke(*arguments, "--null-model", model, "--json").code == 0


def test_ordinary_text_is_the_same_whatever_the_cache_holds(tmp_path: Path, portuguese: Path) -> None:
    content = load_model_file(portuguese)
    text = tmp_path / "text.txt"
    text.write_text("".join(sorted(content.vocabulary.characters)) * 200, encoding="utf-8")
    corpus = open_corpus(CorpusRequest((text,)))
    assert corpus.vocabulary == content.vocabulary
    of_run = ModelFile(content.model, content.vocabulary, {"corpus_sha256": corpus.sha256})
    assert train_text(of_run) is not None  # the cache holds it, and ordinary text is another
    (ids, source), (again, _) = (ordinary_text(model, None, unheard) for model in (of_run, content))
    assert source == "20,000 characters sampled from the model"
    assert len(ids) == 20_000
    assert (ids == again).all()


def test_a_corpus_on_stdout_and_in_a_file(invoke) -> None:
    out = invoke("corpus", "agreement-pt", "--chars", 3000, "--seed", 4).out
    assert 2800 < len(out) <= 3000
    done = invoke("corpus", "agreement-pt", "--chars", 3000, "--seed", 4, "--out", "pt.txt")
    assert (done.code, done.out) == (0, "")
    assert f"pt.txt: {len(out):,} characters" in done.err
    assert Path("pt.txt").read_text(encoding="utf-8") == out
    again = invoke("corpus", "agreement-pt", "--out", "pt.txt")
    assert again.code == 2
    assert invoke("corpus", "agreement-pt", "--out", "no/folder/x").code == 1
    assert invoke("corpus", "agreement-pt", "--chars", 10, "--pairs", 3).code == 2
    assert invoke("corpus", "nothing").code == 2
    assert invoke("corpus", "agreement-pt", "--json").code == 2
    said = json.loads(invoke("corpus", "agreement-en-cs", "--chars", 500, "--out", "cs.txt", "--json").out)
    assert said["characters"] == len(Path("cs.txt").read_text(encoding="utf-8"))


def test_every_grammar_has_a_name_on_the_command_line() -> None:
    assert {name.value for name in CorpusName} == set(GRAMMARS)


@pytest.mark.parametrize("name", ["agreement-pt", "agreement-en-cs"])
def test_pairs_of_a_corpus_are_what_probe_reads(invoke, tmp_path: Path, name: str) -> None:
    assert invoke("corpus", name, "--pairs", 108, "--out", "pairs.jsonl").code == 0
    text = "".join(corpus_lines(name, 30_000, 0)) + Path("pairs.jsonl").read_text(encoding="utf-8")
    vocabulary = Vocabulary.of(text)
    model = CharLM(ModelConfig(len(vocabulary), hidden_size=24, num_layers=1, embedding_size=16))
    model.reset_parameters(8.0, 0)
    save_model_file(tmp_path / "m.safetensors", ModelFile(model, vocabulary, {}))
    done = invoke("probe", "-c", tmp_path / "m.safetensors", "--pairs", "pairs.jsonl", "--json")
    assert done.code == 0, done.err
    assert json.loads(done.out)["cells"][0]["verdict"] == "none"
