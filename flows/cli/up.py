"""`govpulse up`: everything on schedule, with the Prefect UI."""

import os
from pathlib import Path
from typing import Annotated

import typer

from flows.serving.environments import keeping_runs
from flows.serving.installation import Serving
from flows.serving.prefect_server import LOOPBACK
from flows.serving.supervisor import supervise
from flows.settings import config_file, load_settings, variables_named
from tasks.alerts.rules import load_rules

PROJECT = Path(__file__).parents[2]


def up(
    port: Annotated[int, typer.Option(help="Port of the Prefect server.")] = 4200,
    web_port: Annotated[int | None, typer.Option(help="Port of the pages about alerts; by default the one after --port.")] = None,
    host: Annotated[str, typer.Option(help="Address it listens on; by default only this machine can reach it.")] = LOOPBACK,
) -> None:
    """Start the Prefect server, the schedules and a worker; Ctrl-C stops them all."""
    settings = load_settings()
    load_rules(settings.alerts.rules)
    settings.publish.audience.check()
    serving, named = Serving(host, port, web_port), variables_named(settings)
    environment = {**keeping_runs(settings.prefect.days), **os.environ}
    raise typer.Exit(
        supervise(settings.folder, PROJECT, serving=serving, config=config_file(None), environment=environment, named=named)
    )
