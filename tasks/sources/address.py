"""Where a source lies: a URL that may hold a password, which no message, table, artifact or log ever shows."""

import re
from dataclasses import dataclass, field
from urllib.parse import unquote

from storage.errors import ConfigurationError

SCHEMES = {"postgresql": ("postgresql://", "postgres://"), "mysql": ("mysql://",)}
NAMES = {"postgresql": "PostgreSQL", "mysql": "MySQL"}
PORTS = {"postgresql": 5432, "mysql": 3306}
PARAMETERS_BEGIN = re.compile(r"\?(?=[a-z_]+=|$)")
NEXT_PARAMETER = re.compile(r"&(?=[a-z_]+=)")
PLACE_PARAMETERS = {"postgresql": ("host", "hostaddr", "port", "dbname", "service"), "mysql": ("unix_socket",)}
SECRET_PARAMETER = re.compile("pass|pwd|secret|scram|token")
SIGNS = re.compile(r"[@:/?#%&=+\[\]\s]")
"""Where a parser may have cut a password in which they were not escaped."""
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
        return self.identity.removeprefix(f"{self.kind}://") if self.kind in SCHEMES else self.without_secrets(self.path)

    @property
    def path(self) -> str:
        return self.url.removeprefix("sqlite:///") if self.url.startswith("sqlite:") else self.url

    @property
    def identity(self) -> str:
        """What tells one database from another: a new password or TLS setting makes no new source."""
        if self.kind not in SCHEMES:
            return self.path
        _, place, parameters = self.parts()
        named = " ".join(parameters[name] for name in PLACE_PARAMETERS[self.kind] if parameters.get(name))
        return f"{self.kind}://{place}" + (f" on {named}" if named else "")

    def check(self) -> None:
        """Refuse what is no URL of a database of this kind.

        Raises:
            ConfigurationError: says so without repeating it.
        """
        if not self.url.startswith(SCHEMES[self.kind]):
            example = f"{self.kind}://user:password@host:{PORTS[self.kind]}/database"
            raise ConfigurationError(f"[source] url is no {NAMES[self.kind]} URL; write it like {example}")

    def without_secrets(self, text: str) -> str:
        """`text` with every trace of the URL's passwords hidden."""
        for secret in sorted(self._secrets(), key=len, reverse=True):
            text = text.replace(secret, HIDDEN)
        return text

    def _secrets(self) -> set[str]:
        """Passwords as written and as meant, and the pieces that are left of one with unescaped signs in it."""
        if self.kind in SCHEMES and not self.url.startswith(SCHEMES[self.kind]):
            return {self.url} - {""}
        userinfo, _, parameters = self.parts()
        written = {userinfo.partition(":")[2], *(value for name, value in parameters.items() if SECRET_PARAMETER.search(name))}
        whole = (written | {unquote(secret) for secret in written}) - {""}
        return whole | {piece for secret in whole for piece in SIGNS.split(secret) if len(piece) >= SHORTEST_PIECE}

    def parts(self) -> tuple[str, str, dict[str, str]]:
        """User and password, place, and parameters, as written.

        What lies before an `@` is user and password, however many other signs are in it: PostgreSQL takes some of them as they are,
        and what is not taken is a password all the same.
        """
        rest = self.url.partition("://")[2]
        begin = PARAMETERS_BEGIN.search(rest, rest.find("@") if "@" in rest.partition("/")[0] else 0)
        head, query = (rest[: begin.start()], rest[begin.end() :]) if begin else (rest, "")
        userinfo, _, place = head.rpartition("@")
        return userinfo, place, dict(parameter.partition("=")[::2] for parameter in NEXT_PARAMETER.split(query))
