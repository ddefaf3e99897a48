"""Declared owners, which each extraction reads whole: from PostgreSQL and from SQLite, while the platform changes in between."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pyarrow.parquet as pq
import pytest

from storage.catalogue import DATASETS
from storage.errors import GovpulseError
from storage.frames import fetch
from storage.intake.landing import pending
from storage.intake.listings import mark_gone
from storage.intake.loading import load_landing
from storage.limits import Limits
from storage.warehouse import warehouse
from tasks.sources import landing_stream
from tasks.sources.address import Address
from tasks.sources.database import postgresql_reading, sqlite_reading
from tasks.sources.database.opening import Source, open_session
from tasks.sources.examination import Examination, examine
from tasks.sources.extraction import Extraction, extract_datasets
from tasks.sources.progress import SourceProgress, read_progress
from tasks.sources.reconciliation import Reconciliation, reconcile_datasets
from tests.homes import migrated_home
from tests.postgresql import PostgresServer

LIMITS = Limits(lock_timeout_seconds=20.0, threads=1)
NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
OWNERS = "SELECT area AS domain, person AS user_id FROM stewards"
USERS = """
SELECT id AS user_id, NULL AS role, NULL AS team, NULL AS is_active, NULL AS preferences, NULL AS created_at, updated_at FROM people
"""
BREAKS_AFTER_THE_FIRST_ROWS = {
    "postgresql": "SELECT 'late' AS domain, CAST(1 / (3000 - n) AS text) AS user_id FROM generate_series(1, 3000) AS n",
    "sqlite": """
        WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 3000)
        SELECT 'late' AS domain, CASE WHEN n < 3000 THEN n ELSE abs(-9223372036854775807 - 1) END AS user_id FROM numbers
    """,
}


class Platform:
    """People and stewards in a database, a mapping of both, and a govpulse home that reads them."""

    def __init__(self, address: Address, folder: Path) -> None:
        self.address, self.mapping, self.home = address, folder / "mine", migrated_home(folder / "home")
        self.source = Source("mine", address, str(self.mapping))
        self.now = NOON
        self.insists, self.doubts = True, dict[str, str]()
        self.mapping.mkdir()
        self.map("users", USERS)
        self.map("owners", OWNERS)
        self.change("CREATE TABLE people (id text, updated_at timestamp)")
        self.change("CREATE TABLE stewards (area text, person text)")
        self.change("INSERT INTO people VALUES ('u1', '2026-03-01 10:00:00')")

    def map(self, dataset: str, select: str) -> None:
        (self.mapping / f"{dataset}.sql").write_text(select)

    def change(self, sql: str) -> None:
        if self.address.kind == "sqlite":
            with closing(sqlite3.connect(self.address.path)) as con, con:
                con.execute(sql)
        else:
            with closing(psycopg.connect(self.address.url, autocommit=True)) as con:
                con.execute(sql)

    def declare(self, *owners: str) -> None:
        """The stewards, written `domain/user`; what is empty is NULL."""
        self.change("DELETE FROM stewards")
        for owner in owners:
            domain, user = (f"'{part}'" if part else "NULL" for part in owner.split("/"))
            self.change(f"INSERT INTO stewards VALUES ({domain}, {user})")

    def standing(self) -> SourceProgress:
        return read_progress.fn(str(self.home.root), limits=LIMITS, source="mine")

    def take(self) -> Extraction:
        """Extract and load, a quarter of an hour later than the last time."""
        self.now += timedelta(minutes=15)
        standing = self.standing()
        extraction = extract_datasets.fn(
            str(self.home.root), source=self.source, so_far=standing, overlap_seconds=0.0, extracted_at=self.now,
            report=lambda _: None,
        )  # fmt: skip
        with warehouse(self.home, LIMITS) as con:
            self.doubts = dict(load_landing(con, self.home).doubts)
            if self.insists:
                mark_gone(con, DATASETS["owners"], "mine", most_deleted_ratio=1.0)
        return extraction

    def owners(self) -> list[str]:
        """Who is declared, after another extraction."""
        assert self.take().failures == {}
        return self.declared()

    def declared(self) -> list[str]:
        return [owner for (owner,) in self.rows("SELECT domain || '/' || user_id FROM raw.owners WHERE NOT is_deleted ORDER BY 1")]

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with warehouse(self.home, LIMITS) as con:
            return fetch(con, sql).rows()

    def reconcile(self, most_deleted_ratio: float = 0.5) -> Reconciliation:
        self.now += timedelta(minutes=15)
        return reconcile_datasets.fn(
            str(self.home.root), limits=LIMITS, source=self.source, so_far=self.standing(),
            most_deleted_ratio=most_deleted_ratio, listed_at=self.now,
        )  # fmt: skip

    def examine(self) -> Examination:
        with open_session(self.source) as session:
            return examine(session, self.source.load_mapping(), "owners", NOON)


@pytest.fixture(scope="module")
def url(postgres: PostgresServer) -> str:
    return postgres.create_database("listings")


@pytest.fixture(params=["postgresql", "sqlite"])
def platform(request: pytest.FixtureRequest, tmp_path: Path) -> Platform:
    if request.param == "sqlite":
        (tmp_path / "platform.sqlite").touch()
        return Platform(Address("sqlite", str(tmp_path / "platform.sqlite")), tmp_path)
    url = request.getfixturevalue("url")
    with closing(psycopg.connect(url, autocommit=True)) as con:
        con.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    return Platform(Address("postgresql", url), tmp_path)


def test_owners_come_leave_and_come_back(platform: Platform) -> None:
    platform.declare("finance/u1", "finance/u2", "hr/u1")
    assert platform.owners() == ["finance/u1", "finance/u2", "hr/u1"]
    platform.declare("finance/u2", "sales/u3")
    assert platform.owners() == ["finance/u2", "sales/u3"]
    platform.declare("finance/u1")
    assert platform.owners() == ["finance/u1"]
    kept = platform.rows("SELECT domain, user_id, source FROM raw.owners ORDER BY ALL")
    assert kept == [("finance", "u1", "mine"), ("finance", "u2", "mine"), ("hr", "u1", "mine"), ("sales", "u3", "mine")]


def test_where_no_owner_is_left_none_is_declared(platform: Platform) -> None:
    assert platform.owners() == []
    platform.declare("finance/u1")
    platform.take()
    platform.declare()
    (owners,) = [result for result in platform.take().results if result.dataset == "owners"]
    assert (owners.rows, owners.files) == (0, 1)
    assert platform.declared() == []
    platform.declare("finance/u1")
    assert platform.owners() == ["finance/u1"]


@pytest.mark.parametrize(
    ("before", "after", "is_believed"), [(1, 0, False), (5, 0, False), (5, 2, False), (5, 3, True), (2, 1, True)]
)
def test_a_listing_that_lacks_most_is_not_believed_until_somebody_says_so(
    platform: Platform, before: int, after: int, is_believed: bool
) -> None:
    platform.insists = False
    owners = [f"finance/u{number}" for number in range(before)]
    platform.declare(*owners)
    platform.take()
    platform.declare(*owners[:after])
    assert platform.owners() == (owners[:after] if is_believed else owners)
    assert ("owners" in platform.doubts) == (not is_believed)
    assert ("owners" in platform.reconcile().failures) == (not is_believed)
    assert platform.reconcile(most_deleted_ratio=1.0).failures == {}
    assert platform.declared() == owners[:after]
    platform.declare("finance/u9", *owners)
    platform.take()
    platform.declare()
    assert len(platform.owners()) == before + 1, "it was said once"


def test_other_owners_take_the_place_of_those_who_were(platform: Platform) -> None:
    platform.insists = False
    platform.declare("finance/u1")
    platform.take()
    platform.declare("finance/u2")
    assert platform.owners() == ["finance/u2"]


def test_a_mapping_without_the_select_takes_nobody_away(platform: Platform) -> None:
    platform.declare("finance/u1")
    platform.take()
    (platform.mapping / "owners.sql").unlink()
    platform.declare()
    assert platform.owners() == ["finance/u1"]
    platform.map("owners", OWNERS)
    assert platform.owners() == []


def test_a_select_that_fails_takes_nobody_away_and_is_a_failure_of_its_own(platform: Platform) -> None:
    platform.declare("finance/u1")
    platform.take()
    platform.change("INSERT INTO people VALUES ('u2', '2026-03-02 10:00:00')")
    platform.map("owners", "SELECT area AS domain, nobody AS user_id FROM stewards")
    extraction = platform.take()
    assert list(extraction.failures) == ["owners"]
    assert "mapping mine/owners.sql does not fit" in extraction.failures["owners"]
    assert platform.declared() == ["finance/u1"]
    assert platform.rows("SELECT user_id FROM raw.users ORDER BY 1") == [("u1",), ("u2",)]


def test_a_select_that_breaks_off_after_its_first_rows_takes_nobody_away(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(landing_stream, "FILE_ROWS", 100)
    monkeypatch.setattr(postgresql_reading, "SENT_BYTES", 1_000)
    monkeypatch.setattr(sqlite_reading, "SENT_ROWS", 100)
    platform.declare("finance/u1")
    platform.take()
    platform.map("owners", BREAKS_AFTER_THE_FIRST_ROWS[platform.address.kind])
    assert (
        platform.take().failures["owners"].endswith("; owners were left as they were, because a missing row would count as deleted")
    )
    assert "finance/u1" in platform.declared()
    assert len(platform.declared()) > 1, "what came before it broke is taken in"
    platform.map("owners", OWNERS)
    assert platform.owners() == ["finance/u1"], "the next whole listing is what there is"


def test_a_long_listing_is_one_though_it_lies_in_several_files(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(landing_stream, "FILE_ROWS", 2)
    owners = [f"finance/u{number}" for number in range(5)]
    platform.declare(*owners)
    assert platform.owners() == owners
    assert platform.owners() == owners
    platform.declare(*owners[3:])
    assert platform.owners() == owners[3:]


def test_doubles_are_one_row_and_what_has_no_domain_or_user_is_refused_until_it_is_mended(platform: Platform) -> None:
    platform.declare("finance/u1", "finance/u1", "finance/", "/u1", "/")
    for _ in range(2):
        assert platform.owners() == ["finance/u1"]
        assert platform.rows("SELECT key, reason FROM ops.rejected_rows ORDER BY ALL") == [
            ("?/?", "domain is missing; user_id is missing"),
            ("?/u1", "domain is missing"),
            ("finance/?", "user_id is missing"),
        ]
    platform.declare("finance/u1", "finance/u2", "hr/u1")
    assert platform.owners() == ["finance/u1", "finance/u2", "hr/u1"]
    assert platform.rows("SELECT count(*) FROM raw.owners") == [(3,)]
    assert platform.rows("SELECT count(*) FROM ops.rejected_rows") == [(0,)]


def test_keys_that_are_no_text_come_as_text(platform: Platform) -> None:
    platform.declare("10/7", "9/7")
    kind = "integer" if platform.address.kind == "sqlite" else "char(4)"
    platform.map("owners", f"SELECT CAST(area AS integer) AS domain, CAST(person AS {kind}) AS user_id FROM stewards")
    assert platform.owners() == ["10/7", "9/7"]


def test_the_watermarks_of_the_others_move_as_without_it(platform: Platform) -> None:
    platform.declare("finance/u1")
    platform.take()
    changed = datetime(2026, 3, 1, 10, tzinfo=UTC)
    watermarks = "SELECT dataset, watermark FROM ops.watermarks ORDER BY ALL"
    assert platform.rows(watermarks) == [("owners", NOON + timedelta(minutes=15)), ("users", changed)]
    platform.declare()
    platform.take()
    assert platform.rows(watermarks) == [("owners", NOON + timedelta(minutes=30)), ("users", changed)]
    assert str(platform.standing()) == "newest change read so far 2026-03-01 10:00 UTC"


def test_a_clock_of_ours_that_is_put_back_takes_nobody_away(platform: Platform) -> None:
    platform.change("DELETE FROM people")
    platform.take()
    platform.now -= timedelta(days=3)
    platform.declare("finance/u1")
    assert platform.owners() == ["finance/u1"]


def test_reconciling_leaves_listings_alone(platform: Platform) -> None:
    platform.declare("finance/u1")
    platform.take()
    platform.declare("hr/u2")
    found = platform.reconcile()
    assert (found.failures, [drift.dataset for drift in found.drifts]) == ({}, ["users"])
    assert pending(platform.home, "owners") == []
    assert platform.declared() == ["finance/u1"]


def test_a_listing_lands_its_two_columns_and_when_it_was_seen(platform: Platform) -> None:
    for owners in (["finance/u1"], []):
        platform.declare(*owners)
        extract_datasets.fn(
            str(platform.home.root), source=platform.source, so_far=SourceProgress({}), overlap_seconds=0.0, extracted_at=NOON,
            report=lambda _: None,
        )  # fmt: skip
    files = [pq.read_table(path) for path in pending(platform.home, "owners")]
    assert [file.num_rows for file in files] == [1, 0]
    assert [file.column_names for file in files] == [["domain", "user_id", "extracted_at"]] * 2
    said = {(file.schema.metadata[b"source"], file.schema.metadata[b"watermark"]) for file in files}
    assert said == {(b"mine", NOON.isoformat().encode())}


def test_a_sound_select_has_no_problem_and_shows_what_it_makes(platform: Platform) -> None:
    platform.declare("finance/u1", "finance/u1")
    found = platform.examine()
    assert (found.file, found.problems, found.notices, found.looked_at) == ("mine/owners.sql", (), (), 2)
    assert found.rows.rows() == [("finance", "u1"), ("finance", "u1")]
    platform.declare()
    assert platform.examine().problems == ()


@pytest.mark.parametrize(
    ("select", "said"),
    [
        ("SELECT area AS domain FROM stewards", "mapping mine/owners.sql does not yield user_id"),
        ("SELECT 'x' AS domain, 1 AS user_id, 2 AS user_id", "mapping mine/owners.sql yields user_id more than once"),
        ("SELECT area AS domain, NULL AS user_id FROM stewards", "1 of 1 rows: user_id is missing (first finance/?)"),
    ],
    ids=["missing", "twice", "NULL"],
)
def test_what_is_wrong_with_a_select_is_said(platform: Platform, select: str, said: str) -> None:
    platform.declare("finance/u1")
    platform.map("owners", select)
    assert platform.examine().problems == (said,)


def test_a_database_that_is_gone_takes_nobody_away(platform: Platform) -> None:
    platform.declare("finance/u1")
    platform.take()
    away = Address(platform.address.kind, platform.address.url + "_away")
    platform.source = Source("mine", away, str(platform.mapping))
    with pytest.raises(GovpulseError):
        platform.take()
    assert platform.declared() == ["finance/u1"]
