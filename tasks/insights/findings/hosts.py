"""How findings about hosts name things and amounts."""

from datetime import UTC, datetime
from urllib.parse import unquote

from tasks.insights.findings.wording import minute, times
from tasks.wording import duration

SIZES = (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3))


def parsed(attributes: str) -> dict[str, str]:
    """The pairs of `k=v,k=v`, decoded."""
    pairs = (pair.partition("=") for pair in attributes.split(",") if pair)
    return {key: unquote(value) for key, _, value in pairs}


def process(attributes: str) -> str:
    """`python (pid 812, started 25 Nov 2026 09:10 UTC)`: a pid alone is used again."""
    known = parsed(attributes)
    return f"{known.get('name', 'a process')} (pid {known.get('pid', 'unknown')}, started {_started(known.get('create_time'))})"


def _started(create_time: str | None) -> str:
    try:
        return minute(datetime.fromtimestamp(float(create_time or ""), UTC))
    except (ValueError, OverflowError, OSError):
        return "at an unknown time"


def amount(value: float, unit: str | None) -> str:
    """`1.4 GB`, or for a share `1.2 %`: two digits that count."""
    if unit != "By":
        return f"{times(100 * value)} %"
    name, size = next((each for each in SIZES if abs(value) >= each[1]), ("B", 1.0))
    return f"{times(value / size)} {name}"


def until(as_of: datetime, instant: datetime | None) -> str:
    """How long from as_of to an instant; None is too far away to say."""
    return "over ten years" if instant is None else duration((instant - as_of).total_seconds())
