"""What holds for the whole package: it is light to start, loads nothing that could run, names no shortcut."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import charlstm

PACKAGE = Path(charlstm.__file__).parent
SOURCES = sorted(PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["train", "--help"], ["sample", "--help"]])
def test_help_loads_no_torch(arguments: list[str]) -> None:
    code = (
        "import sys; sys.argv = ['charlstm', *sys.argv[1:]]\n"
        "from charlstm.cli.main import run\n"
        "code = run()\n"
        "assert 'torch' not in sys.modules, 'torch was loaded'\n"
        "sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout


def test_importing_the_package_loads_no_torch() -> None:
    code = "import sys, charlstm; assert 'torch' not in sys.modules; charlstm.load; assert 'torch' in sys.modules"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def names_used(tree: ast.AST) -> set[str]:
    used = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            used |= {a.name for a in node.names} | {getattr(node, "module", None) or ""}
        if isinstance(node, ast.Attribute | ast.Name):
            used.add(ast.unparse(node))
    return used


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_nothing_that_runs_what_a_file_says(path: Path) -> None:
    used = names_used(ast.parse(path.read_text(encoding="utf-8")))
    forbidden = {"pickle", "marshal", "shelve", "eval", "exec", "torch.load", "torch.save", "compile", "__import__"}
    assert not used & forbidden


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_no_recurrent_layer_of_torch_in_the_network(path: Path) -> None:
    used = names_used(ast.parse(path.read_text(encoding="utf-8")))
    recurrent = {"nn.LSTM", "nn.RNN", "nn.GRU", "nn.LSTMCell", "torch.lstm", "torch._VF.lstm"}
    converts = path.name == "model.py"  # the converters to and from PyTorch's layers
    compares = path.parent.name == "bench"  # what is measured against; the import contract keeps the network off it
    assert not used & recurrent or converts or compares


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_rooms_stay_small(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 300


def test_what_the_package_offers() -> None:
    assert charlstm.__all__ == ["CharLSTMError", "LanguageModel", "__version__", "load"]
    assert (PACKAGE / "py.typed").exists()
