"""Links in messages: to the page of an alert, and to what may be done about it there without signing in.

A link of the second kind is a permit: for one act, on one episode of one alert, once, within a day. Whoever has the message has the
permit, so it is made as the message is sent, stands in no table and no log, and what is done by it names its notification.
"""

import base64
import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal, get_args

from pydantic import SecretStr

from storage.errors import ConfigurationError
from tasks.message import ENDS, Message
from tasks.notifications.channels import NOTHING

Act = Literal["ack", "silence"]
LIFE = timedelta(days=1)
MEANING = b"govpulse permit 1"
"""A signature for something else is none here."""
PARTS = 6


def _no_plot(_rule: str, _subject: str, _labels: Mapping[str, str]) -> None:
    return None


@dataclass(frozen=True)
class Links:
    """What goes with a message when it is sent.

    Args:
        base: where the pages are, without a slash at the end; without it there are no links.
        key: signs permits.
        plot_of: the file of the plot of what an alert is about, by its rule, subject and labels; None where there is none.
    """

    base: str = ""
    key: SecretStr = NOTHING
    plot_of: Callable[[str, str, Mapping[str, str]], Path | None] = _no_plot


@dataclass(frozen=True)
class Permit:
    """What a signed link allows; `notification_id` is of the message in which it stands."""

    act: Act
    fingerprint: str
    episode: int
    notification_id: str
    expires_at: datetime

    @property
    def mark(self) -> str:
        """What is written down of it once it was used."""
        return f"{self.act}.{self.notification_id}"


def linked(message: Message, notification_id: str, links: Links, now: datetime) -> Message:
    """The message with its links and its plot, as it is sent at `now`."""
    if message.event == "digest":
        return replace(message, links={"alerts": f"{links.base}/alerts"} if links.base else {})
    is_over = message.event in ENDS
    plot = None if is_over else links.plot_of(message.rule, message.subject, message.labels)
    urls = page_of(message, links)
    if urls:
        urls |= {"plot": f"{links.base}/plots/{plot.name}"} if plot else {}
        urls |= {} if is_over else _permits(message, notification_id, links, now)
    return replace(message, links=urls, picture=str(plot or ""))


def page_of(message: Message, links: Links) -> dict[str, str]:
    """The link to the alert's page."""
    return {"alert": f"{links.base}/alerts/{message.fingerprint}"} if links.base else {}


def _permits(message: Message, notification_id: str, links: Links, now: datetime) -> dict[str, str]:
    permits = [Permit(act, message.fingerprint, message.episode, notification_id, now + LIFE) for act in get_args(Act)]
    return {permit.act: f"{links.base}/act/{written(permit, links.key)}" for permit in permits}


def written(permit: Permit, key: SecretStr) -> str:
    """A permit as a part of a URL. The signature is of the text itself, so that no other text stands for the same permit."""
    expires = int(permit.expires_at.timestamp())
    said = f"{permit.act}.{permit.fingerprint}.{permit.episode}.{permit.notification_id}.{expires}"
    return f"{said}.{_signature(said, key)}"


def read_permit(text: str, key: SecretStr, now: datetime) -> Permit:
    """The permit that `written` made with this key.

    Raises:
        ConfigurationError: it is none, or it has expired.
    """
    said, _, signature = text.rpartition(".")
    if not hmac.compare_digest(signature.encode(errors="replace"), _signature(said, key).encode()):
        raise ConfigurationError("this link is not complete, or not one of this installation")
    act, fingerprint, episode, notification_id, expires = said.split(".", PARTS - 1)
    expires_at = datetime.fromtimestamp(int(expires), UTC)
    if now >= expires_at:
        raise ConfigurationError(f"this link held until {expires_at:%Y-%m-%d %H:%M} UTC")
    return Permit("ack" if act == "ack" else "silence", fingerprint, int(episode), notification_id, expires_at)


def signatures(message: Message) -> list[str]:
    """Of the permits in its links: what makes them good."""
    return [url.rpartition(".")[2] for name, url in message.links.items() if name in get_args(Act)]


def _signature(said: str, key: SecretStr) -> str:
    signed = hmac.new(key.get_secret_value().encode(), MEANING + said.encode(errors="replace"), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(signed).decode().rstrip("=")
