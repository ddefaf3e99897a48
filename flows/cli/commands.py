"""What commands there are, each with the line that `govpulse --help` prints, which loads none of them.

A command is in the module of its name, a function or a group of commands; the first line of its help stands here once more.
"""

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_group

if TYPE_CHECKING:
    from typer._click import Command


@dataclass(frozen=True)
class Place:
    """Where a command is, and what its help says."""

    module: str
    attribute: str
    help: str


COMMANDS = {
    "run": Place("flows.cli.run", "run", "Run everything once: collect, extract, compute, alert and publish."),
    "up": Place("flows.cli.up", "up", "Start the Prefect server, the schedules and a worker; Ctrl-C stops them all."),
    "query": Place("flows.cli.query", "query", "Run a SELECT on the published tables."),
    "load": Place(
        "flows.cli.load",
        "load",
        "Load files into raw.DATASET; rows are checked, repeating is safe. With --rejected: retry rejected rows after a fix.",
    ),
    "forget": Place(
        "flows.cli.forget",
        "forget",
        "Remove a person from everything, for good; later rows about them are left out too. Safe to repeat.",
    ),
    "backup": Place(
        "flows.cli.backup",
        "back_up_now",
        "Back up what changed, verify it, copy it to the second destination if there is one, and delete old backups.",
    ),
    "restore": Place(
        "flows.cli.restore",
        "restore_warehouse",
        "Replace the warehouse with the newest intact backup and say what is lost; the old warehouse is set aside.",
    ),
    "verify": Place(
        "flows.cli.verify",
        "verify",
        "Check stored data against its checksums and look for duplicate keys; exit code 1 if anything is wrong.",
    ),
    "salvage": Place(
        "flows.cli.salvage",
        "salvage_warehouse",
        "Rebuild a damaged warehouse from what can still be read; the damaged files are set aside.",
    ),
    "sample": Place("flows.cli.sample", "sample", "Write a sample governance database in the racine schema."),
    "doctor": Place(
        "flows.cli.doctor",
        "doctor",
        "Check settings, folders, warehouse, source and rules; exit code 1 if something is wrong.",
    ),
    "alerts": Place("flows.cli.alerts", "app", "Show, acknowledge and silence alerts; try out rules."),
    "retire": Place(
        "flows.cli.retire",
        "retire",
        "Say that a host, a disk, a scan or the like has left for good: its alerts end at once, as gone.",
    ),
    "sources": Place("flows.cli.sources", "app", "Show the sources in the warehouse; rename a source."),
    "config": Place("flows.cli.config", "app", "Show and check the settings."),
}


class Commands(TyperGroup):
    """Lists all commands, and loads the one that is to run."""

    def __init__(self, **attributes: Any) -> None:
        listed = {name: TyperCommand(name, help=place.help) for name, place in COMMANDS.items()}
        super().__init__(**{**attributes, "commands": listed})

    def resolve_command(self, ctx: Any, args: list[str]) -> "tuple[str | None, Command | None, list[str]]":
        name, listed, rest = super().resolve_command(ctx, args)
        return name, None if listed is None or name is None else load_command(name), rest


def load_command(name: str) -> "Command":
    """The command with its options, or the group with its commands."""
    place = COMMANDS[name]
    found = getattr(import_module(place.module), place.attribute)
    around = typer.Typer(rich_markup_mode="rich")
    if isinstance(found, typer.Typer):
        around.add_typer(found, name=name)
    else:
        around.command(name)(found)
    return get_group(around).commands[name]
