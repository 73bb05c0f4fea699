"""The documents tell the truth: commands parse, Python runs, links lead somewhere, samples are what models write."""

import re
import shlex
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer.main

from charlstm import __version__
from charlstm.cli.app import make_app

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = sorted((ROOT / "docs").glob("*.md"))
DOCUMENTS = {
    str(path.relative_to(ROOT)): path.read_text(encoding="utf-8")
    for path in (
        *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")),
        *(ROOT / folder / "README.md" for folder in ("charlstm/shipped", "corpora", "checkpoints")),
        *PAGES,
    )
}
APP: Any = typer.main.get_command(make_app())
NAMES = "|".join(APP.commands)


def commands_typed() -> list[str]:
    """What stands behind a `$` in any document."""
    lines = [line for text in DOCUMENTS.values() for line in re.findall(r"^\$ (.*)$", text.replace("\\\n", " "), re.M)]
    found = re.findall(rf"charlstm (?:{NAMES})\b[^\n`#;|>]*", "\n".join(lines))
    return sorted({re.sub(r"\$\w+", "1", command) for command in found})


def commands_in_sentences() -> list[str]:
    """What stands in a sentence with its options: nothing left out, and no NAME of what a person would put there."""
    found = re.findall(rf"`(charlstm (?:{NAMES})\b[^`]*)`", "\n".join(DOCUMENTS.values()))
    return sorted(
        {
            command
            for command in found
            if re.search(r" -\S+ [^-]", command) and not re.search(r"\.\.\.|\b[A-Z]{2,}\b|\bN\b", command)
        }
    )


def parse(command: str) -> None:
    """Parse a command as the shell and the command line would."""
    _, name, *arguments = shlex.split(command)
    found = APP.commands[name]
    if inner := getattr(found, "commands", None):  # without the name of a sub-command, it is the first
        name = arguments.pop(0) if arguments and arguments[0] in inner else next(iter(inner))
        found = inner[name]
    assert found.make_context(name, arguments).params


def test_there_are_commands_to_check() -> None:
    assert len(commands_typed()) >= 30
    assert len(commands_in_sentences()) >= 12


@pytest.mark.parametrize("command", commands_typed())
def test_every_command_parses(command: str) -> None:
    parse(command)


@pytest.mark.parametrize("command", commands_in_sentences())
def test_every_command_in_a_sentence_parses(command: str) -> None:
    parse(command)


def test_the_map_for_contributors_names_every_room() -> None:
    contributing = DOCUMENTS["CONTRIBUTING.md"]
    table = contributing[contributing.index("| room of `charlstm/` |") : contributing.index("Beside it:")]
    named = set(re.findall(r"`(\w+)/?`", "".join(re.findall(r"^\| ([^|]*) \|", table, re.M))))
    rooms = {
        path.stem
        for path in (ROOT / "charlstm").iterdir()
        if not path.name.startswith("_") and path.suffix in ("", ".py")
    }
    assert named - {"charlstm"} == rooms


def test_the_makefile_has_what_the_documents_make() -> None:
    targets = {target for text in DOCUMENTS.values() for target in re.findall(r"(?:`|\$ )make ([\w-]+)", text)}
    assert {"demo", "test", "docs"} <= targets
    assert targets <= set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))


@cache
def anchors(name: str) -> set[str]:
    """What GitHub makes of the headings of a document."""
    headings = re.findall(r"^#+ (.*)$", re.sub(r"^```.*?^```", "", DOCUMENTS[name], flags=re.S | re.M), re.M)
    plain = [re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower() for heading in headings]
    return {re.sub(r"[^\w\- ]", "", heading).replace(" ", "-") for heading in plain}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_its_links_lead_somewhere(name: str) -> None:
    for target in re.findall(r"\]\(([^()\s]+)\)", DOCUMENTS[name]):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        there = ((ROOT / name).parent / path).resolve() if path else ROOT / name
        assert there.exists(), target
        if anchor:
            assert anchor in anchors(str(there.relative_to(ROOT))), target


def test_the_readme_is_short_and_names_every_page() -> None:
    assert len(README.split()) <= 1000
    for page in PAGES:
        assert f"](docs/{page.name})" in README


@pytest.mark.parametrize(
    "example",
    [
        pytest.param(example, id=f"{name} {number}")
        for name in ("README.md", "docs/python.md")
        for number, example in enumerate(re.findall(r"```python\n(.*?)```", DOCUMENTS[name], re.S), 1)
    ],
)
def test_its_python_runs(example: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    exec(example, {})
    assert capsys.readouterr().out
    made = example.count(".save(") + ("charlstm.train(" in example)  # a training makes checkpoints/
    assert len(list(tmp_path.iterdir())) == made


@pytest.mark.parametrize(
    ("command", "text"), re.findall(r"^\$ (charlstm sample [^\n]*)\n([^$].+?)\n(?=```)", README, re.S | re.M)
)
def test_its_samples_are_what_the_models_write(command: str, text: str, invoke) -> None:
    done = invoke(*shlex.split(command)[1:])
    assert done.out.rstrip("\n") == text


def test_every_exit_code_is_explained() -> None:
    page = DOCUMENTS["docs/reliability.md"]
    table = page[page.index("| code | meaning |") :]
    for code in ("0", "1", "2", "3", "4", "5", "129, 130, 143"):
        assert f"| {code} |" in table


def test_the_citation_is_of_this_version() -> None:
    citation = dict(re.findall(r"^([\w-]+): (.+)$", (ROOT / "CITATION.cff").read_text(encoding="utf-8"), re.M))
    assert citation["version"] == __version__
    assert citation["cff-version"] == "1.2.0"


@pytest.mark.parametrize("name", DOCUMENTS)
def test_no_gap_was_left_open(name: str) -> None:
    assert not re.findall(r"\b(\w*SCREEN|MEASURED|FIG_\w+|FP\d+|TODO|TBD)\b", DOCUMENTS[name])
