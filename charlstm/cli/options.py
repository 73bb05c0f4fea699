"""The options that several commands share, and the environment variables of all of them."""

from __future__ import annotations

import difflib
import functools
import math
import os
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from charlstm.config import MACHINE as MACHINE
from charlstm.config import TEXT as TEXT
from charlstm.config import Precision, TrainConfig
from charlstm.errors import UsageError
from charlstm.files.atomic import cannot_write
from charlstm.settings import settings_of

PREFIX = "CHARLSTM_"
# what means the same to every command has one variable; all else has CHARLSTM_<COMMAND>_<OPTION>
FOR_ALL = {"CHECKPOINT", "DEVICE", "THREADS", "PRECISION", "QUIET", "JSON", "DEBUG"}
NO_OPTIONS = {"CHARLSTM_CACHE_DIR"}


def never_overwritten(option: str, path: Path) -> UsageError:
    """What to say of a file that an option names and that is there already."""
    return UsageError(f"{option} {path}: it exists already; charlstm never overwrites a file; give another name")


def check_new_file(option: str, path: Path, *suffixes: str) -> None:
    """Raise UsageError for a name that is taken, has none of these endings, or is in no folder: before any work."""
    if path.suffix.lower() not in suffixes:
        raise UsageError(f"{option} {path}: give a name that ends in {' or '.join(suffixes)}")
    if os.path.lexists(path):
        raise never_overwritten(option, path)
    check_folder(option, path)


def check_folder(option: str, path: Path) -> None:
    """Raise UsageError for the name of a file in a folder that is not there."""
    if not path.parent.is_dir():
        raise UsageError(f"{option} {path}: there is no folder {path.parent}; make it, or give another name")


@contextmanager
def writing_new(option: str, path: Path) -> Iterator[None]:
    """Raise UsageError or CharLSTMError for a file that is there by now, or cannot be written."""
    try:
        yield
    except FileExistsError:
        raise never_overwritten(option, path) from None
    except OSError as e:
        raise cannot_write(path, e) from None


def option(*names: str, help: str, **more: Any) -> Any:
    """A Typer option that also has an environment variable: see `name_variables`."""
    more.setdefault("readable", False)  # asked when a file is read: what kind it is of decides on the exit code
    long = next(name for name in names if name.startswith("--")).split("/")[0]
    return typer.Option(*names, help=help, envvar=long.lstrip("-").replace("-", "_").upper(), **more)


def run_option(*names: str, help: str) -> Any:
    """An option that names a folder."""
    return option(*names, help=help, parser=parse_path, metavar="FOLDER", show_default=False, rich_help_panel=RUN)


