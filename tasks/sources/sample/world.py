"""What makes one sample world: its seed, its first day and its volume, the random draws of each day, and how instants are written.

Instants are whole milliseconds since 1970 in UTC until they are written into a row.
"""

import zlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np

SERVER_ZONE = "Europe/Berlin"
SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
LONGEST = 20 * HOUR
"""No scan or act lasts longer, save those that never end: so a row that began two days ago will not change any more."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ZONE = ZoneInfo(SERVER_ZONE)


@dataclass(frozen=True)
class World:
    """A made-up platform. Everything in it is a function of these four and of time.

    Attributes:
        start: midnight UTC of its first day.
        days: the span asked for at first; sets the length of one round of incidents.
        scale: multiplies scans and activity.
    """

    seed: int
    start: datetime
    days: int
    scale: float

    @property
    def round_days(self) -> int:
        """Rounds of incidents repeat, on other subjects. Two weeks at least, so that no two of one kind fall together."""
        return max(14, self.days)

    @property
    def start_ms(self) -> int:
        return milliseconds(self.start)

    def draw(self, kind: str, number: int) -> np.random.Generator:
        """The random numbers of one `kind` of row on day (or in round) `number`, independent of all others."""
        return np.random.default_rng([self.seed, zlib.crc32(kind.encode()), number])

    def midnight(self, day: int) -> int:
        return self.start_ms + day * DAY

    def day_of(self, instant: int) -> int:
        return (instant - self.start_ms) // DAY

    def weekday(self, day: int) -> int:
        """0 is Monday."""
        return (self.start.weekday() + day) % 7


def milliseconds(instant: datetime) -> int:
    """Rounded down."""
    return (instant - _EPOCH) // timedelta(milliseconds=1)


def utc_text(instant: int | None) -> str | None:
    """As racine writes scans, activities and users: UTC without saying so."""
    return None if instant is None else _naive_text(_EPOCH + timedelta(milliseconds=instant))


def server_text(instant: int | None) -> str | None:
    """As racine writes versions and deployments: the server's local time without saying so."""
    return None if instant is None else _naive_text(_on_server(instant))


def aware_text(instant: int | None) -> str | None:
    """As the labels are written: UTC, and saying so."""
    return None if instant is None else f"{utc_text(instant)}+00:00"


def server_hour(instant: int) -> float:
    """The hour of the day on the server's clock, 0 to 24."""
    local = _on_server(instant)
    return local.hour + local.minute / 60


def _on_server(instant: int) -> datetime:
    return (_EPOCH + timedelta(milliseconds=instant)).astimezone(_ZONE)


def _naive_text(instant: datetime) -> str:
    return instant.replace(tzinfo=None).isoformat(" ", "milliseconds")
