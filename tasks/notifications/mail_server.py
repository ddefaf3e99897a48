"""A mail server as one URL: `smtps://user:password@mail.example.com?from=govpulse@example.com&to=ops@example.com`."""

import re
from dataclasses import dataclass
from typing import Literal
from urllib.parse import parse_qs, unquote, urlsplit

Security = Literal["tls", "starttls", "none"]
SCHEMES: dict[str, tuple[Security, int]] = {"smtps": ("tls", 465), "smtp+starttls": ("starttls", 587), "smtp": ("none", 25)}
ADDRESS = re.compile(r"[^\s@<>,;:\"()\[\]\\]+@[^\s@<>,;:\"()\[\]\\]+")


@dataclass(frozen=True)
class MailServer:
    """Where mails are handed over, how, from whom, and to whom."""

    host: str
    port: int
    security: Security
    user: str
    password: str
    sender: str
    recipients: tuple[str, ...]


def parse_mail_server(url: str) -> MailServer:
    """What the URL says.

    Raises:
        ValueError: something is missing or wrong; it repeats nothing of the URL.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
        parts = urlsplit("")
    if parts.scheme not in SCHEMES or not host:
        raise ValueError(
            "is no mail server, such as smtps://user:password@mail.example.com?from=govpulse@example.com&to=ops@example.com;"
            " smtp+starttls:// and, within a host, smtp:// are the others"
        )
    given = parse_qs(parts.query)
    security, usual_port = SCHEMES[parts.scheme]
    senders, recipients = _addresses(given.get("from")), _addresses(given.get("to"))
    if len(senders) != 1 or not recipients:
        raise ValueError("needs ?from= with one address and &to= with one or more, with commas between them")
    unknown = set(given) - {"from", "to"}
    if unknown or parts.path.strip("/"):
        raise ValueError("knows ?from= and &to=, and nothing else; in a password / is written as %2F, ? as %3F, # as %23")
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    return MailServer(host, port or usual_port, security, user, password, senders[0], tuple(recipients))


def _addresses(given: list[str] | None) -> list[str]:
    """The addresses; none if one of them is not."""
    found = [each.strip() for text in given or [] for each in text.split(",")]
    return found if all(ADDRESS.fullmatch(each) for each in found) else []
