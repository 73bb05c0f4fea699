"""Two pictures of the page for the README, light and dark: python tests/view/pictures.py FOLDER. Needs Chromium."""

import shutil
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from charlstm.cli.main import run

SIZE = {"width": 1420, "height": 890}
SCALE = 0.73  # of the picture: small enough for a README


def main(folder: Path) -> None:
    """Write the page of the Portuguese model, and take its picture in a browser without a network."""
    with tempfile.TemporaryDirectory() as place, sync_playwright() as playwright:
        page = Path(place) / "page.html"
        sys.argv = ["charlstm", "view", "-c", "portuguese", "-q", "--out", str(page)]
        assert run() == 0
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for name, scheme, do in (("view", "light", ""), ("view-dark", "dark", "#do=patch")):
            context = browser.new_context(
                viewport=SIZE, color_scheme=scheme, reduced_motion="reduce", offline=True, device_scale_factor=SCALE
            )
            tab = context.new_page()
            tab.goto(page.as_uri() + do)
            tab.wait_for_selector("html[data-ready]", state="attached")
            tab.screenshot(path=folder / f"{name}.png")
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
