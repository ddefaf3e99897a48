"""Two sources with the same ids never meet; one that moved goes on under its new name."""

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from storage.errors import GovpulseError
from storage.intake.landing import land
from storage.intake.ledger import move_watermark, watermarks
from storage.intake.loading import load_landing
from storage.intake.sources import known_sources, rename_source, sources_left

NOW = datetime(2026, 3, 2, tzinfo=UTC)


def land_from(home, source, *rows, dataset="scans"):
    land(home, dataset, pl.DataFrame(list(rows)), metadata={"source": source})


def scans(con):
    return con.sql("SELECT scan_id, source, status FROM raw.scans ORDER BY ALL").fetchall()


def test_the_same_id_of_two_sources_is_two_rows_in_any_order(con, home, sound_row):
    land_from(home, "a", sound_row("scans", status="failed"))
    land_from(home, "b", sound_row("scans"))
    load_landing(con, home)
    land_from(home, "a", sound_row("scans", updated_at="2026-03-01T00:03:00Z"))
    load_landing(con, home)
    assert scans(con) == [("s1", "a", "succeeded"), ("s1", "b", "succeeded")]


def test_a_refused_row_of_one_source_says_nothing_of_the_other(con, home, sound_row):
    later = {"updated_at": "2026-03-01T00:05:00Z"}
    for source in ("a", "b"):
        land_from(home, source, sound_row("scans", status="running", finished_at=None))
    load_landing(con, home)
    land_from(home, "a", sound_row("scans", status="exploded", **later))
    load_landing(con, home)
    land_from(home, "b", sound_row("scans", **later))
    load_landing(con, home)
    assert con.sql("SELECT dataset, key, source FROM ops.outdated_rows").fetchall() == [("scans", "s1", "a")]


def test_rows_of_files_are_called_load(con, home, sound_row):
    land(home, "scans", pl.DataFrame([sound_row("scans")]))
    load_landing(con, home)
    assert scans(con) == [("s1", "load", "succeeded")]


def test_a_source_that_moved_goes_on_and_of_each_row_the_newest_stays(con, home, sound_row):
    land_from(home, "old", sound_row("scans", status="failed"), sound_row("scans", scan_id="s2"))
    land_from(home, "old", sound_row("users"), dataset="users")
    land_from(home, "new", sound_row("scans", updated_at="2026-03-01T00:03:00Z"))
    load_landing(con, home)
    for source, ago in (("old", 2), ("new", 1)):
        move_watermark(con, "scans", source, NOW - timedelta(hours=ago), None, NOW)
    move_watermark(con, "users", "old", NOW - timedelta(hours=2), None, NOW)
    assert sources_left(con, "new") == ["old"]
    assert rename_source(con, "old", "new", "me", NOW) == 3
    assert scans(con) == [("s1", "new", "succeeded"), ("s2", "new", "succeeded")]
    assert known_sources(con)["source"].to_list() == ["new"]
    marks = {dataset: mark.watermark for dataset, mark in watermarks(con, "new").items()}
    assert marks == {"scans": NOW - timedelta(hours=1), "users": NOW - timedelta(hours=2)}
    assert sources_left(con, "new") == []
    assert con.sql("SELECT action, actor FROM ops.audit_log").fetchall() == [("rename_source", "me")]


@pytest.mark.parametrize(("old", "new"), [("nobody", "new"), ("new", "new"), ("sample", "new"), ("new", "sample")])
def test_what_cannot_be_renamed_is_said_and_nothing_changes(con, home, sound_row, old, new):
    land_from(home, "new", sound_row("scans"))
    load_landing(con, home)
    with pytest.raises(GovpulseError):
        rename_source(con, old, new, "me", NOW)
    assert scans(con) == [("s1", "new", "succeeded")]
