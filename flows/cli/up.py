"""`govpulse up`: everything on schedule, with the Prefect UI."""

from pathlib import Path
from typing import Annotated

import typer

from flows.serving.supervisor import supervise
from flows.settings import config_file, load_settings
from tasks.alerts.rules import load_rules

PROJECT = Path(__file__).parents[2]


def up(port: Annotated[int, typer.Option(help="Where the Prefect server listens, on 127.0.0.1.")] = 4200) -> None:
    """Start the Prefect server, the schedules and a worker; Ctrl-C ends all of it."""
    settings = load_settings()
    load_rules(settings.alerts.rules)
    raise typer.Exit(supervise(settings.folder, PROJECT, port=port, config=config_file(None)))
