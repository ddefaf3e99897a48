"""`govpulse retire`: what ends, what would, what is refused, and how it is taken back."""

import getpass
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from storage.home import Home
from storage.warehouse import warehouse
from tests.flows.cli.test_alerts import alert, put

NOW = datetime.now(UTC).replace(microsecond=0)


@pytest.fixture
def standing(home: Path) -> Path:
    """Two alerts about web-1, of which one has been told, one about a scan, and one about another host."""
    put(
        home,
        "alerts.alerts",
        alert("aa11", severity="critical"),
        alert("bb22", rule="host_silent", labels="{}"),
        alert("cc33", subject="web-2"),
        alert("dd44", rule="scan_probably_dead", subject="s1", labels='{"data_source": "crm"}'),
    )
    told = {"fingerprint": "aa11", "episode": 3, "channel": "console", "updated_at": NOW, "queued_at": NOW, "status": "sent"}
    put(home, "alerts.notifications", told | {"notification_id": "n1", "event": "firing", "sent_at": NOW})
    sample = {"metric": "system.uptime", "attributes": "", "observed_at": NOW - timedelta(days=2), "value": 1.0, "status": "ok"}
    put(home, "raw.system_metrics", *({"host": host} | sample for host in ("web-1", "web-2")))
    put(home, "raw.scans", {"scan_id": "s1", "data_source": "crm", "updated_at": NOW - timedelta(days=2), "status": "running"})
    return home


def states(home: Path) -> dict[str, str]:
    with warehouse(Home(home)) as con:
        return dict(con.sql("SELECT fingerprint, state FROM alerts.alerts ORDER BY 1").fetchall())


def test_a_dry_run_says_what_would_end_and_ends_nothing(govpulse, standing) -> None:
    assert govpulse("retire", "web-1", "--dry-run").out.splitlines() == [
        "dry run, nothing is retired: 2 alerts would end as gone",
        "  critical disk_almost_full of web-1, filesystem=/",
        "  warning host_silent of web-1",
    ]
    assert set(states(standing).values()) == {"firing"}
    assert govpulse("alerts", "silences").out == "no silence\n"


def test_its_alerts_end_at_once_and_their_ends_are_queued(govpulse, standing) -> None:
    outcome = govpulse("retire", "web-1", "--reason", "scaled down", "--author", "ann")
    assert "retires subject=web-1: 2 alerts ended as gone" in outcome.out
    assert states(standing) == {"aa11": "gone", "bb22": "gone", "cc33": "firing", "dd44": "firing"}
    with warehouse(Home(standing)) as con:
        queued = con.sql("SELECT fingerprint, event, status FROM alerts.notifications WHERE event = 'gone' ORDER BY 1").fetchall()
        audit = con.sql("SELECT action, actor FROM ops.audit_log").fetchall()
    assert queued == [("aa11", "gone", "queued"), ("bb22", "gone", "queued")]
    assert audit == [("retire", getpass.getuser())], "by login name, whatever --author says"
    (listed,) = json.loads(govpulse("alerts", "silences", "--json").out)
    assert (listed["kind"], listed["author"], listed["matchers"]) == ("retire", "ann", ["subject=web-1"])
    assert "new data come" in govpulse("alerts", "silences").out


def test_a_scan_and_a_part_of_a_host(govpulse, standing) -> None:
    assert json.loads(govpulse("retire", "s1", "--json").out)["alerts"] == ["dd44"]
    put(
        standing,
        "raw.system_metrics",
        {"host": "web-1", "metric": "m", "attributes": "/", "observed_at": NOW, "value": 1.0, "status": "ok"},
    )
    assert json.loads(govpulse("retire", "web-1", "filesystem=/", "--json").out)["alerts"] == ["aa11"]


def test_undone_the_rules_see_it_again(govpulse, fails, standing) -> None:
    govpulse("retire", "web-1")
    assert govpulse("retire", "web-1", "--undo", "--dry-run").out.endswith("would end: rules see subject=web-1 again\n")
    assert govpulse("retire", "web-1", "--undo").out.endswith(" ended: rules see subject=web-1 again\n")
    assert "subject=web-1 is not retired" in fails(2, "retire", "web-1", "--undo")
    with warehouse(Home(standing)) as con:
        audit = con.sql("SELECT action FROM ops.audit_log ORDER BY done_at").fetchall()
    assert audit == [("retire",), ("unretire",)]


def test_what_has_no_open_alert_is_retired_beforehand(govpulse, standing) -> None:
    govpulse("retire", "web-1")
    assert "retires subject=web-1: no alert is open" in govpulse("retire", "web-1").out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["web-9"], "there are no data about subject=web-9"),
        (["web-1", "filesystem=/nowhere"], "there are no data about subject=web-1, filesystem=/nowhere"),
        (["web-1", "filesystem"], "write it like team=db"),
        ([" "], "name what has left"),
        (["web-1", "--reason", " "], "needs an author and a reason"),
    ],
)
def test_what_is_refused(fails, standing, words: list[str], said: str) -> None:
    assert said in fails(2, "retire", *words)
    assert set(states(standing).values()) == {"firing"}
