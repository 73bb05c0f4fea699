"""`charlstm explain` and the curve of `charlstm info` as a person meets them."""

import errno
import json
import os
import re
import shlex
import subprocess
import sys
import xml.etree.ElementTree as ET
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
import typer.main
from attacks.model_files import filled
from planted import CHARS, Planted, toy_pairs, write_pairs
from rich.cells import cell_len

from charlstm.checkpoint import ModelFile, find, load_model_file, save_model_file, shipped_pair
from charlstm.cli.app import make_app
from charlstm.cli.explain import EXPLAIN, inputs, networks
from charlstm.config import ModelConfig
from charlstm.corpus.vocab import Vocabulary
from charlstm.errors import CharLSTMError
from charlstm.explain.walk import walk
from charlstm.network.model import CharLM
from charlstm.probe import found_cells, pipeline
from charlstm.probe.defaults import PORTUGUESE, SOFT
from charlstm.probe.result import ProbeResult
from charlstm.report.charts import Chart, Curve, nice_limits
from charlstm.report.columns import bar, coloured_lines, columns_of, glyph, signed_bar, wrapped
from charlstm.report.curves import draw_curves

ROOT = Path(__file__).parent.parent
SHIPPED = find.SHIPPED / "portuguese"


@pytest.fixture
def toy(tmp_path: Path) -> Path:
    network = Planted()
    network.write(0, {"F": 0.9, "M": -0.9, "\n": 0.0})
    network.read(0, 4.0)
    return network.save(tmp_path / "planted.safetensors")


@pytest.fixture
def rnn(tmp_path: Path) -> Path:
    model = CharLM(ModelConfig(len(CHARS), 8, 1, 4, "rnn"))
    model.reset_parameters(8.0, 0)
    save_model_file(tmp_path / "rnn.safetensors", ModelFile(model, Vocabulary(CHARS), {}))
    return tmp_path / "rnn.safetensors"


def test_a_line_a_character_with_six_numbers_and_the_step_named(invoke, toy: Path) -> None:
    done = invoke("explain", "bFcd a\nM", "-c", toy, "--cell", "1:0", "--width", 80)
    assert done.code == 0, done.err
    words = " ".join(done.out.split())
    assert "open, that is, from 0.5 on" in words
    assert words.startswith("Cell 0 of layer 1 of the model")
    assert "(asked for)" in words
    rows = [line.split() for line in done.out.splitlines() if re.match(r" *\d+ \S+ +(kept|replaced) ", line)]
    assert [row[:3] for row in rows] == [
        ["1", "b", "kept"],
        ["2", "F", "replaced"],
        ["3", "c", "kept"],
        ["4", "d", "kept"],
        ["5", "␣", "kept"],
        ["6", "a", "kept"],
        ["7", "\\n", "replaced"],
        ["8", "M", "replaced"],
    ]
    numbers = [re.findall(r"[+-]?\d+\.\d+", " ".join(row[3:])) for row in rows]
    assert all(len(row) == 6 for row in numbers)
    assert [row[4] for row in numbers] == ["0.00", *["+0.90"] * 5, "0.00", "-0.90"]
    assert "█" in done.out
    assert "\x1b" not in done.out


@pytest.mark.parametrize("width", [80, 160])
def test_it_keeps_to_its_width(invoke, toy: Path, rnn: Path, width: int) -> None:
    text = "bF cdeh " * 30
    for arguments in (
        (text, "-c", toy, "--cell", "1:0"),
        ("step", text, "-c", toy, "--cell", "1:0", "--at", 100),
        ("memory", text, "-c", toy),
        ("gradient", text * 2, "-c", toy, "--against", rnn, "--back", 40),
        (text, "-c", rnn, "--cell", "1:3"),
        ("distance", "-c", toy, "--against", rnn, "--pairs", write_pairs(toy.with_name("p.jsonl"), toy_pairs(12))),
    ):
        done = invoke("explain", *arguments, "--width", width)
        assert done.code == 0, done.err
        assert max(cell_len(line) for line in done.out.splitlines()) <= width
        assert len(done.out.splitlines()) > 3


VIEWS = {"step --at 3": "--svg", "walk": "--svg"}
VIEWS |= dict.fromkeys(["memory", "gradient --back 20", "distance --pairs p.jsonl"], "--figure")


@pytest.mark.parametrize("view", VIEWS)
def test_every_view_as_json_and_as_a_picture(invoke, toy: Path, tmp_path: Path, view: str) -> None:
    write_pairs(tmp_path / "p.jsonl", toy_pairs(12))
    text = [] if "distance" in view else ["bFcd" * 30]
    cell = ["--cell", "1:0"] if view in ("walk", "step --at 3") else []
    command = ("explain", *view.split(), *text, "-c", toy, *cell, "--width", 90)
    shown = invoke(*command, VIEWS[view], "picture.svg")
    assert shown.code == 0, shown.err
    picture = (tmp_path / "picture.svg").read_text(encoding="utf-8")
    drawn = "".join(ET.fromstring(picture).itertext()).replace("\xa0", "")
    if VIEWS[view] == "--svg":
        of_signs = {"very", "blank", "near", "high"}  # the picture is in colour
        assert not {word for word in re.findall(r"\w{4,}", shown.out) if word not in drawn} - of_signs
    else:
        sentence = shown.out.split("\n\n")[0]
        assert " ".join(sentence.split()) in drawn  # the screen and the words for those who cannot see say the same
    assert not re.findall(r"https?://(?!www\.w3\.org)", picture)
    assert invoke(*command, VIEWS[view], "again.svg").out == shown.out
    assert (tmp_path / "again.svg").read_text(encoding="utf-8") == picture
    data = json.loads(invoke(*command, "--json").out)
    assert data["view"] == view.split()[0]
    assert len(data) > 2