def commands_in(group: Any, *above: str) -> Iterator[tuple[tuple[str, ...], Any]]:
    """The commands of a group and of the groups in it, each with the words that a person types for it."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands_in(command, *above, name)
        yield (*above, name), command


def name_variables(group: Any) -> None:
    """Give every option that has a variable the name of it, by its command."""
    for words, command in commands_in(group):
        for parameter in command.params:
            if parameter.envvar:
                own = () if parameter.envvar in FOR_ALL else words
                parameter.envvar = PREFIX + "_".join([*own, parameter.envvar]).upper().replace("-", "_")


class Device(StrEnum):
    """Where a model runs."""

    auto = "auto"
    cpu = "cpu"
    cuda = "cuda"
    mps = "mps"


class Unknown(StrEnum):
    """What to do with a character that the model has never seen."""

    error = "error"
    skip = "skip"
    nearest = "nearest"


OUTPUT, RUN = "Output", "Run"

Quiet = Annotated[bool, option("--quiet", "-q", help="Show only results, warnings and errors.", rich_help_panel=OUTPUT)]
Verbose = Annotated[bool, option("--verbose", "-v", help="Show more details.", rich_help_panel=OUTPUT)]
Json = Annotated[bool, option("--json", help="Write JSON, one object per line.", rich_help_panel=OUTPUT)]
Debug = Annotated[bool, option("--debug", help="Show the traceback of an error.", rich_help_panel=OUTPUT)]
DeviceOption = Annotated[
    Device, option("--device", help="auto, cpu, cuda or mps.", metavar="DEVICE", rich_help_panel=MACHINE)
]
PrecisionOption = Annotated[
    Precision,
    option("--precision", help=settings_of(TrainConfig)["precision"].help, metavar="TYPE", rich_help_panel=MACHINE),
]
ExactPrecision = Annotated[
    Precision,
    option(
        "--precision",
        help="fp32, or bf16, which is faster and less exact; auto: fp32.",
        metavar="TYPE",
        rich_help_panel=MACHINE,
    ),
]
Threads = Annotated[
    int | None,
    option(
        "--threads",
        help="Processor threads. [default: one per core]",
        min=1,
        max=1024,
        rich_help_panel=MACHINE,
    ),
]
Checkpoint = Annotated[
    Path | None,
    option(
        "--checkpoint",
        "-c",
        help="A model file, a run, a folder of runs (the newest is used), or a built-in model such as english. "
        "[default: the newest run in checkpoints/, else a built-in model]",
    ),
]
UnknownOption = Annotated[
    Unknown, option("--unknown", help="What to do with characters the model has never seen.", rich_help_panel=TEXT)
]
Encoding = Annotated[str, option("--encoding", help="Encoding of the text files.", rich_help_panel=TEXT)]
ValidFiles = Annotated[
    list[str] | None,
    option(
        "--valid",
        help="Validate on this text. [default: each file's end]",
        metavar="FILE",
        show_default=False,
        rich_help_panel=TEXT,
    ),
]
Normalize = Annotated[
    bool, option("--normalize/--no-normalize", help="Convert the text to Unicode NFC.", rich_help_panel=TEXT)
]
ConfigFile = Annotated[
    Path | None,
    option("--config", help="Read settings from this TOML or JSON file.", metavar="FILE", rich_help_panel=RUN),
]
Glob = Annotated[
    list[str] | None,
    option(
        "--glob",
        help="Files to take from folders; may be repeated. [default: '*.txt' '*.txt.gz']",
        metavar="GLOB",
        show_default=False,
        rich_help_panel=TEXT,
    ),
]
Width = Annotated[
    int | None,
    option(
        "--width", help="Width in columns. [default: the terminal's]", min=60, max=1000, rich_help_panel=OUTPUT,
        show_default=False,
    ),
]  # fmt: skip
Svg = Annotated[
    Path | None,
    option("--svg", help="Write the picture to this file, too.", rich_help_panel=OUTPUT, show_default=False),
]

FigureFile = Annotated[
    Path | None,
    option(
        "--figure",
        help="Draw the curves into this file, too: .svg, .png or .pdf.",
        rich_help_panel=OUTPUT,
        show_default=False,
    ),
]


def in_typers_terms(function: Callable[[str], Any]) -> Callable[[str], Any]:
    """A parser or a check whose UsageError Typer shows with the option that it is about."""

    @functools.wraps(function)
    def wrapped(value: str) -> Any:
        try:
            return function(value)
        except UsageError as e:
            raise typer.BadParameter(str(e)) from None

    return wrapped


def parse_path(text: str) -> Path:
    """A path, which nothing is not: an empty variable must not mean the current folder. Raises typer.BadParameter."""
    if not text:
        raise typer.BadParameter("the name is empty")
    return Path(text)


def parse_finite(value: float | None) -> float | None:
    """Refuse NaN and infinity, which pass every range check. For `callback=`."""
    if value is not None and not math.isfinite(value):
        raise typer.BadParameter(f"{value} is not a finite number")
    return value


def was_typed(ctx: typer.Context, parameter: str) -> bool:
    """Whether a parameter of the command stands on the command line."""
    source = ctx.get_parameter_source(parameter)
    return source is not None and source.name == "COMMANDLINE"


def was_in_variable(ctx: typer.Context, parameter: str) -> bool:
    """Whether a parameter of the command has its value from a variable."""
    source = ctx.get_parameter_source(parameter)
    return source is not None and source.name == "ENVIRONMENT"


def variables_set() -> bool:
    """Whether any variable is set that an option could take."""
    return any(variable.startswith(PREFIX) and variable not in NO_OPTIONS for variable in os.environ)


def check_variables(group: Any) -> None:
    """Refuse a variable that no command knows, and a value that its command cannot take: none is ignored in silence.

    Raises:
        UsageError: names the variable.
    """
    known = set(NO_OPTIONS)
    for words, command in commands_in(group):
        context = typer.Context(command, info_name=words[-1])
        for parameter in command.params:
            variable = parameter.envvar
            known |= {variable} if variable else set()
            if variable and os.environ.get(variable):
                try:
                    parameter.process_value(context, parameter.value_from_envvar(context))
                except typer.BadParameter as e:
                    why = e.message.rstrip(".")
                    raise UsageError(f"{variable}={os.environ[variable]}: {why}; change it or unset it") from None
    for variable in sorted(os.environ):
        if variable.startswith(PREFIX) and variable not in known:
            raise UsageError(f"{variable}: charlstm knows no such variable; {instead_of(variable, known)}")


def instead_of(variable: str, known: Collection[str]) -> str:
    """What to do about a variable that no command knows: for one of version 0.1, its names of today."""
    name = variable.removeprefix(PREFIX)
    today = sorted(other for other in known if other.endswith(f"_{name}"))
    guess = today or [
        PREFIX + near for near in difflib.get_close_matches(name, [k.removeprefix(PREFIX) for k in known], n=1)
    ]
    *some, last = guess or [""]
    named = f"{', '.join(some)} or {last}" if some else last
    return f"unset it, or use {named}" if guess else "unset it"


def check_picture(svg: Path | None) -> None:
    """Raise UsageError for a name that is no picture's, since nothing else is ever replaced, or is in no folder."""
    if svg is None:
        return
    if svg.suffix.lower() != ".svg":
        raise UsageError(f"--svg {svg}: give a name that ends in .svg")
    check_folder("--svg", svg)


def check_figure(figure: Path | None) -> None:
    """Raise UsageError for a name that is no figure's, since nothing else is ever replaced, or is in no folder."""
    if figure is None:
        return
    if figure.suffix.lower() not in (".svg", ".png", ".pdf"):
        raise UsageError(f"--figure {figure}: give a name that ends in .svg, .png or .pdf")
    check_folder("--figure", figure)
