"""Where notifications go."""

from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from pydantic import SecretStr

from tasks.notifications.mail_server import parse_mail_server
from tasks.notifications.redaction import is_http_host
from tasks.notifications.signing import key_of
from tasks.routes import Route

Kind = Literal["console", "webhook", "pagerduty", "email", "alertmanager", "template", "apprise"]
NOTHING = SecretStr("")


@dataclass(frozen=True)
class Channel:
    """One channel, with what it takes to reach it.

    Args:
        min_severity: it is told from this severity on.
        url: an Apprise URL; the address of a webhook or of Alertmanager; the mail server with sender and recipients; of PagerDuty
            the address of its events, if not the public one; of the console a file that a running `up` prints, if there is one.
        secret: of a webhook the key of its signature, of PagerDuty the routing key.
        per_minute: how many notifications it takes in a minute.
        problem: why it cannot be used: its variable or Prefect Secret block is not there.
        routes: of all routes those that have hours.
        template: of a template channel, what makes a request's body of a message; `content_type` says what that is.
    """

    name: str
    kind: Kind = "console"
    min_severity: str = "warning"
    url: SecretStr = NOTHING
    secret: SecretStr = NOTHING
    per_minute: int = 30
    problem: str | None = None
    routes: tuple[Route, ...] = ()
    template: str = ""
    content_type: str = "application/json"

    @property
    def is_for_people(self) -> bool:
        """Whether what comes is read by somebody: not too much in a minute, and many at once as one."""
        return self.kind != "alertmanager"


def mistake_in(kind: Kind, url: str, secret: str, name: str = "its url") -> str | None:
    """What is wrong with the url, called `name`, and the secret of a channel, without repeating them; an empty one is not looked
    at."""
    if kind == "email":
        return _mistake_in_mail_server(url, name) if url else None
    if kind == "apprise":
        return f"{name} is not an Apprise URL, such as mailtos://user:password@host" if url and "://" not in url else None
    if url and not url.lower().startswith(("http://", "https://")):
        return f"{name} does not begin with https:// or http://"
    if url and not _names_host(url):
        return f"{name} names no host; in a password / is written as %2F, ? as %3F, # as %23"
    try:
        key_of(secret if kind == "webhook" else "")
    except ValueError as error:
        return str(error)
    return None


def _mistake_in_mail_server(url: str, name: str) -> str | None:
    try:
        parse_mail_server(url)
    except ValueError as error:
        return f"{name} {error}"
    return None


def _names_host(url: str) -> bool:
    try:
        host = urlsplit(url).netloc.rpartition("@")[2]
    except ValueError:  # brackets that do not match; the exception holds the URL
        return False
    return is_http_host(host)
