"""The page in a real browser, with no network: what a person does, and what they then see.

Skipped where no Chromium is installed (Debian: apt install chromium) or Playwright is missing; a failure where CI=true.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree

import numpy as np
import pytest
import torch

from charlstm.checkpoint import ModelFile, load_model_file, save_model_file, shipped_models
from charlstm.config import ModelConfig
from charlstm.corpus.vocab import Vocabulary
from charlstm.network.cells import CELLS, State
from charlstm.network.model import CharLM
from charlstm.network.reader import Reader
from charlstm.probe.defaults import PORTUGUESE
from charlstm.probe.reading import Clamp, log_odds, read, warm_state
from charlstm.probe.stimuli import _landmarks

ROOT = Path(__file__).parent.parent
AXE = Path(__file__).parent / "view" / "node_modules" / "axe-core" / "axe.min.js"
MENINA = PORTUGUESE.examples[0].pair()
CELL = (1, 73)
HOSTILE = "\u202e</script><script>document.title='taken'</script><img src=x onerror=alert(1)>\u0000\u2028&amp;"


def missing(what: str) -> None:
    if os.environ.get("CI") == "true":
        pytest.fail(f"{what}: the page must be tried in a browser here")
    pytest.skip(what)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None:
        missing("no Chromium")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        missing("no Playwright")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pages")


@pytest.fixture(scope="module")
def portuguese() -> ModelFile:
    return load_model_file(shipped_models()["portuguese"])


def write_page(folder: Path, name: str, *arguments: object) -> Path:
    """A page that the command line writes, in this process."""
    import sys

    from charlstm.cli.main import run

    page = folder / f"{name}.html"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CHARLSTM_CACHE_DIR", str(folder / "cache"))  # where no other test has kept what a probe found
        patch.setattr(sys, "argv", ["charlstm", "view", "-q", "--out", str(page), *map(str, arguments)])
        assert run() == 0
    return page


@pytest.fixture(scope="module")
def menina(folder: Path) -> Path:
    text = folder / "ordinary.txt"
    text.write_text((ROOT / "corpora" / "agreement-pt.txt").read_text(encoding="utf-8")[:700], encoding="utf-8")
    return write_page(folder, "menina", "-c", "portuguese", "--file", text)


class Visit:
    """A page that is open, with what it asked of the network and complained of."""

    def __init__(
        self, browser: Any, path: Path, hash_: str = "", width: int = 1440, script: str = "", **how: Any
    ) -> None:
        how.setdefault("reduced_motion", "reduce")  # so that a bar is at once where it goes
        self.context = browser.new_context(viewport={"width": width, "height": 900}, offline=True, **how)
        self.page = self.context.new_page()
        self.page.set_default_timeout(30_000)
        if script:
            self.page.add_init_script(script)
        self.requests: list[str] = []
        self.problems: list[str] = []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("console", lambda message: self.problems.append(f"{message.type}: {message.text}"))
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.on("dialog", lambda dialog: self.problems.append(dialog.message))
        self.page.goto(path.as_uri() + hash_)
        self.page.wait_for_selector("html[data-ready]", state="attached")

    def __enter__(self) -> Visit:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        own = [url for url in self.requests if not url.startswith(("file:", "blob:"))]
        pages = [url for url in self.requests if url.startswith("file:")]
        self.context.close()
        if kind is None:
            assert own == []
            assert len(pages) == 1
            assert self.problems == []

    def text(self, selector: str) -> str:
        return str(self.page.inner_text(selector))

    def classes(self, side: int) -> list[set[str]]:
        found = self.page.eval_on_selector_all(
            f".strip:nth-child({side + 1}) .paint .c", "e => e.map(x => x.className)"
        )
        return [set(name.split()) for name in found]

    def shares(self) -> list[float]:
        """The share of the first ending, in the sentence and in its twin, as its bar has it."""
        script = "bars => bars.map(bar => Number(bar.style.getPropertyValue('--share')))"
        return self.page.eval_on_selector_all(".strip:not([hidden]) .ending:first-child > .bar", script)  # type: ignore[no-any-return]

    def shares_become(self, expected: list[float]) -> None:
        """Wait until the shares are these: between two ways of changing a cell the page shows none, or the old ones."""
        for _ in range(600):
            if self.shares() == pytest.approx(expected, abs=1e-3):
                return
            self.page.wait_for_timeout(50)
        assert self.shares() == pytest.approx(expected, abs=1e-3)

    def settled(self, check: str) -> None:
        """Wait until something holds in the page, a function of no arguments."""
        for _ in range(600):
            if self.page.evaluate(check):
                return
            self.page.wait_for_timeout(50)
        raise AssertionError(f"never so: {check}")

    def caret(self, side: int, start: int, end: int | None = None) -> None:
        self.page.focus(f"#text-{side}")
        select = f"area => area.setSelectionRange({start}, {start if end is None else end})"
        self.page.eval_on_selector(f"#text-{side}", select)
        self.page.keyboard.press("Shift")  # a key that moves nothing: the page looks where the cursor is


@torch.no_grad()
def python_shares(content: ModelFile, do: str = "none", value: float | None = None) -> list[float]:
    """The share of the first ending in the sentence and its twin, as Python has it."""
    model, vocabulary = content.model, content.vocabulary
    ids = [torch.from_numpy(vocabulary.encode(text).astype(np.int64)) for text in (MENINA.prefix, MENINA.twin_prefix)]
    shift = len(MENINA.twin_prefix) - len(MENINA.prefix)
    landmarks = _landmarks(MENINA, MENINA.prefix, 0), _landmarks(MENINA, MENINA.twin_prefix, shift)
    cue = [places[0] + 1 for places in landmarks]  # read when the probe takes the state
    endings = [torch.from_numpy(vocabulary.encode(ending).astype(np.int64)) for ending in MENINA.endings]
    reader = Reader(model)
    warm = warm_state(reader, torch.from_numpy(vocabulary.encode(PORTUGUESE.warm).astype(np.int64)))
    layer, cell = CELL

    def part(side: int, start: int, stop: int, state: State, clamp: Clamp | None = None) -> State:
        bounds = torch.tensor([start]), torch.tensor([stop])
        return read(reader, ids[side][None], *bounds, state, clamp=clamp)[0]

    before = [part(side, 0, cue[side] - 1, warm) for side in (0, 1)]
    at = [part(side, cue[side] - 1, cue[side], before[side]) for side in (0, 1)]
    memories = [float(state.c[layer, 0, cell]) for state in at]
    clamp = None
    if do == "hold":
        held = sum(memories) / 2 if value is None else value
        clamp = Clamp.of([CELL], torch.tensor([[[held]]]))
        at = [part(side, cue[side] - 1, cue[side], before[side], clamp) for side in (0, 1)]
    if do == "patch":
        own = [State(state.h.clone(), state.c.clone()) for state in at]
        for side in (0, 1):
            for mine, other in zip(own[side], at[1 - side], strict=True):
                mine[layer, 0, cell] = other[layer, 0, cell]
        at = own
    ends = [part(side, cue[side], len(ids[side]), at[side], clamp) for side in (0, 1)]
    odds = [float(log_odds(reader, end, ([endings[0]], [endings[1]]), clamp)[0]) for end in ends]
    return [1 / (1 + np.exp(-one)) for one in odds]


def test_the_first_sight(browser: Any, menina: Path, portuguese: ModelFile) -> None:
    with Visit(browser, menina) as visit:
        assert "remembers: feminine; in the twin, masculine" in visit.text("#headline")
        assert "since “menina”" in visit.text("#subline")
        assert "tracks and used" in visit.text("#basis")
        assert visit.shares() == pytest.approx(python_shares(portuguese), abs=1e-3)
        sentence, twin = visit.classes(0), visit.classes(1)
        assert len(sentence) == len(MENINA.sentence_good)
        assert all("low" in one for one in sentence[8:])
        assert all("high" in one for one in twin[8:])
        assert [k for k, one in enumerate(sentence) if "marked" in one] == [MENINA.target - 1]
        assert "The girl said" in visit.text("#gloss-0")
        assert "The boy said" in visit.text("#gloss-1")
        assert visit.page.eval_on_selector_all(".nexts li", "e => e.length") == 5
        assert visit.page.eval_on_selector_all(".equations dt", "e => e.length") == 6
        assert visit.text(".nexts li:first-child .next") == "a"


def test_typing_at_the_end_and_in_what_both_share(browser: Any, menina: Path) -> None:
    with Visit(browser, menina) as visit:
        length = len(MENINA.sentence_good)
        visit.page.focus("#text-0")
        visit.page.keyboard.press("Control+End")
        visit.page.keyboard.type(" Ela")
        visit.settled(f"() => document.querySelectorAll('.strip:first-child .paint .c').length === {length + 4}")
        visit.settled("() => document.querySelector('#inspector h2').textContent.startsWith('Character 92 of 92')")
        assert visit.page.input_value("#text-1") == MENINA.twin  # what follows the ending is the sentence's own
        visit.caret(0, 8)
        visit.page.keyboard.type(" feliz")
        assert visit.page.input_value("#text-0").startswith("A menina feliz disse")
        assert visit.page.input_value("#text-1").startswith("O menino feliz disse")
        visit.page.keyboard.type("☂")
        visit.settled("() => document.querySelectorAll('.strip:first-child .strange').length === 1")
        assert "never seen ☂" in visit.text(".strip:first-child .unknown")
        visit.page.keyboard.press("Control+a")
        visit.page.keyboard.press("Delete")
        visit.settled("() => document.querySelector('#inspector h2').textContent === 'Before the first character'")
        visit.page.select_option("#sentences", "1")
        visit.settled(
            "() => document.querySelector('#text-0').value === 'A menina que o João viu ontem estava muito cansada.'"
        )
        visit.page.fill("#words", "")
        visit.page.keyboard.press("Enter")
        visit.settled("() => document.querySelectorAll('.ending').length === 0")
        visit.page.uncheck("#twin-shown")
        visit.settled("() => document.querySelectorAll('.strip:not([hidden])').length === 1")
        visit.page.uncheck("#valves")
        visit.settled("() => !document.documentElement.classList.contains('with-gates')")


def test_what_a_cell_remembers_does_not_depend_on_what_was_shown_before(browser: Any, folder: Path) -> None:
    """On which side a cell is, is told from the first example, whatever twin a person looks at first."""
    page = write_page(folder, "own-text", "-c", "portuguese", "--text", "O menino foi")
    example = "A menina que o João viu ontem estava muito cansada."
    seen = []
    for has_copy in (False, True):
        with Visit(browser, page) as visit:
            assert "remembers: masculine." in visit.text("#headline")
            if has_copy:
                visit.page.check("#twin-shown")  # the twin is the text itself
                visit.settled("() => document.querySelectorAll('.strip:not([hidden])').length === 2")
                visit.settled("() => document.querySelector('#status').textContent.includes('masculine')")
                assert "since “menino”" in visit.text("#subline")
            visit.page.select_option("#sentences", "2")
            visit.settled(f"() => document.querySelector('#text-0').value === '{example}'")
            visit.settled("() => document.querySelector('#status').textContent.includes('the twin expects')")
            seen.append((visit.text("#headline"), visit.text("#subline")))
    assert "remembers: feminine; in the twin, masculine" in seen[0][0]
    assert "since “menina”" in seen[0][1]
    assert seen[1] == seen[0]


def test_hovering_and_arrow_keys(browser: Any, menina: Path) -> None:
    with Visit(browser, menina) as visit:
        box = visit.page.locator(".strip:first-child .paint .c").nth(3).bounding_box()
        visit.page.mouse.move(box["x"] + 3, box["y"] + 12)
        visit.settled("() => document.querySelector('#inspector h2').textContent === 'Character 4 of 88'")
        assert visit.text(".where mark") == "e"
        visit.page.mouse.move(2, 2)
        visit.caret(0, 5)
        visit.settled("() => document.querySelector('#inspector h2').textContent === 'Character 5 of 88'")
        for _ in range(3):
            visit.page.keyboard.press("ArrowRight")
        visit.settled("() => document.querySelector('#inspector h2').textContent === 'Character 8 of 88'")
        assert "bits" in visit.text(".surprise")
        assert visit.page.eval_on_selector_all(".gate", "e => e.length") == 4


def test_another_cell_by_the_keyboard_alone(browser: Any, menina: Path) -> None:
    with Visit(browser, menina) as visit:
        before = visit.page.eval_on_selector_all(".strip:first-child .paint .c", "e => e.map(x => x.style.cssText)")
        scale = visit.page.inner_html("#legend")
        visit.page.focus("#cells .tabs button:nth-child(3)")
        visit.page.keyboard.press("Enter")
        visit.page.keyboard.press("Tab")
        visit.page.keyboard.press("Tab")
        visit.page.keyboard.press("Control+a")
        visit.page.keyboard.type("12")
        visit.page.keyboard.press("Enter")
        visit.settled("() => document.querySelector('#headline').textContent.includes('2:12')")
        assert "nobody has measured" in visit.text("#basis")
        after = visit.page.eval_on_selector_all(".strip:first-child .paint .c", "e => e.map(x => x.style.cssText)")
        assert before != after
        assert visit.page.inner_html("#legend") == scale
        visit.page.click("#cells .tabs button:nth-child(1)")
        visit.page.click("#cells summary")
        assert "All the way" in visit.text("#cells") or "all the way" in visit.text("#cells")
        visit.page.click(".cell-row")
        visit.settled("() => document.querySelector('#headline').textContent.includes('feminine')")


def test_holding_and_exchanging_move_the_endings_as_in_python(
    browser: Any, menina: Path, portuguese: ModelFile
) -> None:
    with Visit(browser, menina) as visit:
        for do in ("hold", "patch"):
            visit.page.check(f"input[value={do}]")
            visit.settled("() => document.querySelectorAll('.strip:not([hidden]) .ghost').length === 4")
            expected = python_shares(portuguese, do)
            visit.shares_become(expected)
            if do == "patch":
                assert expected[0] < 0.05  # the endings have changed places, as the probe says of this cell
                assert expected[1] > 0.95
                assert "2:73, exchanged, says: masculine" in visit.text("#headline")
        visit.page.eval_on_selector(
            ".hold input", "s => { s.value = '2.2'; s.dispatchEvent(new Event('input', {bubbles: true})); }"
        )
        value = float(visit.page.input_value(".hold input"))
        visit.settled("() => document.querySelector('.hold output').textContent.startsWith('held at')")
        visit.settled("() => document.querySelectorAll('.strip:not([hidden]) .ghost').length === 4")
        visit.shares_become(python_shares(portuguese, "hold", value))
        visit.page.check("input[value=none]")
        visit.settled("() => document.querySelectorAll('.ghost').length === 0")
        visit.shares_become(python_shares(portuguese))
        place = MENINA.sentence_good.index("quando")
        visit.caret(0, place)
        visit.page.select_option(".kinds select", "place")
        visit.page.check("input[value=hold]")
        visit.settled("() => document.querySelectorAll('.strip:not([hidden]) .ghost').length === 4")
        for side in (0, 1):  # up to there nothing is changed, and from there on the cell stands still
            script = "e => e.map(x => x.style.getPropertyValue('--amount'))"
            amounts = visit.page.eval_on_selector_all(f".strip:nth-child({side + 1}) .paint .c", script)
            assert float(amounts[place - 2]) > 0.9
            assert len(set(amounts[place - 1 :])) == 1
            assert float(amounts[place]) < 0.5


def test_a_stretch_and_a_cell_in_ordinary_text(browser: Any, menina: Path) -> None:
    with Visit(browser, menina) as visit:
        visit.caret(0, 2, 8)
        visit.settled("() => document.querySelectorAll('#stretch .cell-row').length === 8")
        visit.settled("() => document.querySelectorAll('#lookup progress').length === 0")
        assert visit.page.eval_on_selector_all("#lookup .finds li", "e => e.length") == 8
        assert visit.page.eval_on_selector_all("#lookup .histogram rect", "e => e.length") == 31
        assert visit.page.eval_on_selector_all("#stretch .finds li", "e => e.length") > 0
        assert "characters a second" in visit.text("#speed")
        visit.page.click("#stretch .cell-row:first-child")
        name = visit.text("#stretch .cell-row:first-child .cell-name")
        visit.settled(f"() => document.querySelector('#headline').textContent.includes('{name} ')")
        visit.page.click("#cells .tabs button:nth-child(2)")
        assert visit.page.eval_on_selector_all("#cells .cell-row", "e => e.length") == 12


def test_it_writes_on_as_python_would(browser: Any, menina: Path, portuguese: ModelFile) -> None:
    with Visit(browser, menina) as visit:
        visit.page.fill("#temperature", "0")
        visit.page.click("#write")
        length = len(MENINA.sentence_good)
        visit.settled(f"() => document.querySelector('#text-0').value.length === {length + 120}")
        written = visit.page.input_value("#text-0")[length:]
        assert visit.page.input_value("#seed") == "2"
        ids = portuguese.vocabulary.encode(PORTUGUESE.warm + MENINA.sentence_good).astype(np.int64)
        with torch.no_grad():
            logits, state = portuguese.model(torch.from_numpy(ids)[None])
            logits, expected = logits[0, -1:], []
            for _ in range(120):
                best = logits.argmax(dim=1)
                expected.append(portuguese.vocabulary.characters[int(best)])
                logits, state = portuguese.model.step(best, state)
        assert written == "".join(expected)
    with Visit(browser, menina, reduced_motion="no-preference") as visit:  # character by character, until it is stopped
        visit.page.fill("#seed", "7")
        visit.page.click("#write")
        visit.settled(f"() => document.querySelector('#text-0').value.length > {length + 3}")
        visit.page.click("#write")
        assert visit.text("#write") == "Write on"
        assert length + 3 < len(visit.page.input_value("#text-0")) < length + 120


HOLD_BACK = """addEventListener('hashchange', (event) => {
  if (window.isHeldBack && event.isTrusted) event.stopImmediatePropagation();
});"""  # comes before the page's own listener


def test_the_address_carries_what_is_seen(browser: Any, menina: Path) -> None:
    with Visit(browser, menina, "#text=" + quote("O gato preto") + "&cell=1:7&at=6", script=HOLD_BACK) as visit:
        assert visit.page.input_value("#text-0") == "O gato preto"
        assert "1:7" in visit.text("#headline")
        assert visit.text("#inspector h2") == "Character 6 of 12"
        assert visit.page.is_hidden("#text-1")
        visit.page.focus("#text-0")
        visit.page.keyboard.press("Control+End")
        visit.page.keyboard.type("!")
        visit.settled("() => decodeURIComponent(location.hash).includes('preto!')")
        visit.page.evaluate("() => { location.hash = '#cell=2:73&text=A%20menina&at=8'; }")
        visit.settled("() => document.querySelector('#text-0').value === 'A menina'")
        visit.page.evaluate("() => { window.isHeldBack = true; location.hash = '#text=O%20menino'; }")
        visit.page.keyboard.type("?")  # the page would write its own address before it hears of the new one
        visit.settled("() => document.querySelector('#inspector h2').textContent.endsWith('of 9')")
        visit.page.evaluate("() => dispatchEvent(new Event('hashchange'))")
        visit.settled("() => document.querySelector('#text-0').value === 'O menino'")
    with Visit(browser, menina, "#cell=9:9&at=x&text=&do=burn&value=nan") as visit:  # what is not sound is left out
        assert "2:73" in visit.text("#headline")


def test_what_was_selected_in_another_text_is_not_selected_in_a_shorter_one(browser: Any, menina: Path) -> None:
    with Visit(browser, menina) as visit:
        visit.caret(0, 60, 70)
        visit.settled("() => document.querySelectorAll('#stretch .cell-row').length === 8")
        visit.page.evaluate("() => { location.hash = '#text=A%20menina'; }")
        visit.settled("() => document.querySelector('#text-0').value === 'A menina'")
        visit.settled("() => document.querySelector('#inspector h2').textContent.endsWith('of 8')")
        assert "NaN" not in visit.text("#stretch")
        assert visit.text("#stretch").startswith("Select some characters")


def test_pictures_link_theme_and_print(browser: Any, menina: Path, tmp_path: Path) -> None:
    with Visit(browser, menina, accept_downloads=True) as visit:
        with visit.page.expect_download() as waited:
            visit.page.click("#svg")
        waited.value.save_as(tmp_path / "seen.svg")
        assert waited.value.suggested_filename == "portuguese-cell-2-73.svg"
        picture = ElementTree.parse(tmp_path / "seen.svg").getroot()
        said = "".join(picture.itertext())
        assert "remembers: feminine" in said
        assert "href" not in (tmp_path / "seen.svg").read_text(encoding="utf-8")
        with visit.page.expect_download() as waited:
            visit.page.click("#png")
        waited.value.save_as(tmp_path / "seen.png")
        data = (tmp_path / "seen.png").read_bytes()
        assert data.startswith(b"\x89PNG")
        assert len(data) > 20_000
        paper = "() => getComputedStyle(document.documentElement).backgroundColor"
        light = visit.page.evaluate(paper)
        visit.page.click("#theme")
        assert visit.page.evaluate(paper) != light
        visit.page.click("#link")
        visit.settled("() => document.querySelector('#link').textContent !== 'Copy link'")
        visit.page.emulate_media(media="print")
        assert visit.page.is_hidden(".tools")
        assert visit.page.is_visible("#text-0")


def small_model(path: Path, cell_type: str, characters: str, hidden: int, layers: int) -> Path:
    model = CharLM(ModelConfig(len(characters), hidden, layers, 4, cell_type))
    model.reset_parameters(20.0, 1)
    save_model_file(path, ModelFile(model, Vocabulary(sorted(characters)), {}))
    return path


@pytest.mark.parametrize("cell_type", list(CELLS))
def test_small_networks_of_every_type(browser: Any, folder: Path, cell_type: str) -> None:
    path = small_model(folder / f"{cell_type}.safetensors", cell_type, "abc \n", 16, 1)
    page = write_page(folder, cell_type, "-c", path, "--text", "abc cab abc")
    with Visit(browser, page) as visit:
        assert "run charlstm probe" in visit.text("#basis")
        assert len(visit.classes(0)) == 11
        visit.page.check("input[value=hold]")
        visit.settled("() => document.querySelector('.hold output').textContent.startsWith('held at')")
        equations = {"lstm": 6, "gru": 4, "rnn": 1}[cell_type]
        assert visit.page.eval_on_selector_all(".equations dt", "e => e.length") == equations
        visit.caret(0, 0, 3)
        visit.settled("() => document.querySelectorAll('#stretch .cell-row').length === 8")
        visit.page.click("#cells .tabs button:nth-child(2)")
        has_half_lives = visit.page.eval_on_selector_all("#cells .cell-row", "e => e.length") > 0
        assert has_half_lives == (cell_type != "rnn")
        visit.page.click("#write")
        visit.settled("() => document.querySelector('#text-0').value.length > 100")


def test_without_webassembly_it_runs_as_well(browser: Any, folder: Path) -> None:
    path = small_model(folder / "plain.safetensors", "lstm", "abc \n", 16, 2)
    page = write_page(folder, "plain", "-c", path, "--text", "abc cab abc")
    seen = []
    for script in ("", "delete globalThis.WebAssembly"):
        with Visit(browser, page, script=script) as visit:
            visit.settled("() => document.querySelector('#speed').textContent.includes('characters a second')")
            assert ("plain JavaScript" in visit.text("#speed")) == bool(script)
            seen.append((visit.text("#headline"), visit.text("#inspector")))
    assert seen[0] == seen[1]


def test_a_hostile_model(browser: Any, folder: Path) -> None:
    characters = "".join(sorted(set(HOSTILE) | set("ab \n\t\u200f\u0085\u061c\ufeff'\"`{}")))
    path = small_model(folder / "<img src=x onerror=alert(1)>.safetensors", "lstm", characters, 8, 2)
    page = write_page(folder, "hostile", "-c", path, "--text", HOSTILE)
    raw = page.read_bytes()
    assert raw.count(b"</script>") == 3
    assert b"\xe2\x80\xae" not in raw
    with Visit(browser, page) as visit:
        assert visit.page.input_value("#text-0") == HOSTILE
        assert visit.page.title() == "<img src=x onerror=alert(1)> - charlstm view"
        assert "<img src=x" in visit.text("#model")
        assert visit.page.eval_on_selector_all("img, main script", "e => e.length") == 0
        visit.caret(0, 1)
        visit.settled("() => document.querySelector('.where mark').textContent === 'U+202E'")
        visit.page.click("#svg")
        visit.page.click("#write")
        visit.settled("() => document.querySelector('#write').textContent === 'Write on'")


def test_nothing_runs_over_the_edge(browser: Any, menina: Path) -> None:
    with Visit(browser, menina) as visit:
        for width in (2560, 1440, 768, 320):
            visit.page.set_viewport_size({"width": width, "height": 900})
            assert visit.page.evaluate("() => document.documentElement.scrollWidth") <= width
            paper, area = (
                visit.page.eval_on_selector(selector, "e => e.getBoundingClientRect().height")
                for selector in (".strip:first-child .paint", "#text-0")
            )
            assert paper == pytest.approx(area, abs=1)  # the characters lie over their colours
            assert visit.page.eval_on_selector("#text-0", "e => e.scrollHeight - e.clientHeight") <= 2


def test_accessibility(browser: Any, menina: Path) -> None:
    if not AXE.exists():
        pytest.skip("no axe-core: npm ci in tests/view")  # make check installs it where npm is
    with Visit(browser, menina) as visit:
        visit.caret(0, 2, 8)
        visit.settled("() => document.querySelectorAll('#stretch .cell-row').length === 8")
        visit.page.check("input[value=hold]")
        visit.page.click("#cells summary")
        session = visit.context.new_cdp_session(visit.page)
        session.send("Runtime.evaluate", {"expression": AXE.read_text(encoding="utf-8")})
        run = "axe.run().then(r => JSON.stringify([r.violations, r.passes.length]))"
        for scheme, width in (("light", 1440), ("dark", 1440), ("dark", 320)):
            visit.page.emulate_media(color_scheme=scheme)
            visit.page.set_viewport_size({"width": width, "height": 900})
            found = session.send("Runtime.evaluate", {"expression": run, "awaitPromise": True})
            violations, passes = json.loads(found["result"]["value"])
            assert [(one["id"], [node["target"] for node in one["nodes"]]) for one in violations] == [], scheme
            assert passes > 30
