"""`$since` in a mapping's SELECT: since when rows are read, so that the platform's own index can serve.

The read is confined to the change instants that it asks for whatever `$since` does: it may only let through too much.
"""

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

BEGINNING = datetime(1, 1, 1, tzinfo=UTC)
"""Where a read has no lower bound. No row that the contract takes in changed before it, and no arithmetic breaks on it."""
COMMENT_SIGNS = re.compile(r"/\*|\*/")
COMMON = r"""
    --[^\n]*
    | (?P<comment>/\*)
    | '(?:[^']|'')*(?:'|\Z)
    | "(?:[^"]|"")*(?:"|\Z)
    | (?<![\w$])(?P<since>\$since)(?![\w$])
"""
TOKENS = {
    "postgresql": re.compile(
        r"(?<![\w$])[eE]'(?:[^'\\]|\\.|'')*(?:'|\Z) | (?<![\w$])(?P<quote>\$(?:[^\W\d]\w*)?\$).*?(?:(?P=quote)|\Z) |" + COMMON,
        re.VERBOSE | re.DOTALL,
    ),
    "mysql": re.compile(
        r"""
        \#[^\n]* | --(?=\s|\Z)[^\n]* | (?P<comment>/\*)
        | '(?:[^'\\]|\\.|'')*(?:'|\Z) | "(?:[^"\\]|\\.|"")*(?:"|\Z) | `[^`]*(?:`|\Z)
        | (?<![\w$])(?P<since>\$since)(?![\w$])
        """,
        re.VERBOSE | re.DOTALL,
    ),
    "sqlite": re.compile(r"`[^`]*(?:`|\Z) | \[[^\]]*(?:\]|\Z) |" + COMMON, re.VERBOSE | re.DOTALL),
}
"""What may hold the word without meaning it, and the word. A backslash escapes in MySQL, and behind an E in PostgreSQL; `$tag$`
quotes in PostgreSQL only. In MySQL a blank must follow `--`, and `#` begins a comment, too."""


def place_since(select: str, dialect: str, literal: str) -> str:
    """`select` with `literal` in each place where it says `$since`: not in a text, a comment, a quoted name or a longer word."""
    pieces, kept, place = [], 0, 0
    while token := TOKENS[dialect].search(select, place):
        place = token.end()
        if token["since"]:
            pieces += [select[kept : token.start()], literal]
            kept = place
        elif token["comment"]:
            place = _comment_end(select, place, is_nested=dialect == "postgresql")
    return "".join([*pieces, select[kept:]])


def earliest(start: datetime | None, zone: ZoneInfo) -> datetime:
    """`$since` of a read from `start` on: cut to the minute, and an hour before it where local times of `zone` occur twice."""
    if start is None:
        return BEGINNING
    slack = timedelta() if zone.key == "UTC" else timedelta(hours=1)
    return max(BEGINNING + slack, start.astimezone(UTC).replace(second=0, microsecond=0)) - slack


def _comment_end(select: str, start: int, *, is_nested: bool) -> int:
    depth = 1
    for sign in COMMENT_SIGNS.finditer(select, start):
        depth += -1 if sign.group() == "*/" else is_nested
        if not depth:
            return sign.end()
    return len(select)
