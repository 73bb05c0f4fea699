"""`charlstm probe --over-run`: planted snapshots, in which it is known when a cell came to hold and to be used."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from planted import CHARS, Planted, ordinary_lines, toy_pairs, write_pairs
from rich.table import Table

from charlstm import checkpoint
from charlstm.config import ModelConfig
from charlstm.corpus.vocab import Vocabulary
from charlstm.grammar import corpus_lines, minimal_pairs
from charlstm.network.model import CharLM
from charlstm.probe.defaults import PORTUGUESE, words_of_labels
from charlstm.probe.found_cells import FoundCell, Judged, write_record
from charlstm.probe.over_run import OverRun, follow, in_words
from charlstm.probe.pipeline import ProbeRequest
from charlstm.report.over_run import draw_over_run

CUE, CONTRARY = {"F": 0.9, "M": -0.9, "\n": 0.0}, {"F": -0.9, "M": 0.9, "\n": 0.0}


def absent() -> Planted:
    return Planted()


def held(sign: int = 1) -> Planted:
    """Cell 0 holds the cue; cell 1 does, too, and the network answers by that one."""
    network = Planted()
    network.write(0, CUE if sign > 0 else CONTRARY)
    network.write(1, CUE)
    network.read(1, 4.0)
    return network


def used(sign: int = 1) -> Planted:
    network = Planted()
    network.write(0, CUE if sign > 0 else CONTRARY)
    network.read(0, 4.0 * sign)
    return network


def content(network: Planted, step: int) -> checkpoint.ModelFile:
    training = {"step": step, "characters_learnt": 100 * step}
    return checkpoint.ModelFile(network.model, Vocabulary(CHARS), training)


def make_run(folder: Path, networks: Sequence[Planted], final: Planted | None = None) -> Path:
    """A run that kept these at steps 10, 20, 40 ..., and whose best model is the last of them, or another."""
    folder.mkdir()
    checkpoint.write_run_config(folder, {})
    for k, network in enumerate(networks):
        step = 10 * 2**k
        checkpoint.save_snapshot(folder, step, content(network, step))
    best = content(final or networks[-1], step if final is None else step + 1)
    checkpoint.save_model_file(folder / checkpoint.BEST, best)
    return folder


@pytest.fixture
def files(tmp_path: Path) -> tuple[object, ...]:
    text = tmp_path / "ordinary.txt"
    text.write_text(ordinary_lines(), encoding="utf-8")
    return ("--pairs", write_pairs(tmp_path / "pairs.jsonl", toy_pairs(lemmas=12)), "--text", text)


@pytest.mark.parametrize("sign", [1, -1])
def test_when_it_came_to_hold_and_when_to_be_used(invoke, tmp_path: Path, files, sign: int) -> None:
    run = make_run(tmp_path / "run", [absent(), held(sign), used(sign)])
    done = invoke("probe", "--over-run", run, "--cell", "1:0", *files, "--json")
    assert done.code == 0, done.err
    result = json.loads(done.out)
    assert result["cell"] == {"layer": 1, "cell": 0, "sign": sign}
    assert (result["holds_from"], result["used_from"]) == (20, 40)
    first, second, third = result["moments"]
    assert [moment["step"] for moment in result["moments"]] == [10, 20, 40]
    assert [moment["characters"] for moment in result["moments"]] == [1000, 2000, 4000]
    assert (first["hold"], first["right"]["value"], first["flip"]) == (0.5, 0.5, None)
    assert (second["hold"], second["right"]["value"], second["flip"]) == (1.0, 1.0, 0.0)
    assert second["recovery"]["value"] == pytest.approx(0.0, abs=1e-6)
    assert (third["hold"], third["right"]["value"], third["flip"]) == (1.0, 1.0, 1.0)
    assert third["recovery"]["value"] == pytest.approx(1.0, abs=1e-6)
    assert all(4 < moment["bits_per_char"] < 7 for moment in result["moments"])


@pytest.mark.slow
def test_what_a_person_sees(invoke, tmp_path: Path, files) -> None:
    run = make_run(tmp_path / "run", [absent(), held(), used()])
    shown = invoke("probe", "--over-run", run, *files)
    assert shown.code == 0, shown.err
    sentence = " ".join(shown.out.split("\n\n")[0].split())
    assert sentence == (
        "Cell 0 of layer 1 carries the class of the cue (F or M) from step 20 on (2,000 characters; not yet at step "
        "10), and the network uses it from step 40 on (4,000 characters; not yet at step 20). Followed: cell 0 of "
        "layer 1, found by the probe of this model: tracks and used."
    )
    rows = [line.split() for line in shown.out.splitlines()]
    assert ["20", "100.0", "1.00", "*", "0.00"] in rows
    assert ["40", "100.0", "1.00", "*", "1.00", "*"] in rows
    assert len(rows) <= 24
    more = invoke("probe", "--over-run", run, "--details", *files).out
    rows = [line.split() for line in more.splitlines()]
    assert next(row for row in rows if row[:1] == ["20"])[3:5] == ["100.0", "100.0"]
    assert next(row for row in rows if row[:1] == ["20"])[6:] == ["1.00", "*", "0.0", "0.00"]
    assert next(row for row in rows if row[:1] == ["40"])[6:] == ["1.00", "*", "100.0", "1.00", "*"]


def test_the_last_line_says_what_the_probe_says(invoke, tmp_path: Path, files) -> None:
    network = used()
    network.keep(0, f=0.97)  # it forgets
    network.write(0, CUE)
    network.write(0, {"f": 0.05, "m": -0.05}, add=True)
    network.read(2, 1.0)
    run = make_run(tmp_path / "run", [absent()], final=network)
    followed = json.loads(invoke("probe", "--over-run", run, "--cell", "1:0", *files, "--json").out)["moments"][-1]
    probed = json.loads(invoke("probe", "-c", run, "--cell", "1:0", *files, "--json").out)
    (cell,) = (cell for cell in probed["cells"] if cell["cell"] == 0)
    assert followed["step"] == 11
    assert followed["hold"] == cell["hold"]["value"]
    assert followed["same_hold"] == cell["same_hold"]
    assert followed["flip"] == cell["patch"]["flip"]
    assert followed["recovery"]["value"] == pytest.approx(cell["patch"]["recovery"]["value"], abs=1e-9)


def test_the_last_save_counts_too(invoke, tmp_path: Path, files) -> None:
    """As in a run that patience ended before its last snapshot."""
    run = make_run(tmp_path / "run", [absent(), used()])
    checkpoint.save_model_file(run / checkpoint.LAST, content(absent(), 30))
    result = json.loads(invoke("probe", "--over-run", run, "--cell", "1:0", *files, "--json").out)
    assert [moment["step"] for moment in result["moments"]] == [10, 20, 30]
    assert (result["holds_from"], result["used_from"]) == (None, None)


def test_a_network_that_tells_nothing_apart_uses_nothing(invoke, tmp_path: Path, files) -> None:
    """A share of next to nothing says nothing."""
    weak = Planted()
    weak.write(0, CUE)
    weak.read(0, 1e-12)
    run = make_run(tmp_path / "run", [weak, used()])
    result = json.loads(invoke("probe", "--over-run", run, "--cell", "1:0", *files, "--json").out)
    assert [moment["hold"] for moment in result["moments"]] == [1.0, 1.0]
    assert result["used_from"] == 20


def test_where_the_probe_finds_no_cell(invoke, tmp_path: Path, files) -> None:
    done = invoke("probe", "--over-run", make_run(tmp_path / "run", [absent(), absent()]), *files)
    assert done.code == 0, done.err
    assert "does not carry the class of the cue (F or M) at the end" in done.out
    assert "the best of this model, in which the probe finds no cell" in done.out


@pytest.fixture
def found(tmp_path: Path) -> OverRun:
    """A cell that holds, forgets, holds again, and is used."""
    run = make_run(tmp_path / "run", [held(), absent(), held(), used()])
    vocabulary = Vocabulary(CHARS)
    request = ProbeRequest(toy_pairs(lemmas=12), warm="\n", ordinary=(vocabulary.encode(ordinary_lines()), "a text"))
    paths = [*checkpoint.list_snapshots(run), run / checkpoint.BEST]
    return follow(paths, checkpoint.load_model_file(run / checkpoint.BEST), (0, 0), request)


def test_only_what_lasts_to_the_end_counts(found: OverRun) -> None:
    assert [moment.hold for moment in found.moments] == [1.0, 0.5, 1.0, 1.0]
    assert found.holds_from is found.moments[2]
    assert found.used_from is found.moments[3]


def test_in_words(found: OverRun) -> None:
    first, without, holds, uses = found.moments

    def said(*moments) -> str:
        return in_words(replace(found, moments=list(moments)), words_of_labels(found.classes))

    assert "at the end, and the network does not use it" in said(first, without)
    assert "on (1,000 characters; the first model that was kept), but the network does not use it at the end" in said(
        first
    )
    only_used = replace(uses, hold=0.6, characters=None)
    assert said(without, replace(only_used, step=50), uses) == (
        "The network uses cell 0 of layer 1 from step 50 on (not yet at step 20), and it carries the class of the cue "
        "(F or M) all the way from step 80 on (8,000 characters; not yet at step 50)."
    )
    assert "at the end, but the network uses it from step 80 on (not yet at step 40)" in said(holds, only_used)


def test_what_a_model_of_before_does_not_say_is_a_dash(found: OverRun) -> None:
    moments = [replace(found.moments[-1], characters=None, flip=float("nan"))]
    parts = draw_over_run(replace(found, moments=moments), words_of_labels(found.classes), "m", "c", True, 80, False)
    (drawn,) = (part for part in parts if isinstance(part, Table))
    cells = [list(column.cells) for column in drawn.columns]
    assert (cells[0], cells[1], cells[7]) == (["80"], ["-"], ["-"])


def test_the_default_items_follow_the_cell_that_is_known(invoke, tmp_path: Path) -> None:
    text = "".join(corpus_lines("agreement-pt", 20_000, 0)) + "".join(
        pair.sentence_good for pair in minimal_pairs("agreement-pt", 540, 0)
    )
    (tmp_path / "pt.txt").write_text(text, encoding="utf-8")
    small = ("--hidden-size", 8, "--num-layers", 2, "--embedding-size", 8, "--threads", 1, "-q")
    trained = invoke("train", "pt.txt", "--steps", 30, "--snapshots", 2, "--evaluations", 1, "--out", "run", *small)
    assert trained.code == 0, trained.err
    judged = Judged(PORTUGUESE.name, ("F", "M"), ())
    write_record(checkpoint.load_model_file(Path("run") / checkpoint.BEST).sha256, FoundCell(1, 5, "tracks"), judged)
    done = invoke("probe", "--over-run", "run", "--threads", 1, "--details")
    assert done.code == 0, done.err
    assert "Followed: cell 5 of layer 2, found by the probe of this model: tracks." in done.out
    assert "Cell 5 of layer 2 does not carry gender (feminine or masculine) at the end" in " ".join(done.out.split())
    assert [line.split()[:2] for line in done.out.splitlines() if line[:6].strip() in ("1", "30")] == [
        ["1", "2,048"],
        ["30", "60,480"],  # the last window of a pass is shorter
    ]


def other_shape(run: Path) -> None:
    model = CharLM(ModelConfig(len(CHARS), hidden_size=5, num_layers=1, embedding_size=4))
    model.reset_parameters(0, 0)
    checkpoint.save_snapshot(run, 15, checkpoint.ModelFile(model, Vocabulary(CHARS), {"step": 15}))


def other_characters(run: Path) -> None:
    other = replace(content(used(), 15), vocabulary=Vocabulary("ABC" + CHARS[3:]))
    checkpoint.save_snapshot(run, 15, other)


def no_step(run: Path) -> None:
    checkpoint.save_snapshot(run, 15, replace(content(used(), 15), training={"step": "15"}))


def damaged(run: Path) -> None:
    path = checkpoint.list_snapshots(run)[0]
    path.write_bytes(path.read_bytes()[:-1])


def no_snapshots(run: Path) -> None:
    for path in checkpoint.list_snapshots(run):
        path.unlink()


def no_run(run: Path) -> None:
    (run / "config.json").unlink()


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (other_shape, "step-00000015.safetensors: not the network of this run; move it out"),
        (other_characters, "step-00000015.safetensors: not the network of this run"),
        (no_step, "step-00000015.safetensors: its step is not recorded"),
        (damaged, "step-00000010.safetensors: "),
        (no_snapshots, "run: this run kept no snapshots; train with --snapshots"),
        (no_run, "run is not the folder of a run"),
    ],
)
def test_runs_that_cannot_be_followed(invoke, tmp_path: Path, files, spoil, message: str) -> None:
    make_run(tmp_path / "run", [absent(), used()])
    spoil(tmp_path / "run")
    done = invoke("probe", "--over-run", "run", "--cell", "1:0", *files)
    assert (done.code, done.out) == (4, "")
    assert message in done.err
    assert done.err.splitlines()[-1].startswith("error: ") or done.err.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("--checkpoint", "run"), 2, "--checkpoint does not go with --over-run"),
        (("--cue", "F"), 2, "--cue does not go with --over-run"),
        (("--save", "new.safetensors"), 2, "--save does not go with --over-run"),
        (("--state", "h"), 2, "--state h does not go with --over-run"),
        (("--directions",), 2, "--directions does not go with --over-run"),
        (("--cell", "1:5", "--nulls", 7), 2, "--nulls does not go with --over-run"),
        (("--feature", "quotes"), 2, "--over-run does not go with --feature"),
        (("--cell", "1:0", "--cell", "1:1"), 2, "--over-run follows one cell; give one"),
        (("--cell", "1:99"), 2, "--cell 1:99: this model has layers 1 to 1, cells 0 to 31"),
        (("--pairs", "pairs.tsv"), 3, "these pairs have no twins"),
    ],
)
def test_what_a_person_can_get_wrong(
    invoke, tmp_path: Path, files, arguments: tuple[str, ...], code: int, message: str
) -> None:
    make_run(tmp_path / "run", [used()])
    items = "True\tFbcda.\nFalse\tFbcdo.\nTrue\tMbcdo.\nFalse\tMbcda.\n"
    (tmp_path / "pairs.tsv").write_text(items, encoding="utf-8")
    done = invoke("probe", "--over-run", "run", *files, *arguments)
    assert (done.code, done.out) == (code, "")
    assert message in done.err
