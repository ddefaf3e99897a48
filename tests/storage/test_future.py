"""A warehouse that has lived through an instant to come: what was ended there goes on, and what was found there was never found."""

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from storage.audit import record_action
from storage.catalogue import TABLES
from storage.clock import believed, is_settled
from storage.intake.future import take_back_future
from storage.intake.landing import land
from storage.intake.ledger import move_watermark
from storage.intake.loading import load_landing
from storage.limits import Limits
from storage.warehouse import warehouse
from storage.write import upsert_rows
from tasks.insights.findings.joining import as_found, write_findings
from tasks.maintenance import delete_expired
from tasks.runs import crashed_row, land_run, run_row

NOW = datetime(2026, 3, 2, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
AHEAD = NOW + timedelta(days=30)


def finding(subject, started_at):
    return {
        "kind": "stuck_scan", "subject": subject, "labels": "{}", "severity": "critical", "started_at": started_at,
        "statement": "s", "recommendation": "r", "evidence": "{}", "confidence": 0.9, "is_sample": False,
    }  # fmt: skip


def compute(con, as_of, *findings):
    write_findings(con, as_found(list(findings), as_of), as_of)
    con.execute("INSERT INTO ops.computations VALUES ('performance_insights', ?, NULL, 1, 0.1, now())", [as_of])


def rows(con):
    return con.sql("SELECT subject, first_found_at, as_of, ended_at FROM insights.performance_insights ORDER BY subject").fetchall()


def test_what_was_ended_ahead_goes_on_and_what_was_found_there_goes(con):
    compute(con, NOW - HOUR, finding("goes on", NOW - 2 * HOUR), finding("found again", NOW - 2 * HOUR))
    as_it_was = rows(con)
    compute(con, AHEAD, finding("found again", NOW - 2 * HOUR), finding("new", AHEAD - HOUR))
    assert rows(con) != as_it_was
    assert take_back_future(con, NOW)
    assert rows(con) == as_it_was
    assert con.sql("SELECT as_of FROM ops.computations").fetchall() == [(NOW - HOUR,)]
    assert not take_back_future(con, NOW), "once is enough"


def test_an_end_that_is_past_stays(con):
    compute(con, NOW - 2 * HOUR, finding("over", NOW - 3 * HOUR))
    compute(con, NOW - HOUR)
    compute(con, AHEAD)
    take_back_future(con, NOW)
    assert rows(con) == [("over", NOW - 2 * HOUR, NOW - 2 * HOUR, NOW - HOUR)]


def test_an_alert_that_was_resolved_ahead_stands_as_of_now(con):
    con.execute(
        "INSERT INTO alerts.alerts (fingerprint, rule, subject, state, episode, resolved_at, changed_at, updated_at)"
        " VALUES ('f', 'r', 's', 'resolved', 1, $ahead, $ahead, $ahead)",
        {"ahead": AHEAD},
    )
    con.execute(
        "INSERT INTO alerts.transitions (transition_id, fingerprint, rule, subject, episode, from_state, to_state, transitioned_at)"
        " VALUES ('t', 'f', 'r', 's', 1, 'firing', 'resolved', ?)",
        [AHEAD],
    )
    assert take_back_future(con, NOW)
    assert con.sql("SELECT resolved_at, updated_at FROM alerts.alerts").fetchall() == [(NOW, NOW)]
    assert con.sql("SELECT transitioned_at FROM alerts.transitions").fetchall() == [(NOW,)]


@pytest.mark.parametrize("ahead", [timedelta(), timedelta(minutes=4)])
def test_what_another_clock_calls_now_stays(con, ahead):
    compute(con, NOW + ahead, finding("here", NOW))
    as_it_was = rows(con)
    assert not take_back_future(con, NOW)
    assert rows(con) == as_it_was


def put(con, name, *rows):
    upsert_rows(con, TABLES[name], rows)


def scan(key="s", updated_at=NOW - 3 * DAY, extracted_at=NOW - HOUR, **changes):
    return {
        "scan_id": key, "source": "p", "data_source": "crm", "scan_type": "full", "status": "running",
        "updated_at": updated_at, "extracted_at": extracted_at, "is_deleted": False, **changes,
    }  # fmt: skip


def landed(home, dataset, *rows, mark=None, source="p"):
    said = {"source": source} | ({"watermark": mark.isoformat()} if mark else {})
    land(home, dataset, pl.DataFrame(rows), metadata=said)


def load(con, home, now):
    return load_landing(con, home, now=now)


def booked(con, *instants):
    """What our own books say of when something ran."""
    for number, at in enumerate(instants):
        con.execute("INSERT INTO ops.loads (file, dataset, loaded_at) VALUES (?, 'scans', ?)", [f"scans/{number}-{at}", at])


def lived(con):
    """Two days of books."""
    booked(con, *(NOW - hours * HOUR for hours in range(1, 48)))


def looks(con):
    return con.sql("SELECT scan_id, status, extracted_at, is_deleted FROM raw.scans ORDER BY ALL").fetchall()


@pytest.mark.parametrize("is_healed_first", [True, False])
def test_a_look_from_ahead_loses_to_a_real_one(con, home, is_healed_first):
    lived(con)
    put(con, "raw.scans", scan("kept"), scan("s"))
    landed(home, "scans", scan(status="failed", extracted_at=AHEAD, updated_at=NOW - HOUR))
    load(con, home, AHEAD if is_healed_first else NOW)
    assert bool(take_back_future(con, NOW)) is is_healed_first
    assert looks(con) == [("kept", "running", NOW - HOUR, False), ("s", "failed", NOW - HOUR, False)], "as old as the last look"
    landed(home, "scans", scan(status="succeeded", extracted_at=NOW, updated_at=NOW - HOUR))
    load(con, home, NOW)
    assert looks(con)[1] == ("s", "succeeded", NOW, False)
    assert not take_back_future(con, NOW), "once is enough"


def test_of_looks_that_came_late_the_newer_state_stays(con, home):
    """What was landed ahead is loaded when a real look of the same row is there already."""
    put(con, "raw.scans", scan(status="succeeded", updated_at=NOW - HOUR, extracted_at=NOW))
    landed(home, "scans", scan(status="failed", updated_at=NOW - 2 * HOUR, extracted_at=AHEAD))
    load(con, home, NOW)
    assert looks(con) == [("s", "succeeded", NOW, False)]


def test_a_row_that_was_marked_deleted_ahead_is_and_comes_back_when_it_is_seen(con, home):
    put(con, "raw.scans", scan())
    landed(home, "scans", scan(extracted_at=AHEAD, is_deleted=True))
    load(con, home, NOW)
    assert looks(con) == [("s", "running", NOW - HOUR, True)]
    landed(home, "scans", scan(extracted_at=NOW))
    load(con, home, NOW)
    assert looks(con) == [("s", "running", NOW, False)]


def test_the_first_look_of_all_from_ahead_is_a_day_old(con, home):
    landed(home, "scans", scan(extracted_at=AHEAD))
    load(con, home, NOW)
    assert looks(con) == [("s", "running", NOW - DAY, False)]


@pytest.mark.parametrize("clock", [AHEAD, NOW], ids=["loaded ahead", "loaded later"])
def test_a_listing_from_ahead_gives_way_to_the_next(con, home, clock):
    lived(con)
    owner = {"domain": "d", "source": "p"}
    landed(home, "owners", *({**owner, "user_id": user, "extracted_at": NOW - HOUR} for user in "ab"), mark=NOW - HOUR)
    load(con, home, NOW - HOUR)
    landed(home, "owners", *({**owner, "user_id": user, "extracted_at": AHEAD} for user in "ac"), mark=AHEAD)
    load(con, home, clock)
    take_back_future(con, NOW)
    assert con.sql("SELECT max(extracted_at), (SELECT watermark FROM ops.watermarks) FROM raw.owners").fetchall() == [
        (NOW - HOUR,) * 2
    ]
    landed(home, "owners", *({**owner, "user_id": user, "extracted_at": NOW} for user in "abd"), mark=NOW)
    load(con, home, NOW)
    owners = con.sql("SELECT user_id, is_deleted FROM raw.owners ORDER BY ALL").fetchall()
    assert owners == [("a", False), ("b", False), ("c", True), ("d", False)]


@pytest.mark.parametrize("clock", [AHEAD, NOW], ids=["loaded ahead", "loaded later"])
def test_a_row_that_was_refused_ahead_is_forgotten_when_it_is_mended(con, home, clock):
    lived(con)
    landed(home, "scans", scan(status="nonsense", extracted_at=AHEAD))
    load(con, home, clock)
    take_back_future(con, NOW)
    assert con.sql("SELECT seen_at, rejected_at <= ? FROM ops.rejected_rows", params=[NOW]).fetchall() == [(NOW - DAY, True)]
    landed(home, "scans", scan(extracted_at=NOW))
    load(con, home, NOW)
    assert con.sql("SELECT count(*) FROM ops.rejected_rows").fetchall() == [(0,)]


def test_a_watermark_ahead_goes_to_a_day_before_what_was_loaded_or_goes(con):
    for dataset, mark, until in (
        ("scans", AHEAD, None),
        ("activity", AHEAD, AHEAD),
        ("users", AHEAD, None),
        ("deployments", NOW, None),
    ):
        move_watermark(con, dataset, "p", mark, until, NOW)
    loaded = "INSERT INTO ops.loads (file, dataset, source, last_at, loaded_at) VALUES (?, ?, 'p', ?, ?)"
    entries = [("scans", NOW - HOUR, NOW - HOUR), ("scans", AHEAD, AHEAD), ("activity", NOW - 2 * HOUR, NOW), ("users", NOW, AHEAD)]
    con.executemany(loaded, [[f"{number}", *entry] for number, entry in enumerate(entries)])
    done = take_back_future(con, NOW)
    marks = con.sql("SELECT dataset, watermark, read_until FROM ops.watermarks ORDER BY dataset").fetchall()
    assert marks == [("activity", NOW - DAY - 2 * HOUR, AHEAD), ("deployments", NOW, None), ("scans", NOW - DAY - HOUR, None)]
    assert done["watermarks"] == 3


def test_the_watermark_of_a_source_whose_own_clock_is_ahead_stays(con):
    move_watermark(con, "scans", "p", NOW + HOUR, None, NOW)
    booked(con, NOW - HOUR)
    assert not take_back_future(con, NOW)


def sample(at, value=1.0):
    return {"host": "h", "metric": "m", "attributes": "", "observed_at": at, "unit": "1", "value": value, "status": "ok"}


def observed(con):
    return [at for (at,) in con.sql("SELECT observed_at FROM raw.system_metrics ORDER BY ALL").fetchall()]


def test_samples_from_ahead_are_taken_out_and_kept_aside(con, home):
    lived(con)
    landed(home, "system_metrics", sample(NOW - HOUR), sample(AHEAD))
    load(con, home, AHEAD)
    hour = "INSERT INTO insights.system_metrics_hourly (host, metric, attributes, hour_at, samples, missing, as_of)"
    con.execute(f"{hour} VALUES ('h', 'm', '', $ahead, 1, 0, $ahead)", {"ahead": AHEAD})
    assert take_back_future(con, NOW, home.quarantine)["samples taken out"] == 1
    assert observed(con) == [NOW - HOUR]
    (aside,) = (home.quarantine / "system_metrics").iterdir()
    assert pl.read_parquet(aside)["observed_at"].to_list() == [AHEAD]
    assert con.sql("SELECT count(*) FROM insights.system_metrics_hourly").fetchall() == [(0,)]


def test_samples_that_lie_ahead_when_they_come_in_are_left_out_and_said(con, home):
    landed(home, "system_metrics", sample(NOW), sample(NOW + HOUR), sample(AHEAD))
    result = load(con, home, NOW)
    assert (observed(con), result.astray, result.accepted, result.rejected) == ([NOW], 2, 1, 0)
    assert "2 samples left out, taken while the clock was wrong" in str(result)


def test_a_run_that_began_ahead_ends_once_it_ends(con, home):
    lived(con)
    for key, ended in (("ended", NOW), ("crashed", NOW)):
        land_run(home, run_row(key, "f", AHEAD, AHEAD, AHEAD, prefect_flow_run_id=None))
        load(con, home, AHEAD)
        take_back_future(con, NOW)
        row = run_row(key, "f", AHEAD, AHEAD, ended, prefect_flow_run_id=None, results={})
        land_run(home, row if key == "ended" else crashed_row(key, "f", NOW, ended, "killed"))
        load(con, home, NOW)
    found = con.sql("SELECT run_id, status, started_at, finished_at FROM ops.runs ORDER BY ALL").fetchall()
    assert found == [("crashed", "crashed", NOW, NOW), ("ended", "succeeded", NOW, NOW)]


def test_a_silence_that_was_made_ahead_begins_now_and_lasts_as_long(con):
    booked(con, AHEAD)
    con.execute(
        "INSERT INTO alerts.silences VALUES"
        " ('a', 'silence', '[]', NULL, NULL, 'x', 'r', $ahead, $end, NULL, NULL, $ahead, NULL, NULL, NULL),"
        " ('b', 'silence', '[]', NULL, NULL, 'x', 'r', $past, $far, $ahead, 'x', $past, 'Sat 02:00-04:00', 'UTC', NULL)",
        {"ahead": AHEAD, "end": AHEAD + 2 * HOUR, "past": NOW - HOUR, "far": NOW + 90 * DAY},
    )
    con.execute("INSERT INTO ops.runs (run_id, flow, status, started_at, updated_at) SELECT 'r' || i, 'f', 'succeeded',"
                " $now - to_hours(i), $now FROM range(1, 9) AS past(i)", {"now": NOW})  # fmt: skip
    take_back_future(con, NOW)
    found = con.sql("SELECT starts_at, expires_at, ended_at FROM alerts.silences ORDER BY silence_id").fetchall()
    assert found == [(NOW, NOW + 2 * HOUR, None), (NOW - HOUR, NOW + 90 * DAY, NOW)]


def test_books_that_go_on_behind_now_are_right_and_the_clock_is_behind(con, home):
    """A day back: nothing is taken back, what comes is judged at the latest instant, and samples by that clock are left out."""
    booked(con, *(NOW - hours * HOUR for hours in range(48)))
    put(con, "raw.scans", scan(extracted_at=NOW))
    put(con, "raw.system_metrics", sample(NOW - HOUR))
    behind = NOW - DAY - 10 * HOUR
    assert believed(con, behind) == NOW
    assert take_back_future(con, behind) == {}
    landed(home, "scans", scan("new", updated_at=NOW, extracted_at=NOW + HOUR / 60))
    landed(home, "system_metrics", sample(NOW), sample(behind))
    result = load(con, home, behind)
    assert (result.rejected, result.astray, result.behind, observed(con)) == (0, 1, NOW, [NOW - HOUR, NOW])
    assert looks(con)[0] == ("new", "running", NOW + HOUR / 60, False)
    assert f"the clock is behind the newest rows, written at {NOW:%Y-%m-%d %H:%M} UTC" in str(result)


def test_a_clock_from_before_all_books_is_behind(con):
    booked(con, *(NOW - hours * HOUR for hours in range(48)))
    assert believed(con, NOW - 900 * DAY) == NOW


def test_a_few_entries_after_a_gap_were_written_ahead(con):
    booked(con, *(NOW - hours * HOUR for hours in range(48)), AHEAD, AHEAD + HOUR)
    assert believed(con, NOW) == NOW


def test_a_clock_that_has_leapt_is_believed_when_it_has_stood_for_a_day(con):
    booked(con, NOW - HOUR, NOW)
    assert is_settled(con, NOW + DAY)
    assert not is_settled(con, NOW + 3652 * DAY)
    back = NOW + 30 * DAY
    assert not is_settled(con, back), "off for a month, and just switched on"
    booked(con, back)
    assert not is_settled(con, back + 10 * HOUR)
    assert is_settled(con, back + 20 * HOUR)


def test_retention_waits_for_a_clock_that_has_leapt(home):
    with warehouse(home) as con:
        booked(con, NOW - DAY, NOW)
        put(con, "raw.system_metrics", sample(NOW))
    options = {"limits": Limits(), "days": {"system_metrics_days": 30, "ops_days": 30}}
    said = delete_expired.fn(str(home.root), as_of=NOW + 3652 * DAY, **options)
    assert "nothing deleted" in str(said)
    with warehouse(home) as con:
        assert observed(con) == [NOW]
        booked(con, NOW + 31 * DAY)
    assert "1 of raw.system_metrics" in str(delete_expired.fn(str(home.root), as_of=NOW + 32 * DAY, **options))


def test_what_was_done_ahead_by_hand_stays_in_its_order(con):
    booked(con, AHEAD)
    for action, at in (("first", AHEAD), ("second", AHEAD + HOUR), ("before", NOW - HOUR)):
        record_action(con, action, "", "somebody", at)
    con.execute("INSERT INTO ops.checks VALUES ('c', true, '', ?), ('c', true, '', ?)", [AHEAD, NOW - HOUR])
    con.execute(
        "INSERT INTO ops.loads (file, dataset, loaded_at) SELECT 'scans/p' || i, 'scans', $now - to_hours(i) FROM range(5) AS p(i)",
        {"now": NOW},
    )
    take_back_future(con, NOW)
    assert [action for (action,) in con.sql("SELECT action FROM ops.audit_log ORDER BY done_at").fetchall()] == [
        "before",
        "first",
        "second",
    ]
    assert con.sql("SELECT max(done_at) FROM ops.audit_log").fetchall()[0][0] <= NOW
    assert con.sql("SELECT checked_at FROM ops.checks").fetchall() == [(NOW - HOUR,)]
