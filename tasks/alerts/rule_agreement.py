"""What the keys of a rule must agree in."""

from collections.abc import Iterable, Set
from itertools import pairwise

from pydantic.config import JsonDict, JsonValue

from tasks.alerts.rule import Rule
from tasks.alerts.rule_mistakes import WrongValueError
from tasks.alerts.selects import check_select
from tasks.alerts.shorthands import FINDING_DEFAULTS, FORMS, METRIC_KEYS

ORDER = (("clear", "warning", "critical"), ("clear", "clear_critical", "critical"))


def _required(keys: Iterable[str]) -> list[JsonValue]:
    return [{"required": [key]} for key in keys]


ONLY_ADDS: JsonDict = {"required": ["name", "except"], "maxProperties": 2}
AGREEMENT: JsonDict = {
    "oneOf": [*_required(FORMS), ONLY_ADDS],
    "anyOf": [*_required((*FINDING_DEFAULTS, "finding")), ONLY_ADDS],
    "dependentRequired": {key: ["metric"] for key in METRIC_KEYS},
}
"""What of the agreement between keys a schema can say."""


def check_form(given: Set[str]) -> None:
    forms = [form for form in FORMS if form in given]
    if len(forms) != 1:
        raise WrongValueError(forms[1] if forms else None, f"needs exactly one of {', '.join(FORMS[:-1])} and {FORMS[-1]}")
    stray = [key for key in METRIC_KEYS if key in given]
    if stray and forms != ["metric"]:
        raise WrongValueError(stray[0], f"{stray[0]} only goes with metric, not with {forms[0]}")


def check_metric(rule: Rule) -> None:
    """Whether names of a metric and its attributes can stand in SQL."""
    try:
        check_select(rule.sql, frozenset({"as_of"}))
    except ValueError as error:
        raise WrongValueError("metric", f"metric {error}") from error


def check_thresholds(rule: Rule) -> None:
    if rule.warning is None and rule.critical is None:
        raise WrongValueError(None, "needs a warning or a critical threshold")
    if rule.clear_critical is not None and rule.critical is None:
        raise WrongValueError("clear_critical", "clear_critical needs a critical threshold")
    sign = 1 if rule.direction == "above" else -1
    for names in ORDER:
        given = [(name, value * sign) for name in names if (value := getattr(rule, name)) is not None]
        for (less, low), (more, high) in pairwise(given):
            if low > high:
                said = f"{', '.join(names[:-1])} and {names[-1]} must be in order, worst last"
                raise WrongValueError(less if less.startswith("clear") else more, said)
