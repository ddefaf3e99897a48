"""The webhook at a real receiver: its JSON is what the published schema says, and its signature can be verified."""

import base64
import hashlib
import hmac
import json
import math
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, FormatChecker
from pydantic import SecretStr

from tasks.message import Message
from tasks.notifications.channels import Channel
from tasks.notifications.senders import send
from tasks.notifications.senders.webhook import payload
from tasks.notifications.signing import sign
from tests.messages import MESSAGE, NASTY, NOW, digest, message
from tests.receiver import Receiver, receiving
from tests.tasks.notifications.test_rendering import messages

DOCS = Path(__file__).parents[4] / "docs"
SCHEMA = json.loads((DOCS / "webhook-v1.schema.json").read_text())
VALIDATOR = Draft202012Validator(SCHEMA, format_checker=FormatChecker(["date-time"]))
DESIGNED = {"version", "notification_id", "fingerprint", "episode", "event", "severity", "rule", "subject", "value", "threshold"}
DESIGNED |= {"since", "statement", "runbook"}
ADDED = {"labels", "at", "title", "query", "is_sample", "members", "links"}


def channel(receiver: Receiver, secret: str = "") -> Channel:
    return Channel("ops", "webhook", url=SecretStr(receiver.url + "/hook"), secret=SecretStr(secret))


def test_the_schema_is_a_schema_and_has_every_key_that_is_posted() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    assert set(SCHEMA["required"]) == set(SCHEMA["properties"]) == set(payload(MESSAGE, "n1")) == DESIGNED | ADDED


@pytest.mark.parametrize("sent", [MESSAGE, digest(500), message(value=None, threshold=None, labels={}), message(subject=NASTY)])
def test_what_arrives_is_what_the_schema_says(sent: Message) -> None:
    with receiving() as receiver:
        assert send(channel(receiver), sent, "n1", NOW).is_delivered
    (got,) = receiver.requests
    VALIDATOR.validate(got.json())
    assert (got.method, got.path, got.headers["content-type"]) == ("POST", "/hook", "application/json")
    document = got.json()
    assert (document["version"], document["notification_id"]) == (1, "n1")
    assert (document["subject"], document["value"], document["labels"]) == (sent.subject, sent.value, sent.labels)
    assert document["since"] == "2026-03-10T11:55:30+00:00"
    assert len(document["members"]) == len(sent.members), "a machine gets all members"


def test_the_example_of_the_docs_is_one() -> None:
    example = json.loads(re.search(r"```json\n(.*?)```", (DOCS / "notifications.md").read_text(), re.DOTALL).group(1))
    VALIDATOR.validate(example)
    assert set(example) == DESIGNED | ADDED


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan])
def test_numbers_that_json_has_not_are_null(value: float) -> None:
    with receiving() as receiver:
        assert send(channel(receiver), message(value=value, threshold=value), "n1", NOW).is_delivered
    document = json.loads(receiver.requests[0].body, parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))
    assert (document["value"], document["threshold"]) == (None, None)


@given(messages, st.sampled_from(["firing", "digest", "resolved"]), st.sampled_from(["warning", "critical"]))
def test_any_message_fits_the_schema(given: Message, event: str, severity: str) -> None:
    document = json.loads(json.dumps(payload(given, "n1")))
    own = {"event": event, "severity": severity, "episode": abs(given.episode), "fingerprint": given.fingerprint or "f"}
    members = [member | {"severity": severity} for member in document["members"]]
    VALIDATOR.validate(document | own | {"members": members})


@pytest.mark.parametrize("secret", ["whsec_" + base64.b64encode(b"a key of some length").decode(), "plain text", "schlüssel"])
def test_the_signature_is_verified_as_the_docs_say(secret: str) -> None:
    example = re.search(r"```python\n(.*?)```", (DOCS / "notifications.md").read_text(), re.DOTALL).group(1)
    verify = {}
    exec(example, verify)
    with receiving() as receiver:
        assert send(channel(receiver, secret), MESSAGE, "n1", NOW).is_delivered
    (got,) = receiver.requests
    now = NOW.timestamp()
    assert verify["is_genuine"](secret, got.headers, got.body, now + 60)
    assert not verify["is_genuine"](secret, got.headers, got.body, now + 600), "an old one is not taken"
    assert not verify["is_genuine"](secret, got.headers, got.body.replace(b"critical", b"warning"), now)
    assert not verify["is_genuine"](secret, got.headers | {"webhook-id": "n2"}, got.body, now)
    assert not verify["is_genuine"]("another", got.headers, got.body, now)


def test_the_signature_is_that_of_the_standard_webhooks_libraries() -> None:
    """Their own example."""
    signature = sign(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", b'{"test": 2432232314}'
    )
    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_what_is_signed_are_id_timestamp_and_body() -> None:
    with receiving() as receiver:
        send(channel(receiver, "k"), MESSAGE, "n1", NOW)
    (got,) = receiver.requests
    assert (got.headers["webhook-id"], got.headers["webhook-timestamp"]) == ("n1", str(int(NOW.timestamp())))
    signed = f"n1.{int(NOW.timestamp())}.".encode() + got.body
    digest_ = base64.b64encode(hmac.new(b"k", signed, hashlib.sha256).digest()).decode()
    assert got.headers["webhook-signature"] == f"v1,{digest_}"


def test_the_same_row_sent_again_has_the_same_id_and_body() -> None:
    with receiving() as receiver:
        for _ in range(2):
            send(channel(receiver, "k"), MESSAGE, "n1", NOW)
    first, second = receiver.requests
    assert first.body == second.body
    assert first.headers["webhook-id"] == second.headers["webhook-id"]


def test_without_a_secret_there_is_no_signature() -> None:
    with receiving() as receiver:
        send(channel(receiver), MESSAGE, "n1", NOW)
    assert "webhook-signature" not in receiver.requests[0].headers


def test_a_secret_that_cannot_be_decoded_is_said_without_it() -> None:
    with receiving() as receiver:
        outcome = send(channel(receiver, "whsec_no-base64"), MESSAGE, "n1", NOW)
    assert "base64" in outcome.problem
    assert "no-base64" not in outcome.problem
    assert receiver.requests == []


def test_a_channel_with_a_problem_sends_nothing_and_says_it() -> None:
    with receiving() as receiver:
        broken = Channel("ops", "webhook", url=SecretStr(receiver.url), problem="the variable OPS_URL is not set")
        outcome = send(broken, MESSAGE, "n1", NOW)
    assert (outcome.is_delivered, outcome.problem, outcome.is_channel_wide) == (False, "the variable OPS_URL is not set", True)
    assert receiver.requests == []
