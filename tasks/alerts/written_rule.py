"""A rule as it is written: its keys, what each holds, and what they must agree in. docs/rules.md and the schema for editors tell
people the same; `make docs` writes the latter from here."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from string import Formatter
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from storage.catalogue.insights.performance_insights import KINDS
from tasks.alerts.exceptions import measured, under
from tasks.alerts.rule import Rule, fill_in
from tasks.alerts.rule_agreement import AGREEMENT, check_form, check_metric, check_thresholds
from tasks.alerts.rule_files import NAME
from tasks.alerts.rule_mistakes import in_exception, mistake_of, shown
from tasks.alerts.selects import check_select
from tasks.alerts.shorthands import FORMS, METRIC_KEYS, OVER, Statistic, expand
from tasks.alerts.written_amounts import THRESHOLDS, Threshold, measure_of, written_thresholds
from tasks.alerts.written_exception import WrittenException, write_exception
from tasks.wording import DURATION, LONGEST, parse_duration, write_duration

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
PLACEHOLDERS = ("subject", "value", "detail")


def _length(value: Any) -> timedelta:
    length = parse_duration(value) if isinstance(value, str) else None
    if length is None:
        raise ValueError(f"must be a duration like 30s, 5m, 2h or 1d12h, up to {LONGEST.days}d, not {shown(value)}")
    return length


def _some(value: Any) -> timedelta:
    length = _length(value)
    if not length:
        raise ValueError("must be longer than 0")
    return length


AS_TEXT = WithJsonSchema({"type": "string", "pattern": f"^{DURATION}$"})
Duration = Annotated[timedelta, BeforeValidator(_length), AS_TEXT]
LastingDuration = Annotated[timedelta, BeforeValidator(_some), AS_TEXT]


class WrittenRule(BaseModel):
    """A [[rule]] of a file."""

    model_config = ConfigDict(extra="forbid", title="rule", json_schema_extra=AGREEMENT)

    name: str = Field(
        description="letters, digits, _, - and ., at most 100; a rule with a shipped rule's name replaces that rule",
        json_schema_extra={"maxLength": 100},
    )
    sql: str | None = Field(
        None,
        description="a SELECT that yields subject, value, detail, is_sample and labels; $as_of is the instant of the evaluation",
    )
    metric: str | None = Field(None, description="instead of sql: name of a host metric")
    statistic: Statistic = Field("mean", description="how to combine the metric's samples")
    over: LastingDuration = Field(OVER, description="how far back the metric's samples count")
    attributes: str | None = Field(
        None, description="only the metric's series with exactly these attributes; without it, each series is an alert"
    )
    finding: str | None = Field(None, description="instead of sql: findings of this kind", json_schema_extra={"enum": [*KINDS]})
    warning: Threshold = Field(None, description="it fires as a warning at this value or beyond")
    critical: Threshold = Field(None, description="it is critical at this value or beyond")
    clear: Threshold = Field(None, description="how far the value must come back to clear; default: the lowest threshold")
    clear_critical: Threshold = Field(None, description="how far it must come back for a critical alert to become a warning again")
    direction: Literal["above", "below"] = Field(Rule.direction, description="below: it fires at the threshold or under it")
    pending_for: Duration = Field(
        Rule.pending_for, alias="for", description="how long the condition must hold before the alert fires"
    )
    keep_firing_for: Duration = Field(
        Rule.keep_firing_for, description="how long the condition must be gone before the alert resolves"
    )
    no_data_for: Duration | None = Field(
        None,
        description="if set, a subject without a value keeps its state and becomes no_data after this long; if not, a subject "
        "that the rule no longer yields resolves",
    )
    gone_after: Duration | None = Field(
        None,
        description="how long a subject may be no_data before its alert ends as gone; default: alerts.gone_after. Without "
        "no_data_for: how long it may have no value",
    )
    timeout: LastingDuration = Field(Rule.timeout, description="how long the SELECT may take")
    unit: str = Field(
        Rule.unit, description="% shows 0.93 as 93.0%, s shows seconds as a duration, any other unit follows the number"
    )
    message: str = Field(Rule.message, description="the alert's sentence; may use {subject}, {value} and {detail}")
    runbook: str = Field(Rule.runbook, description="a link, or a path in the repository")
    inhibits: tuple[str, ...] = Field(
        Rule.inhibits, description="rules whose alerts about the same subject send nothing while an alert of this rule is active"
    )
    evidence: str = Field(Rule.evidence, description="a SELECT that shows why; may use {subject} and {as_of}")

    group_by: tuple[str, ...] = Field(
        Rule.group_by, description="labels, or subject: all that agree in these are one alert, which is as bad as the worst of them"
    )
    about: Literal["service", "domain", "scan"] | None = Field(
        None, description="what the subject is: where its team is known, the alert has it as the label team"
    )
    exceptions: tuple[WrittenException, ...] = Field(
        (), alias="except", description="what holds instead for some subjects; the first whose matchers all hold"
    )

    @field_validator("*", mode="before")
    @classmethod
    def _is_there(cls, value: Any) -> Any:
        if value is None:
            raise ValueError("must have a value")
        return value

    @field_validator("name")
    @classmethod
    def _is_name(cls, name: str) -> str:
        if not NAME.fullmatch(name):
            raise ValueError(f"must be letters, digits, _, - and ., at most 100, not {shown(name)}")
        return name

    @field_validator("metric")
    @classmethod
    def _names_a_metric(cls, metric: str) -> str:
        if not metric.strip():
            raise ValueError("must name a metric")
        return metric

    @field_validator("finding")
    @classmethod
    def _is_kind(cls, finding: str) -> str:
        if finding not in KINDS:
            raise ValueError(f"must be one of {', '.join(KINDS)}, not {shown(finding)}")
        return finding

    @field_validator("group_by")
    @classmethod
    def _names_labels(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(names)) < len(names) or any(name in ("rule", "severity", "value", "detail", "") for name in names):
            raise ValueError("must be labels, or subject, each once")
        return names

    @field_validator("sql")
    @classmethod
    def _is_select(cls, sql: str) -> str:
        check_select(sql, frozenset({"as_of"}))
        return sql

    @field_validator("evidence")
    @classmethod
    def _is_select_when_filled_in(cls, evidence: str) -> str:
        if evidence.strip():
            check_select(fill_in(evidence, "x", EPOCH))
        return evidence

    @field_validator("message")
    @classmethod
    def _has_known_placeholders(cls, message: str) -> str:
        said = "may only use {subject}, {value} and {detail}"
        try:
            parts = list(Formatter().parse(message))
        except ValueError as error:
            raise ValueError(said) from error
        if any(name is not None and (name not in PLACEHOLDERS or form or conversion) for _, name, form, conversion in parts):
            raise ValueError(said)
        return message

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        check_form(self.model_fields_set)
        rule = self.rule()
        check_thresholds(measured(rule))
        for number, exemption in enumerate(rule.exceptions, 1):
            if not exemption.off:
                with in_exception(number):
                    check_thresholds(under(rule, exemption))
        if self.metric is not None:
            check_metric(rule)
        return self

    def rule(self) -> Rule:
        """What is evaluated."""
        values = expand(self._given())
        unit, sql = values.get("unit", Rule.unit), values["sql"]
        thresholds, measure = measure_of({key: values[key] for key in THRESHOLDS if key in values}, unit, sql)
        exceptions = []
        for number, written in enumerate(self.exceptions, 1):
            with in_exception(number):
                exceptions.append(written.exemption(unit, sql))
        return Rule(**values | thresholds | {"measure": measure, "exceptions": tuple(exceptions)})

    def _given(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in type(self).model_fields if name in self.model_fields_set}


def definition_of(rule: Rule) -> str:
    """The rule as JSON, with the keys of a rules file; `rule_of` reads them."""
    values = {key: getattr(rule, "pending_for" if key == "for" else key) for key in KEYS if key not in (*THRESHOLDS, "except")}
    thresholds = written_thresholds({key: getattr(rule, key) for key in THRESHOLDS}, rule.measure)
    written = {key: _written(value) for key, value in values.items() if value is not None} | thresholds
    written = {key: value for key, value in written.items() if value or key not in ("group_by", "about")}
    in_order = {key: written[key] for key in KEYS if key in written}
    exceptions = {"except": [write_exception(each) for each in rule.exceptions]} if rule.exceptions else {}
    return json.dumps(in_order | exceptions, ensure_ascii=False)


def _written(value: Any) -> Any:
    return write_duration(value) if isinstance(value, timedelta) else value


ALL_KEYS = tuple(field.alias or name for name, field in WrittenRule.model_fields.items())
KEYS = tuple(key for key in ALL_KEYS if key not in (*FORMS[1:], *METRIC_KEYS))
"""Without the shorthands and what goes with them."""


def rule_of(values: Mapping[str, Any]) -> Rule:
    """The rule with these keys and values, as in a rules file.

    Raises:
        WrongValueError: which key, and what is wrong with it.
    """
    try:
        return WrittenRule.model_validate(dict(values)).rule()
    except ValidationError as error:
        raise mistake_of(error, values, ALL_KEYS) from error
