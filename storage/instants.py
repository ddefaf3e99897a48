"""One grammar of instants for whatever comes as text: the full forms of SQL and ISO 8601, and no other.

A date; behind it, after `T` or a blank, hours and minutes, seconds, up to nine digits of a fraction, and `Z` or an offset. Blanks
around it do not count. Nothing is guessed, and no cast of DuckDB sees anything else: its cast of a text that names a time zone
changes what the texts behind it become.
"""

from collections.abc import Collection
from datetime import date, timedelta

from storage.quoting import quote_text

DATE = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
MINUTES = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]"
SECONDS = r":[0-5][0-9](?:\.[0-9]{1,9})?"
OFFSET = r"Z|[+-](?:[01][0-9]|2[0-3])(?::?[0-5][0-9])?"
BLANKS = r"[ \t\r\n]*"
INSTANT = rf"^{BLANKS}({DATE})(?:[T ]({MINUTES})({SECONDS})?({OFFSET})?)?{BLANKS}$"
"""Its groups are the date, hours and minutes, seconds with their colon, and the offset."""
AS_DUCKDB_READS = rf"{DATE}(?:[T ]{MINUTES}{SECONDS}(?:{OFFSET})?)?"
SHORTEST_WITH_OFFSET = len("2026-06-01T10:00:00Z")
LATEST = "9999-12-31 23:59:59.999999"
LAST_DAY = date(9999, 12, 31)
ZERO_DAYS = (date(1, 1, 1), date(1900, 1, 1), date(1970, 1, 1), LAST_DAY)
"""Their midnights, and any time of the last of all days, are what systems write for nothing."""
CLOCKS_DIFFER = timedelta(minutes=5)
"""What lies ahead by less may be another machine's now."""
EXAMPLE = "write it like 2026-06-01T10:00:00+02:00"
HINTS = (
    (r".* does not exist in .+", ""),
    (r"0000-00-00.*", " is what MySQL writes for nothing: make it NULL in the mapping"),
    (r"[+-]?(?i:infinity)", " is no instant: NULL says that there is none"),
    (r"(-[0-9]{3,}|\+?[0-9]{5,})-[0-9]{2}-[0-9]{2}.*|[0-9]{4}-.* \(?BC\)?", " is not within the years 1 to 9999"),
    (r"[0-9]{9,11}(\.[0-9]+)?", " looks like seconds since 1970: make it a timestamp in the mapping, `to_timestamp(x)`"),
    (
        r"[0-9]{12,14}(\.[0-9]+)?",
        " looks like milliseconds since 1970: make it a timestamp in the mapping, `to_timestamp(x / 1000.0)`",
    ),
    (r"[0-9]{15,17}", " looks like microseconds since 1970: make it a timestamp in the mapping, `to_timestamp(x / 1000000.0)`"),
    (r"[0-9]{18,19}", " looks like nanoseconds since 1970: make it a timestamp in the mapping, `to_timestamp(x / 1000000000.0)`"),
    (r"[0-9]{1,2}[./-][0-9]{1,2}[./-][0-9]{2,4}\b.*", f" does not say which is the day and which the month: {EXAMPLE}"),
    (r".*[0-9:] ?[A-Za-z_]{2,}(/[A-Za-z_]+)*", f" names a time zone: {EXAMPLE}, or make it a timestamp in the mapping"),
)
"""What is taken for none, and what there is to say behind it."""


def as_instant(text: str) -> str:
    """SQL: the instant that the SQL expression `text` says, in UTC where it has no offset; NULL where it says none.

    What is too short for an offset is cast without the calendar of the session's zone, which costs three times as much.
    """
    trimmed = rf"trim({text}, E' \t\r\n')"
    with_seconds = rf"regexp_replace({trimmed}, '^({DATE}[T ]{MINUTES})({OFFSET})?$', '\1:00\2')"
    return f"""CASE
        WHEN regexp_full_match({text}, '{AS_DUCKDB_READS}') THEN CASE
            WHEN strlen({text}) < {SHORTEST_WITH_OFFSET} THEN make_timestamptz(epoch_us(TRY_CAST({text} AS TIMESTAMP)))
            ELSE TRY_CAST({text} AS TIMESTAMPTZ) END
        WHEN regexp_full_match({text}, '{INSTANT}') THEN TRY_CAST({with_seconds} AS TIMESTAMPTZ)
    END"""


def is_zero(instant: str, days: Collection[date]) -> str:
    """SQL: whether the instant stands for nothing."""
    midnights = ", ".join(f"TIMESTAMPTZ '{day.isoformat()} 00:00:00+00'" for day in sorted(days))
    last = f" OR {instant} >= TIMESTAMPTZ '{LAST_DAY} 00:00:00+00'" if LAST_DAY in days else ""
    return f"({instant} IN ({midnights}){last})" if days else "false"


def hint(text: str) -> str:
    """SQL: what to do about a text that says no instant."""
    cases = " ".join(
        f"WHEN regexp_full_match(trim({text}), {quote_text(pattern)}) THEN {quote_text(said)}" for pattern, said in HINTS
    )
    return f"CASE {cases} ELSE {quote_text(f'; {EXAMPLE}')} END"
