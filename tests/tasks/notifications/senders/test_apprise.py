"""Apprise on real receivers of HTTP and mail: what arrives, what goes wrong, and that its URL's secrets stay where they are."""

import json
import logging
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from apprise import Apprise
from apprise.plugins.slack import NotifySlack
from jsonschema import Draft7Validator
from pydantic import SecretStr

from tasks.message import Message
from tasks.notifications.channels import Channel
from tasks.notifications.outcomes import DELIVERED, Outcome
from tasks.notifications.senders import send
from tasks.notifications.withholding import withheld
from tests.messages import MESSAGE, NASTY, NOW, digest, message
from tests.receiver import Answer, Receiver, receiving
from tests.smtp_receiver import SmtpReceiver, receiving_mail

SLACK = json.loads((Path(__file__).parents[1] / "schemas" / "slack-incoming-webhook.json").read_text())
OK = Answer(body=b"ok")
SECRETS = ("s3cretpath", "passw0rd", "TokenAAAA", "TokenBBBB", "TokenCCCC")


def tell(url: str, told: Message = MESSAGE) -> Outcome:
    outcome = send(Channel("chat", "apprise", url=SecretStr(url)), told, "n1", NOW)
    if outcome.problem is not None:
        assert outcome.problem.splitlines() == [outcome.problem]
        assert not any(secret.lower() in outcome.problem.lower() for secret in SECRETS)
        assert outcome.is_channel_wide
    return outcome


def json_url(receiver: Receiver, options: str = "") -> str:
    return f"json://me:passw0rd@127.0.0.1:{receiver.port}/s3cretpath{options}"


def mail_url(receiver: SmtpReceiver, user: str = "", options: str = "") -> str:
    return f"mailto://{user}127.0.0.1:{receiver.port}/?from=pulse@example.com&to=ops@example.com{options}"


@pytest.fixture
def slack(monkeypatch):
    """Slack's incoming webhooks, at a receiver of ours."""
    with receiving(OK, OK) as receiver:
        monkeypatch.setattr(NotifySlack, "webhook_url", receiver.url + "/services")
        yield receiver


# Apprise posts `mrkdwn` beside what the types of Slack's webhook client name; chat.postMessage has it.
POSTED_TOO = {"mrkdwn": {"type": "boolean"}}


@pytest.mark.parametrize("told", [MESSAGE, digest(500), message(event="resolved", statement=NASTY, title=NASTY)])
def test_what_slack_gets_is_what_slack_says_that_it_takes(slack, told: Message) -> None:
    assert tell("slack://TokenAAAA/TokenBBBB/TokenCCCC", told) == DELIVERED
    (got,) = slack.requests
    assert got.path == "/services/TokenAAAA/TokenBBBB/TokenCCCC"
    definitions = SLACK["definitions"]
    payload = definitions["Payload"] | {"properties": definitions["Payload"]["properties"] | POSTED_TOO}
    Draft7Validator(SLACK | {"definitions": definitions | {"Payload": payload}}).validate(got.json())


def test_slacks_blocks_are_what_slack_says_that_it_takes(slack) -> None:
    assert tell("slack://TokenAAAA/TokenBBBB/TokenCCCC?blocks=yes") == DELIVERED
    Draft7Validator(SLACK).validate(slack.requests[0].json())


def test_slack_shows_the_query_as_code_and_obeys_no_name(slack) -> None:
    tell("slack://TokenAAAA/TokenBBBB/TokenCCCC", message(statement=NASTY, title=f"t {NASTY}"))
    (attachment,) = slack.requests[0].json()["attachments"]
    assert "```\nSELECT * FROM raw.system_metrics\n" in attachment["text"]
    told = attachment["text"] + attachment["title"]
    assert not any(command in told for command in ("!channel", "<http", "@everyone", "](http"))
    assert "labels &lt;@ ['a']" in attachment["text"], "SQL that is no command stays as it is"
    assert "\n" not in attachment["title"]


