"""A hook for mkdocs: files elsewhere in the repository become pages, and links to source files are checked.

The links of the pages work where the repository is read. On the site, a link to a file that is a page there leads to
that page; a link to any other file of the repository becomes plain text, if the file exists.
"""

from __future__ import annotations

import logging
import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[1]
LOG = logging.getLogger("mkdocs.hooks.site_pages")  # a warning there makes `mkdocs build --strict` fail
PAGES = {  # a file of the repository, and the page that it becomes; those in docs/ keep their names
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "charlstm/shipped/README.md": "models.md",
    "corpora/README.md": "corpora.md",
    "checkpoints/README.md": "checkpoints.md",
}
SOURCES = {page: source for source, page in PAGES.items()}
LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^()\s]+)\)")


def on_files(files: Files, config: Any) -> Files:
    """Add the pages that lie elsewhere."""
    for source, page in PAGES.items():
        files.append(File.generated(config, page, abs_src_path=str(ROOT / source)))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Lead the links of a page to where they lead on the site."""
    name = page.file.src_uri
    source = SOURCES.get(name, f"docs/{name}")
    outside_code = re.split(r"^(```.*?^```)$", markdown, flags=re.S | re.M)
    return "".join(part if part.startswith("```") else LINK.sub(_on_site(source), part) for part in outside_code)


def _on_site(source: str) -> Any:
    def link(match: re.Match[str]) -> str:
        mark, text, target = match.groups()
        path, _, anchor = target.partition("#")
        if "://" in target or not path:
            return match[0]
        there = posixpath.normpath(posixpath.join(posixpath.dirname(source), path))
        if not (ROOT / there).exists():
            LOG.warning("%s links to %s, which does not exist", source, target)
            return match[0]
        page = PAGES.get(there) or (there.removeprefix("docs/") if there.startswith("docs/") else None)
        if page is None:
            return text
        return f"{mark}[{text}]({page}{'#' + anchor if anchor else ''})"

    return link
