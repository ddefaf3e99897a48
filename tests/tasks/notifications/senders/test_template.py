"""A template makes of a message what a service takes."""

import json

import pytest
from pydantic import SecretStr

from tasks.notifications.channels import Channel
from tasks.notifications.outcomes import DELIVERED, Outcome
from tasks.notifications.senders import send
from tasks.notifications.senders.template import mistake_in_template
from tests.messages import MESSAGE, NASTY, NOW, digest, message
from tests.receiver import Answer, Receiver, receiving

OWN = '{"summary": {{ title | tojson }}, "sev": {{ {"critical": 1}.get(severity, 2) }}, "n": {{ members | length }}}'


def tell(receiver: Receiver, template: str, told=MESSAGE, content_type: str = "application/json") -> Outcome:
    channel = Channel("own", "template", url=SecretStr(receiver.url), template=template, content_type=content_type)
    return send(channel, told, "n1", NOW)


def test_its_text_is_what_is_posted() -> None:
    with receiving() as receiver:
        assert tell(receiver, OWN) == DELIVERED
        assert tell(receiver, OWN, digest(7)) == DELIVERED
        assert tell(receiver, "{{ subject }} {{ notification_id }}\n", content_type="text/plain") == DELIVERED
    first, second, third = receiver.requests
    assert first.json() == {"summary": MESSAGE.title, "sev": 1, "n": 0}
    assert second.json()["n"] == 7
    assert (third.body, third.headers["content-type"]) == (b"web-1 n1\n", "text/plain")


def test_names_stay_within_their_place() -> None:
    told = message(title='", "sev": 9, "x": "' + NASTY + "{{ 7 * 7 }}")
    with receiving() as receiver:
        tell(receiver, OWN, told)
    body = receiver.requests[0].body
    assert json.loads(body) == {"summary": told.title, "sev": 1, "n": 0}


@pytest.mark.parametrize(
    "template", ["{{ nothing }}", "{{ title.__class__.__mro__ }}", "{{ 1 / 0 }}", "{% for x in range(10**9) %}x{% endfor %}"]
)
def test_what_cannot_be_made_is_about_this_message(template: str) -> None:
    with receiving() as receiver:
        outcome = tell(receiver, template)
    assert (outcome.is_delivered, outcome.is_channel_wide, receiver.requests) == (False, False, [])
    assert "its template" in (outcome.problem or "")


def test_a_refusal_is_as_for_any_webhook() -> None:
    with receiving(Answer(400), Answer(503)) as receiver:
        assert not tell(receiver, OWN).is_channel_wide
        assert tell(receiver, OWN).is_channel_wide


def test_what_is_no_template_is_said() -> None:
    assert mistake_in_template("{{ title ") is not None
    assert mistake_in_template(OWN) is None