@pytest.mark.parametrize("view", VIEWS)
def test_in_a_pipe_lines_are_as_long_as_columns_says_and_end_where_their_words_end(
    invoke, toy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, view: str
) -> None:
    write_pairs(tmp_path / "p.jsonl", toy_pairs(12))
    text = [] if "distance" in view else ["bFcd" * 30]
    cell = ["--cell", "1:0"] if view in ("walk", "step --at 3") else []
    for columns in (80, 120):
        monkeypatch.setenv("COLUMNS", str(columns))
        done = invoke("explain", *view.split(), *text, "-c", toy, *cell)
        assert done.code == 0, done.err
        lines = done.out.splitlines()
        assert columns - 40 < max(map(cell_len, lines)) <= columns
        assert not [line for line in lines if line != line.rstrip()]


BRIEF = ("--cell", "1:0", "--warm", "", "--width", 80)


def test_in_brief_there_is_no_line_a_character(invoke, toy: Path) -> None:
    done = invoke("explain", "bFcd", "-c", toy, *BRIEF, "--brief")
    assert done.code == 0, done.err
    block = done.out.split("\n\n")[1].splitlines()
    assert block[0] == "     bFcd"
    assert [line.split()[0] for line in block[1:]] == ["~", "f", "i", "o", "mem", "next", "What", "r"]
    assert not re.search(r"^ *1 b", done.out, re.M)
    assert invoke("explain", "bFcd", "-c", toy, *BRIEF).out.startswith(done.out.rstrip("\n"))


def test_a_stretch_is_what_the_whole_has_there(invoke, toy: Path) -> None:
    text = "bFcdMaed"
    whole, part = (
        json.loads(invoke("explain", text, "-c", toy, *BRIEF, *how, "--json").out)
        for how in ((), ("--from", 3, "--to", 5))
    )
    assert (whole["from"], part["from"], part["text"]) == (1, 3, text[2:5])
    for name in (*"figoch", "steps", "expected"):
        assert part[name] == whole[name][2:5]
    shown = invoke("explain", text, "-c", toy, *BRIEF, "--from", 3, "--to", 5).out
    assert "Characters 3 to 5 of 8." in shown
    assert re.findall(r"^ (\d) (\w) ", shown, re.M) == [("3", "c"), ("4", "d"), ("5", "M")]


def test_several_cells_under_one_text(invoke, toy: Path) -> None:
    how = ("-c", toy, "--warm", "", "--width", 80, "--cell", "1:1", "--cell", "1:0", "--cell", "1:1")
    done = invoke("explain", "bFcd", *how, "--brief")
    assert done.code == 0, done.err
    block = done.out.split("\n\n")[1].splitlines()
    assert [line.split()[0] for line in block[1:10]] == [
        *("1:1", "f", "i", "o"),
        *("1:0", "f", "i", "o", "mem"),
    ]
    first, second = map(json.loads, invoke("explain", "bFcd", *how, "--json").out.splitlines())
    assert (first["cell"], second["cell"]) == (1, 0)
    assert second == json.loads(invoke("explain", "bFcd", "-c", toy, *BRIEF, "--json").out)
    whole = invoke("explain", "bFcd", *how).out
    assert len(re.findall(r"^ 2 F ", whole, re.M)) == 2


def test_what_may_follow_is_what_the_network_says(invoke, toy: Path) -> None:
    text = "bFcd"
    data = json.loads(invoke("explain", text, "-c", toy, *BRIEF, "--json").out)
    content = load_model_file(toy)
    state = content.model.zero_state(1)
    for k, id in enumerate(content.vocabulary.encode(text).astype("int64")):
        with torch.no_grad():
            logits, state = content.model.step(torch.tensor([id]), state)
        probabilities = logits[0].softmax(0)
        likeliest = data["expected"][k]
        assert len(likeliest) == 5
        assert [part["probability"] for part in likeliest] == pytest.approx(sorted(probabilities.tolist())[:-6:-1])
        best = content.vocabulary.characters[int(probabilities.argmax())]
        assert probabilities.max() - likeliest[0]["probability"] < 1e-6
        assert best == likeliest[0]["character"] or len(set(probabilities.tolist())) < len(probabilities)
    assert re.search(r"^at +memory .* h +next$", invoke("explain", text, "-c", toy, *BRIEF[:-1], 120).out, re.M)


