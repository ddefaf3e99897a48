"""The command line. A command is loaded when it is the one to run, so that `--help` and `query` answer at once."""

import logging
import os
import re
import sys
from pathlib import Path
from typing import Annotated

import typer

from flows.cli.commands import Commands
from flows.cli.umask import closing_what_is_made
from flows.logs import keep_logs_printable
from flows.printing import CannotPrintError, prepare_streams, say
from flows.version import version_line
from storage.errors import ConfigurationError, GovpulseError, describe
from storage.room import error_of_disk, is_about_room

HALF = re.compile("[\ud800-\udfff]")
"""So Python has bytes that are no text."""

app = typer.Typer(
    name="govpulse",
    cls=Commands,
    help="Watch a data-governance platform.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)


def tell_version(is_asked: bool) -> None:
    """Print it, and that is all."""
    if is_asked:
        say(version_line())
        raise typer.Exit


@app.callback()
def options(
    config_file: Annotated[
        Path | None, typer.Option("--config", help="Settings file; default: govpulse.toml if there is one.")
    ] = None,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks and logs.")] = False,
    version: Annotated[  # noqa: ARG001 - its callback answers
        bool, typer.Option("--version", help="Print the version.", is_eager=True, callback=tell_version)
    ] = False,
) -> None:
    """Watch a data-governance platform: what it does, how it is doing, what is wrong with it."""
    if config_file is not None:
        os.environ["GOVPULSE_CONFIG"] = str(config_file.absolute())
    set_logging(debug)


def set_logging(debug: bool) -> None:
    """Our own warnings go to standard error; Prefect's console is for --debug, its log stays in the UI."""
    if not debug:
        os.environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "CRITICAL")
    keep_logs_printable()
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("govpulse: %(message)s"))
    for package in ("flows", "tasks", "storage"):
        logging.getLogger(package).addHandler(handler)


def main() -> None:
    """Run the command line: exit code 0 done, 1 failed, 2 wrong usage or configuration; errors are one line."""
    debug = "--debug" in sys.argv[1:]
    prepare_streams()
    try:
        with closing_what_is_made():
            refuse_bytes(sys.argv[1:])
            sys.exit(app(standalone_mode=False) or 0)
    except KeyboardInterrupt:
        sys.exit(130)
    except typer.TyperException as error:  # wrong usage; help that was asked for by nothing at all is printed already
        if error.message:
            say(f"govpulse: {error.format_message()}", sys.stderr)
        sys.exit(error.exit_code)
    except Exception as error:
        if debug:
            raise
        say(f"govpulse: {one_line(error)}", sys.stderr)
        sys.exit(2 if isinstance(error, ConfigurationError) else 1)


def refuse_bytes(arguments: list[str]) -> None:
    """No table takes bytes that are no text, nor half a character.

    Raises:
        ConfigurationError: an argument has some.
    """
    for argument in arguments:
        if HALF.search(argument):
            raise ConfigurationError(f"{argument} is not valid UTF-8; write it in UTF-8, or rename the file")


def settled_home() -> Path:
    """Where everything lies, for an error that names no file."""
    from flows.settings import load_settings

    try:
        return load_settings().folder.root
    except GovpulseError:
        return Path.cwd()


def one_line(error: Exception) -> str:
    """What to say of an error; one that is not ours is a defect, and says how to see all of it."""
    if is_about_room(error) and not isinstance(error, CannotPrintError):  # whose disk that is nobody knows
        error = error_of_disk(error, settled_home())
    return describe(error) + ("" if isinstance(error, GovpulseError) else " (a defect; --debug shows where)")
