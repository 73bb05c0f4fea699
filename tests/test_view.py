"""`charlstm view`: what is in the page, what is refused, and that nothing is lost."""

import base64
import hashlib
import json
import re
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch

from charlstm.checkpoint import ModelFile, load_model_file, save_model_file
from charlstm.config import ModelConfig
from charlstm.corpus.vocab import Vocabulary
from charlstm.errors import CharLSTMError
from charlstm.network.model import CharLM
from charlstm.probe.defaults import BY_LANGUAGE
from charlstm.probe.found_cells import Judged, JudgedCell, write_record
from charlstm.view.content import Shown
from charlstm.view.page import MODULES, as_json, join_modules, read_static
from charlstm.view.weights import pack, pack_as, rounded

CHARACTERS = "abc \n"


def small_model(cell_type: str = "lstm", hidden: int = 16, seed: int = 1, vocab: int = len(CHARACTERS)) -> CharLM:
    model = CharLM(ModelConfig(vocab, hidden, 1, 4, cell_type))
    model.reset_parameters(20.0, seed)
    return model


@pytest.fixture
def model_file(tmp_path: Path) -> Path:
    path = tmp_path / "small.safetensors"
    save_model_file(path, ModelFile(small_model(), Vocabulary(sorted(CHARACTERS)), {}))
    return path


def data_of(page: bytes) -> dict:
    (found,) = re.findall(rb'<script type="application/json" id="data">(.*?)</script>', page, re.S)
    return json.loads(found)


def test_it_says_where_the_page_is_and_how_large(invoke, model_file: Path) -> None:
    done = invoke("view", "-c", model_file)
    assert done.code == 0, done.err
    page = Path("small.html").read_bytes()
    assert done.out == f"small.html  {len(page) / 1e6:.1f} MB\n"
    assert "charlstm probe" in done.err  # no record yet, and how to get one
    again = invoke("view", "-c", model_file, "-q")
    assert again.out.startswith("small-2.html")  # nothing is overwritten
    assert again.err == ""
    assert Path("small-2.html").read_bytes() == page  # the same bytes
    about = json.loads(invoke("view", "-c", model_file, "--json", "--out", "three.html").out)
    assert about == {
        "page": "three.html",
        "checkpoint": str(model_file),
        "bytes": len(page),
        "weights": "bfloat16",
        "exact": False,
        "probed": False,
    }


