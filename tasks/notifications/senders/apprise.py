"""Apprise, as transport only: one URL a channel, and its own retries, optional services and redirects are off.

Apprise tells whether it worked, and the rest only in its log: what it says there is the problem, without the secrets of the URL.
"""

import logging
import re
from collections.abc import Callable
from datetime import datetime

from apprise import Apprise, AppriseAsset, NotifyBase, NotifyFormat, NotifyType, OverflowMode, PersistentStoreMode

from tasks.message import Message
from tasks.notifications import chat
from tasks.notifications.channels import Channel
from tasks.notifications.outcomes import DELIVERED, Outcome
from tasks.notifications.redaction import redact
from tasks.notifications.rendering import UNLIMITED, one_line, render_markdown, render_text
from tasks.notifications.withholding import withheld

LONGEST_TITLE = 250
LONGEST_PROBLEM = 500
OWN_MARKUP = {"NotifySlack", "NotifyGoogleChat"}
READ_TEXT_AS_MARKDOWN = {"NotifyDiscord", "NotifyMattermost", "NotifyRocketChat", "NotifyZulip", "NotifyGuilded", "NotifyRyver"}
"""Services that take what is sent as text for Markdown."""
NOT_RECEIVED = re.compile(
    r"refused|failed to establish|resol|not known|connect timeout|ConnectTimeout|SSLError|certificate|\([45]\d\d,", re.IGNORECASE
)
ASSET = AppriseAsset(
    app_id="govpulse",
    app_desc="govpulse",
    app_url="",
    image_url_mask="",
    image_url_logo="",
    http_redirects=False,
    storage_mode=PersistentStoreMode.MEMORY,
)


def send(channel: Channel, message: Message, notification_id: str, now: datetime) -> Outcome:  # noqa: ARG001 - a Sender
    """Send the message. Apprise does not say what another one would meet, so every failure counts for the whole channel."""
    url = channel.url.get_secret_value()
    with withheld() as records:
        service = Apprise.instantiate(url, asset=ASSET)
        if service is not None and _notify(service, message, has_overflow="overflow=" in url):
            return DELIVERED
    said = _said(records)
    problem = said if service is not None else f"Apprise cannot use its URL: {said}"
    return Outcome(
        is_delivered=False,
        problem=one_line(" ".join(redact(problem, (url,)).split()), LONGEST_PROBLEM),
        is_maybe_received=service is not None and _is_maybe_received(records),
    )


def _notify(service: NotifyBase, message: Message, *, has_overflow: bool) -> bool:
    service.retry, service.optional = 0, False
    # Of Slack only, which wants a text there and gets a number; the message says since when.
    service.include_timestamp = False  # type: ignore[attr-defined]
    if not has_overflow:
        service.overflow_mode = OverflowMode.TRUNCATE  # by default a text that is too long is sent as it is, and refused
    is_markdown, shown = service.notify_format == NotifyFormat.MARKDOWN, _shown(service)
    title = shown(_cut(message.title))
    longest = UNLIMITED if has_overflow else _room(service, title)
    targets = Apprise(asset=ASSET)
    return bool(
        targets.add(service)
        and targets.notify(
            title=title,
            body=(render_markdown if is_markdown else render_text)(message, shown, longest),
            body_format=NotifyFormat.MARKDOWN if is_markdown else NotifyFormat.TEXT,
            notify_type=_type(message),
        )
    )


def _room(service: NotifyBase, title: str) -> int:
    """How long a body may be: what Apprise would cut off is not always the least important. A tenth is for what it escapes."""
    of_title = 0 if service.title_maxlen else len(title) + 2
    return max(service.body_maxlen * 9 // 10 - of_title, 1)


def _cut(title: str) -> str:
    return title if len(title) <= LONGEST_TITLE else title[: LONGEST_TITLE - 1] + "…"


def _shown(service: NotifyBase) -> Callable[[str], str]:
    """How names are said to a service. Whatever is to be HTML in the end, Apprise escapes."""
    name = type(service).__name__
    if name in OWN_MARKUP:
        return chat.slack
    return chat.markdown if name in READ_TEXT_AS_MARKDOWN or service.notify_format == NotifyFormat.MARKDOWN else chat.plain


def _type(message: Message) -> NotifyType:
    if message.event == "gone":
        return NotifyType.INFO
    if message.event == "resolved":
        return NotifyType.SUCCESS
    return NotifyType.FAILURE if message.severity == "critical" else NotifyType.WARNING


def _said(records: list[logging.LogRecord]) -> str:
    """Warnings, and the exceptions that stand in the debug log only."""
    lines = [record.getMessage() for record in records if record.levelno >= logging.WARNING or _is_exception(record)]
    return "; ".join(dict.fromkeys(line.strip().rstrip(".") for line in lines)) or "Apprise could not send it and does not say why"


def _is_exception(record: logging.LogRecord) -> bool:
    return record.name == "apprise" and "Exception:" in record.getMessage()


def _is_maybe_received(records: list[logging.LogRecord]) -> bool:
    """Whether one of several targets has it, or an answer failed to come."""
    has_sent = any(record.levelno == logging.INFO and record.getMessage().startswith("Sent ") for record in records)
    return has_sent or any(_is_exception(record) and not NOT_RECEIVED.search(record.getMessage()) for record in records)
