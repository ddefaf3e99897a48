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
    "run": Place("flows.cli.run", "run", "Collect, extract, compute, alert and publish, once."),
    "up": Place("flows.cli.up", "up", "Start the Prefect server, the schedules and a worker; Ctrl-C ends all of it."),
    "query": Place("flows.cli.query", "query", "Run a SELECT on the published tables."),
    "load": Place(
        "flows.cli.load",
        "load",
        "Load files into raw.DATASET: checked, and safe to repeat. With --rejected, what was refused is tried again.",
    ),
    "forget": Place(
        "flows.cli.forget",
        "forget",
        "Take a person out of everything, for good: what is read of them later is left out too. Safe to repeat.",
    ),
    "backup": Place(
        "flows.cli.backup",
        "back_up_now",
        "Back up what changed, prove it, copy it to the second destination where there is one, and drop what is outdated.",
    ),
    "restore": Place(
        "flows.cli.restore",
        "restore_warehouse",
        "Put the newest sound backup in the place of the warehouse, which is set aside, and say what is lost.",
    ),
    "verify": Place(
        "flows.cli.verify",
        "verify",
        "Compare what is stored with its checksums, and look for doubled keys; exit code 1 where anything is wrong.",
    ),
    "salvage": Place(
        "flows.cli.salvage",
        "salvage_warehouse",
        "Make a damaged warehouse anew from what can be read of it; the damaged files are set aside.",
    ),
    "sample": Place("flows.cli.sample", "sample", "Write a sample governance database in the racine schema."),
    "doctor": Place(
        "flows.cli.doctor",
        "doctor",
        "Check settings, folders, warehouse, source and rules; exit code 1 where something is wrong.",
    ),
    "alerts": Place("flows.cli.alerts", "app", "Show, acknowledge, silence and try out alerts."),
    "sources": Place("flows.cli.sources", "app", "Show whose rows are in the warehouse; let a source go on under another name."),
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
