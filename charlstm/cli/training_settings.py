"""The settings of a training, as `train` and `study` are given them: typed, in variables, in a file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer

from charlstm.cli.options import was_in_variable, was_typed
from charlstm.cli.settings import given
from charlstm.config import BUDGETS, ModelConfig, TrainConfig, check_together, read_config_file
from charlstm.errors import UsageError
from charlstm.settings import parsed


def typed_settings(ctx: typer.Context, settings: Mapping[str, Any]) -> set[str]:
    """The settings that were given and do not come from variables."""
    return {name for name in given(settings) if not was_in_variable(ctx, name)}


def chosen_settings(
    ctx: typer.Context, settings: Mapping[str, Any], config: Path | None, goes_on: bool = False
) -> dict[str, Any]:
    """The settings that were given: what is typed goes before variables, and both before those of a file.

    There are several budgets, and only one can be meant: one that goes before leaves out all that come after it.

    Args:
        settings: those of the command, None where nothing was given.
        config: a file of settings.
        goes_on: whether a run is resumed; then nothing counts that only variables say, but for the budget, because
            the environment is for new runs.

    Raises:
        UsageError: for settings that are out of range, unknown, or do not go together.
    """
    chosen, typed = given(settings), typed_settings(ctx, settings)
    if typed & set(BUDGETS):
        chosen = {name: value for name, value in chosen.items() if name in typed or name not in BUDGETS}
    if goes_on:
        chosen = {name: value for name, value in chosen.items() if name in typed or name in BUDGETS}
    check_together(chosen)
    if config is None or (goes_on and not was_typed(ctx, "config")):
        return chosen
    from_file = settings_in(config)
    if any(budget in chosen for budget in BUDGETS):
        from_file = {name: value for name, value in from_file.items() if name not in BUDGETS}
    return {**from_file, **chosen}


def settings_in(file: Path) -> dict[str, Any]:
    """The settings in a file. Raises UsageError, which names it, if one is unknown or out of range."""
    try:
        found = parsed(read_config_file(file), ModelConfig, TrainConfig)
        check_together(found)
    except UsageError as e:
        message = str(e).replace("`", "")  # there it is called as we call it
        raise UsageError(message if message.startswith(str(file)) else f"{file}: {message}") from None
    return found
