"""`govpulse alerts`: what stands there, acks and silences that the next process sees at once, and replays of rules."""

import json
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from flows.cli.alerts import given_duration
from flows.cli.rule_replay import Turns, instants_until
from flows.routes import resolve_routes
from flows.settings import load_settings
from storage.catalogue import TABLES
from storage.errors import ConfigurationError
from storage.frames import registered
from storage.home import Home
from storage.limits import Limits
from storage.transaction import transaction
from storage.warehouse import warehouse
from storage.write import append
from tasks.alerts.in_force import definition_of
from tasks.alerts.rules import load_rules
from tests.homes import migrated_home

ROOT = Path(__file__).parents[3]
NOW = datetime.now(UTC).replace(microsecond=0)
HOUR = timedelta(hours=1)
EMPTY: dict[str, Any] = {"VARCHAR": "", "BIGINT": 0, "BOOLEAN": False}
OWN = """
[[rule]]
name = "queue_long"
sql = '''
SELECT host AS subject, max(value) AS value FROM raw.system_metrics
WHERE metric = 'queue' AND observed_at > $as_of - INTERVAL 5 MINUTE AND observed_at <= $as_of GROUP BY host
'''
warning = 10
critical = 20
[[rule]]
name = "always"
sql = "SELECT * FROM (VALUES ('a', 5.0), ('b', 1.0), ('c', 0.1)) AS rows (subject, value)"
warning = 1
critical = 3
[[rule]]
name = "broken"
sql = "SELECT subject, value FROM nowhere WHERE seen_at < $as_of"
warning = 1
"""


def put(home: Path, name: str, *rows: dict[str, Any]) -> None:
    """Write rows into the warehouse, with zeros where the table requires a value and the row says nothing."""
    if not home.exists():
        migrated_home(home)
    table = TABLES[name]
    whole = [
        {each.name: row.get(each.name, EMPTY.get(each.type) if each.is_required else None) for each in table.columns}
        for row in rows
    ]
    with warehouse(Home(home)) as con, registered(con, "given", pl.DataFrame(whole, infer_schema_length=None)), transaction(con):
        append(con, table, "given")


def alert(fingerprint: str, rule: str = "disk_almost_full", subject: str = "web-1", **fields: Any) -> dict[str, Any]:
    defaults = {"labels": '{"filesystem": "/"}', "state": "firing", "severity": "warning", "value": 0.87, "threshold": 0.85}
    times = {"firing_since": NOW - HOUR, "updated_at": NOW}
    return {"fingerprint": fingerprint, "rule": rule, "subject": subject, "episode": 3} | defaults | times | fields


@pytest.fixture
def standing(home: Path) -> Path:
    """Four active alerts, one that is pending and one that is over."""
    put(
        home,
        "alerts.alerts",
        alert("aa11", subject="web-1"),
        alert("aa22", subject="web-2", severity="critical", value=0.97, threshold=0.95),
        alert("bb33", rule="memory_almost_full", state="no_data", labels="{}", firing_since=NOW - 2 * HOUR),
        alert("cc44", rule="queue_long", subject="queue_long", state="error", labels='{"about": "the rule itself"}', value=1.0),
        alert("dd55", subject="web-5", state="pending", pending_since=NOW, firing_since=None),
        alert("ee66", subject="web-6", state="resolved", resolved_at=NOW),
    )
    return home


def listed(govpulse, *arguments: str) -> list[dict[str, Any]]:
    outcome = govpulse("alerts", "list", "--json", *arguments)
    assert (outcome.code, outcome.err) == (0, "")
    return json.loads(outcome.out)


def test_the_worst_and_longest_first(govpulse, standing) -> None:
    assert [each["fingerprint"] for each in listed(govpulse)] == ["aa22", "bb33", "aa11", "cc44"]
    assert [each["fingerprint"] for each in listed(govpulse, "--all")] == ["aa22", "bb33", "aa11", "cc44", "dd55", "ee66"]
    assert [each["fingerprint"] for each in listed(govpulse, "--rule", "disk_almost_full")] == ["aa22", "aa11"]
    assert [each["fingerprint"] for each in listed(govpulse, "--rule", "disk_almost_full", "--subject", "web-1")] == ["aa11"]
    assert listed(govpulse, "--subject", "nobody") == []


