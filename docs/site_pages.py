"""A hook for mkdocs: files elsewhere in the repository become pages of the site.

The links of the pages work where the repository is read. On the site, a link to a file that is a page there leads to
that page, and a link to any other file of the repository becomes plain text. mkdocs itself warns of all others.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[1]
PAGES = {  # a file of the repository, and the page that it becomes; those in docs/ keep their names
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "charlstm/shipped/README.md": "models.md",
    "corpora/README.md": "corpora.md",
    "checkpoints/README.md": "checkpoints.md",
}
SOURCES = {page: source for source, page in PAGES.items()}
LINK = re.compile(r"\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^()\s]+)\)")
CODE = re.compile(r"^(```.*?^```)$", re.S | re.M)


def on_files(files: Files, config: Any) -> Files:
    """Add the pages that lie elsewhere."""
    for source, page in PAGES.items():
        files.append(File.generated(config, page, abs_src_path=str(ROOT / source)))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Lead the links of a page to where they lead on the site."""
    name = page.file.src_uri
    link = _on_site(SOURCES.get(name, f"docs/{name}"))
    return "".join(part if part.startswith("```") else LINK.sub(link, part) for part in CODE.split(markdown))


def _on_site(source: str) -> Callable[[re.Match[str]], str]:
    def link(match: re.Match[str]) -> str:
        text, target = match.groups()
        path, _, anchor = target.partition("#")
        there = posixpath.normpath(posixpath.join(posixpath.dirname(source), path))
        if "://" in target or not path or not (ROOT / there).exists():
            return match[0]
        if there in PAGES or there.startswith("docs/"):
            page = PAGES.get(there, there.removeprefix("docs/"))
            return f"[{text}]({page}{'#' + anchor if anchor else ''})"
        return text

    return link
