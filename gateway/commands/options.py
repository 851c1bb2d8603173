"""The options that all commands share, and the settings that they lead to."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click

from gateway.commands.failing import Failed
from gateway.configuration import load_settings
from gateway.settings import Loaded

Command = TypeVar("Command", bound=Callable[..., Any])

config_option = click.option(
    "--config", metavar="FILE", help="The settings file; without it LUKHAS_CONFIG, lukhas.yaml."
)
data_option = click.option("--data", metavar="FOLDER", help="The data folder; without it LUKHAS_DATA, ./.lukhas.")
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def common(command: Command) -> Command:
    """Adds `--config` and `--data`."""
    return config_option(data_option(command))


def settings_in_force(
    config: str | None, data: str | None, flags: Mapping[tuple[str, str], Any] | None = None
) -> Loaded:
    """Gives the settings that a command runs under. Errors: DocumentError."""
    return load_settings(config, os.environ, {("storage", "data"): data, **(flags or {})})


def journal_folder(config: str | None, data: str | None) -> Path:
    """Gives the data folder of the settings, in which there is a journal. Errors: DocumentError, Failed."""
    folder = Path(settings_in_force(config, data).settings.storage.data)
    if not (folder / "journal").is_dir():
        raise Failed(f"There is no journal in {folder}. Name the data folder with --data.")
    return folder
