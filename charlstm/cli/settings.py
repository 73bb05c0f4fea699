"""Options made from settings: what is a field of a dataclass is written nowhere else."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Mapping
from typing import Annotated, Any

from charlstm.cli.options import in_typers_terms, option
from charlstm.errors import CharLSTMError
from charlstm.settings import Config, check_setting, default_of, settings_of, type_of

CALLED = {"on_unknown": "--unknown", "start_from": "--from"}  # what people type less of than Python's argument has


def with_settings(
    *kinds: type[Config], without: Collection[str] = (), helps: Mapping[str, str] | None = None
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command an option for every setting of some dataclasses, in place of its `**settings`.

    A setting that was not given is None; those of `without` have no option here. `helps`: what is said of a
    setting in place of its own help.
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        signature = inspect.signature(command, eval_str=True)
        own = [p for p in signature.parameters.values() if p.kind is not p.VAR_KEYWORD]
        made = [
            inspect.Parameter(
                name,
                inspect.Parameter.KEYWORD_ONLY,
                default=None,
                annotation=option_type(kind, name, (helps or {}).get(name)),
            )
            for kind in kinds
            for name in settings_of(kind)
            if name not in without
        ]
        vars(command)["__signature__"] = signature.replace(parameters=[*own, *made])
        return command

    return decorate


def option_type(kind: type[Config], name: str, help: str | None = None) -> Any:
    """What Typer makes the option of a setting from; `help`: in place of its own."""
    about, hint = settings_of(kind)[name], type_of(kind, name)
    names = [option_of(name), *([f"-{about.short}"] if about.short else [])]
    if hint is bool:
        names[0] += f"/--no-{option_of(name).removeprefix('--')}"
    more: dict[str, Any] = {"metavar": about.unit} if about.unit else {}
    if about.parse is not None:
        more["parser"] = in_typers_terms(about.parse)
    default = default_of(kind, name)

    def check(value: Any) -> Any:
        if value is not None:
            check_setting(kind, name, value)
        return value

    made = option(
        *names,
        help=f"{help or about.help} [default: {default}]" if default else help or about.help,
        callback=in_typers_terms(check),
        show_default=False,
        rich_help_panel=about.panel,
        **more,
    )
    return Annotated[hint | None, made]


def given(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that a person gave."""
    return {name: value for name, value in settings.items() if value is not None}


def option_of(name: str) -> str:
    """The option of a setting: `seq_len` -> `--seq-len`."""
    return CALLED.get(name, "--" + name.replace("_", "-"))


def in_options(error: CharLSTMError) -> str:
    """The message of an error, with options in place of the settings that it names."""
    message = str(error)
    for name in error.settings:
        message = message.replace(f"`{name}`", option_of(name))
    return message
