"""Where a source lies: a URL that may hold a password, which no message, table, artifact or log ever shows."""

import re
from dataclasses import dataclass, field
from urllib.parse import parse_qs, unquote, urlsplit

from storage.errors import ConfigurationError

SECRET_PARAMETERS = ("password", "sslpassword")
HIDDEN = "***"
SHORTEST_PIECE = 3
"""Pieces of a password that a parser may have cut out are hidden from this length on; shorter ones would hide half the message."""


@dataclass(frozen=True)
class Address:
    """The kind of a source and its URL or path. Its text and its `repr` show no secret."""

    kind: str
    url: str = field(repr=False)

    def __str__(self) -> str:
        """The address without user, password and parameters."""
        return self.identity.removeprefix("postgresql://") if self.kind == "postgresql" else self.path

    @property
    def path(self) -> str:
        return self.url.removeprefix("sqlite:///") if self.url.startswith("sqlite:") else self.url

    @property
    def identity(self) -> str:
        """What tells one database from another: a new password or TLS setting makes no new source."""
        if self.kind != "postgresql":
            return self.url
        rest = self.url.partition("://")[2].partition("?")[0]
        host = parse_qs(self.url.partition("?")[2]).get("host", [""])[0]
        return f"postgresql://{rest.rpartition('@')[2] if '@' in rest else rest}" + (f" on {host}" if host else "")

    def check(self) -> None:
        """Refuse what is no URL of a PostgreSQL database.

        Raises:
            ConfigurationError: says so without repeating it.
        """
        try:
            is_sound = urlsplit(self.url).scheme in ("postgresql", "postgres")
        except ValueError:
            is_sound = False
        if not is_sound:
            raise ConfigurationError(
                "[source] url is no PostgreSQL URL; write it like postgresql://user:password@host:5432/database"
            )

    def without_secrets(self, text: str) -> str:
        """`text` with every trace of the URL's passwords hidden."""
        for secret in sorted(self._secrets(), key=len, reverse=True):
            text = text.replace(secret, HIDDEN)
        return text

    def _secrets(self) -> set[str]:
        """Passwords as written and as meant, and the pieces that are left of one with unescaped signs in it."""
        userinfo = self.url.partition("://")[2].rpartition("@")[0]
        password = userinfo.partition(":")[2]
        parameters = parse_qs(self.url.partition("?")[2])
        whole = {password, *(value for name in SECRET_PARAMETERS for value in parameters.get(name, []))} - {""}
        pieces = {piece for secret in whole for piece in re.split(r"[@:/?#%\[\]]", secret) if len(piece) >= SHORTEST_PIECE}
        return whole | {unquote(secret) for secret in whole} | pieces
