"""Extractions into a warehouse and back, as the flow does them, while the source changes in between."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest

from storage.errors import GovpulseError
from storage.frames import fetch
from storage.intake.landing import pending
from storage.intake.ledger import Mark
from storage.intake.load_result import LoadResult
from storage.intake.loading import load_landing
from storage.limits import Limits
from storage.warehouse import warehouse
from tasks.sources import landing_stream, slices
from tasks.sources.address import Address
from tasks.sources.database.opening import Source
from tasks.sources.extraction import Extraction, extract_datasets
from tasks.sources.landing_stream import LandingStream
from tasks.sources.mapping import SHIPPED
from tasks.sources.progress import Progress, SourceProgress, read_progress
from tests.homes import migrated_home

LIMITS = Limits(lock_timeout_seconds=10.0, threads=1)
NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
RACINE = """
CREATE TABLE datasource (id INTEGER PRIMARY KEY, name TEXT, environment TEXT);
CREATE TABLE data_source_versions (id INTEGER PRIMARY KEY, data_source_id INTEGER, version TEXT, status TEXT, created_at,
                                   updated_at);
CREATE TABLE version_deployments (id INTEGER PRIMARY KEY, version_id INTEGER, deployment_type TEXT, deployed_by TEXT, status TEXT,
                                  started_at, completed_at);
CREATE TABLE scan (id INTEGER PRIMARY KEY, scan_id TEXT, name TEXT, data_source_id INTEGER, scan_rule_set_id INTEGER, status TEXT,
                   error_message TEXT, started_at, completed_at, created_at, updated_at, created_by TEXT);
