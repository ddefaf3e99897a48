"""E-mail on a real SMTP server: what arrives, in one thread an alert, and what a refusal means."""

import base64
import smtplib
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from storage.printable import printable
from tasks.message import Message
from tasks.notifications.channels import Channel, mistake_in
from tasks.notifications.links import Links, linked
from tasks.notifications.mail_server import parse_mail_server
from tasks.notifications.outcomes import DELIVERED, Outcome
from tasks.notifications.senders import send
from tasks.notifications.senders.email import compose
from tests.messages import MESSAGE, NASTY, NOW, digest, message
from tests.smtp_receiver import SmtpReceiver, receiving_mail

PIXEL = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==")
SERVER = parse_mail_server("smtp://127.0.0.1?from=pulse@example.com&to=ops@example.com,dba@example.com")


def url_of(receiver: SmtpReceiver, user: str = "") -> str:
    return f"smtp://{user}127.0.0.1:{receiver.port}?from=pulse@example.com&to=ops@example.com,dba@example.com"


def tell(url: str, told: Message = MESSAGE, notification_id: str = "n1") -> Outcome:
    return send(Channel("mail", "email", url=SecretStr(url)), told, notification_id, NOW)


def sent(told: Message = MESSAGE) -> EmailMessage:
    with receiving_mail() as receiver:
        assert tell(url_of(receiver), told) == DELIVERED
    ((_, mail),) = receiver.received
    return mail


def html_of(mail: EmailMessage) -> str:
    return mail.get_body(("html",)).get_content()


def test_a_mail_says_the_same_as_text_and_as_html() -> None:
    mail = sent()
    assert (mail["Subject"], mail["From"], mail["To"]) == (MESSAGE.title, "pulse@example.com", "ops@example.com, dba@example.com")
    text, html = mail.get_body(("plain",)).get_content(), html_of(mail)
    for words in (
        MESSAGE.statement,
        "2026-03-10 11:55 UTC",
        "device=sda1, mount=/data",
        MESSAGE.runbook,
        "SELECT * FROM raw.system_metrics",
    ):
        assert words in text
        assert words in html
    assert mail["Auto-Submitted"] == "auto-generated", "no out-of-office answers"
    assert mail["Importance"] == "high"
    assert sent(message(event="resolved"))["Importance"] is None


def test_every_recipient_gets_it() -> None:
    with receiving_mail() as receiver:
        tell(url_of(receiver))
    ((recipients, _),) = receiver.received
    assert recipients == ["ops@example.com", "dba@example.com"]


def test_the_mails_of_an_episode_are_a_thread_and_a_retry_is_the_same_mail() -> None:
    with receiving_mail() as receiver:
        tell(url_of(receiver), MESSAGE, "n1")
        tell(url_of(receiver), MESSAGE, "n1")
        tell(url_of(receiver), message(event="resolved"), "n2")
        tell(url_of(receiver), message(episode=4), "n3")
    first, again, end, other = (mail for _, mail in receiver.received)
    assert first["Message-ID"] == again["Message-ID"]
    assert first["Message-ID"] != end["Message-ID"]
    assert first["References"] == end["References"]
    assert first["References"] != other["References"]


def test_links_are_buttons_and_lines() -> None:
    told = linked(MESSAGE, "n1", Links("https://pulse.example.com", SecretStr("k")), NOW)
    mail = sent(told)
    text, html = mail.get_body(("plain",)).get_content(), html_of(mail)
    for name, words in (("alert", "Open"), ("ack", "Acknowledge"), ("silence", "Silence")):
        assert f'href="{told.links[name]}"' in html
        assert f">{words}</a>" in html
        assert told.links[name] in text


def test_a_plot_is_seen_within_the_mail(tmp_path: Path) -> None:
    (tmp_path / "plot.png").write_bytes(PIXEL)
    mail = sent(message(picture=str(tmp_path / "plot.png")))
    (image,) = [part for part in mail.walk() if part.get_content_type() == "image/png"]
    assert image.get_content() == PIXEL
    assert f'src="cid:{image["Content-ID"].strip("<>")}"' in html_of(mail)
    gone = sent(message(picture=str(tmp_path / "gone.png")))
    assert "cid:" not in html_of(gone), "a plot that was drawn anew meanwhile costs no mail"


def test_a_digest_lists_fifty_and_counts_the_rest() -> None:
    html = html_of(sent(digest(1234)))
    assert html.count("<li>warning: web-") == 50
    assert "and 1184 more" in html


