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

app = typer.Typer(no_args_is_help=True, help="Show whose rows are in the warehouse; let a source go on under another name.")


@app.command("list")
def list_sources() -> None:
    """Show every source with its rows, and when it was last seen."""
    settings = load_settings()
    with warehouse(settings.folder, settings.limits) as con:
        found = known_sources(con)
    if found.is_empty():
        say("no rows of any source yet")
    for name, rows, seen in found.iter_rows():
        say(f"{name}  {counted(rows, 'row')}  last seen {seen:%Y-%m-%d %H:%M} UTC")


@app.command()
def rename(
    old: Annotated[str, typer.Argument(help="Its name so far, as `govpulse sources list` shows it.")],
    new: Annotated[str, typer.Argument(help="The name to go on under.")],
) -> None:
    """Let the rows of a source go on as those of another, as when its database moved. Of a row that both have the newest stays."""
    settings = load_settings()
    with warehouse(settings.folder, settings.limits) as con:
        rows = rename_source(con, old, new, getpass.getuser(), datetime.now(UTC))
    say(f"{counted(rows, 'row')} of {old} now go on under {new}; insights show it after the next run")
