"""E-mail: text and HTML of our own beside each other, the mails of one alert in one thread."""

import logging
import smtplib
import ssl
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path

from storage.printable import printable
from tasks.html import templates
from tasks.message import Message
from tasks.notifications.channels import Channel
from tasks.notifications.mail_server import MailServer, parse_mail_server
from tasks.notifications.outcomes import DELIVERED, Outcome
from tasks.notifications.redaction import redact
from tasks.notifications.rendering import MEMBERS_SHOWN, facts_of, one_line, render_text

logger = logging.getLogger(__name__)

TEMPLATES = templates(Path(__file__).parents[1] / "templates")
ANSWER_SECONDS = 15.0
LONGEST_SUBJECT = 250
LONGEST_PROBLEM = 400
COLOURS = {"critical": "#cf222e", "warning": "#bf8700"}
WELL = "#1a7f37"
ACTS = {"alert": "Open", "alerts": "Open the board", "ack": "Acknowledge", "silence": "Silence"}
PICTURE = "plot@govpulse"
REFUSES_THIS_MAIL = range(500, 600)
"""Answers to recipients and content that say that it will never do; the server itself may be well."""


def send(channel: Channel, message: Message, notification_id: str, now: datetime) -> Outcome:
    """Hand the mail over to the server."""
    url = channel.url.get_secret_value()
    server = parse_mail_server(url)
    try:
        with _connected(server) as smtp:
            refused = smtp.send_message(compose(server, message, notification_id, now))
    except (smtplib.SMTPRecipientsRefused, smtplib.SMTPDataError, smtplib.SMTPSenderRefused) as error:
        return _refused(error, server, url)
    except (OSError, smtplib.SMTPException, ValueError) as error:
        # Whether an answer came after the content was sent, smtplib does not say: then the mail may have gone out.
        is_unsent = isinstance(error, smtplib.SMTPConnectError | smtplib.SMTPHeloError | smtplib.SMTPAuthenticationError)
        is_unsent = is_unsent or isinstance(error, ConnectionRefusedError | ssl.SSLError | ValueError)
        return Outcome(is_delivered=False, problem=_clean(f"{server.host}: {_reason(error)}", url), is_maybe_received=not is_unsent)
    if refused:  # the others have it: sending again would tell them twice
        answers = "; ".join(f"{code} {_text(text)}" for code, text in refused.values())
        logger.warning(
            "channel %s: the server refused %d of %d recipients: %s",
            channel.name,
            len(refused),
            len(server.recipients),
            _clean(answers, url),
        )
    return DELIVERED


def _connected(server: MailServer) -> smtplib.SMTP:
    context = ssl.create_default_context()
    if server.security == "tls":
        smtp: smtplib.SMTP = smtplib.SMTP_SSL(server.host, server.port, timeout=ANSWER_SECONDS, context=context)
    else:
        smtp = smtplib.SMTP(server.host, server.port, timeout=ANSWER_SECONDS)
    try:
        if server.security == "starttls":
            smtp.starttls(context=context)
        if server.user:
            smtp.login(server.user, server.password)
    except BaseException:
        smtp.close()
        raise
    return smtp


def compose(server: MailServer, message: Message, notification_id: str, now: datetime) -> EmailMessage:
    """The mail. A retry is the same mail, by its Message-ID; all mails of an alert refer to one, which makes them a thread."""
    mail = EmailMessage()
    domain = server.sender.rpartition("@")[2]
    mail["Subject"] = one_line(message.title, LONGEST_SUBJECT)
    mail["From"] = server.sender
    mail["To"] = ", ".join(server.recipients)
    mail["Date"] = format_datetime(now)
    mail["Message-ID"] = f"<{notification_id}.govpulse@{domain}>"
    mail["References"] = f"<{message.fingerprint}.{message.episode}.govpulse@{domain}>"
    mail["Auto-Submitted"] = "auto-generated"
    if message.severity == "critical" and message.event in ("firing", "escalated"):
        mail["Importance"] = "high"
    picture = _picture(message)
    mail.set_content(render_text(message))
    mail.add_alternative(_html(message, has_picture=bool(picture)), subtype="html")
    if picture:
        _, page = mail.iter_parts()
        page.add_related(picture, "image", "png", cid=f"<{PICTURE}>", filename="plot.png")
    return mail


def _html(message: Message, *, has_picture: bool) -> str:
    shown = message.members[:MEMBERS_SHOWN]
    return TEMPLATES.get_template("mail.html").render(
        message=message,
        colour=WELL if message.event == "resolved" else COLOURS.get(message.severity, COLOURS["warning"]),
        acts=[(words, message.links[name]) for name, words in ACTS.items() if name in message.links],
        has_picture=has_picture,
        picture_id=PICTURE,
        members=shown,
        hidden=len(message.members) - len(shown),
        facts=facts_of(message),
    )


def _picture(message: Message) -> bytes:
    """The plot, unless it has been drawn anew and is no longer there."""
    try:
        return Path(message.picture).read_bytes() if message.picture else b""
    except OSError:
        return b""


def _refused(error: smtplib.SMTPRecipientsRefused | smtplib.SMTPResponseException, server: MailServer, url: str) -> Outcome:
    """What the server said to this mail. A 5xx is about the mail, a 4xx asks for another try, later, of whatever there is."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        code, answer = next(iter(error.recipients.values()))
        text = _text(answer)
    else:
        code, text = error.smtp_code, _text(error.smtp_error)
    problem = _clean(f"{server.host}: {code} {text}", url)
    return Outcome(is_delivered=False, problem=problem, is_channel_wide=code not in REFUSES_THIS_MAIL)


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return f"no answer within {ANSWER_SECONDS:g} s"
    if isinstance(error, smtplib.SMTPResponseException):
        return f"{error.smtp_code} {_text(error.smtp_error)}"
    return str(error) or type(error).__name__


def _text(said: bytes | str) -> str:
    return said.decode(errors="replace") if isinstance(said, bytes) else said


def _clean(problem: str, url: str) -> str:
    return one_line(" ".join(printable(redact(problem, (url,))).split()), LONGEST_PROBLEM)
