"""`govpulse sources`: whose rows are in the warehouse."""

import getpass
from datetime import UTC, datetime
from typing import Annotated

import typer

from flows.printing import say
from flows.settings import load_settings
from storage.intake.sources import known_sources, rename_source
from storage.warehouse import warehouse
from tasks.wording import counted

app = typer.Typer(no_args_is_help=True, help="Show the sources in the warehouse; rename a source.")


@app.command("list")
def list_sources() -> None:
    """Show every source, how many rows it has and when it was last seen."""
    settings = load_settings()
    with warehouse(settings.folder, settings.limits) as con:
        found = known_sources(con)
    if found.is_empty():
        say("no source has any rows yet")
    for name, rows, seen in found.iter_rows():
        say(f"{name}  {counted(rows, 'row')}  last seen {seen:%Y-%m-%d %H:%M} UTC")


@app.command()
def rename(
    old: Annotated[str, typer.Argument(help="The source's name in `govpulse sources list`.")],
    new: Annotated[str, typer.Argument(help="Its new name.")],
) -> None:
    """Rename a source, e.g. after its database moved. If both names have a row, the newest stays."""
    settings = load_settings()
    with warehouse(settings.folder, settings.limits) as con:
        rows = rename_source(con, old, new, getpass.getuser(), datetime.now(UTC))
    say(f"{counted(rows, 'row')} renamed from {old} to {new}; insights show it after the next run")
