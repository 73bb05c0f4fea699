"""What holds for the whole package: it is light to start, loads nothing that could run, names no shortcut."""

import ast
import re
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import charlstm
from charlstm.cli.app import COMMANDS, needed

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


def test_a_command_loads_what_it_needs() -> None:
    code = (
        "import sys; sys.argv = 'charlstm sample -c english -n 1'.split()\n"
        "from charlstm.cli.main import run\n"
        "assert run() == 0\n"
        "assert not {'torch', 'charlstm.grammar', 'charlstm.cli.train', 'charlstm.cli.explain'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_all_commands_are_put_together_only_where_they_are_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert needed(["sample", "--seed", "1"]) == ["sample"]
    for arguments in ([], ["--help"], ["sampel"], ["--json", "sample"]):
        assert needed(arguments) == COMMANDS
    monkeypatch.setenv("CHARLSTM_TRAIN_TIME", "2m")  # it must be one that some command knows
    assert needed(["sample"]) == COMMANDS


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


def test_what_the_package_offers() -> None:
    assert charlstm.__all__ == ["CharLSTMError", "LanguageModel", "__version__", "forecast", "load", "train"]
    assert (PACKAGE / "py.typed").exists()


ROOT = PACKAGE.parent
TRACKED = ROOT / ".git"  # a file in a worktree


def unpack(archive: tarfile.TarFile, where: Path) -> None:
    """All of it. Python before 3.11.4 knows no filter; from 3.12 on it wants one."""
    archive.extraction_filter = getattr(tarfile, "data_filter", None)
    archive.extractall(where)


@pytest.mark.skipif(not TRACKED.exists() or shutil.which("git") is None, reason="not a clone")
def test_the_sources_that_are_published_are_complete(tmp_path: Path) -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    tracked = {name for name in listed.decode().split("\0") if name and (ROOT / name).exists()}
    for name in tracked:  # a copy: building leaves things behind
        (tmp_path / "clone" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, tmp_path / "clone" / name)
    build = "import sys; from setuptools.build_meta import build_sdist; build_sdist(sys.argv[1])"
    command = [sys.executable, "-W", "ignore", "-c", build, str(tmp_path)]
    subprocess.run(command, cwd=tmp_path / "clone", capture_output=True, check=True, timeout=120)
    (archive,) = tmp_path.glob("charlstm-*.tar.gz")
    with tarfile.open(archive) as tar:
        unpack(tar, tmp_path / "unpacked")
    (unpacked,) = (tmp_path / "unpacked").iterdir()
    published = {str(path.relative_to(unpacked)) for path in unpacked.rglob("*") if path.is_file()}
    assert tracked - published == {".gitignore", ".ci/run", ".pre-commit-config.yaml"}
    for name in tracked & published - {"setup.cfg"}:
        assert (unpacked / name).read_bytes() == (ROOT / name).read_bytes(), name


def test_the_lowest_versions_are_those_of_the_project() -> None:
    lowest = [sys.executable, ROOT / "tests" / "lowest.py"]
    lines = subprocess.run(lowest, capture_output=True, text=True, check=True).stdout.splitlines()
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    for line in lines:
        name, version = line.split("==")
        assert re.search(rf'^  "{name}>={version}[,"]', text, re.MULTILINE)
    assert "torch==2.9" in lines
    instead = subprocess.run([*lowest, "torch==2.13.0"], capture_output=True, text=True, check=True).stdout.splitlines()
    assert set(instead) ^ set(lines) == {"torch==2.9", "torch==2.13.0"}


def spoken(tree: ast.Module) -> Iterator[ast.Constant]:
    """The texts in a module, but for those that explain it."""
    explaining = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in explaining:
            yield node


BELOW = [path for path in SOURCES if path.relative_to(PACKAGE).parts[0] != "cli"]


@pytest.mark.parametrize("path", BELOW, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_only_the_command_line_speaks_of_options(path: Path) -> None:
    texts = [str(node.value) for node in spoken(ast.parse(path.read_text(encoding="utf-8")))]
    assert not [text for text in texts if re.search(r"(?<![\w-])--[a-z]", text)]


@pytest.mark.parametrize("path", BELOW, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_an_error_carries_the_settings_that_its_message_names(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and node.exc.args:
            message, *more = node.exc.args
            named = set(re.findall("`([a-z_0-9]+)`", ast.unparse(message)))
            assert all(name in ast.unparse(node.exc).replace(ast.unparse(message), "") for name in named) or (
                "*BUDGETS" in map(ast.unparse, more)
            ), ast.unparse(node)
