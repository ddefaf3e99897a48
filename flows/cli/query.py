"""`govpulse query`: SQL on the published file, or briefly on the warehouse."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import IO, Annotated

import typer

from flows import printing
from flows.cli.query_formats import as_csv, as_json, as_table
from flows.settings import load_settings
from storage.answers import Answer, answer, exact
from storage.errors import ConfigurationError, GovpulseError
from storage.published import published
from storage.warehouse import warehouse


class Format(StrEnum):
    """How rows are printed."""

    table = "table"
    csv = "csv"
    json = "json"
    parquet = "parquet"


def query(
    sql: Annotated[str, typer.Argument(help="One SELECT.")],
    format: Annotated[Format, typer.Option(help="How to print the rows.")] = Format.table,
    output: Annotated[Path | None, typer.Option(help="Write to this file instead.")] = None,
    private: Annotated[bool, typer.Option("--private", help="Ask the warehouse, which also has the raw rows.")] = False,
) -> None:
    """Run a SELECT on the published tables."""
    settings = load_settings()
    if format is Format.parquet and output is None:
        raise ConfigurationError("--format parquet needs --output FILE")
    with warehouse(settings.folder, settings.limits) if private else published(settings.folder.published) as con:
        found = exact(con, sql) if format is Format.parquet else answer(con, sql)
    try:
        if isinstance(found, Answer):
            write(found, format, output)
        else:
            found.write_parquet(str(output))
    except OSError as error:
        raise GovpulseError(f"cannot write {output}: {error.strerror or error}") from error


def write(found: Answer, format: Format, output: Path | None) -> None:
    """Print rows, or write them to `output`, in UTF-8."""
    if output is None:
        printing.write(as_printed(found, format, sys.stdout))
        return
    with output.open("w", encoding="utf-8", newline="") as file:
        file.write(as_printed(found, format, file))


def as_printed(found: Answer, format: Format, file: IO[str]) -> str:
    """Rows as `file` takes them."""
    if format is Format.table:
        return printing.rendered(file, as_table(found))
    return as_csv(found) if format is Format.csv else printing.json_for(file, as_json(found))