def test_a_mail_has_title_text_and_query() -> None:
    with receiving_mail() as receiver:
        assert tell(mail_url(receiver)) == DELIVERED
    ((recipients, mail),) = receiver.received
    assert (recipients, mail["To"], mail["Subject"]) == (["ops@example.com"], "ops@example.com", MESSAGE.title)
    assert "pulse@example.com" in mail["From"]
    text = mail.get_body(("plain",)).get_content()
    for words in (MESSAGE.statement, "Threshold: 0.95", "Since: 2026-03-10 11:55 UTC", MESSAGE.runbook, "SELECT * FROM raw"):
        assert words in text


def test_names_break_neither_the_mails_header_nor_its_html() -> None:
    with receiving_mail() as receiver:
        assert tell(mail_url(receiver), message(title=f"[CRITICAL] {NASTY}", statement=NASTY)) == DELIVERED
    ((recipients, mail),) = receiver.received
    assert (recipients, mail["Bcc"]) == (["ops@example.com"], None)
    assert "Bcc: you@example.com" in mail["Subject"]
    html = mail.get_body(("html",)).get_content()
    assert "<b>&" not in html
    assert "&lt;b&gt;&amp;" in html


SIGNS = "*b* _i_ ~~s~~ `c` [a](http://e) | # > :x: &lt; <b>"


def test_markdown_of_a_name_is_text_where_markdown_is_read() -> None:
    """Mattermost takes what Apprise sends as text for Markdown."""
    with receiving(Answer(), Answer()) as receiver:
        url = f"mmost://127.0.0.1:{receiver.port}/s3cretpath-123456789"
        assert tell(url, message(statement=SIGNS, title="t", query="")) == DELIVERED
        text = receiver.requests[-1].json()["text"]
    shown = r"\*b\* \_i\_ \~\~s\~\~ \`c\` \[a\]⁠(http://e) \| # > :⁠x: &⁠lt; <b>"
    assert shown in text
    assert re.sub(r"\\(.)", r"\1", shown).replace("\u2060", "") == SIGNS


def test_slacks_markup_in_a_name_is_held_off_by_word_joiners(slack) -> None:
    tell("slack://TokenAAAA/TokenBBBB/TokenCCCC", message(statement=SIGNS))
    (attachment,) = slack.requests[0].json()["attachments"]
    said = attachment["text"].splitlines()[0]
    assert not re.search(r"(?<!\u2060)[*_~`]|[*_~`](?!\u2060)|:(?=x:)", said)
    assert f"Runbook: {MESSAGE.runbook}" in attachment["text"], "the rule's own link is one"
    plain = said.replace("\u2060", "").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    assert plain == SIGNS


def test_a_long_digest_is_cut_where_the_service_would_refuse_it() -> None:
    with receiving(Answer(), Answer()) as receiver:
        url = f"mmost://127.0.0.1:{receiver.port}/s3cretpath-123456789"
        assert tell(url, message(statement="x" * 10_000)) == DELIVERED
        assert len(receiver.requests[-1].json()["text"]) <= 4000
        assert len(receiver.requests) == 1


@pytest.mark.parametrize("status", [400, 401, 404, 429, 500, 503])
def test_a_refusal_is_told_with_its_code(status: int) -> None:
    with receiving(Answer(status=status)) as receiver:
        outcome = tell(json_url(receiver))
    assert f"error={status}" in outcome.problem
    assert (outcome.is_delivered, outcome.is_maybe_received) == (False, False)


def test_a_redirect_is_not_followed() -> None:
    with receiving(Answer(status=307, headers={"Location": "/elsewhere"})) as receiver:
        assert "error=307" in tell(json_url(receiver)).problem
    assert len(receiver.requests) == 1


def test_it_is_sent_once_whatever_the_url_asks_for() -> None:
    with receiving(Answer(status=500)) as receiver:
        assert not tell(json_url(receiver, "?retry=3&wait=0&optional=yes")).is_delivered
    assert len(receiver.requests) == 1, "retries are the outbox's, which knows of them"


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Answer(delay=5), "timed out"),
        (Answer(ending="cut"), "closed"),
        (Answer(ending="half"), "Connection"),
        (Answer(ending="unread"), ""),
    ],
    ids=lambda value: value.ending if isinstance(value, Answer) else "",
)
def test_where_no_answer_comes_it_may_have_been_received(answer: Answer, said: str) -> None:
    with receiving(answer) as receiver:
        outcome = tell(json_url(receiver, "?rto=0.3"))
    assert said in outcome.problem
    assert (outcome.is_delivered, outcome.is_maybe_received) == (False, True)