def test_a_line_an_alert(govpulse, standing) -> None:
    outcome = govpulse("alerts", "list")
    header, *lines = outcome.out.splitlines()
    assert (outcome.code, len(lines)) == (0, 4)
    assert "since (UTC)" in header
    assert lines[0].split()[:4] == ["aa22", "critical", "disk_almost_full", "web-2,"]
    assert f"{NOW - HOUR:%Y-%m-%d %H:%M}" in lines[0]


def test_nothing_to_list_is_said(govpulse, home) -> None:
    outcome = govpulse("alerts", "list")
    assert (outcome.code, outcome.err) == (0, "")
    assert "govpulse run" in outcome.out
    assert listed(govpulse) == []
    assert not home.exists(), "looking makes no home"
    put(home, "alerts.alerts", alert("dd55", state="pending", pending_since=NOW, firing_since=None))
    assert govpulse("alerts", "list").out == "no active alert; 1 pending: --all shows them\n"


def test_a_subject_commands_no_terminal(govpulse, home) -> None:
    put(home, "alerts.alerts", alert("aa11", subject="\x1b[2Jweb [red]1[/red]\nx"))
    for command in (["list"], ["show", "aa"]):
        outcome = govpulse("alerts", *command)
        assert outcome.code == 0
        assert "\x1b" not in outcome.out
        assert r"\x1b[2Jweb [red]1[/red]\x0ax" in outcome.out


def test_infinite_values_are_json(govpulse, home) -> None:
    put(home, "alerts.alerts", alert("aa11", value=float("inf")))
    assert listed(govpulse)[0]["value"] == "inf"


def test_show_tells_everything(govpulse, standing) -> None:
    rows = [
        {"from_state": "inactive", "to_state": "firing", "severity": "warning", "value": 0.86, "event": "firing", "episode": 3},
        {"from_state": "firing", "to_state": "firing", "severity": "critical", "value": 0.97, "event": "escalated", "episode": 3},
    ]
    times = [NOW - HOUR, NOW]
    transitions = [
        row | {"transition_id": f"t{number}", "fingerprint": "aa22", "rule": "disk_almost_full", "subject": "web-2"}
        for number, row in enumerate(rows)
    ]
    put(
        standing,
        "alerts.transitions",
        *(row | {"reason": f"says {at}", "transitioned_at": at} for row, at in zip(transitions, times, strict=True)),
    )
    told = {"fingerprint": "aa22", "episode": 3, "channel": "ops", "attempts": 1, "queued_at": NOW, "updated_at": NOW}
    put(
        standing,
        "alerts.notifications",
        told | {"notification_id": "n1", "event": "firing", "status": "sent", "sent_at": NOW},
        told | {"notification_id": "n2", "event": "escalated", "status": "suppressed", "reason": "inhibited by host_down of web-2"},
    )
    govpulse("alerts", "silence", "subject=web-2", "--reason", "new disk", "--author", "ann")
    document = json.loads(govpulse("alerts", "show", "aa22", "--json").out)
    assert (document["state"], document["silenced_by"]) == ("firing", "ann")
    assert [each["event"] for each in document["transitions"]] == ["firing", "escalated"]
    assert [each["status"] for each in document["notifications"]] == ["suppressed", "sent"]
    assert [each["matchers"] for each in document["silences"]] == [["subject=web-2"]]
    said = govpulse("alerts", "show", "aa2").out
    for part in ("inhibited by host_down", "inactive -> firing", "new disk", "disk_almost_full", f"says {NOW}"):
        assert part in said


def test_show_says_which_query_is_the_evidence(govpulse, standing) -> None:
    (rule,) = [rule for rule in load_rules(None) if rule.name == "disk_almost_full"]
    row = {"name": rule.name, "definition": definition_of(rule), "source": "shipped", "in_force_since": NOW}
    put(standing, "alerts.rules", row)
    evidence = json.loads(govpulse("alerts", "show", "aa22", "--json").out)["evidence"]
    assert "'web-2'" in evidence
    assert "97.0%" in govpulse("alerts", "show", "aa22").out, "the value in the rule's unit"


