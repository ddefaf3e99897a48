"""What a rule's SELECT yields: it is asked of whoever reads the warehouse, within its time limit and bounds."""

import json
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from typing import Any

import duckdb
import polars as pl

from storage.asking.permission import TookTooLongError, check_reads
from storage.asking.reader import Ask
from storage.errors import GovpulseError
from tasks.alerts.exceptions import UNITS, cases_of, judged, measured
from tasks.alerts.expressions import check_expressions
from tasks.alerts.grouping import grouped
from tasks.alerts.rule import Rule
from tasks.alerts.states import Observation
from tasks.alerts.teams import NO_TEAMS, Teams, team_of
from tasks.labels import LONGEST_DETAIL, LONGEST_LABEL, shortened

SPECIAL = ("subject", "value", "is_sample", "detail", "labels", *UNITS)
NUMBERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "FLOAT", "DOUBLE", "DECIMAL", "BOOLEAN")
MOST_ROWS, MOST_LABELS = 500_000, 50
TOO_MANY = f"yields more than {MOST_LABELS} labels"


def observe(
    ask: Ask, rule: Rule, as_of: datetime, alerted: Collection[str] | None = None, teams: Teams = NO_TEAMS
) -> list[Observation]:
    """What the rule sees as of `as_of`; NULL and NaN are no values.

    Args:
        alerted: the subjects that have an alert of this rule; with it, of the values beyond no threshold only those of its
            subjects: the others change nothing.
        teams: whose services, domains and scans are.

    Raises:
        GovpulseError: the SQL is not one SELECT, does more than read, fails, takes too long, yields too much, or lacks subject or
            value; names the rule.
    """
    cases = cases_of(rule, as_of)
    ways = [measured(rule), *(case for _, case in cases)]
    try:
        rows = _rows(ask, rule, ways, as_of, alerted).rows(named=True)
        seen = [_observation(row) for row in rows]
        if teams and _may_have_team(rule, seen):
            seen = [replace(each, team=team_of(rule, each, teams)) for each in seen]
        if cases or rule.measure:
            seen = [judged(each, row, rule, cases) for each, row in zip(seen, rows, strict=True)]
    except GovpulseError as error:
        raise GovpulseError(f"rule {rule.name}: {error}") from error
    found = [each for each in seen if not math.isnan(each.value)]
    return grouped(rule, found) if rule.group_by else found


def _rows(ask: Ask, rule: Rule, ways: Sequence[Rule], as_of: datetime, alerted: Collection[str] | None) -> pl.DataFrame:
    select, says_as_of = _checked(rule.sql)
    parameters = {"as_of": as_of} if says_as_of else {}
    rows = _read(ask, rule, ways, select, parameters, alerted)
    rows = rows.filter(pl.col("value").is_not_null() | pl.col("subject").is_null())
    if rows.height > MOST_ROWS:
        raise GovpulseError(f"yields more than {MOST_ROWS:,} rows")
    if rows["subject"].null_count():
        raise GovpulseError("its subject must not be NULL")
    return rows


def _read(
    ask: Ask, rule: Rule, ways: Sequence[Rule], select: str, parameters: Mapping[str, Any], alerted: Collection[str] | None
) -> pl.DataFrame:
    """What the SELECT yields. To ask for its columns first would be a quarter of the cost of many rules, so that is done only where
    something may be wrong with them."""
    measures = {way.measure for way in ways if way.measure}
    try:
        rows = _asked(ask, rule, ways, select, parameters, alerted)
    except TookTooLongError:
        raise
    except GovpulseError:
        _check_columns(ask, rule, measures, select, parameters)
        raise
    if not _is_plain(rows, measures):
        _check_columns(ask, rule, measures, select, parameters)
    _check_groups(rule, rows.columns)
    return rows


def _is_plain(rows: pl.DataFrame, measures: Collection[str]) -> bool:
    """Whether its columns are seen to be right without their types in DuckDB."""
    if not {"subject", "value", *measures} <= set(rows.columns) or "labels" in rows.columns or rows.width > MOST_LABELS:
        return False
    kind = rows.schema["value"]
    return kind.is_numeric() or kind in (pl.Boolean, pl.Null)


def _check_columns(ask: Ask, rule: Rule, measures: Collection[str], select: str, parameters: Mapping[str, Any]) -> None:
    columns = ask(f"DESCRIBE {select}", parameters, rule.timeout.total_seconds()).rows()
    _check(columns, measures)
    _check_groups(rule, {name for name, *_ in columns})


