"""`govpulse query`: SQL on the published file, or briefly on the warehouse."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import IO, Annotated

import typer

from flows import printing
from flows.cli.query_formats import as_csv, as_json, as_table
from flows.cli.umask import as_the_person
from flows.settings import Settings, load_settings
from storage.asking.answers import Answer, Form
from storage.asking.permission import TookTooLongError
from storage.asking.reader import Reader
from storage.errors import ConfigurationError, GovpulseError
from storage.publishing.published import check_query, query_published
from storage.warehouse import REMEDY, opened, turn


class Format(StrEnum):
    """How rows are printed."""

    table = "table"
    csv = "csv"
    json = "json"
    parquet = "parquet"


def query(
    sql: Annotated[str, typer.Argument(help="One SELECT.")],
    format: Annotated[Format, typer.Option(help="Output format.")] = Format.table,
    output: Annotated[Path | None, typer.Option(help="Write to this file.")] = None,
    private: Annotated[bool, typer.Option("--private", help="Query the warehouse, which also has the raw rows.")] = False,
) -> None:
    """Run a SELECT on the published tables."""
    settings = load_settings()
    if format is Format.parquet and output is None:
        raise ConfigurationError("--format parquet needs --output FILE")
    check_query(sql)
    form: Form = "exact" if format is Format.parquet else "printed"
    if private:
        found = ask_warehouse(settings, sql, form)
    else:
        found = query_published(settings.folder.published, sql, settings.limits, form)
    with as_the_person():
        write(found, format, output)


def ask_warehouse(settings: Settings, sql: str, form: Form) -> Answer:
    """Rows of one SELECT on the private warehouse, which is held for as long as it takes, within a limit: others wait.

    Raises:
        GovpulseError: it fails, takes too long, or wants too much memory.
    """
    home, limits = settings.folder, settings.limits
    with Reader(limits, home.spill) as reader, turn(home, limits):
        with opened(home, limits):
            pass  # brings it to the newest migration
        with reader.reading(home.warehouse, "warehouse", REMEDY):
            try:
                return reader.answer(sql, limits.query_timeout_seconds, form)
            except TookTooLongError as error:
                said = "everything else waits for the warehouse meanwhile; ask for less, or raise [warehouse] query_timeout_seconds"
                raise GovpulseError(f"the query {error}, and {said}") from error


def write(found: Answer, format: Format, output: Path | None) -> None:
    """Print rows, or write them to `output`, in UTF-8.

    Raises:
        GovpulseError: the file cannot be written.
    """
    if output is None:
        printing.write(as_printed(found, format, sys.stdout))
        return
    try:
        if format is Format.parquet:
            found.rows.write_parquet(str(output))
            return
        with output.open("w", encoding="utf-8", newline="") as file:
            file.write(as_printed(found, format, file))
    except OSError as error:
        raise GovpulseError(f"cannot write {output}: {error.strerror or error}") from error


def as_printed(found: Answer, format: Format, file: IO[str]) -> str:
    """Rows as `file` takes them."""
    if format is Format.table:
        return printing.rendered(file, as_table(found))
    return as_csv(found) if format is Format.csv else printing.json_for(file, as_json(found))
