"""Writing insights.performance_insights: what an as_of found is joined to what other as_ofs found.

For as_ofs computed in the order of time:

- found for the first time: a new row; found again: the same row, as the latest found it, with the first one's start and id;
- not found any more: `ended_at` is the first as_of that did not find it;
- found again with a start before that end: the same row goes on; with one from the end on: a new row.

One computed late, or again, ends in the table as if all had been computed in the order of time, with two exceptions, both
because a row keeps of the as_ofs that found it only the first and the last:

- one that lies between them leaves the row whole, whatever it found;
- where other data no longer find at the first or at the last of several what they had found, the row begins or stops at the
  as_of computed next to it, with its start and wording; where they only date it otherwise at the last, it goes on.
"""

from collections import defaultdict
from datetime import datetime
from typing import Any

import duckdb
import polars as pl

from storage.catalogue import INSIGHTS
from storage.errors import GovpulseError
from storage.fingerprints import row_id
from storage.frames import fetch, registered
from storage.sql_files import sql_beside
from storage.write import remove, upsert
from tasks.insights.findings.episodes import FindingRow, revise

TABLE = INSIGHTS["performance_insights"]
INSTANT = pl.Datetime("us", "UTC")
SCHEMA = {
    column.name: {"TIMESTAMPTZ": INSTANT, "DOUBLE": pl.Float64(), "BOOLEAN": pl.Boolean()}.get(column.type, pl.String())
    for column in TABLE.columns
}
IDENTITY = ("kind", "subject", "labels")
"""What tells one finding from another at any as_of."""
Key = tuple[str, ...]


def as_found(findings: list[dict[str, Any]], as_of: datetime) -> pl.DataFrame:
    """Findings as rows of the table, as if `as_of` were the first and the last to find them.

    Args:
        findings: kind, subject, labels (JSON), severity, started_at, statement, recommendation, evidence (JSON), confidence,
            is_sample.
    """
    rows = [
        row | {"as_of": as_of, "first_found_at": as_of, "insight_id": row_id(*_key(row), row["started_at"])} for row in findings
    ]
    return pl.DataFrame(rows, schema=SCHEMA)


def write_findings(con: duckdb.DuckDBPyConnection, found: pl.DataFrame, as_of: datetime) -> int:
    """Join what `as_of` found (see `as_found`) to the table; returns how many rows changed. The transaction is the caller's, who
    enters the computation in ops.computations in the same.

    Raises:
        GovpulseError: a kind was found twice for one subject, or starts after as_of; nothing is written.
    """
    _check(found, as_of)
    here = {_key(row): row for row in found.iter_rows(named=True)}
    before = _rows_before(con, found, as_of)
    computed = _computed(con, as_of)
    old = {row["insight_id"]: row for rows in before.values() for row in rows}
    revised = [row for key in sorted(before | here) for row in revise(before.get(key, []), here.get(key), as_of, computed)]
    changed = [row for row in revised if old.get(row["insight_id"]) != row]
    gone = sorted(old.keys() - {row["insight_id"] for row in revised})
    remove(con, TABLE.full_name, "list_contains($gone, insight_id)", {"gone": gone})
    with registered(con, "changed", pl.DataFrame(changed, schema=SCHEMA)):
        return upsert(con, TABLE, "changed") + len(gone)


def _check(found: pl.DataFrame, as_of: datetime) -> None:
    doubled = found.filter(found.select(IDENTITY).is_duplicated())
    late = found.filter(pl.col("started_at") > as_of)
    for wrong, what in ((doubled, "came out twice"), (late, "starts after as_of")):
        if wrong.height:
            kind, subject = wrong.select("kind", "subject").row(0)
            raise GovpulseError(f"{TABLE.full_name}: {kind} of {subject} {what}; nothing was written")


def _key(row: FindingRow) -> Key:
    return tuple(row[name] for name in IDENTITY)


def _rows_before(con: duckdb.DuckDBPyConnection, found: pl.DataFrame, as_of: datetime) -> dict[Key, list[FindingRow]]:
    """All rows of the subjects that as_of found, or that it may close or take back."""
    rows: dict[Key, list[FindingRow]] = defaultdict(list)
    with registered(con, "found", found):
        frame = fetch(con, sql_beside(__file__, "stored/rows_before"), {"as_of": as_of})
    for row in frame.iter_rows(named=True):
        rows[_key(row)].append(row)
    return rows


def _computed(con: duckdb.DuckDBPyConnection, as_of: datetime) -> list[datetime]:
    """The other as_ofs computed, ascending: those in the book, and of older ones, which it has forgotten, what the rows say."""
    frame = fetch(con, sql_beside(__file__, "stored/computed"), {"as_of": as_of})
    return sorted(instant for instant in frame["as_of"] if instant is not None and instant != as_of)
