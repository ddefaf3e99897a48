"""A limit of one's own for scans, as the settings state it."""

import json
import re
from collections.abc import Iterable
from typing import Literal, Self
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from tasks.wording import parse_duration

TIME_OF_DAY = r"([01][0-9]|2[0-3]):[0-5][0-9]"
Day = Literal["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]


class ScanLimit(BaseModel):
    """How long scans of a kind may run, or by when the day's has to be done."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    data_source: str = Field("*", min_length=1, description="the data sources it is about, as a pattern (`sales_*`)")
    scan_type: str = Field("*", min_length=1, description="their scan types, as a pattern")
    longer_than: str = Field("", description="no run may take longer: `2h`, `90m`")
    done_by: str = Field(
        "",
        description="or: a run requested within the 24 hours before this time of day has succeeded by then: `06:00`",
    )
    zone: str = Field("UTC", description="time zone of `done_by`")
    days: tuple[Day, ...] = Field(
        ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"), min_length=1, description="days of the week on which `done_by` holds"
    )

    @field_validator("longer_than")
    @classmethod
    def _is_a_duration(cls, text: str) -> str:
        if text and not parse_duration(text):
            raise ValueError("use a duration like 2h, 90m or 1h30m")
        return text

    @field_validator("done_by")
    @classmethod
    def _is_a_time_of_day(cls, text: str) -> str:
        if text and not re.fullmatch(TIME_OF_DAY, text):
            raise ValueError("use a time of day like 06:00")
        return text

    @field_validator("zone")
    @classmethod
    def _is_a_zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (KeyError, ValueError, OSError) as error:
            raise ValueError("unknown time zone; use a name like Europe/Berlin") from error
        return name

    @model_validator(mode="after")
    def _is_one_limit(self) -> Self:
        if bool(self.longer_than) == bool(self.done_by):
            raise ValueError("a limit needs either longer_than or done_by")
        return self


def as_rows(limits: Iterable[ScanLimit]) -> str:
    """The limits as JSON, in the order in which they count."""
    return json.dumps([_row(position, limit) for position, limit in enumerate(limits)])


def _row(position: int, limit: ScanLimit) -> dict[str, object]:
    length = parse_duration(limit.longer_than)
    return {
        "kind": "done_by" if limit.done_by else "longer_than",
        "position": position,
        "data_sources": limit.data_source,
        "scan_types": limit.scan_type,
        "longest_seconds": length.total_seconds() if length else None,
        "done_by": limit.done_by or None,
        "zone": limit.zone,
        "days": limit.days,
    }