@pytest.mark.parametrize("command", ["show", "ack"])
def test_an_alert_is_named_without_doubt(fails, standing, command) -> None:
    reason = ["--reason", "x"] if command == "ack" else []
    said = fails(2, "alerts", command, "aa", *reason)
    assert "aa11" in said
    assert "aa22" in said
    assert "alerts list" in fails(2, "alerts", command, "ff", *reason)
    assert "alerts list" in fails(2, "alerts", command, "", *reason)
    assert "alerts list" in fails(2, "alerts", command, "%", *reason)


@pytest.mark.parametrize(
    "arguments", [["show", "aa"], ["ack", "aa", "--reason", "x"], ["unsilence", "aa"], ["test", "disk_almost_full"]]
)
def test_before_any_run_it_says_what_to_do(fails, home, arguments) -> None:
    assert "govpulse run" in fails(1, "alerts", *arguments)
    assert not home.exists()


def test_an_ack_is_of_this_episode(govpulse, fails, standing) -> None:
    outcome = govpulse("alerts", "ack", "aa11", "--author", "ann", "--reason", "on it", "--json")
    made = json.loads(outcome.out)
    assert (made["fingerprint"], made["episode"], made["author"], made["is_new"]) == ("aa11", 3, "ann", True)
    again = json.loads(govpulse("alerts", "ack", "aa11", "--author", "bob", "--reason", "me too", "--json").out)
    assert (again["silence_id"], again["author"], again["is_new"]) == (made["silence_id"], "ann", False)
    assert "was already acknowledged by ann" in govpulse("alerts", "ack", "aa11", "--reason", "x").out
    assert {each["fingerprint"]: each["acked_by"] for each in listed(govpulse)}["aa11"] == "ann"
    with warehouse(Home(standing)) as con:
        con.execute("UPDATE alerts.alerts SET episode = 4 WHERE fingerprint = 'aa11'")
    assert {each["fingerprint"]: each["acked_by"] for each in listed(govpulse)}["aa11"] is None


@pytest.mark.parametrize("fingerprint", ["dd55", "ee66"])
def test_what_is_not_active_needs_no_ack(fails, standing, fingerprint) -> None:
    assert "nothing to acknowledge" in fails(2, "alerts", "ack", fingerprint, "--reason", "x")


def test_a_silence_says_what_it_covers(govpulse, standing) -> None:
    command = ["alerts", "silence", "rule=~disk_.*", "severity!=critical", "--for", "2h", "--reason", "upgrade", "--author", "ann"]
    made = json.loads(govpulse(*command, "--json").out)
    assert made["alerts"] == ["aa11"]
    starts_at, expires_at = (datetime.fromisoformat(made[name]) for name in ("starts_at", "expires_at"))
    assert expires_at - starts_at == 2 * HOUR
    assert re.match(r"[0-9a-f]{8} silences .* 1 active alert now\n", govpulse(*command).out)
    until = {each["fingerprint"]: each["silenced_until"] for each in listed(govpulse, "--all")}
    assert until["aa22"] is None
    assert datetime.fromisoformat(until["aa11"]) >= expires_at


def test_a_silence_may_be_made_before_anything_else(govpulse, home) -> None:
    assert "0 active alerts now" in govpulse("alerts", "silence", "rule=disk", "--reason", "moving").out
    assert [each["matchers"] for each in json.loads(govpulse("alerts", "silences", "--json").out)] == [["rule=disk"]]


def test_a_silence_may_begin_later(govpulse, standing) -> None:
    start = (NOW + HOUR).isoformat()
    made = json.loads(govpulse("alerts", "silence", "subject=web-1", "--start", start, "--reason", "moving", "--json").out)
    assert datetime.fromisoformat(made["starts_at"]) == NOW + HOUR
    assert {each["silenced_until"] for each in listed(govpulse)} == {None}
    assert made["silence_id"] in govpulse("alerts", "silences").out


def tell(home: Path, fingerprint: str, at: datetime, event: str = "firing", severity: str = "warning") -> None:
    named = {"rule": "disk_almost_full", "subject": f"web-{fingerprint[-1]}", "severity": severity, "event": event}
    states = {"from_state": "inactive", "to_state": "firing", "episode": 3}
    row = {"transition_id": f"{fingerprint} {at}", "fingerprint": fingerprint, "transitioned_at": at}
    put(home, "alerts.transitions", row | named | states)


