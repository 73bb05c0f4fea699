"""The page as bytes: template, style, script, data and weights in one file that asks nothing of any network.

The script is several modules of plain JavaScript, put one below the other, each in a function of its own: what one
imports becomes a name for what another gave back. What may run and what may style is named by its hash; everything else
is forbidden.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from charlstm.errors import CharLSTMError
from charlstm.view.weights import MAX_PAGE, Packed

MODULES = (  # each imports only from those above it
    "page_elements",
    "characters",
    "network",
    "weights",
    "kernel_bytes",
    "kernel",
    "odds",
    "reading",
    "endings",
    "twins",
    "ordinary",
    "lookup",
    "equations",
    "cell_words",
    "colours",
    "text_strip",
    "inspector",
    "cell_list",
    "search_panels",
    "experiment",
    "writer",
    "address",
    "picture",
    "headline",
    "app",
)
IMPORT = re.compile(r"^import (\{[^}]*\}) from '\./(\w+)\.js';$", re.MULTILINE)
EXPORT = re.compile(r"^export (?=(?:async )?(?:function|class|const|let) (\w+))", re.MULTILINE)


def assemble(data: Mapping[str, Any], weights: Packed) -> bytes:
    """The page, in UTF-8. The same data and weights give the same bytes.

    Args:
        data: what `content.page_data` gives.
        weights: of the model.

    Raises:
        CharLSTMError: if it would be larger than `MAX_PAGE` bytes.
    """
    style, script = read_static("style.css"), join_modules()
    policy = (
        f"default-src 'none'; script-src '{_hash(script)}' 'wasm-unsafe-eval'; style-src '{_hash(style)}'; "
        "img-src blob:; base-uri 'none'; form-action 'none'"
    )
    parts = {
        "policy": policy,
        "title": html.escape(_printable(f"{data['model']['name']} - charlstm view")),
        "style": style,
        "data": as_json({**data, "weights": weights.to_dict()}),
        "weights": weights.text,
        "script": script,
    }
    page = re.sub(r"\{\{(\w+)\}\}", lambda name: parts[name[1]], read_static("page.html")).encode()
    if len(page) > MAX_PAGE:
        raise CharLSTMError(f"the page would be {len(page) / 1e6:.1f} MB, and {MAX_PAGE / 1e6:g} MB is the most")
    return page


def join_modules() -> str:
    """All modules as one script: each but the last is a function, called once, that gives back what it exports."""
    parts = []
    for name in MODULES:
        source = read_static(f"{name}.js")
        exported = ", ".join(EXPORT.findall(source))
        body = EXPORT.sub("", IMPORT.sub(r"const \1 = \2_js;", source))
        if name == MODULES[-1]:  # it waits for what it opens
            parts.append(f"// {name}.js\n{body}")
        else:
            parts.append(f"const {name}_js = (() => {{\n// {name}.js\n{body}return {{ {exported} }};\n}})();\n")
    return "\n".join(parts)


def as_json(data: Any) -> str:
    """JSON that may stand in a page: ASCII, and without what could end the element it stands in."""
    text = json.dumps(data, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def read_static(name: str) -> str:
    """A file of `static/`."""
    return (files("charlstm.view") / "static" / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _printable(text: str) -> str:
    return "".join(character if character.isprintable() else "\ufffd" for character in text)
