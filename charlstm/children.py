"""Child processes that end when their parent ends, even when it is killed.

A child is a Python process that calls one function of ours. Its standard input is a pipe whose other end only the
parent holds: when the parent ends, the system closes that end, and the child ends itself and every process that it has
started. For that it leads a process group of its own.

A child imports nothing from the current folder: a `torch.py` that lies there must not stand in for torch.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

PACKAGE = "charlstm"


@contextmanager
def child(
    function: Callable[..., None],
    *arguments: str,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> Iterator[subprocess.Popen[str]]:
    """A process that calls `function(*arguments)`; it ends with the block, and so does every process that it started.

    Args:
        function: at the top of a module of ours.
        folder: where it runs; None: the current folder.
        environment: variables in addition to ours.

    Raises:
        OSError: if it cannot be started.
    """
    theirs, ours = os.pipe()
    try:
        try:
            process = subprocess.Popen(  # noqa: S603
                [sys.executable, os.path.abspath(__file__), function.__module__, function.__name__, *arguments],
                cwd=folder,
                env={**os.environ, **_python_path(), **(environment or {}), "PYTHONSAFEPATH": "1"},
                stdin=theirs,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                encoding="utf-8",
                errors="replace",
                process_group=0 if os.name == "posix" else None,
            )
        finally:
            os.close(theirs)
        try:
            yield process
        finally:
            _end(process)
    finally:
        os.close(ours)


def _python_path() -> dict[str, str]:
    """PYTHONPATH with absolute paths, without empty parts: they mean the current folder, mostly by mistake."""
    folders = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    return {"PYTHONPATH": os.pathsep.join(os.path.abspath(folder) for folder in folders if folder)}


def _end(process: subprocess.Popen[str]) -> None:
    if process.returncode is None:  # not waited for yet, so its number still belongs to it
        with suppress(OSError):
            if os.name == "posix":
                os.killpg(process.pid, signal.SIGKILL)
            else:
                process.kill()
    process.wait()
    for pipe in (process.stdout, process.stderr):
        if pipe is not None:
            pipe.close()


def _watch_parent() -> None:
    pipe = os.dup(0)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)  # processes that this one starts read nothing, and do not hold the pipe
    os.close(nothing)

    def wait() -> None:
        while os.read(pipe, 1):
            pass
        if os.name == "posix":
            os.killpg(0, signal.SIGKILL)
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def _import_package() -> None:
    """Import the package that this file belongs to, and not another of that name on the path."""
    spec = importlib.util.spec_from_file_location(PACKAGE, Path(__file__).with_name("__init__.py"))
    if spec is None or spec.loader is None:
        raise ImportError(f"no {PACKAGE} beside {__file__}")
    sys.modules[PACKAGE] = package = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(package)


if __name__ == "__main__":
    _watch_parent()
    _import_package()
    _, module, name, *given = sys.argv
    getattr(importlib.import_module(module), name)(*given)
