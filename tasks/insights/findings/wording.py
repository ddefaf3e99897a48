"""Numbers and instants as sentences have them. What is not known is said, never guessed."""

import math
from collections.abc import Sequence
from datetime import UTC, datetime

from tasks.wording import counted

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def date(instant: datetime) -> str:
    """`18 Nov 2026`, of UTC."""
    utc = instant.astimezone(UTC)
    return f"{utc.day} {MONTHS[utc.month - 1]} {utc.year}"


def minute(instant: datetime) -> str:
    """`18 Nov 2026 09:10 UTC`."""
    return f"{date(instant)} {instant.astimezone(UTC):%H:%M} UTC"


def percent(share: float) -> str:
    """`41.2 %`; only none is 0, and only all is 100."""
    if 0 < share < 0.0005:
        return "under 0.1 %"
    return "over 99.9 %" if 0.9995 <= share < 1 else f"{100 * share:.1f} %"


def probability(chance: float) -> str:
    """The same of a probability, which is never all, though it may be so near that no number lies between."""
    return percent(min(chance, 1 - 1e-9))


def share_of(share: float, low: float | None, high: float | None, n: int, what: str = "") -> str:
    """A share with its interval (percent) and what it is of: `41.2 % (24.6 to 60.1) of 22`."""
    interval = "no interval" if low is None or high is None else f"{100 * low:.1f} to {100 * high:.1f}"
    return f"{percent(share)} ({interval}) of {counted(n, what) if what else f'{n:,}'}"


def times(ratio: float) -> str:
    """A ratio in two digits that count: `2.2`, `12`, `0.043`."""
    if not 0 < ratio < math.inf:
        return f"{ratio:.1f}"
    return f"{ratio:,.{max(0, 1 - math.floor(math.log10(ratio)))}f}"


def times_between(low: float | None, high: float | None) -> str:
    """The interval of a ratio, in brackets."""
    return "(too few for an interval)" if low is None or high is None else f"({times(low)} to {times(high)})"


def listed(names: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
