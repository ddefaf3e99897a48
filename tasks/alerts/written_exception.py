"""An exception of a rule as it is written, a [[rule.except]] of a file."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from storage.errors import ConfigurationError
from tasks.alerts.rule import Exemption
from tasks.alerts.rule_mistakes import WrongValueError, shown
from tasks.alerts.written_amounts import THRESHOLDS, Threshold, measure_of, written_thresholds
from tasks.matchers import Matcher, parse_matcher

AS_LIST = {"type": "array", "minItems": 1, "items": {"type": "string"}}


def _instant(value: Any) -> datetime:
    try:
        instant = datetime.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        instant = None
    if not isinstance(instant, datetime) or instant.tzinfo is None:
        raise ValueError(f"must be an instant with its zone, like 2027-01-31T00:00:00Z, not {shown(value)}")
    return instant


def _matchers(value: Any) -> tuple[Matcher, ...]:
    if not isinstance(value, list | tuple) or not value or not all(isinstance(each, str) for each in value):
        raise ValueError('must be a list of matchers, like ["subject=web-1"]')
    try:
        found = tuple(map(parse_matcher, value))
    except ConfigurationError as error:
        raise ValueError(f"is wrong: {error}") from error
    if any(each.label == "severity" for each in found):
        raise ValueError("must not name the severity, which the exception decides")
    return found


class WrittenException(BaseModel):
    """What holds instead for some subjects."""

    model_config = ConfigDict(extra="forbid", title="exception")

    match: Annotated[Any, BeforeValidator(_matchers), WithJsonSchema(AS_LIST)] = Field(
        description="for the subjects for which all of these matchers hold, as in silences"
    )
    off: bool = Field(False, strict=True, description="true: nothing fires for them")
    warning: Threshold = Field(None, description="it fires as a warning at this value or beyond, or with so much free or left")
    critical: Threshold = Field(None, description="it is critical at this value or beyond, or with so much free or left")
    clear: Threshold = Field(None, description="how far the value must come back to clear; default: the lowest threshold")
    clear_critical: Threshold = Field(None, description="how far a critical alert must come back to become a warning again")
    until: Annotated[Any, BeforeValidator(_instant), WithJsonSchema({"format": "date-time"})] = Field(
        None, description="from then on the rule is as before: an instant with its zone"
    )

    def exemption(self, unit: str, sql: str) -> Exemption:
        """What is evaluated, of a rule with this unit and SELECT.

        Raises:
            WrongValueError: it says neither what holds nor that nothing does, or both.
        """
        given = {key: getattr(self, key) for key in THRESHOLDS if key in self.model_fields_set}
        if self.off and given:
            raise WrongValueError("off", f"off and {min(given)} exclude each other")
        if not self.off and not {"warning", "critical"} & given.keys():
            raise WrongValueError(None, "needs warning, critical or off = true")
        thresholds, measure = measure_of(given, unit, sql)
        return Exemption(self.match, off=self.off, measure=measure, until=self.until, **thresholds)


def write_exception(exemption: Exemption) -> dict[str, Any]:
    """The keys of a rules file, as JSON has them."""
    thresholds = written_thresholds({key: getattr(exemption, key) for key in THRESHOLDS}, exemption.measure)
    rest = ({"off": True} if exemption.off else {}) | ({"until": exemption.until.isoformat()} if exemption.until else {})
    return {"match": [str(each) for each in exemption.match], **thresholds, **rest}
