"""Durations, counts and plurals: read and said in one way wherever people meet them."""

import re
from datetime import timedelta

from storage.counting import counted, plural

__all__ = ["LONGEST", "counted", "duration", "parse_duration", "plural", "size", "write_duration"]

SECONDS = {"w": 604_800, "d": 86_400, "h": 3600, "m": 60, "s": 1}
LONGEST = timedelta(days=3650)
DURATION = r"(?:[0-9]{1,9}[smhdw])+"


def parse_duration(text: str) -> timedelta | None:
    """`90s`, `30m`, `2h`, `1d12h`, `1w`; None where it is no such text, or longer than ten years."""
    if not re.fullmatch(DURATION, text):
        return None
    seconds = sum(int(count) * SECONDS[unit] for count, unit in re.findall(r"([0-9]+)([smhdw])", text))
    return timedelta(seconds=seconds) if seconds <= LONGEST.total_seconds() else None


def write_duration(length: timedelta) -> str:
    """What `parse_duration` reads, in seconds."""
    return f"{round(length.total_seconds())}s"


def duration(seconds: float) -> str:
    """In its two largest units: `2 d 3 h`, `1 h 2 min`, `21 min`, `3 min 5 s`; whole minutes from ten on."""
    if seconds < 0:
        return f"-{duration(-seconds)}"
    left = round(seconds) if seconds < 600 else round(seconds / 60) * 60
    parts: list[str] = []
    for unit, size in (("d", 86_400), ("h", 3600), ("min", 60), ("s", 1)):
        count, left = divmod(left, size)
        if count or parts:
            parts.append(f"{count} {unit}" if count else "")
    return " ".join(part for part in parts[:2] if part) or "0 s"


def size(amount: float) -> str:
    """Bytes in the largest unit of which there is one: `12 GB`, `1.5 TB`, `900 B`; three digits."""
    for unit, factor in (("PB", 1e15), ("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if abs(amount) >= factor:
            return f"{amount / factor:.3g} {unit}"
    return f"{amount:.3g} B"