@pytest.mark.parametrize(
    ("length", "how", "lines", "words"),
    [
        (200, (), 200, ""),
        (201, (), 0, "In brief, because the text is long; for a line a character, add --from 1."),
        (201, ("--from", 1), 201, ""),
        (1660, (), 0, "Characters 1 to 400 of 1,660, in brief. For all of them, add --brief; for a line a character"),
        (1660, ("--from", 1), 1660, ""),
        (1660, ("--brief",), 0, ""),
        (12_000, (), 0, "For all of them, add --brief --to 10000"),
    ],
)
def test_a_long_text_is_shown_in_brief(
    invoke, toy: Path, length: int, how: tuple[object, ...], lines: int, words: str
) -> None:
    done = invoke("explain", "bFcd" * 3000, *("-c", toy), *BRIEF, *how) if length == 12_000 else None
    done = done or invoke("explain", ("bFcd" * 1000)[:length], *("-c", toy), *BRIEF, *how)
    assert done.code == 0, done.err
    assert len(re.findall(r"^ *\d+ \w (?:kept|replaced)", done.out, re.M)) == lines
    assert words in " ".join(done.out.split())
    assert ("brief" in done.out) == bool(words)
    assert len(done.out.splitlines()) < lines + (70 if how == () else 250)


@pytest.fixture
def poem(toy: Path, tmp_path: Path) -> Path:
    """A newest run that cannot read Portuguese."""
    run = tmp_path / "checkpoints" / "poem"
    run.mkdir(parents=True)
    (run / "config.json").write_text("{}", encoding="utf-8")
    toy.rename(run / "best.safetensors")
    return run


