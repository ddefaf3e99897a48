"""Takes secrets out of a text: a channel's URL is one, since tokens stand in its path, its query or even its host."""

import base64
import json
import re
from collections.abc import Collection, Iterable, Iterator
from urllib.parse import parse_qsl, quote, quote_plus, unquote, urlsplit

from storage.printable import printable

MASK = "***"
SHORTEST = 6
"""Shorter pieces of a URL's path and query, such as `v2` or `hook`, tell nothing."""


def redact(text: str, secrets: Iterable[str], *, is_cut: bool = False) -> str:
    """`text` without the secrets, and of those that are URLs without their user, password, path and query.

    Args:
        is_cut: the text went on, so that its end may be the beginning of a secret.
    """
    parts = {variant for secret in secrets for part in _parts(secret) for variant in _variants(part)}
    if not parts:
        return text
    longest_first = sorted(parts, key=lambda part: (-len(part), part))
    whole = _without_beginning(text, longest_first) if is_cut else text
    masked = re.sub("|".join(re.escape(part) for part in longest_first), MASK, whole, flags=re.IGNORECASE)
    return masked if whole == text else masked + MASK


def _without_beginning(text: str, parts: Collection[str]) -> str:
    """`text` up to where one of the parts begins that goes on behind its end."""
    starts = range(max(0, len(text) - max(map(len, parts))), len(text))
    begun = (start for start in starts if any(part.lower().startswith(text[start:].lower()) for part in parts))
    return text[: next(begun, len(text))]


def _parts(secret: str) -> Iterator[str]:
    yield secret
    scheme, separator, rest = secret.partition("://")
    if not separator:
        yield from _long(re.split(r"\W+", secret))
        return
    authority, path, query, fragment = _split(rest)
    user, _, host = authority.rpartition("@")
    yield from (user, base64.b64encode(unquote(user).encode(errors="replace")).decode(), user.partition(":")[2])
    pieces = [user.partition(":")[0], path, query, fragment, *re.split("[/:,@]", path), *re.split(r"\W+", unquote(user))]
    pieces += [value for _, value in parse_qsl(query, keep_blank_values=True)] + re.split("[&=]", query)
    if not (is_http_host(host) if scheme.lower() in ("http", "https") else _is_address(host)):
        pieces += [host, *host.split(":"), *re.split(r"\W+", host)]
    yield from _long(pieces)


def _long(pieces: Iterable[str]) -> Iterator[str]:
    return (piece for piece in pieces if len(piece) >= SHORTEST)


def _split(rest: str) -> tuple[str, str, str, str]:
    try:
        parts = urlsplit("//" + rest)
    except ValueError:
        authority, _, path = rest.partition("/")
        return authority, "/" + path, "", ""
    return parts.netloc, parts.path, parts.query, parts.fragment


def is_http_host(host: str) -> bool:
    """Whether it is a host with its port, rather than what a password with a `/` in it makes of a URL."""
    return re.fullmatch(r"(\[[0-9a-f:.]+\]|[\w.-]+)(:\d{0,5})?", host, re.IGNORECASE) is not None


def _is_address(host: str) -> bool:
    """Whether it is a name or an address with its port, rather than a token in a host's place."""
    return re.fullmatch(r"(\[[0-9a-f:.]+\]|[\w-]+(\.[\w-]+)+|localhost)(:\d{1,5})?", host, re.IGNORECASE) is not None


def _variants(part: str) -> set[str]:
    plain = unquote(part)
    escaped = json.dumps(plain)[1:-1]
    spelt = {part, plain, printable(plain), escaped, escaped.replace("/", r"\/"), quote_plus(plain, errors="replace")}
    return {variant for variant in (*spelt, *(quote(plain, safe=safe, errors="replace") for safe in ("", "/"))) if variant}
