"""A mapping, or a file, held against the contract: what it lacks, what has the wrong type, what the contract would refuse."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from storage.catalogue import DATASETS
from storage.errors import GovpulseError
from storage.frames import fetch, registered
from storage.intake.contract import UNREADABLE, check_rows
from storage.quoting import quote_text
from storage.sql_files import sql_beside
from storage.warehouse import connect
from tasks.sources.database.session import Session
from tasks.sources.mapping import Mapping, offered_columns

LOOKED_AT_ROWS = 1_000
SHOWN_ROWS = 3
SHOWN_WORDS = 10
NOT_ONE_OF = " is not one of "
MOST_REFUSED = 0.1
"""A kind of reason that refuses more is the mapping's fault, a rarer one the rows', unless it leaves nothing of a column."""
TEXT = {"text", "varchar", "bpchar", "char", "name", "citext", "unknown", "null", "as each value has it"}
"""What may hold anything: the contract judges each value."""
MYSQL_INTEGERS = {"tinyint", "smallint", "mediumint", "int", "bigint"}
NUMBERS = {"int2", "int4", "int8", "float4", "float8", "numeric", *MYSQL_INTEGERS, "float", "double", "decimal", "bit"}
TAKEN = {
    "TIMESTAMPTZ": {"timestamp", "timestamptz", "datetime", "date"},
    "BIGINT": NUMBERS,
    "DOUBLE": NUMBERS,
    "BOOLEAN": {"bool", "int2", "int4", "int8", *MYSQL_INTEGERS, "bit"},
    "JSON": {"json", "jsonb"},
}


@dataclass(frozen=True)
class Examination:
    """What one dataset's SELECT, or its newest file, gives.

    Attributes:
        problems: a line each.
        notices: reasons for which a few rows would be refused, a line each.
        looked_at: rows that were held against the contract.
        rows: a few of them, mapped.
    """

    dataset: str
    file: str
    problems: tuple[str, ...]
    notices: tuple[str, ...]
    looked_at: int
    rows: pl.DataFrame


def examine(session: Session, mapping: Mapping, dataset: str, now: datetime) -> Examination:
    """Check columns and types, and hold the first thousand rows against the contract."""
    try:
        mistyped = find_mistyped(dataset, session.check(dataset))
        tables = list(session.peek(dataset, LOOKED_AT_ROWS))
    except GovpulseError as error:
        return Examination(dataset, mapping.file(dataset), (str(error),), (), 0, pl.DataFrame())
    frames = [pl.DataFrame(pl.from_arrow(table)) for table in tables]
    rows = pl.concat(frames, how="diagonal_relaxed") if frames else pl.DataFrame()
    return judge(dataset, mapping.file(dataset), rows, now, mistyped)


def judge(dataset: str, file: str, rows: pl.DataFrame, now: datetime, mistyped: Sequence[str] = ()) -> Examination:
    """Hold rows against the contract: what the mapping or the file is to blame for, and what single rows are."""
    refused = find_refused(dataset, rows, now, is_mapped=file.endswith(".sql")) if rows.width else []
    systematic = [line for line, count, offered in refused if count > rows.height * MOST_REFUSED or count == offered]
    others = tuple(line for line, *_ in refused if line not in systematic)
    return Examination(dataset, file, (*mistyped, *systematic), others, rows.height, _shown(rows))


def _shown(rows: pl.DataFrame) -> pl.DataFrame:
    """A few rows; why some cannot be read is said of all of them above."""
    return rows.head(SHOWN_ROWS).drop(UNREADABLE, strict=False)


def find_mistyped(dataset: str, types: dict[str, str]) -> list[str]:
    """A line for each column whose type cannot become the contract's."""
    columns = {column.name: column.type for column in DATASETS[dataset].columns}
    return [
        f"{name} is of type {types[name]}, which cannot become {columns[name]}"
        for name in offered_columns(dataset, types)
        if columns[name] in TAKEN and types[name] not in TAKEN[columns[name]] | TEXT
    ]


def find_refused(dataset: str, rows: pl.DataFrame, now: datetime, *, is_mapped: bool = True) -> list[tuple[str, int, int]]:
    """Each kind of reason for which the contract would refuse rows: a line with an example, how many rows, and in how many its
    column says anything.

    Args:
        is_mapped: a SELECT made the rows, in which words can be translated.
    """
    con = connect()
    try:
        with registered(con, "looked_at", rows):
            check_rows(con, DATASETS[dataset], "looked_at", now)
            kinds = fetch(con, sql_beside(__file__, "kinds_of_reasons"))
    finally:
        con.close()
    said = rows.select(pl.all().is_not_null().sum()).row(0, named=True) if rows.height else {}
    return [
        (
            f"{count:,} of {rows.height:,} rows: {_told(kind, example, words, is_mapped)} (first {key})",
            count,
            said.get(kind.partition(" ")[0], rows.height),
        )
        for kind, count, example, key, words in kinds.iter_rows()
    ]


def _told(kind: str, example: str, words: list[str], is_mapped: bool) -> str:
    """Of words that the contract does not know all are named, with what to add to the mapping."""
    if NOT_ONE_OF not in kind:
        return example
    shown = ", ".join(words[:SHOWN_WORDS]) + (f" and {len(words) - SHOWN_WORDS} more" if len(words) > SHOWN_WORDS else "")
    if not is_mapped:
        return f"{kind}: {shown}"
    known = kind.partition(NOT_ONE_OF)[2].split(" | ")
    return f"{kind}: {shown}; add what each means to the SELECT, such as WHEN {quote_text(words[0])} THEN {quote_text(known[-1])}"
