"""Takes secrets out of a text: a channel's URL is one, since tokens stand in its path, its query or even its host."""

import base64
import re
from collections.abc import Iterable, Iterator
from urllib.parse import parse_qsl, quote, unquote, urlsplit

MASK = "***"
SHORTEST = 6
"""Shorter pieces of a URL's path and query, such as `v2` or `hook`, tell nothing."""


def redact(text: str, secrets: Iterable[str]) -> str:
    """`text` without the secrets, and of those that are URLs without their user, password, path and query."""
    parts = {variant for secret in secrets for part in _parts(secret) for variant in _variants(part)}
    if not parts:
        return text
    longest_first = sorted(parts, key=lambda part: (-len(part), part))
    return re.sub("|".join(re.escape(part) for part in longest_first), MASK, text, flags=re.IGNORECASE)


def _parts(secret: str) -> Iterator[str]:
    yield secret
    scheme, separator, rest = secret.partition("://")
    if not separator:
        return
    authority, path, query, fragment = _split(rest)
    user, _, host = authority.rpartition("@")
    yield from (user, base64.b64encode(unquote(user).encode(errors="replace")).decode(), user.partition(":")[2])
    pieces = [user.partition(":")[0], path, query, fragment, *re.split("[/:,]", path)]
    pieces += [value for _, value in parse_qsl(query, keep_blank_values=True)] + re.split("[&=]", query)
    if scheme.lower() not in ("http", "https") and not _is_address(host):
        pieces += [host, *host.split(":")]
    yield from (piece for piece in pieces if len(piece) >= SHORTEST)


def _split(rest: str) -> tuple[str, str, str, str]:
    try:
        parts = urlsplit("//" + rest)
    except ValueError:
        authority, _, path = rest.partition("/")
        return authority, "/" + path, "", ""
    return parts.netloc, parts.path, parts.query, parts.fragment


def _is_address(host: str) -> bool:
    """Whether it is a name or an address with its port, rather than a token in a host's place."""
    return re.fullmatch(r"(\[[0-9a-f:.]+\]|[\w-]+(\.[\w-]+)+|localhost)(:\d{1,5})?", host, re.IGNORECASE) is not None


def _variants(part: str) -> set[str]:
    plain = unquote(part)
    spelt = {part, plain, *(quote(plain, safe=safe, errors="replace") for safe in ("", "/"))}
    return {variant for variant in spelt if variant}