def _may_have_team(rule: Rule, seen: Sequence[Observation]) -> bool:
    return bool(rule.about) or any(name in ("service", "domain") for each in seen for name, _ in each.labels)


@lru_cache(maxsize=1000)
def _checked(sql: str) -> tuple[str, bool]:
    """The SELECT without its semicolon, and whether it takes the instant; once for each text, for rules seldom change."""
    check_reads(sql)
    check_expressions(sql)
    (statement,) = duckdb.extract_statements(sql)
    return statement.query.rstrip().rstrip(";"), "as_of" in statement.named_parameters


def _check(columns: list[tuple[Any, ...]], measures: Collection[str]) -> None:
    types = {name: kind for name, kind, *_ in columns}
    missing = [name for name in ("subject", "value", *sorted(measures)) if name not in types]
    if missing:
        raise GovpulseError(f"its sql does not yield {' and '.join(missing)}")
    if types["value"].split("(")[0].lstrip("U") not in NUMBERS and types["value"] != '"NULL"':
        raise GovpulseError(f"its value must be a number, not {types['value']}")
    if types.get("labels", "JSON") != "JSON":
        raise GovpulseError(f"its labels must be a JSON object, not {types['labels']}")
    if len(types) - len(SPECIAL) > MOST_LABELS:
        raise GovpulseError(TOO_MANY)


def _check_groups(rule: Rule, columns: Collection[str]) -> None:
    """Whether it yields what it groups by; what the column `labels` holds, only the rows say."""
    missing = [name for name in rule.group_by if name not in columns]
    if missing and "labels" not in columns:
        raise GovpulseError(f"its sql does not yield {' and '.join(missing)}, by which it groups")


def _asked(
    ask: Ask, rule: Rule, ways: Sequence[Rule], select: str, parameters: Mapping[str, Any], alerted: Collection[str] | None
) -> pl.DataFrame:
    seconds, is_there, few = rule.timeout.total_seconds(), "value IS NOT NULL OR subject IS NULL", f"LIMIT {MOST_ROWS + 1}"
    if alerted is None:
        return ask(f"SELECT * FROM ({select}\n) WHERE {is_there} {few}", parameters, seconds)
    bound = {**parameters}
    conditions = ["subject IS NULL", f"strlen(subject::VARCHAR) > {LONGEST_LABEL}"]
    for number, (column, sign, loosest) in enumerate(_bounds(ways)):
        conditions.append(f"{column} {sign} $loosest_{number}")
        bound[f"loosest_{number}"] = loosest
    if alerted:  # as one text: DuckDB takes a list by its items, at a hundred times the cost
        conditions.append("subject::VARCHAR IN (SELECT unnest(from_json($alerted, '[\"VARCHAR\"]')))")
        bound["alerted"] = json.dumps(list(alerted))
    return ask(f"SELECT * FROM ({select}\n) WHERE {' OR '.join(conditions)} {few}", bound, seconds)


def _bounds(ways: Sequence[Rule]) -> set[tuple[str, str, float]]:
    """By column from where on a value may be beyond a threshold, whichever way it is judged."""
    found: set[tuple[str, str, float]] = set()
    for way in ways:
        thresholds = [each for each in (way.warning, way.critical) if each is not None]
        if thresholds:
            is_above = way.direction == "above"
            found.add((way.measure or "value", ">=" if is_above else "<=", (min if is_above else max)(thresholds)))
    return found


def _observation(row: dict[str, Any]) -> Observation:
    given = {key: value for key, value in row.items() if key not in SPECIAL} | _unfolded(row.get("labels"))
    labels = tuple(sorted((shortened(key), shortened(str(value))) for key, value in given.items()))
    detail = shortened(str(row.get("detail") or ""), LONGEST_DETAIL)
    return Observation(shortened(str(row["subject"])), float(row["value"]), labels, bool(row.get("is_sample")), detail)


def _unfolded(labels: str | None) -> dict[str, Any]:
    """The labels that the column `labels` holds."""
    held = json.loads(labels) if labels is not None else {}
    if not isinstance(held, dict):
        raise GovpulseError("its labels must be a JSON object")
    if len(held) > MOST_LABELS:
        raise GovpulseError(TOO_MANY)
    return held
