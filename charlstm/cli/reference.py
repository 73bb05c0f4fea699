"""The command line as a page of Markdown, made from the commands themselves: `python -m charlstm.cli.reference`."""

from __future__ import annotations

import sys

import typer

from charlstm.cli.app import commands_of, make_app
from charlstm.cli.help import Entry, panels_of, paragraphs, usage
from charlstm.cli.options import FOR_ALL, NO_OPTIONS, PREFIX, commands_in

BEGINNING = """# The command line

Every command with its options. `make docs-cli` writes this page from the commands themselves, so change them and not
the page. `charlstm COMMAND --help` shows the same in a terminal; [Using charlstm](guide.md) is an introduction.

Every option can also be set by an environment variable. These apply to all commands:
{shared}.
Every other variable carries the name of its command, as {example} does; it stands behind its option below. {others}
names the folder for encoded corpora and compiled code.

What you type wins over a variable, and a variable wins over a `--config` file. A `CHARLSTM_` variable that no command
knows is an error.
"""


def reference() -> str:
    """The page."""
    group = commands_of(make_app())
    shared = ", ".join(f"`{PREFIX}{name}`" for name in sorted(FOR_ALL))
    others = ", ".join(f"`{name}`" for name in sorted(NO_OPTIONS))
    parts = [BEGINNING.format(shared=shared, others=others, example="`CHARLSTM_TRAIN_TIME`")]
    root = typer.Context(group, info_name="charlstm")
    for words, command in commands_in(group):
        context = typer.Context(command, info_name=" ".join(words), parent=root)
        parts += [f"## charlstm {' '.join(words)}\n", f"```\n{usage(command, context)}\n```\n"]
        parts += [described(part) for part in paragraphs(command)]
        for panel, entries in panels_of(command, context).items():
            parts.append("\n".join([f"### {panel}\n", *map(item, entries)]) + "\n")
    return "\n".join(parts)


def described(paragraph: str) -> str:
    """A paragraph; examples as code."""
    if not paragraph.startswith(" "):
        return in_markdown(paragraph) + "\n"
    return "\n".join(["```", *(line.strip() for line in paragraph.splitlines()), "```\n"])


def item(entry: Entry) -> str:
    """An option in a list."""
    variable = f" `{entry.variable}`" if entry.variable else ""
    return f"- `{' '.join(entry.typed.split())}`: {in_markdown(entry.meaning)}{variable}"


def in_markdown(text: str) -> str:
    """Plain text, in which Markdown finds nothing to read."""
    return "".join(f"\\{c}" if c in "\\`*_[]<>" else c for c in text)


if __name__ == "__main__":
    sys.stdout.write(reference())
