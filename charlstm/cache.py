"""Where charlstm keeps what it can make again: encoded corpora, compiled gates."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs


def cache_folder(what: str) -> Path:
    """The folder `what` in `CHARLSTM_CACHE_DIR`, or in the user's cache folder."""
    root = os.environ.get("CHARLSTM_CACHE_DIR") or platformdirs.user_cache_dir("charlstm", appauthor=False)
    return Path(root).absolute() / what