def test_a_silence_says_what_it_would_have_held_back_in_the_last_week(govpulse, standing) -> None:
    for days in (1, 2, 6, 8):
        tell(standing, "aa11", NOW - timedelta(days=days))
    tell(standing, "aa11", NOW - HOUR, event="resolved")
    tell(standing, "aa22", NOW - HOUR, severity="critical")
    command = ["alerts", "silence", "rule=disk_almost_full", "severity=warning", "filesystem=/", "--reason", "x"]
    said = govpulse(*command, "--dry-run").out
    assert said.startswith("dry run, nothing is silenced: it would silence rule=disk_almost_full")
    assert "in the last 7 days it would have held back 3 events of 1 alert:\n  3 disk_almost_full of web-1, filesystem=/\n" in said
    assert govpulse("alerts", "silences").out == "no silence\n"
    made = json.loads(govpulse(*command, "--json").out)
    assert [each["at"] for each in made["last_week"]] == [(NOW - timedelta(days=days)).isoformat() for days in (6, 2, 1)]


def test_a_dry_run_makes_no_home(govpulse, home) -> None:
    assert "held back nothing" in govpulse("alerts", "silence", "rule=disk", "--reason", "x", "--dry-run").out
    assert not home.exists()


def test_a_silence_comes_again_every_week_until_it_is_ended(govpulse, standing) -> None:
    inside, outside = (NOW + shift * HOUR for shift in (0, 12))
    for at in (NOW - timedelta(days=7) + 5 * HOUR, NOW - timedelta(days=1), NOW - timedelta(days=1) + 12 * HOUR):
        tell(standing, "aa11", at)
    for name, at in (("in", inside), ("out", outside)):
        every = f"{at - 2 * HOUR:%H:%M}-{at + 2 * HOUR:%H:%M}"
        command = ["alerts", "silence", "subject=web-1", "--every", every, "--zone", "Etc/UTC", "--reason", name]
        made = json.loads(govpulse(*command, "--json").out)
        assert (made["every"], made["zone"], made["expires_at"]) == (every, "Etc/UTC", None)
        assert (len(made["alerts"]), len(made["last_week"])) == (2 * (name == "in"), 1)
    (quiet,) = listed(govpulse, "--subject", "web-1", "--rule", "disk_almost_full")
    assert quiet["silenced_until"] == (inside + 2 * HOUR).replace(second=0).isoformat(), "the end of its hours"
    table = govpulse("alerts", "silences").out
    assert table.count("somebody ends it") == 2, "one that comes again stands there outside of its hours, too"
    assert f"subject=web-1, every {every} Etc/UTC" in table
    for each in json.loads(govpulse("alerts", "silences", "--json").out):
        assert govpulse("alerts", "unsilence", each["silence_id"]).out.endswith(" ended\n")
    assert govpulse("alerts", "silences").out == "no silence\n"
    assert listed(govpulse, "--subject", "web-1")[0]["silenced_until"] is None


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["rule==disk"], "no operator =="),
        (["rule=~("], "not a valid RE2 regular expression"),
        (["disk"], "write it like"),
        (["zone!=eu"], "rule=~.*"),
        (["rule=disk", "--for", "2 hours"], "--for 2 hours"),
        (["rule=disk", "--for", "0h"], "--for 0h"),
        (["rule=disk", "--for", "999999w"], "--for 999999w"),
        (["rule=disk", "--start", "tomorrow"], "--start tomorrow"),
        (["rule=disk", "--start", "2020-01-01T00:00Z"], "give it a later end"),
        (["rule=disk", "--every", "Sat 2-4"], "no weekly hours"),
        (["rule=disk", "--every", "Sat 02:00-04:00", "--zone", "Mars"], "no time zone 'Mars'"),
        (["rule=disk", "--zone", "Europe/Berlin"], "--every"),
        (["rule=disk", "--every", "00:00-24:00"], "the whole week"),
    ],
)
def test_a_wrong_silence_is_refused_before_anything_starts(fails, home, arguments, said) -> None:
    assert said in fails(2, "alerts", "silence", *arguments, "--reason", "x")
    assert not home.exists()


