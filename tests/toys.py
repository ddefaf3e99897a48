"""A finding, a rule and a channel that nobody needs: the files that adding one makes, and in files that there are what is put in
front of which line, or in place of which words."""


def before(line: str, added: str) -> tuple[str, str]:
    return line, added + line


FINDING = {
    "tasks/insights/findings/queue_growing.sql": """\
-- Data sources of which three scans or more are queued.
SELECT data_source, count(*) AS queued, min(queued_at) AS since, bool_or(is_sample) AS is_sample
FROM insights.active_scans
WHERE status = 'queued'
GROUP BY data_source
HAVING count(*) >= 3
""",
    "tasks/insights/findings/queue_growing.py": '''\
"""Data sources whose scans queue up. Reads insights.active_scans."""

from tasks.insights.findings.kind import Finding, Kind, SelectedRow
from tasks.wording import counted


def describe(row: SelectedRow) -> Finding:
    return Finding(
        subject=row["data_source"],
        severity="critical" if row["queued"] >= 10 else "warning",
        started_at=row["since"],
        statement=f"{counted(row['queued'], 'scan')} of {row['data_source']} wait for a scanner",
        recommendation=f"See what the scanner of {row['data_source']} is busy with.",
        evidence={"queued": row["queued"]},
        confidence=1.0,
        is_sample=row["is_sample"],
    )


QUEUE_GROWING = Kind("queue_growing", parameters=(), describe=describe)
''',
    "tests/tasks/insights/findings/test_queue_growing.py": """\
def test_three_that_wait_are_a_queue(find_in, ago) -> None:
    scans = [
        {"scan_id": f"s{number}", "data_source": "crm", "status": "queued", "queued_at": ago(hours=number), "is_sample": False}
        for number in (1, 2, 3)
    ]
    assert find_in(active_scans=scans[:2]) == []
    (found,) = find_in(active_scans=scans)
    assert (found["kind"], found["subject"], found["severity"]) == ("queue_growing", "crm", "warning")
    assert (found["statement"], found["started_at"]) == ("3 scans of crm wait for a scanner", ago(hours=3))
""",
    "docs/runbooks/queue_growing.md": """\
# queue_growing

You come here from the alert: scans of a data source wait for a scanner.

1. Which: `govpulse query "SELECT scan_id, queued_at FROM insights.active_scans WHERE status = 'queued'"`
""",
}
FINDING_LINES = {
    "tasks/insights/performance_insights.py": [
        before(
            "from tasks.insights.findings.response_time_degradation",
            "from tasks.insights.findings.queue_growing import QUEUE_GROWING\n",
        ),
        before("    STUCK_SCAN,\n", "    QUEUE_GROWING,\n"),
    ],
    "storage/catalogue/insights/performance_insights.py": [before('    "stuck_scan",\n', '    "queue_growing",\n')],
    "docs/metrics.md": [
        before("| `stuck_scan` |", "| `queue_growing` | three scans of a data source or more are queued | ten | 1 |\n"),
    ],
    "tasks/alerts/rules.toml": [
        before(
            "# Findings are",
            """\
[[rule]]
name = "queue_growing"
finding = "queue_growing"
keep_firing_for = "90m"
runbook = "docs/runbooks/queue_growing.md"

""",
        ),
    ],
    "docs/rules.md": [
        before(
            "| [`anomaly`]",
            "| [`queue_growing`](runbooks/queue_growing.md) | three scans of a data source are queued; critical ten |  |\n",
        ),
    ],
}

RULE = {
    "docs/runbooks/user_idle.md": """\
# user_idle

You come here from the alert: nothing of somebody has changed.

1. Since when: `govpulse query --private "SELECT user_id, updated_at FROM raw.users"`
""",
}
RULE_LINES = {
    "tasks/alerts/rules.toml": [
        before(
            "# Findings are",
            """\
[[rule]]
name = "user_idle"
message = "{subject} has not changed for {value}"
sql = "SELECT user_id AS subject, epoch($as_of) - epoch(updated_at) AS value FROM raw.users WHERE NOT is_deleted"
warning = 86400
critical = 172800
unit = "s"
runbook = "docs/runbooks/user_idle.md"
evidence = "SELECT * FROM raw.users WHERE user_id = {subject}"

""",
        ),
    ],
    "docs/rules.md": [before("| [`anomaly`]", "| [`user_idle`](runbooks/user_idle.md) | no change for a day |  |\n")],
    "tests/tasks/alerts/test_shipped_rules.py": [
        before(
            '    "backup_overdue": (backed_up',
            '    "user_idle": (idle_for, [(0, 86_399), (5, 86_400), (10, 172_800), (15, 30)], THREE),\n',
        ),
        before(
            "THREE = (",
            """\
def idle_for(con: duckdb.DuckDBPyConnection, now: datetime, seconds: float) -> None:
    con.execute("DELETE FROM raw.users")
    put(con, "raw.users", {"user_id": "ann", "updated_at": now - timedelta(seconds=seconds)})


""",
        ),
    ],
}

CHANNEL = {
    "tasks/notifications/senders/syslog.py": '''\
"""Syslog: a datagram to a collector, which answers nothing."""

import socket
from datetime import datetime
from urllib.parse import urlsplit

from tasks.message import Message
from tasks.notifications.channels import Channel
from tasks.notifications.outcomes import DELIVERED, Outcome
from tasks.notifications.rendering import render_line

PORT = 514


def send(channel: Channel, message: Message, notification_id: str, now: datetime) -> Outcome:  # noqa: ARG001 - a Sender
    """Send one datagram."""
    place = urlsplit(channel.url.get_secret_value())
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
            out.sendto(f"<10>govpulse: {render_line(message)}".encode(), (place.hostname or "", place.port or PORT))
    except OSError as error:
        return Outcome(is_delivered=False, problem=f"syslog: {error.strerror}")
    return DELIVERED
''',
    "tests/tasks/notifications/senders/test_syslog.py": """\
import socket

from pydantic import SecretStr

from tasks.notifications.channels import Channel
from tasks.notifications.outcomes import DELIVERED
from tasks.notifications.senders import send
from tests.messages import MESSAGE, NOW


def test_a_collector_gets_a_line() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as collector:
        collector.bind(("127.0.0.1", 0))
        collector.settimeout(10)
        channel = Channel("log", "syslog", url=SecretStr(f"udp://127.0.0.1:{collector.getsockname()[1]}"))
        assert send(channel, MESSAGE, "n1", NOW) == DELIVERED
        assert collector.recv(65536).startswith(b"<10>govpulse: ")


def test_a_collector_that_nobody_knows_is_an_outcome() -> None:
    assert not send(Channel("log", "syslog", url=SecretStr("udp://nowhere.invalid")), MESSAGE, "n1", NOW).is_delivered
""",
}
CHANNEL_LINES = {
    "tasks/notifications/senders/__init__.py": [
        ("console, pagerduty, webhook", "console, pagerduty, syslog, webhook"),
        before('    "apprise": _by_apprise,\n', '    "syslog": syslog.send,\n'),
    ],
    "tasks/notifications/channels.py": [
        ('"apprise"]', '"apprise", "syslog"]'),
        before(
            '    if kind == "apprise":\n',
            '    if kind == "syslog":\n        return None if url.startswith("udp://") else "its url does not begin with udp://"\n',
        ),
    ],
    "flows/settings.py": [
        ("needs = {", 'needs = {"syslog": has_url, '),
        ("takes = {", 'takes = {"syslog": not has_secret, '),
    ],
    "docs/notifications.md": [("template or apprise", "template, apprise or syslog")],
}
