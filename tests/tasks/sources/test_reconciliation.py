"""Comparing with the source: what was deleted or backdated is found, repaired, marked and counted."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from storage.frames import fetch
from storage.intake.loading import load_landing
from storage.limits import Limits
from storage.warehouse import warehouse
from tasks.sources import reconciliation
from tasks.sources.address import Address
from tasks.sources.database.opening import Source
from tasks.sources.extraction import extract_datasets
from tasks.sources.progress import read_progress
from tasks.sources.reconciliation import Drift, Reconciliation, reconcile_datasets
from tests.homes import migrated_home
from tests.postgresql import PostgresServer

LIMITS = Limits(lock_timeout_seconds=20.0, threads=1)
NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
SELECT = """
SELECT id AS user_id, role, NULL::text AS team, true AS is_active, '{}'::jsonb AS preferences, updated_at AS created_at, updated_at
FROM people
"""

SCANS = """
SELECT id AS scan_id, NULL AS name, 'crm' AS data_source, 'full' AS scan_type, role AS status, role AS source_status,
    updated_at AS queued_at, updated_at AS started_at, NULL::timestamptz AS finished_at, 0 AS assets_scanned, 0 AS issues_found,
    NULL AS triggered_by, NULL AS error_message, updated_at
FROM people
"""


class Platform:
    """People in PostgreSQL and a govpulse home that reads them."""

    def __init__(self, server: PostgresServer, folder: Path, rows: int = 10) -> None:
        self.con = psycopg.connect(server.create_database("reconciliation"), autocommit=True)
        self.con.execute("CREATE TABLE people (id int PRIMARY KEY, role text, updated_at timestamptz)")
        self.con.execute("INSERT INTO people SELECT n, 'analyst', %s FROM generate_series(1, %s) AS n", [NOON, rows])
        (folder / "mine").mkdir()
        (folder / "mine" / "users.sql").write_text(SELECT)
        self.home = migrated_home(folder / "home")
        self.source = Source("mine", Address("postgresql", server.url("reconciliation")), str(folder / "mine"))
        self.now = datetime.now(UTC)

    def standing(self) -> Any:
        return read_progress.fn(str(self.home.root), limits=LIMITS, source="mine")

    def extract(self) -> None:
        self.now += timedelta(seconds=1)
        extract_datasets.fn(
            str(self.home.root), source=self.source, so_far=self.standing(), overlap_seconds=0.0, extracted_at=self.now,
            report=lambda _: None,
        )  # fmt: skip
        self.load()

    def load(self) -> None:
        with warehouse(self.home, LIMITS) as con:
            load_landing(con, self.home)

    def reconcile(self, most_deleted_ratio: float = 0.5) -> Reconciliation:
        self.now += timedelta(seconds=1)
        found = reconcile_datasets.fn(
            str(self.home.root), limits=LIMITS, source=self.source, so_far=self.standing(),
            most_deleted_ratio=most_deleted_ratio, listed_at=self.now,
        )  # fmt: skip
        self.load()
        return found

    def rows(self, sql: str = "SELECT user_id, role FROM raw.users WHERE NOT is_deleted ORDER BY CAST(user_id AS INT)") -> Any:
        with warehouse(self.home, LIMITS) as con:
            return fetch(con, sql).rows()


@pytest.fixture
def make(postgres: PostgresServer, tmp_path: Path) -> Iterator[Callable[..., Platform]]:
    with ExitStack() as stack:

        def make_platform(**options: Any) -> Platform:
            platform = Platform(postgres, tmp_path, **options)
            stack.callback(platform.con.close)
            return platform

        yield make_platform


@pytest.fixture
def platform(make: Callable[..., Platform]) -> Platform:
    platform = make()
    platform.extract()
    return platform


def drift(**found: int) -> Drift:
    counts = {"source_rows": 10, "raw_rows": 10, "missing": 0, "stale": 0, "outdated": 0, "deleted": 0, "repaired": 0} | found
    return Drift("users", **counts)


def test_what_agrees_is_said_to_agree(platform: Platform) -> None:
    found = platform.reconcile()
    assert found == Reconciliation((drift(),), {})
    assert str(found) == "in agreement: users"
    assert platform.rows("SELECT dataset, source, missing, deleted FROM ops.reconciliations") == [("users", "mine", 0, 0)]


def test_a_deleted_row_is_marked_and_kept(platform: Platform) -> None:
    platform.con.execute("DELETE FROM people WHERE id IN (3, 4)")
    assert platform.reconcile().drifts == (drift(source_rows=8, deleted=2),)
    assert [key for key, _ in platform.rows()] == ["1", "2", "5", "6", "7", "8", "9", "10"]
    assert platform.rows("SELECT user_id, role FROM raw.users WHERE is_deleted ORDER BY 1") == [("3", "analyst"), ("4", "analyst")]
    assert platform.reconcile().drifts == (drift(source_rows=8, raw_rows=8),), "once"


def test_a_row_inserted_with_an_old_instant_is_read(platform: Platform) -> None:
    platform.con.execute("INSERT INTO people VALUES (11, 'late', %s)", [NOON - timedelta(days=3)])
    platform.extract()
    assert len(platform.rows()) == 10, "extraction cannot see it"
    assert platform.reconcile().drifts == (drift(source_rows=11, missing=1, repaired=1),)
    assert platform.rows()[-1] == ("11", "late")


def test_a_row_whose_instant_went_back_is_read_again(platform: Platform) -> None:
    platform.con.execute("UPDATE people SET role = 'restored', updated_at = %s WHERE id = 2", [NOON - timedelta(days=3)])
    assert platform.reconcile().drifts == (drift(stale=1, repaired=1),)
    assert platform.rows()[1] == ("2", "restored")
    assert platform.reconcile().drifts == (drift(),)


def test_a_deleted_row_that_comes_back_lives_again(platform: Platform) -> None:
    platform.con.execute("DELETE FROM people WHERE id = 3")
    platform.reconcile()
    platform.con.execute("INSERT INTO people VALUES (3, 'again', %s)", [NOON - timedelta(days=1)])
    platform.reconcile()
    assert platform.rows()[2] == ("3", "again")


def test_what_extraction_has_not_come_to_yet_is_no_drift(platform: Platform) -> None:
    platform.con.execute("INSERT INTO people VALUES (11, 'new', %s)", [NOON + timedelta(hours=1)])
    platform.con.execute("UPDATE people SET role = 'changed', updated_at = %s WHERE id = 1", [NOON + timedelta(hours=1)])
    assert platform.reconcile().drifts == (drift(source_rows=11),)
    platform.extract()
    assert platform.rows()[0] == ("1", "changed")


def test_refused_rows_are_not_missing(platform: Platform) -> None:
    platform.con.execute("ALTER TABLE people ADD COLUMN active text")
    platform.con.execute("INSERT INTO people VALUES (11, 'x', %s, 'perhaps')", [NOON - timedelta(seconds=1)])
    file = Path(platform.source.mapping) / "users.sql"
    file.write_text(SELECT.replace("true AS is_active", "active AS is_active"))
    assert platform.reconcile().drifts[0].missing == 1
    assert platform.rows("SELECT key FROM ops.rejected_rows") == [("11",)]
    assert platform.reconcile().drifts[0].missing == 0


def test_a_source_that_lost_most_of_its_rows_is_not_believed(make: Callable[..., Platform]) -> None:
    platform = make(rows=300)
    platform.extract()
    platform.con.execute("DELETE FROM people WHERE id > 50")
    found = platform.reconcile()
    assert found.drifts == ()
    assert found.failures["users"].startswith("the source no longer has 250 of 300 rows of users; nothing was marked as deleted.")
    assert len(platform.rows()) == 300
    assert platform.reconcile(most_deleted_ratio=1.0).drifts[0].deleted == 250
    assert len(platform.rows()) == 50


@pytest.mark.parametrize(
    ("kept", "deleted"), [("", {"2", "9"}), ("users = {days}", {"9"}), ("users = inf", set()), ("scans = {days}", {"2", "9"})]
)
def test_what_leaves_the_source_by_its_age_is_no_deletion(platform: Platform, kept: str, deleted: set[str]) -> None:
    """The source keeps rows until the day before noon; somebody of three days before it and one of noon are no longer there."""
    platform.con.execute("UPDATE people SET updated_at = %s WHERE id = 2", [NOON - timedelta(days=3)])
    platform.reconcile()
    days = (platform.now - NOON).days + 1
    (Path(platform.source.mapping) / "mapping.toml").write_text(f"[kept_days]\n{kept.format(days=days)}\n")
    platform.con.execute("DELETE FROM people WHERE id IN (2, 9)")
    assert platform.reconcile().drifts[0].deleted == len(deleted)
    assert {key for (key,) in platform.rows("SELECT user_id FROM raw.users WHERE is_deleted")} == deleted


@pytest.mark.parametrize(
    ("rows", "left", "is_believed"), [(1, 0, False), (2, 1, False), (10, 0, False), (10, 5, False), (10, 6, True)]
)
def test_an_empty_or_halved_source_is_not_believed_however_small(
    make: Callable[..., Platform], rows: int, left: int, is_believed: bool
) -> None:
    platform = make(rows=rows)
    platform.extract()
    platform.con.execute("DELETE FROM people WHERE id > %s", [left])
    found = platform.reconcile()
    assert (found.failures == {}) == is_believed
    assert len(platform.rows()) == (left if is_believed else rows)
    platform.reconcile(most_deleted_ratio=1.0)
    assert len(platform.rows()) == left


def test_many_differences_are_repaired_by_reading_everything(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reconciliation, "MOST_SINGLE_KEYS", 3)
    platform.con.execute("UPDATE people SET role = 'back', updated_at = %s WHERE id <= 5", [NOON - timedelta(days=1)])
    assert platform.reconcile().drifts == (drift(stale=5, repaired=10),)
    assert [role for _, role in platform.rows()] == ["back"] * 5 + ["analyst"] * 5


def test_a_dataset_that_was_not_read_whole_is_not_compared(make: Callable[..., Platform]) -> None:
    platform = make()
    assert platform.reconcile() == Reconciliation((), {})


def test_a_source_that_cannot_be_read_is_a_failure_and_marks_nothing(platform: Platform) -> None:
    platform.con.execute("ALTER TABLE people DROP COLUMN role")
    found = platform.reconcile()
    assert "mine/users.sql" in found.failures["users"]
    assert found.drifts == ()
    assert not list(platform.home.private.glob("listing-*"))


def test_a_row_long_open_is_read_again_though_nothing_says_that_it_changed(make: Callable[..., Platform]) -> None:
    """Extraction reads the latest open rows again, reconciling all of them."""
    platform = make(rows=0)
    platform.con.execute("INSERT INTO people SELECT n, 'running', %s FROM generate_series(1, 3) AS n", [NOON])
    (Path(platform.source.mapping) / "users.sql").unlink()
    (Path(platform.source.mapping) / "scans.sql").write_text(SCANS)
    platform.extract()
    platform.con.execute("UPDATE people SET role = 'failed' WHERE id = 1")
    platform.reconcile()
    assert platform.rows("SELECT scan_id, status FROM raw.scans ORDER BY 1") == [
        ("1", "failed"),
        ("2", "running"),
        ("3", "running"),
    ]


def test_a_row_of_which_the_newest_state_was_refused_is_a_difference(platform: Platform) -> None:
    platform.con.execute("ALTER TABLE people ADD COLUMN since timestamptz")
    platform.con.execute("UPDATE people SET updated_at = updated_at + interval '1 minute', since = '2999-01-01' WHERE id = 3")
    select = platform.home.root.parent / "mine" / "users.sql"
    select.write_text(SELECT.replace("updated_at AS created_at", "since AS created_at"))
    platform.extract()
    assert platform.rows("SELECT dataset, key, reason FROM ops.outdated_rows") == [("users", "3", "created_at is in the future")]
    assert platform.reconcile().drifts == (drift(outdated=1),)
    assert str(drift(outdated=1)) == "users 1 outdated of 10"
    platform.con.execute("UPDATE people SET since = NULL WHERE id = 3")
    platform.extract()
    assert platform.rows("SELECT key FROM ops.outdated_rows") == []
    assert platform.reconcile().drifts == (drift(),)