@pytest.mark.parametrize(
    "arguments", [["silence", "--reason", "x"], ["silence", "rule=disk"], ["ack", "aa11"], ["silence"], ["test"]]
)
def test_wrong_usage_ends_with_2(govpulse, standing, arguments) -> None:
    outcome = govpulse("alerts", *arguments)
    assert (outcome.code, outcome.out) == (2, "")
    assert "Traceback" not in outcome.err


def test_unsilence_ends_silences_and_acks(govpulse, fails, standing) -> None:
    silence = json.loads(govpulse("alerts", "silence", "rule=~disk.*", "--reason", "x", "--json").out)["silence_id"]
    ack = json.loads(govpulse("alerts", "ack", "aa11", "--reason", "x", "--json").out)["silence_id"]
    found = {each["silence_id"]: each["alerts"] for each in json.loads(govpulse("alerts", "silences", "--json").out)}
    assert found == {silence: ["aa22", "aa11"], ack: ["aa11"]}
    assert "disk_almost_full of web-1, filesystem=/, episode 3" in govpulse("alerts", "silences").out
    for ended in (silence, ack):
        assert govpulse("alerts", "unsilence", ended).out == f"{ended} ended\n"
    assert govpulse("alerts", "unsilence", ack).out == f"{ack} had already ended\n"
    assert "no silence nonsense" in fails(2, "alerts", "unsilence", "nonsense")
    assert {(each["acked_by"], each["silenced_until"]) for each in listed(govpulse)} == {(None, None)}
    assert govpulse("alerts", "silences").out == "no silence\n"
    assert {each["silence_id"] for each in json.loads(govpulse("alerts", "silences", "--all", "--json").out)} == {silence, ack}
    assert "ended" in govpulse("alerts", "silences", "--all").out


def test_who_did_it_is_in_the_audit_log(govpulse, standing) -> None:
    govpulse("alerts", "silence", "rule=disk", "--reason", "x", "--author", "ann")
    govpulse("alerts", "ack", "aa11", "--reason", "x", "--author", "ann")
    logged = govpulse(
        "query", "--private", "SELECT action, actor <> 'ann' AS by_login FROM ops.audit_log ORDER BY 1", "--format", "csv"
    )
    assert logged.out.splitlines()[1:] == ["ack,true", "silence,true"]


@pytest.mark.slow
def test_another_process_sees_it_as_soon_as_the_command_is_back(standing) -> None:
    def run(*arguments: str) -> Any:
        command = [sys.executable, "-m", "flows", "alerts", *arguments, "--json"]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
        return json.loads(done.stdout)

    silence = run("silence", "subject=web-2", "--reason", "new disk", "--author", "ann")["silence_id"]
    ack = run("ack", "aa11", "--reason", "on it", "--author", "bob")["silence_id"]
    found = {each["fingerprint"]: each for each in run("list")}
    assert (found["aa22"]["silence"], found["aa11"]["ack"]) == (silence, ack)


def test_a_busy_warehouse_is_said(govpulse, standing, monkeypatch) -> None:
    monkeypatch.setenv("GOVPULSE_WAREHOUSE__LOCK_TIMEOUT_SECONDS", "0.1")
    with warehouse(Home(standing)):
        outcome = govpulse("alerts", "list")
    assert outcome.code == 1
    assert "warehouse.lock stayed busy" in outcome.err


@pytest.fixture
def tried(home: Path, tmp_path: Path) -> Path:
    """Six hours with a sample every five minutes: web-1 over 10 for the third, over 20 at its end; web-2 quiet."""
    (tmp_path / "govpulse.toml").write_text('[alerts]\nrules = "own.toml"\n')
    (tmp_path / "own.toml").write_text(OWN)
    now = datetime.now(UTC)
    rows = [
        {
            "host": host,
            "metric": "queue",
            "observed_at": now - timedelta(minutes=minutes, seconds=30),
            "value": value,
            "status": "ok",
        }
        for minutes in range(0, 360, 5)
        for host, value in (("web-1", 25.0 if minutes == 185 else 12.0 if 185 < minutes < 240 else 3.0), ("web-2", 1.0))
    ]
    put(home, "raw.system_metrics", *rows)
    return home