@pytest.mark.parametrize("command", [("explain", "João!"), ("explain",), ("explain", "memory", "João!"), ("probe",)])
def test_a_showpiece_takes_a_model_that_reads_its_text_and_says_so(
    invoke, poem: Path, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    if command == ("probe",):  # all but the probing, which takes long
        monkeypatch.setattr(pipeline, "probe", None)
    how = ("--brief", "--cell", "2:73") if command[0] == "explain" and "memory" not in command else ()
    done = invoke(*command, *how)
    assert (done.code == 0) == (command != ("probe",)), done.err
    assert re.search(r"model: portuguese \(.*; your newest run, checkpoints/poem/best.safetensors, has never", done.err)
    named = invoke(*command, *how, "-c", "checkpoints/poem")
    assert named.code in (2, 3)
    if command == ("explain", "João!"):
        assert invoke(*command, "--unknown", "skip", "--cell", "1:0").err.startswith("model: checkpoints/poem")


def test_the_sentence_and_the_cell_that_the_probe_found_are_the_default(invoke) -> None:
    done = invoke("explain", "-c", SHIPPED, "--json")
    assert done.code == 0, done.err
    data = json.loads(done.out)
    assert (data["text"], data["layer"], data["cell"]) == (SOFT, 2, 73)
    assert "charlstm probe: tracks and used" in data["chosen"]
    assert len(data["c"]) == len(SOFT)
    at_menina, at_target = SOFT.index(" disse"), SOFT.index("cansada") + len("cansad")
    assert data["steps"][at_menina] == "added to"  # it is written after the noun
    assert data["c"][at_target - 1] / data["c"][at_menina] > 0.9  # and kept, past João
    assert min(data["f"][at_menina + 1 : at_target]) > 0.9
    assert data["o"][at_target - 1] > 0.9 > 0.1 > data["o"][at_target - 3]  # and shown where it decides


def test_what_the_probe_found_is_kept(invoke, toy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pairs = write_pairs(tmp_path / "pairs.jsonl", toy_pairs(lemmas=12))
    first = invoke("explain", "bFcd", "-c", toy, "--pairs", pairs, "--json")
    assert first.code == 0, first.err
    found = json.loads(first.out)
    assert (found["layer"], found["cell"]) == (1, 0)
    assert "tracks" in found["chosen"]
    monkeypatch.setattr(inputs, "probe", None)  # it would fail
    assert invoke("explain", "bFcd", "-c", toy, "--pairs", pairs, "--json").out == first.out
    (record,) = found_records(toy)
    for damage in (
        b"",
        b"{",
        b"[]",
        b'{"format": 1}',
        b"\xff",
        record.read_bytes().replace(b'"cell": 0', b'"cell": 99'),
    ):
        record.write_bytes(damage)
        known, cell = found_cells.recall(load_model_file(toy), toy, _key(pairs))
        assert (known, cell) == (False, None)


def test_what_a_probe_of_ones_own_pairs_found_is_kept(
    invoke, toy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pairs = write_pairs(tmp_path / "pairs.jsonl", toy_pairs(lemmas=12))
    done = invoke("probe", "-c", toy, "--pairs", pairs, "-q")
    assert done.code == 0, done.err
    monkeypatch.setattr(inputs, "probe", None)  # it would fail
    Path("elsewhere").mkdir()
    pairs = pairs.rename("elsewhere/moved.jsonl")
    found = json.loads(invoke("explain", "bFcd", "-c", toy, "--pairs", pairs, "--json").out)
    assert (found["layer"], found["cell"]) == (1, 0)


def test_what_a_probe_found_is_kept_for_the_model_that_it_read(
    invoke, toy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not for the one that a training wrote to the same place meanwhile."""
    pairs, probe = write_pairs(tmp_path / "pairs.jsonl", toy_pairs(lemmas=12)), pipeline.probe
    then = load_model_file(toy)

    def probe_while_training(*arguments: Any) -> ProbeResult:
        content = load_model_file(toy)
        with torch.no_grad():
            content.model.head.bias.add_(1)
        save_model_file(toy, content)
        return probe(*arguments)

    monkeypatch.setattr(pipeline, "probe", probe_while_training)
    done = invoke("probe", "-c", toy, "--pairs", pairs, "-q")
    assert done.code == 0, done.err
    assert found_cells.recall(then, toy, _key(pairs))[0]
    assert not found_cells.recall(load_model_file(toy), toy, _key(pairs))[0]


def _key(pairs: Path) -> str:
    return inputs.items_for(pairs, None).key


def found_records(model: Path) -> list[Path]:
    return list(found_cells.cache_folder("probe").glob(f"{load_model_file(model).sha256}*.json"))


def test_without_a_found_cell_it_is_the_one_that_remembers_longest(invoke, toy: Path, rnn: Path) -> None:
    """The default items are Portuguese: the toy cannot read them."""
    data = json.loads(invoke("explain", "bFcd", "-c", toy, "--json").out)
    assert "remembers longest" in data["chosen"]
    memory = json.loads(invoke("explain", "memory", "-c", toy, "--json").out)
    assert memory["probed"] is None
    assert data["cell"] == memory["longest"][0]["cell"]
    assert "first of the top layer" in json.loads(invoke("explain", "bFcd", "-c", rnn, "--json").out)["chosen"]


def test_a_text_comes_as_it_is_from_a_file_or_from_standard_input(invoke, toy: Path, tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text("bFcd", encoding="utf-8")
    cell = ("-c", toy, "--cell", "1:0", "--json")
    plain = invoke("explain", "bFcd", *cell).out
    assert invoke("explain", "--file", "text.txt", *cell).out == plain
    assert invoke("explain", "-", *cell, stdin=b"bFcd").out == plain
    assert json.loads(invoke("explain", "bßFcd", *cell, "--unknown", "skip").out)["text"] == "bFcd"
    warm = json.loads(invoke("explain", "bcd", *cell, "--warm", "F").out)
    assert warm["c"] == pytest.approx([0.9] * 3, abs=1e-3)
    assert json.loads(invoke("explain", "bcd", *cell).out)["c"] == pytest.approx([0.0] * 3, abs=1e-3)


ERRORS = [
    (("", "--cell", "1:0"), 3, "nothing to read"),
    (("ß", "--cell", "1:0"), 3, "never seen 'ß'"),
    (("ß", "--cell", "1:0", "--unknown", "skip"), 3, "knows none"),
    (("b", "--cell", "1"), 2, "write layer:cell"),
    (("b", "--cell", "2:0"), 2, "layers 1 to 1"),
    (("step", "b", "--cell", "1:0", "--at", "2"), 2, "from 1 to 1"),
    (("step", "b", "--at", "0"), 2, "Invalid value for '--at'"),
    (("step", "b"), 2, "Missing option '--at'"),
    (("b", "--file", "x"), 2, "give one of the two"),
    (("--file", "missing.txt", "--cell", "1:0"), 3, "missing.txt"),
    (("walk", "b", "--against", "x"), 2, "these have it: charlstm explain gradient, charlstm explain distance"),
    (("memory", "--cell", "1:0"), 2, "charlstm explain memory has no --cell"),
    (("memory", "b", "--pairs", "x"), 2, "charlstm explain memory has no --pairs"),
    (("distance", "b"), 2, "unexpected extra argument"),
    (
        ("b", "--back", "5"),
        2,
        "charlstm explain walk has no --back; these have it:",
    ),
    (("b", "--bakc", "5"), 2, "No such option: --bakc"),
    (("gradient", "b"), 3, "smaller --back"),
    (("gradient", "--against", "."), 4, "no model"),
    (("distance", "--against", "planted.safetensors"), 2, "the model itself"),
    (("--cell", "1:0", "memory"), 2, "memory is a command: type charlstm explain memory, then its options"),
    (("b", "--svg", "picture.png"), 2, "ends in .svg"),
    (("b", "--svg", "no/picture.svg"), 2, "there is no folder no; make it, or give another name"),
    (("b", "--open", "nan"), 2, "--open"),
    (("b", "--open", "2"), 2, "--open"),
    (("b", "--width", "3"), 2, "--width"),
    (("switches",), 3, "charlstm corpus agreement-en-cs"),
    (("distance",), 3, "other --pairs"),
    ((), 3, "give a TEXT of your own"),
    (("--file", "planted.safetensors", "--cell", "1:0"), 3, "--encoding"),
    (("b" * 10_001, "--cell", "1:0", "--brief"), 3, "at most 10,000"),
    (("b" * 10_002, "--cell", "1:0", "--to", "10001"), 2, "from 1 to 10,000"),
    (("bcd", "--cell", "1:0", "--from", "3", "--to", "2"), 2, "must not come after"),
    (("bcd", "--cell", "1:0", "--from", "4"), 2, "--from 4: give a character of the text, from 1 to 3"),
    (("bcd", "--cell", "1:0", "--to", "4"), 2, "--to 4: give a character of the text, from 1 to 3"),
    (("bcd", "--from", "0"), 2, "Invalid value for '--from'"),
    (("--file", "b.svg", "--svg", "b.svg"), 2, "the text is in this file"),
    (("memory", "--file", "b.svg", "--figure", "b.svg"), 2, "the text is in this file"),
    (("b", "--cell", "1:0", "--warm", "b\u8a9e"), 3, "--warm: the model has never seen '\u8a9e'"),
    (("memory", "--figure", "b.jpg"), 2, "ends in .svg, .png or .pdf"),
    (("memory", "--figure", "no/b.svg"), 2, "there is no folder no; make it, or give another name"),
    (("memory", "--svg", "b.svg"), 2, "instead of --svg, type: --figure FILE"),
    (("walk", "b", "--figure", "b.svg"), 2, "explain walk has no --figure; these have it: charlstm explain memory"),
    (("--pairs", "missing.jsonl", "b"), 3, "missing.jsonl"),
]


def test_a_misspelt_view_is_read_as_a_text_and_this_is_said(invoke, toy: Path) -> None:
    done = invoke("explain", "memry", "-c", toy, "--cell", "1:0")
    assert 'note: "memry" is read as a text; for the view, type: charlstm explain memory' in done.err
    assert "note: " not in invoke("explain", "mel", "-c", toy, "--cell", "1:0").err


@pytest.mark.parametrize(("arguments", "code", "words"), ERRORS, ids=[" ".join(case[0])[:40] for case in ERRORS])
def test_what_cannot_be_meant_is_said_in_a_line(
    invoke, toy: Path, arguments: tuple[str, ...], code: int, words: str
) -> None:
    named = 1 if arguments and arguments[0] in EXPLAIN.commands else 0
    done = invoke("explain", *arguments[:named], "-c", toy, *arguments[named:])
    assert (done.code, done.out if code != 1 else "") == (code, ""), done.err
    assert words in " ".join(done.err.replace("│", " ").split())
    assert "should not happen" not in done.err


OLD = [
    (("b", "--at", "3"), "charlstm explain step TEXT --at N"),
    (("--at=3", "b"), "charlstm explain step TEXT --at N"),
    (("--memory",), "charlstm explain memory"),
    (("memory", "--memory"), "charlstm explain memory"),
    (("b", "--back", "5", "--gradient"), "charlstm explain gradient"),
    (("--distance", "--svg", "p.svg"), "charlstm explain distance"),
    (("walk", "--switches"), "charlstm explain switches"),
]


@pytest.mark.parametrize(("arguments", "instead"), OLD, ids=[" ".join(case[0]) for case in OLD])
def test_whoever_types_an_option_that_is_gone_is_told_what_to_type(
    invoke, arguments: tuple[str, ...], instead: str
) -> None:
    done = invoke("explain", *arguments)
    assert done.code == 2
    (error,) = [line for line in done.err.splitlines() if line.startswith("Error")]
    assert error.endswith(f", type: {instead}")


def test_walk_is_what_is_done_without_the_name_of_a_view(invoke, toy: Path) -> None:
    how = ("-c", toy, "--cell", "1:0", "--json")
    named = invoke("explain", "walk", "bad", *how)
    assert json.loads(named.out)["view"] == "walk"
    for arguments in (("bad", *how), (*how, "bad"), (*how, "--", "bad")):
        assert invoke("explain", *arguments).out == named.out


def test_a_text_that_is_the_name_of_a_view_can_be_shown(invoke, tmp_path: Path) -> None:
    """After the name of the view, that is; an option's value is no name at all."""
    small(tmp_path / "letters.safetensors", "\n -emory")
    how = ("-c", "letters.safetensors", "--cell", "1:0", "--warm", "memory", "--json")
    for arguments in (("walk", "memory", *how), (*how, "--", "--memory"), (*how, "roy")):
        done = invoke("explain", *arguments)
        assert done.code == 0, done.err
        assert json.loads(done.out)["text"] in arguments


def test_every_view_has_its_own_help_and_its_examples_can_be_typed(invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    app: Any = typer.main.get_command(make_app())
    group = app.commands["explain"]
    options = {}
    for name in EXPLAIN.commands:
        done = invoke("explain", name, "--help")
        assert done.code == 0
        assert max(map(cell_len, done.out.splitlines())) <= 80
        examples = re.findall(r"^    charlstm (explain .*)$", done.out, re.M)
        assert len(examples) == 2
        for example in examples:
            _, *arguments = shlex.split(example)
            view = arguments.pop(0) if arguments and arguments[0] in EXPLAIN.commands else "walk"
            assert view == name
            group.commands[view].make_context(view, arguments)
        options[name] = set(re.findall(r"--\w+", done.out))
    assert {name for name in options if "--back" in options[name]} == {"gradient"}
    assert {name for name in options if "--at" in options[name]} == {"step"}
    assert {name for name in options if "--device" not in options[name]} == {"gradient"}  # it runs on the processor
    whole = invoke("explain", "--help").out.split("Commands")[1]
    assert all(re.search(rf"\b{name} +\w", whole) for name in EXPLAIN.commands)
    assert "..." not in whole


def test_a_plain_rnn_has_no_gates_to_show(invoke, rnn: Path) -> None:
    done = invoke("explain", "memory", "-c", rnn)
    assert done.code == 2
    assert "plain RNN" in done.err


def test_without_the_pair_that_ships_it_says_what_to_give(invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    assert shipped_pair() is not None
    monkeypatch.setattr(networks, "shipped_pair", lambda: None)
    done = invoke("explain", "distance")
    assert done.code == 4
    assert "--checkpoint and --against" in done.err


def test_the_default_gradient_view_is_the_pair_that_ships(invoke) -> None:
    done = invoke("explain", "gradient", "--back", "20", "--json")
    assert done.code == 0, done.err
    data = json.loads(done.out)
    assert set(data["networks"]) == {"lstm untrained", "lstm trained", "rnn untrained", "rnn trained"}
    rates = [data["w_rec"][w]["rate"] for w in ("0.5", "0.9", "1", "1.1", "1.5", "2")]
    assert all(a < b for a, b in pairwise(rates))
    for reach in data["w_rec"].values():
        assert reach["rate"] == pytest.approx(reach["theory_rate"], rel=0.05)


def small(path: Path, characters: str, cell_type: str = "lstm", scale: float = 1.0) -> Path:
    """An untrained network in a file of its own."""
    model = CharLM(ModelConfig(len(characters), 6, 1, 3, cell_type))
    model.reset_parameters(8.0, 0)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(scale)
    path.parent.mkdir(parents=True, exist_ok=True)
    save_model_file(path, ModelFile(model, Vocabulary(characters), {}))
    return path


def test_networks_of_two_vocabularies_read_each_in_its_own(invoke, tmp_path: Path) -> None:
    lstm = small(tmp_path / "a.safetensors", "\n abcdxyz")
    rnn = small(tmp_path / "b.safetensors", "\nba", "rnn")
    text = "abba baab " * 20
    how = ("--back", 5, "--unknown", "skip")
    done = invoke("explain", "gradient", text, "-c", lstm, "--against", rnn, *how, "--json")
    assert done.code == 0, done.err
    assert done.err == ""
    alone = invoke("explain", "gradient", text, "-c", rnn, *how, "--json")
    assert json.loads(alone.out)["w_rec"] == json.loads(done.out)["w_rec"]
    said = invoke("explain", "gradient", "abba xyz" * 20, "-c", rnn, *how).err
    assert "80 characters that the model has never seen; 80 of them are left out" in said


def test_two_networks_of_one_type_are_told_apart(invoke, tmp_path: Path) -> None:
    hostile = "e\x1b[31mv"
    first = small(tmp_path / "rnn" / "best.safetensors", "\n ab")
    second = small(tmp_path / hostile / "best.safetensors", "\n ab")
    command = ("explain", "gradient", "ab ba " * 20, "-c", first.parent, "--against", second.parent, "--back", 4)
    data = json.loads(invoke(*command, "--json").out)
    assert set(data["networks"]) == {
        *(f"{name} {state}" for name in ("rnn", hostile) for state in ("untrained", "trained")),
        "a plain rnn, untrained",
    }
    done = invoke(*command, "--figure", "p.svg")
    assert "\x1b" not in done.out
    assert "\\x1b[31m" in done.out
    ET.fromstring((tmp_path / "p.svg").read_text(encoding="utf-8"))


@pytest.mark.parametrize("scale", [0.0, 1e15])
def test_extreme_weights_are_shown_all_the_same(invoke, tmp_path: Path, scale: float) -> None:
    model = small(tmp_path / "x.safetensors", "\n ab", scale=scale)
    for view in (("step", "--at", 3), ("walk",), ("memory",), ("gradient", "--back", 3)):
        cell = () if view[0] in ("memory", "gradient") else ("--cell", "1:0")
        for how in ((), ("--json",)):
            done = invoke("explain", *view, "ab ba " * 20, "-c", model, *cell, *how)
            assert done.code == 0, (view, done.err)


def test_weights_that_lead_to_no_number_are_said(invoke, tmp_path: Path) -> None:
    model = small(tmp_path / "x.safetensors", "\n ab")
    network = load_model_file(model).model
    model.write_bytes(filled(1e30)(model.read_bytes()))
    for view in ((), ("step", "--at", 3)):
        done = invoke("explain", *view, "ab ba", "-c", model, "--cell", "1:0")
        assert done.code == 4
        assert "so large that its results would be infinite or undefined" in done.err
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(1e30)
    with pytest.raises(CharLSTMError, match="not finite from character 1"):
        walk(network, torch.zeros(3, dtype=torch.int64), "abc", network.zero_state(1), (0, 0))


def test_what_no_xml_may_hold_is_written_out(invoke, tmp_path: Path) -> None:
    model = small(tmp_path / "x.safetensors", "\n ab\ufffe\uffff\ufdd0")
    done = invoke("explain", "a\ufffe\uffffb\ufdd0", "-c", model, "--cell", "1:0", "--svg", "p.svg")
    assert done.code == 0, done.err
    assert "\\ufffe" in done.out
    ET.fromstring((tmp_path / "p.svg").read_text(encoding="utf-8"))


def test_a_variable_meant_for_another_command_is_no_mistake(invoke, toy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"PAIRS": "some.jsonl", "CELL": "1:0", "WARM": "b"}.items():
        monkeypatch.setenv(f"CHARLSTM_PROBE_{name}", value)
    assert invoke("explain", "gradient", "bFcd" * 30, "-c", toy, "--back", 7).code == 0
    assert invoke("explain", "memory", "bFcd" * 30, "-c", toy).code == 0


def test_a_picture_that_cannot_be_written_leaves_the_old_one(
    invoke, toy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = ("explain", "bFcd", "-c", toy, "--cell", "1:0", "--svg", "p.svg")
    assert invoke(*command).code == 0
    before = (tmp_path / "p.svg").read_bytes()

    def full(*arguments: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        done = invoke(*command)
    assert done.code == 1
    assert "No space left on device; free some space or give another name" in done.err
    assert (tmp_path / "p.svg").read_bytes() == before


def test_nobody_reading_is_no_failure(toy: Path, tmp_path: Path) -> None:
    """As with `| head -1`: the picture is written all the same."""
    command = [sys.executable, "-m", "charlstm", "explain", "bFcd" * 900, "-c", str(toy), "--cell", "1:0"]
    reading, writing = os.pipe()
    os.close(reading)
    picture = tmp_path / "p.svg"
    done = subprocess.run([*command, "--svg", str(picture)], stdout=writing, stderr=subprocess.PIPE, text=True)
    os.close(writing)
    assert (done.returncode, picture.exists()) == (0, True), done.stderr


def test_a_cell_that_the_probe_reads_is_shown_from_where_the_probe_begins(invoke) -> None:
    """The sentence typed and the sentence by default are the same."""
    command = ("explain", "-c", SHIPPED, "--json")
    assert invoke(*command, SOFT).out == invoke(*command).out
    assert "Lisboa" in json.loads(invoke(*command).out)["warm"]


def test_every_character_keeps_its_columns() -> None:
    assert glyph("a") == "a"
    assert glyph("\u0301") == "◌\u0301"  # on its own it would join the letter before it
    assert glyph("\u200d") == "\\u200d"
    assert glyph("\ufe0f") == "\\ufe0f"
    assert glyph("\x1b") == "\\x1b"
    assert [columns_of(c) for c in "a語\u0301\n👩"] == [1, 2, 1, 2, 2]
    text = "cafe\u0301 語語 👩\u200d👩 e\u0301tude"
    lines = coloured_lines(text, [0.0] * len(text), {"f": "9" * len(text)}, 20, True)
    for shown, row in pairwise([line.plain for line in lines]):
        if row.startswith("f"):
            assert cell_len(row) == cell_len(shown) <= 20 + 6  # an escape is longer than a line's end
            assert row[4:].replace(" ", "") == "9" * row.count("9")
    assert sum(line.plain.count("9") for line in lines) == len(text)


def test_a_text_is_wrapped_by_words_and_whole() -> None:
    text = "A menina disse que não foi se despedir"
    parts = [text[start:end] for start, end in wrapped(text, 12)]
    assert "".join(parts) == text
    assert all(part.endswith(" ") for part in parts[:-1])
    assert wrapped("", 5) == []
    assert wrapped("語語語", 1) == [(0, 1), (1, 2), (2, 3)]


def test_bars_are_as_long_as_their_shares() -> None:
    assert [bar(share, 4) for share in (0, 0.5, 1, 7, -1)] == ["    ", "██  ", "████", "████", "    "]
    assert bar(1 / 32, 4) == "▏   "
    assert signed_bar(1, 4) == "  ██"
    assert signed_bar(-1, 4) == "██  "
    assert signed_bar(0.25, 4) == "  ▌ "
    assert signed_bar(-0.25, 4) == " ▐  "
    assert {len(signed_bar(share / 10, 5)) for share in range(-12, 13)} == {5}


def test_curves_are_told_apart_with_colour_and_without() -> None:
    curves = [Curve("falls", range(101), [0.9**k for k in range(101)]), Curve("stays", range(101), [1.0] * 101)]
    chart = Chart("t", "says", curves, "characters", "norm", (-4.0, 0.0), logarithmic=True)
    for colour in (False, True):
        for width in (80, 40):  # beside the curves, and below them
            lines = draw_curves(chart, width, colour, height=9)
            assert all(line.cell_len <= width for line in lines)
            words = "\n".join(line.plain for line in lines)
            assert words.startswith("norm\n       1 |")
            assert "1e-3 |" in words
            styles = {str(span.style) for line in lines for span in line.spans}
            assert styles >= {"blue", "red"} if colour else not styles
            for sign, name in zip("━━" if colour else "*=", ("falls", "stays"), strict=True):
                assert f"{sign} {name}" in words
        if not colour:
            assert re.search(r"^       1 \| \**=+$", words, re.M)
    single = draw_curves(Chart("t", "", [Curve("one", [0, 5], [1.0, float("nan")])], "x", "y"), 60, True)
    assert any("one" in line.plain for line in single)
    low, high = nice_limits([1.23, 4.56], 16)
    assert low <= 1.23 < 4.56 <= high
    assert round((high - low) / 15, 9) in (0.25, 0.3)


def test_each_curve_is_named_where_it_ends() -> None:
    ends = {"high": 100.0, "low": 40.0, "also low": 40.0}
    chart = Chart("t", "", [Curve(name, [0, 10], [70.0, y]) for name, y in ends.items()], "x", "%", (30.0, 100.0))
    lines = [line.plain for line in draw_curves(chart, 80, False, height=15)]
    row = {name: next(k for k, line in enumerate(lines) if line.endswith(f" {name}")) for name in ends}
    assert lines[row["high"]].startswith("     100 |")
    assert abs(row["low"] - row["also low"]) == 1
    assert "105" not in "".join(lines)


def test_a_training_curve_of_a_run(invoke, corpus_file: Path, tmp_path: Path) -> None:
    trained = invoke("train", corpus_file, "--steps", 40, "--hidden-size", 8, "--evaluations", 4, "--out", "run", "-q")
    assert trained.code == 0, trained.err
    done = invoke("info", "run", "--width", 80, "--figure", "curve.svg")
    assert done.code == 0, done.err
    assert "* training" in done.out
    assert "= validation" in done.out
    assert "\nbits/char\n" in done.out
    assert max(cell_len(line) for line in done.out.splitlines()) <= 160
    drawn = "".join(ET.fromstring((tmp_path / "curve.svg").read_text(encoding="utf-8")).itertext())
    assert "validation" in drawn
    with (tmp_path / "run" / "metrics.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"event": "trained", "step": 1e999, "bits_per_char": 1}\n{"event": "trained", "step": 1}\n')
        file.write('{"event": "trained", "step": 2, "bits_per_char": 1.7e308}\n')
        file.write('{"event": "trained", "step": 3, "bits_per_char": -1.7e308}\n')
    odd = invoke("info", "run")
    assert odd.code == 0, odd.err
    (tmp_path / "run" / "metrics.jsonl").unlink()
    assert "validation" not in invoke("info", "run").out.split("versions")[1]
    done = invoke("info", "run", "--figure", "curve.svg")
    assert done.code == 4
    assert "no training curve" in done.err
    done = invoke("info", "run", "--svg", "curve.svg")
    assert (done.code, "type: --figure FILE" in done.err) == (2, True)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["gates", "gradient", "distance"])
def test_the_pictures_in_the_readme_are_what_the_commands_draw(
    invoke, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """All but the digits, which another processor may round otherwise."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    (sentence,) = re.findall(r"^SENTENCE := (.*)$", makefile, re.M)
    ((line, option),) = re.findall(rf"charlstm (explain .*) (--svg|--figure) docs/pictures/{name}.svg", makefile)
    monkeypatch.chdir(ROOT)
    done = invoke(*shlex.split(line.replace("$(SENTENCE)", sentence)), option, tmp_path / f"{name}.svg")
    assert done.code == 0, done.err
    now, then = (
        re.sub(r"[\W\d_]+", " ", "".join(ET.fromstring(path.read_text(encoding="utf-8")).itertext()))
        for path in (tmp_path / f"{name}.svg", ROOT / "docs" / "pictures" / f"{name}.svg")
    )
    assert now == then


def test_the_record_beside_the_shipped_model_is_of_that_model() -> None:
    record = json.loads((SHIPPED / "probe.json").read_text(encoding="utf-8"))
    assert record["sha256"] == load_model_file(SHIPPED / "best.safetensors").sha256
    assert record["items"] == PORTUGUESE.name
    assert record["found"] == {"layer": 2, "cell": 73, "verdict": "tracks and used"}


def test_precision_of_the_readable_steps() -> None:
    """What is shown is what the network computes: the numbers of a walk are those of `CharLM.step`."""
    content = load_model_file(SHIPPED / "best.safetensors")
    state = content.model.zero_state(1)
    ids = torch.from_numpy(content.vocabulary.encode("A menina").astype("int64"))
    found = walk(content.model, ids, "A menina", state, (1, 73))
    with torch.no_grad():
        for k, character in enumerate(ids):
            _, state = content.model.step(character[None], state)
            assert found.numbers["c"][k] == float(state.c[1, 0, 73])
            assert found.numbers["h"][k] == float(state.h[1, 0, 73])
