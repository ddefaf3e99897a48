"""A message for tests, and names that break what is careless with them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from tasks.message import Member, Message

NOW = datetime(2026, 3, 10, 12, 0, 30, tzinfo=UTC)
MESSAGE = Message(
    fingerprint="9f86d081884c7d65",
    episode=3,
    event="firing",
    severity="critical",
    rule="disk_almost_full",
    subject="web-1",
    labels={"mount": "/data", "device": "sda1"},
    value=0.97,
    threshold=0.95,
    since=NOW - timedelta(minutes=5),
    at=NOW,
    title="[CRITICAL] disk_almost_full: web-1",
    statement="the filesystem /data of web-1 is 97.0% full, critical at 95.0% or more",
    runbook="https://docs.example.com/runbooks/disk_almost_full.md",
    query="SELECT * FROM raw.system_metrics\nWHERE host = 'web-1' AND value > 0.85 AND labels <@ ['a']",
    is_sample=False,
)
NASTY = "<b>&*_`x`_* [a](http://e) <!channel> <http://e|e> @everyone\r\nBcc: you@example.com\x1b[31m\u2028 \N{SNOWMAN}"


def message(**changes: Any) -> Message:
    return replace(MESSAGE, **changes)


def digest(count: int) -> Message:
    members = tuple(
        Member(f"f{number}", "disk_almost_full", f"web-{number}", "warning", f"web-{number} is full") for number in range(count)
    )
    return message(event="digest", title=f"[CRITICAL] {count} alerts", statement=f"{count} alerts fire", members=members, query="")