def test_what_may_run_is_named_by_its_hash_and_nothing_else_may(invoke, model_file: Path) -> None:
    invoke("view", "-c", model_file, "--out", "page.html")
    page = Path("page.html").read_text(encoding="utf-8")
    (policy,) = re.findall(r'<meta http-equiv="Content-Security-Policy" content="([^"]*)">', page)
    (style,) = re.findall(r"<style>(.*?)</style>", page, re.S)
    (script,) = re.findall(r'<script type="module">(.*?)</script>', page, re.S)

    def digest(text: str) -> str:
        return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"

    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    assert rules == {
        "default-src": "'none'",
        "script-src": f"{digest(script)} 'wasm-unsafe-eval'",
        "style-src": digest(style),
        "img-src": "blob:",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    assert not re.search(r"\sstyle=|\son\w+=|https?://(?!www\.w3\.org/)|url\(", page)
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write", page)


def test_no_text_ends_the_element_it_stands_in() -> None:
    hostile = "</script><!--\u202e\u2028\x00&\ud7ff"
    text = as_json({"name": hostile})
    assert text.isascii()
    assert not set("<>&") & set(text)
    assert json.loads(text)["name"] == hostile


def test_modules_import_from_those_above_them_and_give_what_is_asked() -> None:
    exported: dict[str, set[str]] = {}
    for name in MODULES:
        source = read_static(f"{name}.js")
        for names, other in re.findall(r"^import \{([^}]*)\} from '\./(\w+)\.js';$", source, re.M):
            wanted = {one.strip() for one in names.split(",")} - {""}
            assert wanted <= exported[other], f"{name}.js: {wanted - exported[other]} from {other}.js"
        exported[name] = set(re.findall(r"^export (?:async )?(?:function|class|const|let) (\w+)", source, re.M))
    folder = Path(sys.modules["charlstm.view.page"].__file__).parent / "static"
    assert {path.stem for path in folder.glob("*.js")} == set(MODULES)
    joined = join_modules()
    assert not re.search(r"^\s*(import|export)\b", joined, re.M)
    assert "</script" not in joined


def test_the_page_holds_what_the_command_was_given(invoke, model_file: Path, tmp_path: Path) -> None:
    text = tmp_path / "own.txt"
    text.write_text("abc cab " * 100, encoding="utf-8")
    done = invoke("view", "-c", model_file, "--text", "cab", "--file", text, "--cell", "1:7", "--out", "page.html")
    assert done.code == 0, done.err
    data = data_of(Path("page.html").read_bytes())
    assert data["sentences"][0]["sentence"] == "cab"
    assert data["chosen"] == [0, 7]
    assert data["ordinary"]["passages"] == ["abc cab " * 100]
    assert data["ordinary"]["source"] == "the first 800 characters of own.txt"
    assert data["record"] is None
    assert data["model"]["name"] == "small"
    assert str(tmp_path) not in Path("page.html").read_text(encoding="utf-8")  # no folder of this machine


def test_pairs_of_ones_own_are_offered(invoke, model_file: Path, tmp_path: Path) -> None:
    pairs = tmp_path / "pairs.jsonl"
    lines = [
        {"sentence_good": "a cc ab a", "sentence_bad": "a cc ac a", "twin": "b cc ac a", "cue_end": 1},
        {"sentence_good": "x cc ab a", "sentence_bad": "x cc ac a", "twin": "b cc ac a", "cue_end": 1},
    ]
    pairs.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    done = invoke("view", "-c", model_file, "--pairs", pairs, "--out", "page.html")
    assert done.code == 0, done.err
    (shown,) = data_of(Path("page.html").read_bytes())["sentences"]  # the other has a character that it does not know
    assert (shown["sentence"], shown["twin"]) == ("a cc ab a", "b cc ac a")
    assert (shown["endings"], shown["cue_end"]) == (["ab", "ac"], 1)


def test_without_a_record_it_begins_with_the_cell_that_remembers_longest(invoke, tmp_path: Path) -> None:
    model = small_model()
    with torch.no_grad():
        model.stack.layer(0).bias[16 + 9] = 20.0  # the forget gate of cell 9
    save_model_file(tmp_path / "long.safetensors", ModelFile(model, Vocabulary(sorted(CHARACTERS)), {}))
    assert invoke("view", "-c", "long.safetensors", "--out", "page.html").code == 0
    assert data_of(Path("page.html").read_bytes())["chosen"] == [0, 9]


def test_what_the_probe_found_is_in_the_page(invoke, model_file: Path) -> None:
    items = BY_LANGUAGE["pt"].name
    cell = JudgedCell(0, 5, -1, "tracks", (0.93, 0.9, 0.97), (0.3, 0.2, 0.4), 0.25)
    write_record(load_model_file(model_file).sha256, None, Judged(items, ("F", "M"), (cell,)))
    assert invoke("view", "-c", model_file, "--out", "page.html").code == 0
    record = data_of(Path("page.html").read_bytes())["record"]
    assert record["classes"] == ["feminine", "masculine"]
    (one,) = record["cells"]
    assert (one["layer"], one["cell"], one["sign"], one["verdict"]) == (0, 5, -1, "tracks")
    assert (one["hold"], one["moved"], one["flip"]) == ([0.93, 0.9, 0.97], [0.3, 0.2, 0.4], 0.25)
    line = {"sentence_good": "a cc ab a", "sentence_bad": "a cc ac a", "twin": "b cc ac a"}
    Path("pairs.jsonl").write_text(json.dumps(line), encoding="utf-8")  # no probe was made with these
    assert invoke("view", "-c", model_file, "--pairs", "pairs.jsonl", "--out", "other.html").code == 0
    assert data_of(Path("other.html").read_bytes())["record"] == record


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("--out", "taken.html"), 2, "never overwrites"),
        (("--out", "page.txt"), 2, "ends in .html"),
        (("--cell", "1:99"), 2, "cells 0 to 15"),
        (("--cell", "7"), 2, "layer:cell"),
        (("--text", "a", "--pairs", "p"), 2, "--text and --pairs"),
        (("--text", ""), 3, "nothing to read"),
        (("--text", "xyz"), 3, "knows none"),
        (("--text", "a" * 2001), 3, "2,000"),
        (("--file", "missing.txt"), 3, "missing.txt"),
        (("--file", "strange.txt"), 3, "the beginning of strange.txt: the model knows 0 of 300"),
        (("--out", "no/such/page.html"), 2, "there is no folder no/such; make it, or give another name"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_line(invoke, model_file: Path, arguments, code: int, said: str) -> None:
    Path("taken.html").write_text("mine")
    Path("strange.txt").write_text("xyz" * 100)
    done = invoke("view", "-c", model_file, "-q", *arguments)
    assert done.code == code, done.err
    assert said in " ".join(done.err.replace("│", " ").split())
    assert Path("taken.html").read_text() == "mine"
    assert list(Path().glob("*.html")) == [Path("taken.html")]


def test_bfloat16_where_it_fits_then_int8_then_a_refusal_that_says_what_would_fit() -> None:
    model = small_model(hidden=64)
    sizes = {form: len(pack_as(model, form).text) for form in ("bfloat16", "int8")}
    assert sizes["int8"] < sizes["bfloat16"]
    assert pack(model).form == "bfloat16"
    assert pack(model, whole_page=sizes["bfloat16"], max_page=40_000).form == "int8"
    with pytest.raises(
        CharLSTMError, match=r"larger than 0\.01 MB: this model has 0\.0 million weights, and about 0\.0 "
    ):
        pack(model, whole_page=10, max_page=10_000)
    large = small_model()
    large.head.weight = torch.nn.Parameter(torch.empty(50_000, 1000, device="meta"))
    with pytest.raises(CharLSTMError, match=r"50\.0 million weights, and about 33\.3 million fit"):
        pack(large)  # before any of it is deflated


@pytest.mark.parametrize("form", ["bfloat16", "int8"])
def test_the_bytes_are_the_rounded_weights(form) -> None:
    model = small_model("gru")
    packed = pack_as(model, form)
    raw = zlib.decompress(base64.b64decode(packed.text), -15)
    expected = rounded(model, form)
    count = sum(expected[name].numel() for name, shape in packed.tensors if len(shape) == 2)
    floats = np.frombuffer(raw[count * (2 if form == "bfloat16" else 1) :], "<f4")
    at = number = 0
    for name, shape in packed.tensors:
        size = int(np.prod(shape))
        if len(shape) == 1:
            found = floats[number : number + size]
            number += size
        elif form == "bfloat16":
            halves = [np.frombuffer(raw[start + at : start + at + size], np.uint8) for start in (0, count)]
            found = (halves[0].astype(np.uint32) << 24 | halves[1].astype(np.uint32) << 16).view(np.float32)
            at += size
        else:
            levels = np.frombuffer(raw[at : at + size], np.int8).reshape(shape)
            found = levels * floats[number : number + shape[0], None]
            at, number = at + size, number + shape[0]
        assert np.array_equal(found.reshape(shape), expected[name].numpy())
    assert number == len(floats)
    own = model.state_dict()
    limit = {"bfloat16": 2**-8, "int8": 1 / 100}[form]
    assert all((own[name] - expected[name]).abs().max() <= limit * own[name].abs().max() for name in own)


def test_weights_that_are_bfloat16_already_stay_what_they_are() -> None:
    model = small_model()
    assert not pack_as(model, "bfloat16").exact
    model.load_state_dict({name: tensor.bfloat16().float() for name, tensor in model.state_dict().items()})
    assert pack_as(model, "bfloat16").exact
    assert not pack_as(model, "int8").exact


def test_every_portuguese_sentence_that_is_shown_has_a_gloss() -> None:
    for name, pair in BY_LANGUAGE["pt"].sentences():
        shown = Shown.of(name, pair, BY_LANGUAGE["pt"].glosses)
        assert [text.split()[:2] for text in shown.glosses] == [["The", "girl"], ["The", "boy"]]
        assert shown.endings == ("cansada", "cansado")
    near = Shown.of(*BY_LANGUAGE["en"].sentences()[0], BY_LANGUAGE["en"].glosses)
    assert near.endings == ("are", "is")


def test_help_and_opening(invoke, model_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = "import sys; sys.argv[1:] = ['view', '--help']\nfrom charlstm.cli.main import run\nassert run() == 0\n"
    code += "assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, timeout=60)
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", lambda url: bool(opened.append(url)) or True)
    assert invoke("view", "-c", model_file, "-q").code == 0
    assert opened == []
    assert invoke("view", "-c", model_file, "-q", "--open").code == 0
    assert opened == [Path("small-2.html").resolve().as_uri()]
