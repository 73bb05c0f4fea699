"""Charts in files: the same bytes, words for those who cannot see them, nothing left behind, nothing said."""

import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from charlstm.errors import CharLSTMError
from charlstm.report import figures
from charlstm.report.charts import Chart, Curve
from charlstm.report.figures import COLOURS, DARK, as_figure, save_figure

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = "a$^{$b <&> \x1b[31m 語"


def chart(*curves: Curve, **more: object) -> Chart:
    curves = curves or (Curve("lstm", [0, 5, 10], [100.0, 96.0, 98.0], [90.0, 91.0, 95.0], [100.0, 99.0, 100.0]),)
    return Chart("Agreement <&>", "lstm is right in 98 %.", curves, "characters", "% right", **more)  # type: ignore[arg-type]


OURS = chart(y_limits=(30.0, 100.0), marks={"chance": 50.0})


@pytest.mark.parametrize(("kind", "begins"), [("svg", b"<svg "), ("png", b"\x89PNG"), ("pdf", b"%PDF-")])
def test_the_same_chart_is_the_same_bytes(kind: str, begins: bytes, tmp_path: Path) -> None:
    once = as_figure(OURS, kind)
    assert once.startswith(begins)
    assert as_figure(OURS, kind) == once
    assert as_figure(chart(y_limits=(30.0, 90.0)), kind) != once
    path = tmp_path / f"x.{kind.upper()}"
    save_figure(path, OURS)
    assert path.read_bytes() == once


def test_an_svg_says_in_words_what_it_shows_and_turns_dark() -> None:
    picture = as_figure(OURS, "svg").decode()
    root = ET.fromstring(picture)
    assert [(child.tag, child.text) for child in root[:2]] == [(f"{SVG}title", OURS.title), (f"{SVG}desc", OURS.says)]
    assert (root.get("role"), root.get("aria-labelledby")) == ("img", "title desc")
    assert "prefers-color-scheme: dark" in picture
    body = picture.split("</style>", 1)[1]
    used = {light for light in DARK if light in body}
    assert used >= {COLOURS[0], "#ffffff"}
    texts = [element.text for element in root.iter(f"{SVG}text")]
    assert {"lstm", "chance", "characters", "% right", "100"} <= set(texts)  # text stays text
    assert "105" not in texts
    assert max(int(text) for text in texts if text and text.isdecimal()) == 100


def test_png_and_pdf_say_it_in_their_metadata() -> None:
    assert b"Description\x00" + OURS.says.encode() in as_figure(OURS, "png")
    pdf = as_figure(OURS, "pdf")
    assert OURS.says.encode() in pdf
    assert b"/CreationDate" not in pdf


def test_names_are_taken_as_they_are() -> None:
    curve = Curve(HOSTILE, [1, 2], [1e-3, 1e-5])
    picture = as_figure(chart(curve, logarithmic=True, y_limits=(-8, 0)), "svg").decode()
    assert r"a$^{$b <&> \x1b[31m 語" in [element.text for element in ET.fromstring(picture).iter(f"{SVG}text")]
    assert "\x1b" not in picture
    assert as_figure(chart(curve), "png") == as_figure(chart(curve), "png")


def test_what_cannot_be_drawn_is_left_out() -> None:
    nothing = float("nan")
    odd = [
        Curve("below", [0, 1, 2], [1.0, 1e-3, 1e-30]),
        Curve("none", [0, 1], [nothing, nothing]),
        Curve("no points", [], []),
        Curve("zero", [0, 1], [0.0, 0.0]),
        Curve("endless", [0, 1], [1.0, float("inf")]),
    ]
    texts = [e.text for e in ET.fromstring(as_figure(chart(*odd, logarithmic=True, y_limits=(-8, 0)), "svg")).iter()]
    assert "below" in texts
    assert "none" not in texts
    for kind in ("svg", "png"):
        assert as_figure(chart(Curve("none", [], [])), kind)


def test_names_that_would_lie_upon_each_other_are_moved_apart() -> None:
    curves = [Curve(f"curve {k}", [0, 10], [50.0, 60.0 + k / 10]) for k in range(6)]
    root = ET.fromstring(as_figure(chart(*curves, y_limits=(0.0, 100.0)), "svg"))
    heights = [float(e.get("y", "nan")) for e in root.iter(f"{SVG}text") if (e.text or "").startswith("curve ")]
    assert len(heights) == 6
    apart = [abs(a - b) for k, a in enumerate(heights) for b in heights[:k]]
    assert min(apart) > 12  # a letter is ten units high


def test_one_that_cannot_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    with pytest.raises(CharLSTMError, match="cannot write"):
        save_figure(tmp_path / "no" / "where.svg", OURS)
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(CharLSTMError, match="cannot write"):
        save_figure(tmp_path / "folder.png", OURS)
    assert list(tmp_path.iterdir()) == [tmp_path / "folder.png"]


DRAW = """
import sys
from pathlib import Path
import charlstm.report.figures as figures
from charlstm.report.charts import Chart, Curve
assert "matplotlib" not in sys.modules
figures.save_figure(Path("a.png"), Chart("t", "s", [Curve("a", [0, 1], [1, 2])], "x", "y"))
assert "matplotlib.pyplot" not in sys.modules
"""


@pytest.mark.parametrize("cache", ["cache", "not-a-folder/cache"])
def test_matplotlib_comes_when_it_is_needed_in_silence_and_leaves_its_cache_in_ours(tmp_path: Path, cache: str) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "not-a-folder").write_text("")
    (tmp_path / "matplotlibrc").write_text("figure.facecolor: nonsense\nnot a setting\n", encoding="utf-8")
    surroundings = {name: value for name, value in os.environ.items() if name not in ("DISPLAY", "MPLCONFIGDIR")}
    surroundings |= {
        "HOME": str(tmp_path / "home"),
        "CHARLSTM_CACHE_DIR": str(tmp_path / cache),
        "MPLBACKEND": "nonsense",
    }
    surroundings |= {"PYTHONPATH": str(Path(__file__).parents[1])}
    command = [sys.executable, "-W", "error", "-c", DRAW]
    done = subprocess.run(command, cwd=tmp_path, env=surroundings, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (tmp_path / "a.png").exists()
    assert list((tmp_path / "home").iterdir()) == []


@pytest.mark.parametrize("y", [[480.0, 505.0, 430.0], [-3.0, 2.0, 0.0], [7.0, 7.0, 7.0], [0.0012, 0.0019, 0.0011]])
@pytest.mark.parametrize("logarithmic", [False, True])
def test_a_frame_that_nobody_limits_holds_its_curves_and_bands(y: list[float], logarithmic: bool) -> None:
    band = Curve("", [0.0, 1.0, 2.0], y, [v - 1e-4 for v in y], [v + 1e-4 for v in y])
    low, high = figures._limits(chart(band, logarithmic=logarithmic))
    ends = [v for v in [min(y) - 1e-4, max(y) + 1e-4] if v > 0 or not logarithmic]
    assert low <= min(ends) * (1 + 1e-9 * (min(ends) > 0))
    assert high >= max(ends) * (1 - 1e-9)
    if not logarithmic:
        assert high - low <= 2 * (ends[1] - ends[0])


def test_a_curve_that_nobody_limits_is_in_its_picture() -> None:
    texts = [e.text for e in ET.fromstring(as_figure(chart(Curve("", [0.0, 1.0], [430.0, 505.0])), "svg")).iter()]
    assert "440" in texts
    assert "500" in texts
