"""The C++ compiler. Torch is not imported here: a child process that compiles starts at once."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent
# all that a library is made from, these flags among it
SOURCES = (Path(__file__), *sorted([*FOLDER.glob("*.h"), *FOLDER.glob("*.cpp"), *FOLDER.parent.glob("cells/*.h")]))
COMPILERS = ("g++", "clang++", "c++")
FLAGS = ("-std=c++17", "-O3", "-fPIC", "-shared", "-pthread", "-Wno-psabi")
PROCESSORS = ("-march=native", "-mcpu=native")  # for this one: not every compiler knows both
OPENMP = "-fopenmp"
# where else a compiler would look for headers, libraries and parts of itself
PLACES = ("CPATH", "CPLUS_INCLUDE_PATH", "LIBRARY_PATH", "COMPILER_PATH", "GCC_EXEC_PREFIX")


def compiler() -> tuple[str, ...]:
    """The compiler, with what `CXX` says beside its name; without `CXX`, the first there is. None: empty."""
    for candidate in (os.environ.get("CXX", ""), *COMPILERS):
        name, *flags = shlex.split(candidate) or [""]
        if found := shutil.which(name):
            return os.path.abspath(found), *flags
    return ()


@cache
def version(compiler: tuple[str, ...]) -> str:
    """What a compiler says that it is. Raises OSError."""
    done = subprocess.run(  # noqa: S603
        [*compiler, "-v"], capture_output=True, text=True, errors="replace", env={**os.environ, "LC_ALL": "C"}
    )
    return done.stderr


def compile_library(cell: str, number: str, library: str, *compiler: str) -> None:
    """Compile the steps of a cell type. If it cannot, the compiler's reason goes to stderr, and the process ends.

    Args:
        cell: the name of a class in `cells/*.h`.
        number: "float" or "bfloat16": the type of the products.
        library: the file to write.
        compiler: as `compiler()` gives it.
    """
    os.umask(0o077)
    if not compiler:
        sys.exit("there is no C++ compiler (g++ or clang++)")
    for name in PLACES:
        os.environ.pop(name, None)
    # GCC's OpenMP is PyTorch's, on Linux. A second one beside PyTorch's, as Clang has it, may end the process.
    shared = sys.platform == "linux" and "gcc version" in version(compiler)
    threads = [(OPENMP,), ()] if shared else [()]
    reasons = []
    for extra in [(processor, *openmp) for openmp in threads for processor in PROCESSORS]:
        named = (f"-DCELL={cell}", f"-DNUMBER={number}", "-o", library, str(FOLDER / "window.cpp"))
        done = subprocess.run(  # noqa: S603
            [*compiler, *FLAGS, *extra, *named], capture_output=True, text=True, errors="replace"
        )
        if done.returncode == 0:
            return
        lines = [line for line in done.stderr.splitlines() if "error" in line]
        reasons.append(lines[0] if lines else f"it ended with {done.returncode}")
    sys.exit(f"the C++ compiler: {reasons[0]}")
