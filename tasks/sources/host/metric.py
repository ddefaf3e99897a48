"""What a metric is, and what one raw reading of it is.

Each family declares its metrics as data beside the code that reads them. That one declaration drives the units of the
rows, the rows that say why a family could not be read, the docs page and the tests.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

OK = "ok"
NOT_REPORTED = "unreadable: not_reported"

Kind = Literal["gauge", "rate", "share", "mode"]


@dataclass(frozen=True)
class Metric:
    """One metric, under its OpenTelemetry name where there is one.

    Attributes:
        unit: UCUM unit of the row's value.
        kind: what turns raw values into the row's value. `gauge`: nothing. `rate`: a counter's increase per second.
            `share`: the same for a counter of seconds, so a fraction of the time. `mode`: a counter's part of the
            increase of all counters of the metric.
        attributes: the keys that its rows carry; a row without them is about all of it.
    """

    name: str
    unit: str
    kind: Kind
    meaning: str
    read_from: str
    attributes: tuple[str, ...] = ()


class Point(NamedTuple):
    """A gauge's value or a counter's total. Without a value, `status` says why."""

    metric: Metric
    attributes: str
    value: float | None
    status: str = OK


PointsByKey = Mapping[tuple[str, str], Point]


class Family(NamedTuple):
    """What is read together and fails together."""

    read: Callable[[], Iterable[Point]]
    metrics: tuple[Metric, ...]


def read_point(metric: Metric, value: float | None, **attributes: str | int) -> Point:
    """A point; None, which is how psutil says that it does not know, stays without a value."""
    return Point(metric, format_attributes(**attributes), value, OK if value is not None else NOT_REPORTED)


def fail_point(metric: Metric, error: Exception, **attributes: str | int) -> Point:
    """A point that could not be read. The error's class only: its text can hold paths, and new text would be new status."""
    return Point(metric, format_attributes(**attributes), None, f"unreadable: {type(error).__name__}")


def format_attributes(**attributes: str | int) -> str:
    """`k=v,k=v`, sorted by key. What would break that form is percent-encoded in the values, as in a URL."""
    return ",".join(f"{key}={_escape(str(value))}" for key, value in sorted(attributes.items()))


# Lone surrogates are how Python holds file and process names that are not UTF-8; Parquet would refuse them.
_UNSAFE = re.compile(r"[%,=\x00-\x1f\x7f\ud800-\udfff]")


def _escape(value: str) -> str:
    return _UNSAFE.sub(lambda match: f"%{ord(match.group()) & 0xFF:02X}", value)