@pytest.mark.slow
def test_a_replay_shows_the_episodes(govpulse, tried) -> None:
    document = json.loads(govpulse("alerts", "test", "queue_long", "--days", "1", "--json").out)
    (episode,) = document["episodes"]
    assert (episode["subject"], episode["severity"], episode["peak"]) == ("web-1", "critical", 25.0)
    assert episode["told"] == ["firing", "escalated", "resolved"]
    started, ended = (datetime.fromisoformat(episode[name]) for name in ("started_at", "ended_at"))
    assert timedelta(minutes=50) <= ended - started <= timedelta(minutes=60)
    assert (document["evaluations"], document["evaluations_with_data"]) == (289, 72)
    assert document["notifications"] == {"console": 3}
    assert document["newest_only"] == []


def test_a_replay_in_words_writes_nothing(govpulse, tried) -> None:
    before = (tried / "private" / "warehouse.duckdb").read_bytes()
    outcome = govpulse("alerts", "test", "queue_long", "--days", "1", "--every", "30m")
    assert (outcome.code, outcome.err) == (0, "")
    assert (tried / "private" / "warehouse.duckdb").read_bytes() == before
    assert "web-1" in outcome.out
    assert "1 episode; it had data at 12 of 49 evaluations" in outcome.out
    assert "console would have got" in outcome.out


def test_a_rule_without_as_of_is_evaluated_once(govpulse, tried) -> None:
    said = govpulse("alerts", "test", "always").out
    assert "cannot be replayed" in said.splitlines()[0]
    assert "2 of 3 subjects at or beyond a threshold" in said
    document = json.loads(govpulse("alerts", "test", "always", "--json").out)
    assert [(each["subject"], each["severity"]) for each in document["beyond"]] == [("a", "critical"), ("b", "warning")]
    assert document["is_replayed"] is False


def test_a_rule_that_fails_says_so_in_one_line(fails, tried) -> None:
    assert "rule broken: " in fails(1, "alerts", "test", "broken")


def test_an_unknown_rule_names_those_near(fails, tried) -> None:
    assert "queue_long" in fails(2, "alerts", "test", "queue_lnog")
    assert "disk_almost_full" in fails(2, "alerts", "test", "nonsense")


def test_a_rule_of_a_file_that_is_not_in_force(govpulse, fails, home, tmp_path) -> None:
    put(home, "alerts.alerts", alert("aa11"))
    (tmp_path / "new.toml").write_text(OWN)
    fails(2, "alerts", "test", "always")
    assert "2 of 3 subjects" in govpulse("alerts", "test", "always", "--file", "new.toml").out
    assert "nowhere.toml" in fails(2, "alerts", "test", "always", "--file", "nowhere.toml")


def test_what_only_says_how_it_is_now_is_told(govpulse, home, tmp_path) -> None:
    put(home, "alerts.alerts", alert("aa11"))
    sql = "SELECT scan_id AS subject, 1 AS value FROM insights.active_scans WHERE as_of <= $as_of"
    (tmp_path / "new.toml").write_text(f'[[rule]]\nname = "late"\nsql = "{sql}"\nwarning = 1\n')
    outcome = govpulse("alerts", "test", "late", "--file", "new.toml", "--days", "1", "--every", "6h")
    assert "insights.active_scans keeps only its newest rows" in outcome.out


def test_a_replay_lets_others_have_their_turn(tried) -> None:
    """Between two looks the warehouse is free once the turn is over."""
    (rule,) = [rule for rule in load_rules(Path("own.toml")) if rule.name == "queue_long"]
    limits = Limits(lock_timeout_seconds=0.2)
    with Turns(Home(tried), limits, rule, seconds=0.0) as turns:
        for _ in range(3):
            assert len(turns.observe(NOW)) <= 2
            with warehouse(Home(tried), limits) as con:
                con.execute("SELECT 1")


def test_instants_end_with_the_last() -> None:
    found = instants_until(NOW, HOUR, timedelta(minutes=20))
    assert found == [NOW - HOUR, NOW - timedelta(minutes=40), NOW - timedelta(minutes=20), NOW]
    assert instants_until(NOW, HOUR, 2 * HOUR) == [NOW]


