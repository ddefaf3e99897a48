"""What a rule's SELECT yields: it is asked of whoever reads the warehouse, within its time limit and bounds."""

import json
import math
from collections.abc import Collection, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

import duckdb
import polars as pl

from storage.asking.permission import check_reads
from storage.asking.reader import Ask
from storage.errors import GovpulseError
from tasks.alerts.expressions import check_expressions
from tasks.alerts.rule import Rule
from tasks.alerts.states import Observation
from tasks.labels import LONGEST_DETAIL, LONGEST_LABEL, shortened

SPECIAL = ("subject", "value", "is_sample", "detail", "labels")
NUMBERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "FLOAT", "DOUBLE", "DECIMAL", "BOOLEAN")
MOST_ROWS, MOST_LABELS = 500_000, 50
TOO_MANY = f"yields more than {MOST_LABELS} labels"


def observe(ask: Ask, rule: Rule, as_of: datetime, alerted: Collection[str] | None = None) -> list[Observation]:
    """What the rule sees as of `as_of`; NULL and NaN are no values.

    Args:
        alerted: the subjects that have an alert of this rule; with it, of the values beyond no threshold only those of its
            subjects: the others change nothing.

    Raises:
        GovpulseError: the SQL is not one SELECT, does more than read, fails, takes too long, yields too much, or lacks subject or
            value; names the rule.
    """
    try:
        seen = [_observation(row) for row in _rows(ask, rule, as_of, alerted).iter_rows(named=True)]
    except GovpulseError as error:
        raise GovpulseError(f"rule {rule.name}: {error}") from error
    return [each for each in seen if not math.isnan(each.value)]


def _rows(ask: Ask, rule: Rule, as_of: datetime, alerted: Collection[str] | None) -> pl.DataFrame:
    select, says_as_of = _checked(rule.sql)
    parameters = {"as_of": as_of} if says_as_of else {}
    seconds = rule.timeout.total_seconds()
    _check(ask(f"DESCRIBE {select}", parameters, seconds).rows())
    rows = _read(ask, rule, select, parameters, alerted)
    if rows.height > MOST_ROWS:
        raise GovpulseError(f"yields more than {MOST_ROWS:,} rows")
    if rows["subject"].null_count():
        raise GovpulseError("its subject must not be NULL")
    return rows


@lru_cache(maxsize=1000)
def _checked(sql: str) -> tuple[str, bool]:
    """The SELECT without its semicolon, and whether it takes the instant; once for each text, for rules seldom change."""
    check_reads(sql)
    check_expressions(sql)
    (statement,) = duckdb.extract_statements(sql)
    return statement.query.rstrip().rstrip(";"), "as_of" in statement.named_parameters


def _check(columns: list[tuple[Any, ...]]) -> None:
    types = {name: kind for name, kind, *_ in columns}
    missing = [name for name in ("subject", "value") if name not in types]
    if missing:
        raise GovpulseError(f"its sql does not yield {' and '.join(missing)}")
    if types["value"].split("(")[0].lstrip("U") not in NUMBERS and types["value"] != '"NULL"':
        raise GovpulseError(f"its value must be a number, not {types['value']}")
    if types.get("labels", "JSON") != "JSON":
        raise GovpulseError(f"its labels must be a JSON object, not {types['labels']}")
    if len(types) - len(SPECIAL) > MOST_LABELS:
        raise GovpulseError(TOO_MANY)


def _read(ask: Ask, rule: Rule, select: str, parameters: Mapping[str, Any], alerted: Collection[str] | None) -> pl.DataFrame:
    seconds, is_there, few = rule.timeout.total_seconds(), "value IS NOT NULL OR subject IS NULL", f"LIMIT {MOST_ROWS + 1}"
    if alerted is None:
        return ask(f"SELECT * FROM ({select}\n) WHERE {is_there} {few}", parameters, seconds)
    sign = ">=" if rule.direction == "above" else "<="
    loosest = (min if rule.direction == "above" else max)(each for each in (rule.warning, rule.critical) if each is not None)
    is_of_use = f"value {sign} $loosest OR subject IS NULL OR strlen(subject::VARCHAR) > {LONGEST_LABEL}"
    bound = {**parameters, "loosest": loosest}
    if alerted:  # as one text: DuckDB takes a list by its items, at a hundred times the cost
        is_of_use += " OR subject::VARCHAR IN (SELECT unnest(from_json($alerted, '[\"VARCHAR\"]')))"
        bound["alerted"] = json.dumps(list(alerted))
    rows = ask(f"SELECT * FROM ({select}\n) WHERE {is_of_use} {few}", bound, seconds)
    return rows.filter(pl.col("value").is_not_null() | pl.col("subject").is_null())


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
