"""What a paper must state: versions, commit, processor, threads."""

import json
import platform
import shutil
import subprocess
from pathlib import Path

import pytest
import torch
from conftest import Invoke

import charlstm
from charlstm.bench.machine import PROJECT, commit_of

COMMIT, OTHER = "0123456789abcdef" * 2 + "01234567", "f" * 40


def clone(folder: Path, **files: str) -> Path:
    for name, text in {"pyproject.toml": 'name = "charlstm"\n', **files}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def test_as_json(invoke: Invoke) -> None:
    about = json.loads(invoke("--version", "--json").out)
    assert about["charlstm"] == charlstm.__version__
    assert (about["torch"], about["python"]) == (torch.__version__, platform.python_version())
    assert about["threads"] == torch.get_num_threads()
    assert about["processor"]
    assert about.get("commit") == commit_of(PROJECT)
    assert invoke("--version").out == f"charlstm {charlstm.__version__}\n"
    alone = invoke("--json")
    assert (alone.code, "it goes with --version" in alone.err) == (2, True)


@pytest.mark.skipif(not (PROJECT / ".git").exists() or shutil.which("git") is None, reason="not a clone")
def test_the_commit_is_the_one_that_git_names() -> None:
    named = subprocess.run(["git", "rev-parse", "HEAD"], cwd=PROJECT, capture_output=True, text=True, check=True).stdout
    assert commit_of(PROJECT) == named.strip()


@pytest.mark.parametrize(
    "files",
    [
        {".git/HEAD": COMMIT + "\n"},
        {".git/HEAD": "ref: refs/heads/main\n", ".git/refs/heads/main": COMMIT + "\n"},
        {
            ".git/HEAD": "ref: refs/heads/main\n",
            ".git/packed-refs": f"# pack-refs\n{OTHER} refs/heads/main-2\n{COMMIT} refs/heads/main\n",
        },
        {
            ".git": "gitdir: there/worktrees/w\n",
            "there/worktrees/w/HEAD": "ref: refs/heads/w\n",
            "there/worktrees/w/commondir": "../..\n",
            "there/refs/heads/w": COMMIT,
        },
    ],
)
def test_a_commit_is_read_from_gits_files(tmp_path: Path, files: dict[str, str]) -> None:
    assert commit_of(clone(tmp_path, **files)) == COMMIT


@pytest.mark.parametrize(
    "files",
    [
        {},
        {".git/HEAD": "x" * 40},
        {".git/HEAD": "ref: ../../secret\n", "secret": COMMIT},
        {".git/HEAD": "ref: refs/../../secret\n", "secret": COMMIT},
        {".git/HEAD": "ref: refs/heads/main\n"},
        {".git/HEAD": COMMIT, "pyproject.toml": 'name = "other"\n'},
    ],
)
def test_where_there_is_no_commit_of_charlstm_none_is_given(tmp_path: Path, files: dict[str, str]) -> None:
    assert commit_of(clone(tmp_path, **files)) is None
