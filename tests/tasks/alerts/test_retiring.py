"""What was retired ends at once and stays ended, however long the rules repeat old news of it; new data open it again."""

from datetime import timedelta

import pytest

from storage.catalogue import TABLES
from tasks.alerts.engine import evaluate_on
from tasks.alerts.retire_now import retire_now
from tasks.alerts.rule import ending
from tasks.alerts.rules import load_rules
from tasks.silences import new_retirement, read_all_silences
from tests.insight_rows import insert

RULES = [ending(rule, timedelta(days=1)) for rule in load_rules(None)]
OPS = {"ops": "warning"}
DAY = 24 * 60


def sample(con, host: str, at, value: float = 0.99, mount: str = "/") -> None:
    row = {"host": host, "metric": "system.filesystem.utilization", "attributes": f"mountpoint={mount}", "status": "ok"}
    insert(con, TABLES["raw.system_metrics"], row | {"observed_at": at, "value": value})


def scan(con, at, scan_id: str = "s1") -> None:
    """Listed as probably dead; `at`: when its row last changed at the source."""
    con.execute("DELETE FROM insights.active_scans")
    con.execute("DELETE FROM raw.scans")
    insert(
        con,
        TABLES["insights.active_scans"],
        {"scan_id": scan_id, "subject": scan_id, "data_source": "crm", "dead_probability": 0.999, "as_of": at, "verdict": "dead"},
    )
    insert(con, TABLES["raw.scans"], {"scan_id": scan_id, "data_source": "crm", "updated_at": at, "status": "running"})


def look(con, at, *minutes: float) -> list[tuple[str, str]]:
    """What there is to tell of evaluations then: rule and event."""
    told = []
    for minute in minutes:
        made = evaluate_on(con, RULES, OPS, at(minute)).transitions
        told += [(each.after.rule, each.event) for each in made if each.event and not each.is_damped]
    return sorted(told)


def retire(con, at, minute: float, subject: str, **labels: str) -> list[tuple[str, str]]:
    made = new_retirement(subject, labels, "ann", "scaled down", at(minute))
    _, ends = retire_now(con, made, "ann", RULES, OPS)
    return sorted((each.after.rule, each.event) for each in ends)


def in_force(con) -> list[str]:
    return [str(each) for each in read_all_silences(con) if each.ended_at is None]


def test_a_retired_host_ends_with_all_that_is_about_it_and_nothing_else(con, at) -> None:
    sample(con, "web-1", at(-1))
    sample(con, "web-2", at(-1))
    assert look(con, at, 0) == [("disk_almost_full", "firing")] * 2
    look(con, at, 60)
    assert retire(con, at, 61, "web-1") == [("disk_almost_full", "gone"), ("host_silent", "gone")]
    stands = con.sql("SELECT subject, rule, state FROM alerts.alerts ORDER BY ALL").fetchall()
    assert stands == [
        ("web-1", "disk_almost_full", "gone"),
        ("web-1", "host_silent", "gone"),
        ("web-2", "disk_almost_full", "no_data"),
        ("web-2", "host_silent", "firing"),
    ]
    told = con.sql("SELECT message ->> 'statement' FROM alerts.notifications WHERE event = 'gone' ORDER BY ALL").fetchall()
    assert told == [("web-1 was retired by ann: scaled down",), ("web-1, mountpoint=/ was retired by ann: scaled down",)]
    assert con.sql("SELECT action, actor FROM ops.audit_log").fetchall() == [("retire", "ann")]


def test_old_news_open_nothing_for_a_week_and_then_the_retirement_is_over(con, at) -> None:
    sample(con, "web-1", at(-1))
    look(con, at, 0)
    retire(con, at, 20, "web-1")
    assert look(con, at, 25, 60, DAY, 3 * DAY, 6.9 * DAY, 7.5 * DAY) == []
    assert in_force(con) == ["subject=web-1"]
    assert look(con, at, 8.1 * DAY) == []
    assert in_force(con) == []


def test_new_data_open_it_again_and_end_the_retirement(con, at) -> None:
    sample(con, "web-1", at(-1))
    look(con, at, 0)
    retire(con, at, 20, "web-1")
    assert look(con, at, 60) == []
    sample(con, "web-1", at(19))
    assert look(con, at, 61) == [], "it came late, but is from before"
    sample(con, "web-1", at(70))
    assert look(con, at, 71) == [("disk_almost_full", "firing")]
    assert in_force(con) == []
    assert con.sql("SELECT action, actor FROM ops.audit_log ORDER BY done_at").fetchall()[-1] == ("unretire", "govpulse")


def test_who_came_back_well_and_falls_silent_again_is_told(con, at) -> None:
    sample(con, "web-1", at(-1))
    retire(con, at, 20, "web-1")
    sample(con, "web-1", at(100), value=0.1)
    assert look(con, at, 101) == []
    assert look(con, at, 160) == [("host_silent", "firing")]


def test_an_evaluation_that_began_before_the_retirement_does_not_open_it(con, at) -> None:
    sample(con, "web-1", at(-1))
    retire(con, at, 60, "web-1")
    assert look(con, at, 59) == []


def test_a_disk_is_retired_without_its_host(con, at) -> None:
    sample(con, "web-1", at(-1))
    sample(con, "web-1", at(-1), mount="/data")
    look(con, at, 0)
    assert retire(con, at, 1, "web-1", filesystem="mountpoint=/data") == [("disk_almost_full", "gone")]
    sample(con, "web-1", at(2))
    assert look(con, at, 3) == [], "the host goes on, and its other disk is full as before"
    assert in_force(con) == ["subject=web-1, filesystem=mountpoint=/data"]
    sample(con, "web-1", at(4), mount="/data")
    assert look(con, at, 5) == [("disk_almost_full", "flapping")]


def test_a_retired_scan_ends_though_it_is_still_listed_and_is_back_when_its_row_changes(con, at) -> None:
    scan(con, at(-60))
    assert ("scan_probably_dead", "firing") in look(con, at, 0)
    assert ("scan_probably_dead", "gone") in retire(con, at, 10, "s1")
    assert look(con, at, 15, DAY, 20 * DAY) == []
    scan(con, at(20 * DAY + 5))
    assert ("scan_probably_dead", "firing") in look(con, at, 20 * DAY + 10)


def test_what_only_was_pending_ends_in_silence(con, at) -> None:
    for minute in (-1, 1):
        row = {"host": "web-1", "metric": "system.memory.utilization", "attributes": "", "status": "ok", "value": 0.99}
        insert(con, TABLES["raw.system_metrics"], row | {"observed_at": at(minute)})
    look(con, at, 2)
    assert con.sql("SELECT state FROM alerts.alerts").fetchall() == [("pending",)]
    assert retire(con, at, 3, "web-1") == [("memory_almost_full", None)]
    assert con.sql("SELECT state FROM alerts.alerts").fetchall() == [("inactive",)]
    assert con.sql("SELECT count(*) FROM alerts.notifications").fetchall() == [(0,)]


@pytest.mark.parametrize("notices", [4, 6])
def test_the_end_waits_for_no_day(con, at, notices: int) -> None:
    """Even a seventh notification: it is the end, and it will not fire again soon."""
    for step in range(notices):
        con.execute("DELETE FROM raw.system_metrics")
        sample(con, "web-1", at(10 * step - 1), value=0.99 if step % 2 == 0 else 0.9)
        look(con, at, 10 * step)
    assert retire(con, at, 100, "web-1") == [("disk_almost_full", "gone")]
