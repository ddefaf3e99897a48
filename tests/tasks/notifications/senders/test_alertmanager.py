"""What Alertmanager is told: what goes on, for an hour more; what has ended; and as which severity. On a receiver of ours; the real
one stands in tests/tasks/notifications/services."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from storage.printable import printable
from tasks.message import Message
from tasks.notifications.channels import Channel
from tasks.notifications.outcomes import DELIVERED
from tasks.notifications.senders import send
from tasks.notifications.senders.alertmanager import LEASE, _alert, renew
from tests.messages import MESSAGE, NOW, message
from tests.receiver import Answer, Receiver, receiving

AT = "2026-03-10T12:00:30Z"


def channel(receiver: Receiver) -> Channel:
    return Channel("am", "alertmanager", url=SecretStr(receiver.url + "/"))


def posted(told: Message) -> list[dict[str, Any]]:
    with receiving() as receiver:
        assert send(channel(receiver), told, "n1", NOW) == DELIVERED
    (request,) = receiver.requests
    assert (request.method, request.path) == ("POST", "/api/v2/alerts")
    return request.json()


def ends(alerts: list[dict[str, Any]]) -> dict[str, bool]:
    """By severity, whether it has ended."""
    return {alert["labels"]["severity"]: datetime.fromisoformat(alert["endsAt"]) <= NOW for alert in alerts}


def test_what_fires_goes_on_for_an_hour() -> None:
    (alert,) = posted(MESSAGE)
    assert alert["labels"] == {
        "alertname": "disk_almost_full",
        "subject": "web-1",
        "severity": "critical",
        "mount": "/data",
        "device": "sda1",
        "origin": "govpulse",
    }
    assert alert["startsAt"] == "2026-03-10T11:55:30Z"
    assert datetime.fromisoformat(alert["endsAt"]) == NOW + timedelta(hours=1)
    assert alert["annotations"]["summary"] == MESSAGE.statement
    assert alert["annotations"]["runbook_url"] == MESSAGE.runbook


@pytest.mark.parametrize(
    ("told", "has_ended"),
    [
        (message(event="escalated"), {"critical": False, "warning": True}),
        (message(event="eased", severity="warning"), {"critical": True, "warning": False}),
        (message(event="resolved"), {"critical": True, "warning": True}),
        (message(event="gone", severity="warning"), {"critical": True, "warning": True}),
        (message(event="no_data", severity="warning"), {"warning": False}),
    ],
)
def test_of_two_severities_one_goes_on(told: Message, has_ended: dict[str, bool]) -> None:
    """There the severity is a part of what an alert is: one that changes it is another one."""
    assert ends(posted(told)) == has_ended


def test_what_goes_on_is_posted_anew_in_portions() -> None:
    told = [message(subject=f"web-{number}") for number in range(1_001)]
    with receiving() as receiver:
        assert renew(channel(receiver), told, NOW + LEASE / 2) == DELIVERED
    sizes = [len(request.json()) for request in receiver.requests]
    assert sizes == [500, 500, 1]
    until = {alert["endsAt"] for request in receiver.requests for alert in request.json()}
    assert {datetime.fromisoformat(text) for text in until} == {NOW + LEASE / 2 + LEASE}


def test_where_it_is_down_that_is_told() -> None:
    with receiving(Answer(503)) as receiver:
        assert "503" in (renew(channel(receiver), [MESSAGE], NOW).problem or "")


@given(st.dictionaries(st.text(min_size=1), st.text()), st.text(min_size=1))
def test_names_of_labels_are_prometheus_names_and_texts_arrive_as_written(labels: dict[str, str], subject: str) -> None:
    told = _alert(message(labels=labels, subject=subject), "critical", NOW)["labels"]
    for name in told:
        assert name.isascii()
        assert name.replace("_", "a").isalnum()
        assert not name[0].isdigit()
    assert told["subject"] == printable(subject)
    assert all(told.values()), "a label without text is none there"
