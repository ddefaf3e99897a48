"""The table of findings: as_of after as_of is joined to what is there. How rows change is tested in test_episodes.

Instants are whole hours; a finding is written as the hour it starts at.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import duckdb
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.catalogue import TABLES
from storage.errors import GovpulseError
from storage.frames import fetch, registered
from storage.migrations import migrate
from storage.transaction import transaction
from storage.warehouse import connect
from storage.write import append
from tasks.insights.findings.episodes import FindingRow, revise
from tasks.insights.findings.joining import as_found, write_findings

START = datetime(2026, 3, 1, tzinfo=UTC)
SUBJECTS = ("a", "b")
Found = dict[str, int]
"""Subject -> the hour its finding starts at."""
Shown = tuple[str, int, int, int, int | None, str]
"""Subject, started, first found, last found, ended, statement."""
clock = count()


@contextmanager
def migrated() -> Iterator[duckdb.DuckDBPyConnection]:
    connection = connect()
    migrate(connection, START)
    yield connection
    connection.close()


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    """A warehouse of its own, in memory."""
    with migrated() as connection:
        yield connection


@pytest.fixture(scope="module")
def shared() -> Iterator[duckdb.DuckDBPyConnection]:
    """One for the many examples of a property, which clear what they use."""
    with migrated() as connection:
        yield connection


def at(hour: int) -> datetime:
    return START + timedelta(hours=hour)


def hour(instant: datetime | None) -> int | None:
    return None if instant is None else int((instant - START).total_seconds() // 3600)


def finding(subject: str, started: int, said: str, **changes: Any) -> dict[str, Any]:
    row = {
        "kind": "stuck_scan", "subject": subject, "labels": "{}", "severity": "critical",
        "started_at": at(started), "statement": said, "recommendation": "cancel it", "evidence": f'{{"said": "{said}"}}',
        "confidence": 0.9, "is_sample": False,
    }  # fmt: skip
    return row | changes


def findings(as_of: int, found: Found) -> pl.DataFrame:
    return as_found([finding(subject, started, f"at {as_of}") for subject, started in found.items()], at(as_of))


def compute(con, as_of: int, found: Found) -> int:
    """Write what an as_of found, and enter it in the book; how many rows changed."""
    rows = findings(as_of, found)
    entry = {"insight": "performance_insights", "as_of": at(as_of), "rows": rows.height, "duration_seconds": 0.0}
    done = pl.DataFrame([entry | {"computed_at": at(next(clock))}]).with_columns(window_start=pl.lit(None, rows.schema["as_of"]))
    with transaction(con), registered(con, "done", done):
        changed = write_findings(con, rows, at(as_of))
        append(con, TABLES["ops.computations"], "done")
    return changed


def shown(con) -> list[Shown]:
    rows = fetch(con, "SELECT * FROM insights.performance_insights ORDER BY subject, started_at").iter_rows(named=True)
    names = ("started_at", "first_found_at", "as_of", "ended_at")
    return [(row["subject"], *(hour(row[name]) for name in names), row["statement"]) for row in rows]


def after(con, history: list[tuple[int, Found]]) -> list[Shown]:
    """The table, empty before, after computing those as_ofs in that order."""
    con.execute("DELETE FROM insights.performance_insights")
    con.execute("DELETE FROM ops.computations")
    for as_of, found in history:
        compute(con, as_of, found)
    return shown(con)


def test_found_again_it_is_the_same_row_as_the_latest_found_it(con) -> None:
    compute(con, 10, {"a": 8})
    first = fetch(con, "SELECT insight_id FROM insights.performance_insights").item()
    compute(con, 11, {"a": 9})
    assert shown(con) == [("a", 8, 10, 11, None, "at 11")]
    row = fetch(con, "SELECT insight_id, evidence FROM insights.performance_insights").row(0)
    assert row == (first, '{"said": "at 11"}')


def test_an_older_as_of_adds_what_was_true_then(con) -> None:
    assert after(con, [(12, {"b": 3}), (11, {"a": 9, "b": 3})]) == [("a", 9, 11, 11, 12, "at 11"), ("b", 3, 11, 12, None, "at 12")]


def test_other_data_at_the_same_as_of_take_back_what_it_alone_found(con) -> None:
    assert after(con, [(9, {}), (10, {"a": 8}), (11, {}), (10, {})]) == []


def test_what_another_subject_does_is_no_change(con) -> None:
    assert compute(con, 10, {"a": 8, "b": 7}) == 2
    assert compute(con, 10, {"a": 8, "b": 7}) == 0
    assert compute(con, 11, {"a": 8}) == 2, "one found again, one ended"
    assert compute(con, 12, {"a": 8}) == 1, "what has ended stays as it is"
    assert compute(con, 12, {}) == 1


def test_a_row_that_is_dated_earlier_takes_the_place_of_the_old_one(con) -> None:
    compute(con, 12, {"a": 10})
    compute(con, 11, {"a": 9})
    assert shown(con) == [("a", 9, 11, 12, None, "at 12")]


def test_kinds_of_one_subject_are_apart(con) -> None:
    rows = [finding("a", 1, "x"), finding("a", 1, "y", kind="scan_slowdown")]
    write_findings(con, as_found(rows, at(2)), at(2))
    assert fetch(con, "SELECT count(DISTINCT insight_id) FROM insights.performance_insights").item() == 2


@pytest.mark.parametrize(("late", "ended"), [(9, 10), (11, 12), (13, 14)])
def test_what_the_book_has_forgotten_the_rows_still_tell(con, late: int, ended: int) -> None:
    after(con, [(10, {"a": 8}), (12, {"a": 8}), (14, {})])
    con.execute("DELETE FROM ops.computations")
    compute(con, late, {"b": late})
    assert shown(con)[-1] == ("b", late, late, late, ended, f"at {late}")


@pytest.mark.parametrize(
    ("rows", "what"),
    [
        ([finding("a", 1, "x"), finding("a", 0, "y")], "stuck_scan of a came out twice"),
        ([finding("a", 3, "x")], "stuck_scan of a starts after as_of"),
    ],
)
def test_what_cannot_be_is_refused(con, rows, what: str) -> None:
    with pytest.raises(GovpulseError, match=f"performance_insights: {what}; nothing was written"):
        write_findings(con, as_found(rows, at(2)), at(2))


found_hours = st.fixed_dictionaries({}, optional=dict.fromkeys(SUBJECTS, st.integers(0, 10)))
histories = st.lists(st.tuples(st.integers(0, 24), found_hours), min_size=1, max_size=8)


@given(histories)
@settings(max_examples=15)
def test_the_table_is_what_the_rows_of_each_subject_come_to(shared, history) -> None:
    """As `revise` has it; of an as_of more than once what it found last."""
    drawn = [(as_of, {subject: as_of - age for subject, age in found.items()}) for as_of, found in history]
    rows: dict[str, list[FindingRow]] = {subject: [] for subject in SUBJECTS}
    computed: set[datetime] = set()
    for as_of, found in drawn:
        here = {row["subject"]: row for row in findings(as_of, found).iter_rows(named=True)}
        for subject in SUBJECTS:
            rows[subject] = revise(rows[subject], here.get(subject), at(as_of), sorted(computed - {at(as_of)}))
        computed.add(at(as_of))
    after(shared, drawn)
    table = fetch(shared, "SELECT * FROM insights.performance_insights ORDER BY subject, started_at")
    assert table.rows(named=True) == [row for subject in SUBJECTS for row in rows[subject]]
    assert table["insight_id"].is_unique().all()