CREATE TABLE scanresult (id INTEGER PRIMARY KEY, scan_id INTEGER, compliance_issues TEXT);
INSERT INTO datasource VALUES (1, 'crm', 'PRODUCTION');
INSERT INTO data_source_versions VALUES (1, 1, 'v1', 'active', '2026-03-01 09:00:00', NULL);
"""


class Platform:
    """A racine database in SQLite and a govpulse home that reads it."""

    def __init__(self, folder: Path) -> None:
        self.path, self.home, self.zone = folder / "racine.sqlite", migrated_home(folder / "data"), "UTC"
        self.change(RACINE)

    def change(self, script: str) -> None:
        with closing(sqlite3.connect(self.path)) as con, con:
            con.executescript(script)

    def scan(
        self, key: str, status: str, updated_at: str | None, started_at: str | None = None, completed_at: str | None = None
    ) -> None:
        row = (key, "nightly", 1, status, started_at, completed_at, None, updated_at)
        with closing(sqlite3.connect(self.path)) as con, con:
            con.execute("DELETE FROM scan WHERE scan_id = ?", [key])
            sql = "INSERT INTO scan (scan_id, name, data_source_id, status, started_at, completed_at, created_at, updated_at)"
            con.execute(f"{sql} VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)

    def deployment(self, key: int, status: str, started_at: str | None, completed_at: str | None) -> None:
        with closing(sqlite3.connect(self.path)) as con, con:
            row = (key, 1, "deploy", "u1", status, started_at, completed_at)
            con.execute("INSERT OR REPLACE INTO version_deployments VALUES (?, ?, ?, ?, ?, ?, ?)", row)

    def standing(self) -> SourceProgress:
        return read_progress.fn(str(self.home.root), limits=LIMITS, source="racine")

    def progress(self, dataset: str) -> Progress:
        return self.standing().datasets[dataset]

    def extract(self, dataset: str = "scans", at: datetime = NOON, overlap_seconds: float = 300.0, **options: Any) -> Extraction:
        """Extract `dataset`; the failures of the others, whose tables are not all there, do not count."""
        given = {"kind": "sqlite", "url": str(self.path), "mapping": "racine", **options}
        source = Source("racine", Address(given["kind"], given["url"]), given["mapping"], self.zone)
        extraction = extract_datasets.fn(
            str(self.home.root),
            source=source,
            so_far=SourceProgress(self.standing().datasets),
            overlap_seconds=overlap_seconds,
            extracted_at=at,
            report=lambda pace: None,
        )
        if dataset in extraction.failures:
            raise GovpulseError(extraction.failures[dataset])
        return extraction

    def load(self) -> LoadResult:
        with warehouse(self.home, LIMITS) as con:
            return load_landing(con, self.home)

    def take(self, dataset: str = "scans", at: datetime = NOON, **options: Any) -> int:
        """Extract and load; returns the rows read."""
        results = {result.dataset: result for result in self.extract(dataset, at, **options).results}
        self.load()
        return results[dataset].rows

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with warehouse(self.home, LIMITS) as con:
            return fetch(con, sql).rows()


@pytest.fixture
def platform(tmp_path: Path) -> Platform:
    return Platform(tmp_path)


STATUSES = "SELECT scan_id, status FROM raw.scans ORDER BY scan_id"


def test_what_changed_and_what_is_new_comes_once(platform: Platform) -> None:
    platform.scan("s1", "COMPLETED", "2026-03-10 10:00:00", "2026-03-10 09:00:00", "2026-03-10 09:30:00")
    platform.scan("s2", "completed", "2026-03-01 10:00:00", "2026-03-01 09:00:00", "2026-03-01 09:30:00")
    assert platform.take() == 2
    assert platform.progress("scans").mark == Mark(datetime(2026, 3, 10, 10, tzinfo=UTC))
    platform.scan("s2", "failed", "2026-03-10 11:00:00", "2026-03-01 09:00:00", "2026-03-01 09:30:00")
    platform.scan("s3", "pending", "2026-03-10 11:01:00")
    assert platform.take(overlap_seconds=0.0) == 3, "changed, new, and the one at the watermark itself"
    assert platform.rows(STATUSES) == [("s1", "succeeded"), ("s2", "failed"), ("s3", "queued")]
    assert platform.take(overlap_seconds=0.0) == 2, "only what is at the watermark, which is also open"


def test_rows_read_again_within_the_overlap_are_not_doubled(platform: Platform) -> None:
    for key in ("s1", "s2"):
        platform.scan(key, "completed", "2026-03-10 10:00:00", "2026-03-10 09:00:00", "2026-03-10 09:30:00")
    assert [platform.take(at=NOON + timedelta(minutes=minute)) for minute in (0, 15, 30)] == [2, 2, 2]
    assert platform.rows(STATUSES) == [("s1", "succeeded"), ("s2", "succeeded")]
    assert platform.rows("SELECT count(*) FROM ops.rejected_rows") == [(0,)]


def test_a_row_that_commits_late_is_found_within_the_overlap(platform: Platform) -> None:
    platform.scan("s1", "completed", "2026-03-10 10:00:00")
    platform.take()
    platform.scan("s2", "completed", "2026-03-10 09:56:00")
    platform.scan("s3", "completed", "2026-03-10 09:30:00")
    platform.take()
    assert [key for key, _ in platform.rows(STATUSES)] == ["s1", "s2"]


def test_an_open_row_is_read_until_it_closes_though_its_instants_stand_still(platform: Platform) -> None:
    platform.deployment(1, "in_progress", "2026-03-01 10:00:00", None)
    platform.deployment(2, "completed", "2026-03-09 10:00:00", "2026-03-09 10:10:00")
    platform.take("deployments")
    assert platform.progress("deployments").keys == ("1",)
    platform.deployment(1, "failed", "2026-03-01 10:00:00", None)
    platform.take("deployments", NOON + timedelta(minutes=15))
    select = "SELECT deployment_id, status FROM raw.deployments ORDER BY deployment_id"
    assert platform.rows(select) == [("1", "failed"), ("2", "succeeded")]
    assert platform.progress("deployments").keys == ()


def test_a_row_without_a_change_instant_is_rejected_not_lost(platform: Platform) -> None:
    platform.scan("s1", "completed", None)
    platform.scan("s2", "completed", "2026-03-10 10:00:00")
    assert platform.take() == 2
    assert platform.rows(STATUSES) == [("s2", "succeeded")]
    assert platform.rows("SELECT key, reason FROM ops.rejected_rows") == [("s1", "updated_at is missing")]


def test_an_unknown_word_of_the_source_is_rejected_with_the_word(platform: Platform) -> None:
    platform.scan("s1", "Paused", "2026-03-10 10:00:00")
    platform.take()
    ((key, reason),) = platform.rows("SELECT key, reason FROM ops.rejected_rows")
    assert key == "s1"
    assert "paused" in reason


def test_local_times_on_both_days_on_which_the_clock_is_put(platform: Platform) -> None:
    platform.zone = "Europe/Berlin"
    platform.deployment(1, "completed", "2026-03-29 01:50:00", "2026-03-29 03:10:00")
    platform.deployment(2, "completed", "2025-10-26 01:50:00", "2025-10-26 03:10:00")
    platform.deployment(3, "completed", "2025-10-26 02:10:00", "2025-10-26 02:20:00")
    platform.deployment(4, "completed", "2026-03-29 01:50:00", "2026-03-29 02:30:00")
    platform.take("deployments", datetime(2026, 4, 1, tzinfo=UTC))
    select = "SELECT deployment_id, started_at, epoch(finished_at - started_at) FROM raw.deployments ORDER BY deployment_id"
    assert platform.rows(select) == [
        ("1", datetime(2026, 3, 29, 0, 50, tzinfo=UTC), 1200.0),
        ("2", datetime(2025, 10, 25, 23, 50, tzinfo=UTC), 8400.0),
        ("3", datetime(2025, 10, 26, 0, 10, tzinfo=UTC), 600.0),
    ]
    ((key, reason),) = platform.rows("SELECT key, reason FROM ops.rejected_rows")
    assert key == "4"
    assert "2026-03-29 02:30:00 does not exist in Europe/Berlin" in reason


def test_changes_in_the_hour_that_occurs_twice_are_not_lost(platform: Platform) -> None:
    """At 02:50 summer time one ends; half an hour later, at 02:20 winter time, the next."""
    platform.zone = "Europe/Berlin"
    platform.deployment(1, "completed", "2025-10-26 02:40:00", "2025-10-26 02:50:00")
    platform.take("deployments")
    platform.deployment(2, "completed", "2025-10-26 02:10:00", "2025-10-26 02:20:00")
    platform.take("deployments")
    assert platform.rows("SELECT deployment_id FROM raw.deployments ORDER BY 1") == [("1",), ("2",)]


def test_a_source_clock_that_runs_ahead_hides_no_rows(platform: Platform) -> None:
    platform.scan("s1", "completed", "2026-03-10 18:00:00")
    platform.take()
    assert platform.progress("scans").mark == Mark(NOON)
    platform.scan("s2", "completed", "2026-03-10 12:10:00")
    platform.take(at=NOON + timedelta(minutes=15))
    assert [key for key, _ in platform.rows(STATUSES)] == ["s1", "s2"]


def test_the_watermark_moves_only_when_the_rows_are_loaded(platform: Platform) -> None:
    platform.scan("s1", "completed", "2026-03-10 10:00:00")
    platform.extract()
    assert platform.progress("scans").mark is None
    platform.load()
    assert platform.progress("scans").mark == Mark(datetime(2026, 3, 10, 10, tzinfo=UTC))


def test_the_watermark_does_not_go_back(platform: Platform) -> None:
    platform.scan("s1", "completed", "2026-03-10 10:00:00")
    platform.take()
    platform.scan("s1", "completed", "2026-03-10 09:58:00")
    platform.take()
    assert platform.progress("scans").mark == Mark(datetime(2026, 3, 10, 10, tzinfo=UTC))


def tables(*keys: str) -> Iterator[pa.Table]:
    row = {"data_source": "crm", "scan_type": "full", "status": "failed", "updated_at": "2026-03-10T10:00:00.000000+00:00"}
    return iter([pl.DataFrame([{"scan_id": key, **row}]).to_arrow() for key in keys])


def test_an_interrupted_extraction_leaves_the_watermark_where_it_was(platform: Platform) -> None:
    """What came before the source broke is landed, its rows are safe; the next extraction reads from the same instant."""
    platform.scan("s0", "completed", "2026-03-10 08:00:00")
    platform.take()
    before = platform.progress("scans").mark

    def breaks() -> Iterator[pa.Table]:
        yield from tables("s1", "s2", "s3")
        raise GovpulseError("cannot read scans: the line was cut")

    with LandingStream(platform.home, "scans", "racine", NOON) as landing, pytest.raises(GovpulseError, match="the line was cut"):
        landing.put(breaks(), lambda: Mark(NOON))
    platform.load()
    assert platform.progress("scans").mark == before


def test_only_the_last_of_several_files_carries_the_watermark(platform: Platform, monkeypatch) -> None:
    monkeypatch.setattr(landing_stream, "FILE_ROWS", 2)
    with LandingStream(platform.home, "scans", "racine", NOON) as landing:
        landing.put(tables("s1", "s2", "s3", "s4", "s5"), lambda: Mark(landing.newest))
    assert (landing.rows, landing.files, landing.newest) == (5, 3, datetime(2026, 3, 10, 10, tzinfo=UTC))
    files = [pl.read_parquet_metadata(path) for path in pending(platform.home, "scans")]
    assert ["watermark" in metadata for metadata in files] == [False, False, True]
    assert {metadata["source"] for metadata in files} == {"racine"}
    assert [pl.read_parquet(path).height for path in pending(platform.home, "scans")] == [2, 2, 1]


def test_a_full_disk_stops_the_reading_and_says_so(platform: Platform) -> None:
    platform.home.landing.rmdir()
    platform.home.landing.write_text("a file where the folder belongs")
    with LandingStream(platform.home, "scans", "racine", NOON) as landing, pytest.raises(GovpulseError, match="cannot land scans"):
        landing.put(tables("s1"), lambda: None)


def test_nothing_changed_lands_nothing(platform: Platform) -> None:
    (result, *_) = platform.extract().results
    assert (result.dataset, result.rows, result.files, result.mark) == ("scans", 0, 0, None)
    assert pending(platform.home, "scans") == []


def test_a_mapping_may_offer_fewer_datasets_than_there_are(platform: Platform, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "scans.sql").write_text((SHIPPED / "racine" / "scans.sqlite.sql").read_text())
    platform.scan("s1", "completed", "2026-03-10 10:00:00")
    extraction = platform.extract(mapping=str(folder))
    assert [result.dataset for result in extraction.results] == ["scans"]
    assert extraction.failures == {}


class Slices:
    """A first extraction of five slices of two rows each."""

    def __init__(self, platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(slices, "LEAST_ROWS", 2)
        self.platform = platform
        for number in range(10):
            platform.scan(f"s{number}", "completed", f"2026-03-0{1 + number // 2} 10:0{number}:00")

    def read_files(self) -> list[dict[str, str]]:
        return [pl.read_parquet_metadata(path) for path in pending(self.platform.home, "scans")]


def test_a_first_extraction_says_after_each_slice_how_far_it_came(platform: Platform, monkeypatch) -> None:
    sliced = Slices(platform, monkeypatch)
    platform.extract()
    days = [f"2026-03-0{day}T00:00:00+00:00" for day in (2, 3, 4, 5)]
    assert [metadata.get("read_until") for metadata in sliced.read_files()] == [*days, None]
    assert {metadata["watermark"] for metadata in sliced.read_files()} == {"2026-03-05T10:09:00+00:00"}
    platform.load()
    assert platform.progress("scans").mark == Mark(datetime(2026, 3, 5, 10, 9, tzinfo=UTC))


def test_an_interrupted_first_extraction_goes_on_where_it_was(platform: Platform, monkeypatch) -> None:
    """Two slices are loaded, the rest is lost; meanwhile a row of the first slice changes."""
    sliced = Slices(platform, monkeypatch)
    platform.extract()
    for path in pending(platform.home, "scans")[2:]:
        path.unlink()
    platform.load()
    reached = Mark(datetime(2026, 3, 5, 10, 9, tzinfo=UTC), datetime(2026, 3, 3, tzinfo=UTC))
    assert platform.progress("scans").mark == reached
    platform.scan("s0", "failed", "2026-03-05 10:30:00")
    assert platform.take() == 7, "the three slices that were left, and the row that moved into them"
    assert platform.progress("scans").mark == Mark(reached.watermark)
    assert [key for key, _ in platform.rows(STATUSES)] == [f"s{number}" for number in range(10)]
    assert sliced.platform.rows("SELECT status FROM raw.scans WHERE scan_id = 's0'") == [("failed",)]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (lambda folder: {"kind": "oracle"}, "cannot read sources of kind oracle; use one of postgresql, mysql, sqlite"),
        (lambda folder: {"mapping": "nowhere"}, "unknown mapping nowhere"),
        (lambda folder: {"url": str(folder / "none.sqlite")}, "none.sqlite does not exist"),
        (lambda folder: {"dataset": "users"}, "racine/users.sqlite.sql does not fit this database"),
    ],
    ids=["kind", "mapping", "file", "schema"],
)
def test_what_cannot_be_read_is_said_and_lands_nothing(
    platform: Platform, tmp_path: Path, options: Callable[[Path], dict[str, Any]], said: str
) -> None:
    with pytest.raises(GovpulseError) as caught:
        platform.extract(**options(tmp_path))
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (platform.home.landing / "scans").exists()
