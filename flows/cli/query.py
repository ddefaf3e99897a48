"""`govpulse query`: SQL on the published file, or briefly on the warehouse."""

import sys
from contextlib import nullcontext
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import polars as pl
import typer
from rich.console import Console
from rich.table import Table

from flows.cli.umask import as_the_person
from flows.settings import Settings, load_settings
from storage.asking import TookTooLongError
from storage.errors import ConfigurationError, GovpulseError, first_line
from storage.published import check_query, query_published
from storage.reader import Reader
from storage.warehouse import REMEDY, opened, turn


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
    rows = ask_warehouse(settings, sql) if private else query_published(settings.folder.published, sql, settings.limits)
    with as_the_person():
        write(rows, format, output)


def ask_warehouse(settings: Settings, sql: str) -> pl.DataFrame:
    """Rows of one SELECT on the private warehouse, which is held for as long as it takes, within a limit: others wait.

    Raises:
        ConfigurationError: it is not one SELECT that only reads.
        GovpulseError: it fails, takes too long, or wants too much memory.
    """
    check_query(sql)
    home, limits = settings.folder, settings.limits
    with Reader(limits, home.spill) as reader, turn(home, limits):
        with opened(home, limits):
            pass  # brings it to the newest migration
        with reader.reading(home.warehouse, "warehouse", REMEDY):
            try:
                return reader.ask(sql, {}, limits.query_timeout_seconds)
            except TookTooLongError as error:
                said = "others wait for the warehouse meanwhile; ask for less, or raise [warehouse] query_timeout_seconds"
                raise GovpulseError(f"the query {error}, and {said}") from error


def write(rows: pl.DataFrame, format: Format, output: Path | None) -> None:
    """Print `rows`, or write them to `output`.

    Raises:
        GovpulseError: the file cannot be written, or the format cannot hold the rows.
    """
    try:
        if format is Format.parquet and output is not None:
            rows.write_parquet(output)
            return
        with output.open("w") if output else nullcontext(sys.stdout) as file:
            if format is Format.table:
                Console(file=file, width=None if output is None and file.isatty() else 10_000).print(as_table(rows))
            else:
                file.write(rows.write_csv() if format is Format.csv else as_json(rows))
    except OSError as error:
        raise GovpulseError(f"cannot write {output or 'the rows'}: {error.strerror or error}") from error
    except pl.exceptions.PolarsError as error:
        raise GovpulseError(f"cannot write as {format}: {first_line(error)}; another --format may do") from error


def as_json(rows: pl.DataFrame) -> str:
    """Rows as JSON; a sum of whole numbers, which DuckDB gives as a decimal, is a number and no text."""
    decimals = {name: dtype.scale for name, dtype in rows.schema.items() if isinstance(dtype, pl.Decimal)}
    return rows.cast({name: pl.Float64 if scale else pl.Int128 for name, scale in decimals.items()}).write_json() + "\n"


def as_table(rows: pl.DataFrame) -> Table:
    """Rows as a table; numbers to the right."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name, dtype in rows.schema.items():
        table.add_column(name, justify="right" if dtype.is_numeric() else "left", overflow="fold")
    for row in rows.iter_rows():
        table.add_row(*(as_text(value) for value in row))
    return table


def as_text(value: object) -> str:
    """A cell: NULL said as NULL, floats to four significant digits after the point, instants to the second."""
    if value is None:
        return "NULL"
    if isinstance(value, float):
        return f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.1f}"
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return str(value).removesuffix("+00:00")
