"""The task on a real warehouse: what is found is written once and goes on, what is not computed ends nothing."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from storage.catalogue import TABLES
from storage.catalogue.insights import performance_insights as catalogue
from storage.errors import GovpulseError
from storage.frames import fetch
from storage.home import Home
from storage.limits import Limits
from storage.warehouse import warehouse
from tasks.insights import insight
from tasks.insights import performance_insights as module
from tasks.insights.performance_insights import KINDS, PERFORMANCE_INSIGHTS, TABLE
from tests.insight_rows import enter, insert
from tests.insights import compute_table

AS_OF = datetime(2026, 11, 25, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
LIMITS = Limits(lock_timeout_seconds=10.0, threads=1)
DEAD = {"verdict": "probably_dead", "dead_probability": 0.98, "slow_seconds": 60.0, "started_at": AS_OF - timedelta(days=1)}


def fill(home: Home, as_of: datetime, *scans: str, computed: tuple[str, ...] = TABLE.inputs) -> None:
    """Let the tables that findings are read from hold those dead scans, computed as of then."""
    with warehouse(home, LIMITS) as con:
        con.execute("DELETE FROM insights.active_scans")
        insert(con, TABLES["insights.active_scans"], *(DEAD | {"as_of": as_of, "scan_id": scan, "subject": scan} for scan in scans))
        enter(con, *computed, as_of=as_of, computed_at=datetime.now(UTC))


def compute(home: Home, as_of: datetime) -> int:
    return compute_table(PERFORMANCE_INSIGHTS, str(home.root), limits=LIMITS, as_of=as_of, window_days=90, gap_seconds=3600.0).rows


def table(home: Home, columns: str = "*") -> list[dict[str, Any]]:
    with warehouse(home, LIMITS) as con:
        return fetch(con, f"SELECT {columns} FROM insights.performance_insights ORDER BY subject").rows(named=True)


def book(home: Home) -> list[tuple[datetime, int]]:
    with warehouse(home, LIMITS) as con:
        sql = "SELECT as_of, rows FROM ops.computations WHERE insight = 'performance_insights' ORDER BY computed_at"
        return fetch(con, sql).rows()


def test_every_kind_of_the_catalogue_has_its_module_and_its_select() -> None:
    folder = Path(module.__file__).with_name("findings")
    assert sorted(kind.name for kind in KINDS) == sorted(catalogue.KINDS)
    assert {path.stem for path in folder.glob("*.sql")} == set(catalogue.KINDS)
    assert {path.stem for path in folder.glob("*.py")} >= set(catalogue.KINDS)


def test_what_is_found_goes_on_until_it_is_found_no_more(home: Home) -> None:
    fill(home, AS_OF, "s1", "s2")
    assert compute(home, AS_OF) == 2
    first = table(home, "insight_id, first_found_at, ended_at")
    fill(home, AS_OF + HOUR, "s1")
    assert compute(home, AS_OF + HOUR) == 1
    later = table(home, "insight_id, first_found_at, ended_at")
    assert first == [row | {"ended_at": None} for row in later]
    assert [row["ended_at"] for row in later] == [None, AS_OF + HOUR]
    assert book(home) == [(AS_OF, 2), (AS_OF + HOUR, 1)]


def test_the_same_again_changes_nothing_but_the_book(home: Home) -> None:
    fill(home, AS_OF, "s1")
    compute(home, AS_OF)
    once = table(home)
    compute(home, AS_OF)
    assert table(home) == once
    assert len(book(home)) == 2


def test_tables_that_are_empty_are_sound(home: Home) -> None:
    fill(home, AS_OF)
    assert compute(home, AS_OF) == 0
    assert table(home) == []
    assert book(home) == [(AS_OF, 0)]


@pytest.mark.parametrize("missing", TABLE.inputs)
def test_a_table_of_another_as_of_ends_nothing(home: Home, missing: str) -> None:
    fill(home, AS_OF, "s1")
    compute(home, AS_OF)
    before = table(home)
    fill(home, AS_OF + HOUR, computed=tuple(name for name in TABLE.inputs if name != missing))
    with pytest.raises(GovpulseError, match=f"performance_insights: {missing} not computed as of 2026-11-25T13:00:00"):
        compute(home, AS_OF + HOUR)
    assert table(home) == before
    assert book(home) == [(AS_OF, 1)]


def test_computed_then_but_for_another_as_of_since_is_refused(home: Home) -> None:
    fill(home, AS_OF)
    fill(home, AS_OF - HOUR, computed=("active_scans",))
    with pytest.raises(GovpulseError, match="active_scans not computed as of"):
        compute(home, AS_OF)


def test_what_to_do_is_said_in_one_line(home: Home) -> None:
    with pytest.raises(GovpulseError) as refusal:
        compute(home, AS_OF)
    text = str(refusal.value)
    assert ", ".join(TABLE.inputs) + " not computed as of" in text
    assert "`--only performance_insights`" in text
    assert "\n" not in text


def test_findings_and_their_entry_in_the_book_are_written_together(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(home, AS_OF, "s1")

    def fail(*_: object) -> None:
        raise GovpulseError("the disk is full")

    monkeypatch.setattr(insight, "enter", fail)
    with pytest.raises(GovpulseError, match="the disk is full"):
        compute(home, AS_OF)
    assert table(home) == []