@pytest.mark.parametrize("text", ["", "1.5h", "0s", "99999w"])
def test_what_lasts_no_time_is_refused_with_its_option(text: str) -> None:
    with pytest.raises(ConfigurationError, match=r"--for .*: not a duration"):
        given_duration("--for", text)


ROUTES = """
[[notifications.channels]]
name = "ops"
[[notifications.channels]]
name = "pager"
min_severity = "critical"
[[notifications.routes]]
name = "worst"
match = ["severity=critical"]
channels = ["pager"]
continue = true
[[notifications.routes]]
name = "databases"
match = ["team=db"]
channels = ["ops"]
days = "Mon-Fri"
hours = "09:00-12:00; 13:00-17:00"
zone = "Europe/Berlin"
holidays = "off.txt"
[[notifications.routes]]
name = "rest"
channels = ["ops"]
"""


@pytest.fixture
def routed(home: Path, tmp_path: Path) -> Path:
    (tmp_path / "govpulse.toml").write_text(ROUTES)
    (tmp_path / "off.txt").write_text("2026-12-25 # Christmas\n2026-12-28\n")
    return tmp_path


def test_a_route_is_shown_with_why(govpulse, routed) -> None:
    command = ["alerts", "route", "disk_full", "team=db", "--subject", "web-1", "--at", "2026-12-24T17:00Z"]
    assert govpulse(*command).out.splitlines() == [
        "route worst does not match: severity=critical, and severity is 'warning'",
        "route databases matches",
        "route rest not looked at: a route before it was the last",
        "ops: by route databases, when databases opens, at 2026-12-29 08:00 UTC",
    ]
    document = json.loads(govpulse(*command, "--severity", "critical", "--json").out)
    assert [(each["channel"], each["routes"]) for each in document["channels"]] == [("ops", ["databases"]), ("pager", ["worst"])]
    assert document["channels"][0]["waits_until"] == "2026-12-29T08:00:00+00:00"
    lunch = [*command[:-1], "2026-12-22T11:30Z"]
    assert "at 2026-12-22 12:00 UTC" in govpulse(*lunch).out
    assert "ops: at once, by route rest" in govpulse("alerts", "route", "disk_full").out
    assert not Path(routed / "data").exists(), "looking makes no home"


def test_who_comes_next_is_shown_of_a_critical_alert(govpulse, fails, routed) -> None:
    file, options = routed / "govpulse.toml", 'escalate_after = "30m"\nescalate_to = ["pager"]\nrepeat_every = "0s"\n'
    file.write_text(ROUTES + options)
    lines = govpulse("alerts", "route", "cpu", "--severity", "critical").out.splitlines()
    assert lines[-3:] == [
        "ops: at once, by route rest",
        "pager: at once, by route worst; again every 4 h",
        "pager: after 30 min without an acknowledgement, by route rest",
    ]
    assert govpulse("alerts", "route", "cpu").out.splitlines()[-1] == "ops: at once, by route rest", "a warning waits for nobody"
    for wrong, said in (
        ('escalate_to = ["pager"]', "escalate_after and escalate_to go together"),
        ('escalate_to = ["pager"]\nescalate_after = "0s"', "escalate_after must be longer than 0"),
        ('escalate_to = ["boss"]\nescalate_after = "1h"', "route rest leads to boss, and no channel is called so"),
        ('repeat_every = "sometimes"', "give a time like 30m, 4h or 1d; 0s: never"),
    ):
        file.write_text(f"{ROUTES}{wrong}\n")
        assert said in fails(2, "alerts", "route", "cpu")
    file.write_text('[alerts]\nrepeat_every = "4"\n')
    assert "wrong setting alerts.repeat_every: give a time like 30m" in fails(2, "alerts", "route", "cpu")


def test_without_routes_every_channel_is_named(govpulse, home) -> None:
    assert govpulse("alerts", "route", "disk_full", "--sample").out == "console: at once, by no route, as every channel\n"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('channels = ["pager"]', 'channels = ["nobody"]', "route worst leads to nobody"),
        ('name = "rest"', 'name = "worst"', "more than one route is called worst"),
        ('"severity=critical"', '"severity==critical"', "no operator =="),
        ('"Mon-Fri"', '"Caturday"', "is no day of the week"),
        ("09:00-12:00; 13:00-17:00", "9 to 5", "no weekly hours"),
        ("Europe/Berlin", "Mars", "no time zone"),
        ("off.txt", "gone.txt", "cannot read"),
    ],
)
def test_a_wrong_route_is_said(fails, routed, old: str, new: str, said: str) -> None:
    (routed / "govpulse.toml").write_text(ROUTES.replace(old, new, 1))
    assert said in fails(2, "alerts", "route", "disk_full")