def test_where_no_connection_comes_about_nothing_was_received() -> None:
    with receiving() as receiver:
        pass
    for url in (
        json_url(receiver),
        "json://me:passw0rd@nobody.invalid/s3cretpath",
        f"jsons://127.0.0.1:{receiver.port}/s3cretpath",
    ):
        outcome = tell(url)
        assert "onnection" in outcome.problem
        assert (outcome.is_delivered, outcome.is_maybe_received) == (False, False)
    with receiving_mail() as mail:
        pass
    outcome = tell(mail_url(mail, "me:passw0rd@"))
    assert "refused" in outcome.problem
    assert not outcome.is_maybe_received


def test_of_several_recipients_one_may_have_it(slack) -> None:
    slack.answers[1] = Answer(status=500)
    outcome = tell("slack://TokenAAAA/TokenBBBB/TokenCCCC/#one/#two")
    assert (outcome.is_delivered, outcome.is_maybe_received) == (False, True)


@pytest.mark.parametrize("answer", ["550 no such user", "452 full", "421 later"])
def test_a_mail_that_is_refused_is_told(answer: str) -> None:
    with receiving_mail(answer) as receiver:
        outcome = tell(mail_url(receiver))
    assert (outcome.is_delivered, outcome.is_maybe_received) == (False, False)
    assert answer.split()[0] in outcome.problem


def test_a_wrong_password_is_told_and_not_repeated() -> None:
    with receiving_mail(password="another") as receiver:
        outcome = tell(mail_url(receiver, "me:passw0rd@", "&mode=insecure"))
    assert (outcome.is_delivered, outcome.is_maybe_received) == (False, False)
    assert "535" in outcome.problem
    assert receiver.received == []


@pytest.mark.parametrize(
    "url", ["nonsense://TokenAAAA", "slack://TokenAAAA", "no url TokenAAAA", "", "mailto://", "tgram://TokenAAAA/", "json://"]
)
def test_a_url_that_apprise_does_not_know_is_said(url: str) -> None:
    outcome = tell(url)
    assert "Apprise cannot use its URL" in outcome.problem
    assert not outcome.is_maybe_received


def test_nothing_of_the_url_is_logged_at_any_level(caplog, slack) -> None:
    caplog.set_level(logging.DEBUG)
    with receiving(Answer(), Answer(status=500)) as receiver:
        for url in (json_url(receiver), json_url(receiver), "slack://TokenAAAA/TokenBBBB/TokenCCCC", "slack://TokenAAAA"):
            tell(url)
    tell(json_url(receiver))
    assert not any(secret.lower() in caplog.text.lower() for secret in SECRETS)


def test_what_others_log_with_apprise_meanwhile_passes_as_usual(caplog) -> None:
    logger = logging.getLogger("apprise")

    def elsewhere() -> None:
        logger.debug("quiet as usual")
        logger.warning("loud as usual")

    with withheld() as records:
        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()
        logger.warning("ours")
    logger.info("quiet afterwards")
    assert [record.getMessage() for record in records] == ["ours"]
    assert [record.getMessage() for record in caplog.records] == ["loud as usual"]


def test_channels_side_by_side_keep_their_problems_apart() -> None:
    statuses = [200, 400, 404, 410, 500, 503] * 4
    with receiving() as receiver:
        urls = [f"json://127.0.0.1:{receiver.port}/?-status={status}&-delay=0.02" for status in statuses]
        with ThreadPoolExecutor(len(urls)) as threads:
            outcomes = list(threads.map(tell, urls))
    for status, outcome in zip(statuses, outcomes, strict=True):
        assert outcome == DELIVERED if status == 200 else outcome.problem.count("error=") == 1
        assert status == 200 or f"error={status}" in outcome.problem


def test_apprise_knows_the_urls_of_the_docs() -> None:
    page = (Path(__file__).parents[4] / "docs" / "notifications.md").read_text()
    urls = re.findall(r"^\| [^|]+ \| `([a-z]+://[^`]+)` \|$", page, re.MULTILINE)
    assert len(urls) == 5
    assert [url for url in urls if Apprise.instantiate(url) is None] == []
