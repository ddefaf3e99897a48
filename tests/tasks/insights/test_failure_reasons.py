"""Error messages of which nothing private is left, and that are alike where their causes are."""

import json
from datetime import UTC, datetime

import polars as pl
import pytest

AS_OF = datetime(2026, 3, 10, tzinfo=UTC)
ENDED = datetime(2026, 3, 9, tzinfo=UTC)
WORDINGS = {
    "request 123e4567-e89b-12d3-a456-426614174000 died": "request <id> died",
    "commit deadbeef12 at 0xFF00": "commit <id> at <id>",
    "ORA-00942 after 1,234.5s, 7 of 12 s3 shards": "ORA-<n> after <n>s, <n> of <n> s<n> shards",
    "job_12 of orders_2024": "job_<n> of orders_<n>",
    "can't open 'a b' and 'John's file'": "can't open <text> and <text>",
    "relation \"orders\" of `x` and b'raw' in “y”": "relation <text> of <text> and <text> in <text>",
    "cannot parse 'Anna said\nmore' in line 2": "cannot parse <text>",
    "Key (mail)=(anna.meier@example.com) exists": "Key (mail)=(<email>) exists",
    "müller@exämple.de is unknown": "<email> is unknown",
    "cannot reach postgres://anna:s3cret@db.example.com:5432/crm now": "cannot reach <url> now",
    "user=anna password=hunter2, host = db1": "user=<text> password=<text>, host=<text>",
    "token: abcdef, sent as Bearer eyJhbGciOiJIUzI1NiIs.eyJzdWIiOiIx": "token: <text> sent as Bearer <text>",
    "AKIAIOSFODNN7EXAMPLE is not allowed": "<id> is not allowed",
    "refused by 10.0.0.22:5432 and fe80:0:1:2::1": "refused by <ip> and <ip>",
    "/home/anna/x.csv: not found, nor data/in/x.csv": "<path>: not found, nor <path>",
    r"C:\Users\anna\x.csv or \\files\anna\x.csv": "<path> or <path>",
    "read/write over TCP/IP is N/A": "read/write over TCP/IP is N/A",
    "at 2026-03-01T10:00:00.123+01:00 or 2026-03-01 10:11:12 or 10:11": "at <time> or <time> or <time>",
    "missing columns 1, 2, 3": "missing columns <n>, ...",
    "missing columns 7, 8": "missing columns <n>, ...",
    "  \n  disk   full\r\nby anna": "disk full",
    " \n ": "no message",
}


def reasons(compute, messages: list[str | None]) -> list[dict[str, object]]:
    rows = pl.DataFrame(
        {
            "scan_id": [f"s{number}" for number in range(len(messages))],
            "data_source": ["crm"] * len(messages),
            "scan_type": ["full"] * len(messages),
            "status": ["failed"] * len(messages),
            "finished_at": [ENDED] * len(messages),
            "updated_at": [ENDED] * len(messages),
            "error_message": pl.Series(messages, dtype=pl.String),
        }
    )
    return json.loads(compute("scan_performance", rows, {"as_of": AS_OF, "window_days": 7})["failure_reasons"][0])


@pytest.mark.parametrize(("message", "wording"), WORDINGS.items())
def test_what_differs_from_run_to_run_is_taken_out(compute, message: str, wording: str) -> None:
    assert reasons(compute, [message]) == [{"reason": wording, "runs": 1}]


def test_a_long_message_is_cut_without_halving_what_is_taken_out(compute) -> None:
    assert reasons(compute, ["x" * 150 + " y" * 100])[0]["reason"] == ("x" * 150 + " y" * 100)[:200]
    addresses = "anna.meier@example.com " * 1000
    for pad in range(30):
        reason = reasons(compute, ["z" * pad + " " + addresses])[0]["reason"]
        assert "anna" not in reason
        assert len(reason) <= 200


def test_equal_causes_count_together_and_the_commonest_come_first(compute) -> None:
    messages = [f"timeout after {n} s" for n in range(5)] + [f"no table '{n}'" for n in range(4)] + [None] * 3 + ["rare"]
    assert reasons(compute, messages) == [
        {"reason": "timeout after <n> s", "runs": 5},
        {"reason": "no table <text>", "runs": 4},
        {"reason": "no message", "runs": 3},
    ]