def test_a_line_of_the_holidays_that_is_no_date_is_named(fails, routed) -> None:
    (routed / "off.txt").write_text("2026-12-25\nBoxing Day\n")
    assert "off.txt, line 2: 'Boxing Day' is no date" in fails(2, "alerts", "route", "disk_full")
    assert "team" in fails(2, "alerts", "route", "disk_full", "team")


def test_whose_holidays_cannot_be_read_is_told_on_them(routed, caplog) -> None:
    (routed / "off.txt").unlink()
    _, databases, _ = resolve_routes(load_settings(routed / "govpulse.toml"))
    assert databases.hours is not None
    assert databases.hours.days_off == frozenset()
    assert "route databases has no holidays: cannot read" in caplog.text


def told_episode(home: Path, rule: str, number: int, minutes: float) -> None:
    """An episode of a rule, yesterday, that was told and ended by itself."""
    began, key = NOW - timedelta(days=1, hours=number), {"fingerprint": f"{rule}{number}", "episode": 1}
    about = {"rule": rule, "subject": f"web-{number}", "updated_at": NOW}
    put(home, "alerts.alerts", {**key, **about, "labels": "{}", "state": "resolved", "severity": "warning"})
    for after, at in (("firing", began), ("resolved", began + timedelta(minutes=minutes))):
        change = {"transition_id": f"{rule}{number}{after}", "from_state": "inactive", "to_state": after, "event": after}
        put(home, "alerts.transitions", {**key, **about, **change, "transitioned_at": at})
        sent = {"notification_id": f"{rule}{number}{after}", "transition_id": change["transition_id"], "event": after}
        when = {"status": "sent", "queued_at": at, "sent_at": at, "updated_at": at}
        put(home, "alerts.notifications", {**key, **sent, **when, "channel": "ops", "message": "{}"})


def test_the_noisiest_rules_are_named_with_what_would_have_spared_people(govpulse, home: Path) -> None:
    migrated_home(home)
    for number in range(3):
        told_episode(home, "scan_slowdown", number, minutes=4)
    told_episode(home, "scan_slowdown", 3, minutes=40)
    outcome = govpulse("alerts", "noise")
    assert outcome.code == 0
    assert "scan_slowdown: 8 notifications that nobody acted upon. The last 7 days, by its episodes:" in outcome.out
    assert re.search(r"as it is +4 episodes, 8 notifications", outcome.out)
    assert re.search(r'for = "15m" +1 episode, 2 notifications', outcome.out)
    document = json.loads(govpulse("alerts", "noise", "--json").out)
    assert [(row["rule"], row["episodes"], row["brief"]) for row in document["noise"]] == [("scan_slowdown", 4, 3)]
    assert document["advice"][0]["is_replayed"] is False


def test_a_rule_that_says_as_of_is_replayed_for_its_noise(govpulse, home: Path) -> None:
    """Of a metric that is beyond for one look in twelve, through the last day."""
    samples = [
        {"host": "web-1", "metric": "system.filesystem.utilization", "attributes": "mountpoint=/", "status": "ok", "unit": "1"}
        | {"value": 0.9 if number % 12 == 0 else 0.1, "observed_at": NOW - timedelta(minutes=5 * number)}
        for number in range(288)
    ]
    put(home, "raw.system_metrics", *samples)
    told_episode(home, "disk_almost_full", 1, minutes=4)
    document = json.loads(govpulse("alerts", "noise", "--json").out)
    (advice,) = document["advice"]
    assert advice["is_replayed"] is True
    told = {each["change"]: each["episodes"] for each in advice["told"]}
    assert told[""] >= 1
    assert told['for = "15m"'] <= told[""]


def test_where_nobody_was_told_there_is_no_noise(govpulse, home: Path) -> None:
    migrated_home(home)
    assert "nobody was told" in govpulse("alerts", "noise").out
