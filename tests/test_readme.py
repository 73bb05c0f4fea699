"""The README tells the truth: its commands parse, its Python runs, its files exist."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer.main

from charlstm.cli.app import make_app

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = sorted(
    set(
        re.findall(
            r"charlstm (?:train|sample|eval|info|probe|explain|corpus|bench)[^\n`#;|]*",
            "\n".join(re.findall(r"^\$ (.*)$", README, re.M)),
        )
    )
)


def test_there_are_commands_to_check() -> None:
    assert len(COMMANDS) >= 12


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_parses(command: str) -> None:
    group: Any = typer.main.get_command(make_app())
    _, name, *arguments = shlex.split(command)
    found = group.commands[name]
    if inner := getattr(found, "commands", None):  # without the name of a sub-command, it is the first
        name = arguments.pop(0) if arguments and arguments[0] in inner else next(iter(inner))
        found = inner[name]
    assert found.make_context(name, arguments).params


def test_the_map_for_contributors_names_every_room() -> None:
    contributing = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    table = contributing[contributing.index("| room of `charlstm/` |") : contributing.index("Beside it:")]
    named = set(re.findall(r"`(\w+)/?`", "".join(re.findall(r"^\| ([^|]*) \|", table, re.M))))
    rooms = {
        path.stem
        for path in (ROOT / "charlstm").iterdir()
        if not path.name.startswith("_") and path.suffix in ("", ".py")
    }
    assert named - {"charlstm"} == rooms
    targets = set(re.findall(r"`make (\w+)", contributing))
    assert targets <= set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))


def test_the_files_it_points_to_exist() -> None:
    links = re.findall(r"\]\(([^)#]+)\)", README)
    assert links
    assert all((ROOT / link).exists() for link in links if "://" not in link)


def test_the_python_in_it_runs(invoke, corpus_file: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", README, re.S)
    garden = (ROOT / "corpora" / "garden.txt").read_text(encoding="utf-8")[:20_000]
    corpus_file.write_text(garden, encoding="utf-8")
    done = invoke("train", corpus_file, "--out", "checkpoints/garden", "--steps", 3, "--hidden-size", 8, "-q")
    assert done.code == 0, done.err
    exec(example, {})
    assert Path("garden.safetensors").exists()
    assert len(capsys.readouterr().out) > 200


def test_every_exit_code_is_explained() -> None:
    table = README[README.index("| code | meaning |") :]
    for code in ("0", "1", "2", "3", "4", "5", "129, 130, 143"):
        assert f"| {code} |" in table


def test_no_gap_was_left_open() -> None:
    assert not re.findall(r"\b(\w*SCREEN|MEASURED|FIG_\w+|FP\d+|TODO|TBD)\b", README)
