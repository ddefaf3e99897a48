"""PagerDuty's events at a real receiver, checked against the schema that PagerDuty publishes."""

import json
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, FormatChecker
from pydantic import SecretStr

from tasks.message import Message
from tasks.notifications.channels import Channel
from tasks.notifications.senders import send
from tasks.notifications.senders.pagerduty import payload
from tests.messages import MESSAGE, NASTY, NOW, digest, message
from tests.receiver import Answer, Receiver, receiving
from tests.tasks.notifications.test_rendering import messages

KEY = "0123456789abcdef0123456789abcdef"
SCHEMA = json.loads((Path(__file__).parents[1] / "schemas" / "pagerduty-events-v2.json").read_text())
VALIDATOR = Draft202012Validator(SCHEMA, format_checker=FormatChecker(["date-time"]))
EVENTS = ("firing", "escalated", "eased", "flapping", "no_data", "error", "digest")
ACCEPTED = Answer(status=202, headers={"Content-Type": "application/json"}, body=b'{"status": "success"}')


def channel(receiver: Receiver) -> Channel:
    return Channel("pager", "pagerduty", url=SecretStr(receiver.url + "/v2/enqueue"), secret=SecretStr(KEY))


def sent(told: Message) -> dict:
    with receiving(ACCEPTED) as receiver:
        assert send(channel(receiver), told, "n1", NOW).is_delivered
    (got,) = receiver.requests
    assert (got.method, got.path, got.headers["content-type"]) == ("POST", "/v2/enqueue", "application/json")
    VALIDATOR.validate(got.json())
    assert (got.json()["routing_key"], got.json()["dedup_key"]) == (KEY, told.fingerprint)
    return got.json()


@pytest.mark.parametrize("event", EVENTS)
def test_all_that_tells_of_trouble_triggers(event: str) -> None:
    assert sent(message(event=event))["event_action"] == "trigger"


@pytest.mark.parametrize("event", ["resolved", "gone"])
def test_an_end_resolves_by_the_same_key(event: str) -> None:
    assert sent(message(event=event)) == {"routing_key": KEY, "dedup_key": MESSAGE.fingerprint, "event_action": "resolve"}


def test_the_event_says_what_who_and_where_to_look() -> None:
    event = sent(MESSAGE)
    assert event["client"] == "govpulse"
    assert event["links"] == [{"href": MESSAGE.runbook, "text": "Runbook"}]
    assert event["payload"] == {
        "summary": MESSAGE.statement,
        "source": "web-1",
        "severity": "critical",
        "timestamp": "2026-03-10T12:00:30+00:00",
        "component": "device=sda1, mount=/data",
        "class": "disk_almost_full",
        "custom_details": {
            "title": MESSAGE.title,
            "event": "firing",
            "value": 0.97,
            "threshold": 0.95,
            "since": "2026-03-10T11:55:30+00:00",
            "runbook": MESSAGE.runbook,
            "query": MESSAGE.query,
        },
    }


@pytest.mark.parametrize("severity", ["warning", "critical"])
def test_severities_are_pagerdutys(severity: str) -> None:
    assert sent(message(severity=severity))["payload"]["severity"] == severity


def test_a_runbook_that_is_no_link_is_a_detail() -> None:
    event = sent(message(runbook="docs/runbooks/disk.md"))
    assert event["links"] == []
    assert event["payload"]["custom_details"]["runbook"] == "docs/runbooks/disk.md"


@pytest.mark.parametrize(
    "told",
    [
        message(statement="x" * 5000, subject=NASTY, rule=NASTY, title=NASTY),
        message(value=math.inf, threshold=math.nan),
        message(subject="", statement="", labels={}),
        digest(500),
    ],
)
def test_what_is_long_nasty_or_missing_still_fits(told: Message) -> None:
    event = sent(told)["payload"]
    assert len(event["summary"]) <= 1024
    assert event["summary"].splitlines() == [event["summary"]]


def test_a_digest_holds_fifty_members_and_their_number() -> None:
    details = sent(digest(500))["payload"]["custom_details"]
    assert (len(details["members"]), details["members_in_all"]) == (50, 500)


@given(messages, st.sampled_from([*EVENTS, "resolved", "gone"]), st.sampled_from(["warning", "critical"]))
def test_any_message_fits_the_schema(given: Message, event: str, severity: str) -> None:
    told = message(**vars(given) | {"event": event, "severity": severity, "statement": given.statement + "x"})
    VALIDATOR.validate(json.loads(json.dumps(payload(told, KEY), allow_nan=False)))


@pytest.mark.parametrize(
    ("answer", "is_channel_wide", "said"),
    [
        (
            Answer(status=400, headers={"Content-Type": "application/json"}, body=b'{"errors": ["bad ' + KEY.encode() + b'"]}'),
            False,
            'HTTP 400 Bad Request {"errors": ["bad ***"]}',
        ),
        (Answer(status=429), True, "HTTP 429"),
        (Answer(status=500), True, "HTTP 500"),
        (Answer(ending="cut"), True, "cut"),
    ],
)
def test_refusals_are_told_without_the_routing_key(answer: Answer, is_channel_wide: bool, said: str) -> None:
    with receiving(answer) as receiver:
        outcome = send(channel(receiver), MESSAGE, "n1", NOW)
    assert said in outcome.problem
    assert outcome.is_channel_wide == is_channel_wide
    assert not outcome.is_delivered
