"""A warehouse that has lived through an instant to come: what was ended there goes on, and what was found there was never found."""

from datetime import UTC, datetime, timedelta

import pytest

from storage.findings import as_found, write_findings
from storage.future import take_back_future

NOW = datetime(2026, 3, 2, tzinfo=UTC)
HOUR = timedelta(hours=1)
AHEAD = NOW + timedelta(days=30)


def finding(subject, started_at):
    return {
        "kind": "stuck_scan", "subject": subject, "severity": "critical", "started_at": started_at, "statement": "s",
        "recommendation": "r", "evidence": "{}", "confidence": 0.9, "is_sample": False,
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