def test_names_are_text_in_header_text_and_html() -> None:
    mail = sent(message(title=f"[CRITICAL] {NASTY}", statement=NASTY, subject=NASTY, labels={NASTY: NASTY}, query=NASTY))
    assert mail["Bcc"] is None
    assert "Bcc: you@example.com" in mail["Subject"]
    assert "<b>&" not in html_of(mail)
    assert "&lt;b&gt;&amp;" in html_of(mail)


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(st.text(min_size=1, max_size=300))
def test_what_people_wrote_arrives_as_written_but_for_what_is_disarmed(name: str) -> None:
    mail = compose(SERVER, message(title=f"t {name}", statement=f"s {name}", query=""), "n1", NOW)
    parsed = smtp_round_trip(mail)
    shown = printable(name)
    text = parsed.get_body(("plain",)).get_content()
    assert text.startswith(f"s {shown}\r\n")
    subject = f"t {shown}"
    assert str(parsed["Subject"]) == (subject if len(subject) <= 250 else f"{subject[:249]}…")


def smtp_round_trip(mail: EmailMessage) -> EmailMessage:
    """As it is after the wire: in bytes, parsed anew."""
    return message_from_bytes(mail.as_bytes(policy=policy.SMTP), policy=policy.default)


@pytest.mark.parametrize(
    ("answer", "is_channel_wide"),
    [("550 5.1.1 no such user", False), ("552 too big", False), ("421 later", True), ("451 greylisted", True)],
)
def test_what_a_refusal_is_about(answer: str, is_channel_wide: bool) -> None:
    with receiving_mail(answer) as receiver:
        outcome = tell(url_of(receiver))
    assert (outcome.is_delivered, outcome.is_maybe_received, outcome.is_channel_wide) == (False, False, is_channel_wide)
    assert answer.split()[0] in outcome.problem


def test_a_wrong_password_is_told_without_it() -> None:
    with receiving_mail(password="right") as receiver:
        outcome = tell(url_of(receiver, "pulse:wr0ngpass@"))
        assert "535" in outcome.problem
        assert "wr0ngpass" not in outcome.problem
        assert (outcome.is_maybe_received, outcome.is_channel_wide) == (False, True)
        assert tell(url_of(receiver, "pulse:right@")) == DELIVERED


def test_a_server_that_is_not_there_or_has_no_tls_is_told() -> None:
    with receiving_mail() as receiver:
        port = receiver.port
        secure = tell(f"smtp+starttls://127.0.0.1:{port}?from=a@example.com&to=b@example.com")
        assert "STARTTLS" in secure.problem
        assert receiver.received == [], "what is to be encrypted is not sent in the clear"
    gone = tell(f"smtp://127.0.0.1:{port}?from=a@example.com&to=b@example.com")
    assert (gone.is_delivered, gone.is_maybe_received) == (False, False)
    assert "refused" in gone.problem


@pytest.mark.parametrize(
    "url",
    [
        "https://mail.example.com",
        "smtps://",
        "smtps://mail.example.com",
        "smtps://mail.example.com?from=a@example.com",
        "smtps://mail.example.com?to=a@example.com",
        "smtps://mail.example.com?from=a&to=b@example.com",
        "smtps://mail.example.com?from=a@example.com&to=b@example.com,",
        "smtps://mail.example.com?from=a@example.com&to=b@example.com&cc=c@example.com",
        "smtps://u:p/w@mail.example.com?from=a@example.com&to=b@example.com",
        "smtps://mail.example.com:port?from=a@example.com&to=b@example.com",
        "smtps://[mail?from=a@example.com&to=b@example.com",
        "smtps://mail.example.com?from=a@example.com%0d%0aBcc:x@example.com&to=b@example.com",
    ],
)
def test_a_url_that_is_none_is_said_without_repeating_it(url: str) -> None:
    said = mistake_in("email", url, "")
    assert said is not None
    assert "mail.example.com?from=a" not in said


def test_a_url_says_who_and_how() -> None:
    server = parse_mail_server("smtp+starttls://ann%40x:p%2Fw@mail.example.com?from=a@example.com&to=b@example.com,c@example.com")
    assert (server.user, server.password, server.port, server.security) == ("ann@x", "p/w", 587, "starttls")
    assert server.recipients == ("b@example.com", "c@example.com")
    assert parse_mail_server("smtps://h.example.com?from=a@b.c&to=a@b.c").port == smtplib.SMTP_SSL_PORT
