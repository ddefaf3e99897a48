"""What a rule's SELECT yields, read-only and within its time limit."""

import math
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from threading import Timer
from typing import Any

import duckdb
import polars as pl

from storage.errors import GovpulseError, first_line
from storage.frames import fetch
from tasks.alerts.rules import Rule
from tasks.alerts.states import Observation

SPECIAL = ("subject", "value", "is_sample", "detail")
NUMBERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "FLOAT", "DOUBLE", "DECIMAL", "BOOLEAN")


def observe(con: duckdb.DuckDBPyConnection, rule: Rule, as_of: datetime, standing: str | None = None) -> list[Observation]:
    """What the rule sees as of `as_of`; NULL and NaN are no values.

    Args:
        standing: a relation of rule and subject; with it, of the values beyond no threshold only those of its subjects: the others
            change nothing.

    Raises:
        GovpulseError: the SQL is not one SELECT, writes, fails, takes too long, or lacks subject or value; names the rule.
    """
    try:
        statements = duckdb.extract_statements(rule.sql)
        if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
            raise GovpulseError(f"rule {rule.name}: sql must be one SELECT")
        parameters = {"as_of": as_of} if "as_of" in statements[0].named_parameters else {}
        select = statements[0].query.rstrip().rstrip(";")
        with _reading(con, rule):
            _check(rule, con.execute(f"DESCRIBE {select}", parameters or None).fetchall())
            rows = _read(con, rule, select, parameters, standing)
    except duckdb.InterruptException as error:
        raise GovpulseError(f"rule {rule.name}: took longer than {rule.timeout.total_seconds():g} s") from error
    except duckdb.Error as error:
        raise GovpulseError(f"rule {rule.name}: {first_line(error)}") from error
    if rows["subject"].null_count():
        raise GovpulseError(f"rule {rule.name}: its subject must not be NULL")
    return [seen for seen in map(_observation, rows.iter_rows(named=True)) if not math.isnan(seen.value)]


@contextmanager
def _reading(con: duckdb.DuckDBPyConnection, rule: Rule) -> Iterator[None]:
    """A transaction that cannot write, and is interrupted when its time is over."""
    limit = Timer(rule.timeout.total_seconds(), con.interrupt)
    con.execute("BEGIN TRANSACTION READ ONLY")
    limit.start()
    try:
        yield
    finally:
        limit.cancel()
        limit.join()
        with suppress(duckdb.Error):
            con.execute("ROLLBACK")


def _check(rule: Rule, columns: list[tuple[Any, ...]]) -> None:
    types = {name: kind for name, kind, *_ in columns}
    missing = [name for name in ("subject", "value") if name not in types]
    if missing:
        raise GovpulseError(f"rule {rule.name}: its sql does not yield {' and '.join(missing)}")
    if types["value"].split("(")[0].lstrip("U") not in NUMBERS and types["value"] != '"NULL"':
        raise GovpulseError(f"rule {rule.name}: its value must be a number, not {types['value']}")


def _read(
    con: duckdb.DuckDBPyConnection, rule: Rule, select: str, parameters: dict[str, Any], standing: str | None
) -> pl.DataFrame:
    if standing is None:
        return fetch(con, f"SELECT * FROM ({select}\n) WHERE value IS NOT NULL OR subject IS NULL", parameters or None)
    sign = ">=" if rule.direction == "above" else "<="
    loosest = (min if rule.direction == "above" else max)(each for each in (rule.warning, rule.critical) if each is not None)
    is_known = f"subject::VARCHAR IN (SELECT subject FROM {standing} WHERE rule = $rule)"
    is_of_use = f"value {sign} $loosest OR subject IS NULL OR {is_known}"
    rows = fetch(con, f"SELECT * FROM ({select}\n) WHERE {is_of_use}", {**parameters, "loosest": loosest, "rule": rule.name})
    return rows.filter(pl.col("value").is_not_null() | pl.col("subject").is_null())


def _observation(row: dict[str, Any]) -> Observation:
    labels = tuple(sorted((key, str(value)) for key, value in row.items() if key not in SPECIAL))
    return Observation(str(row["subject"]), float(row["value"]), labels, bool(row.get("is_sample")), str(row.get("detail") or ""))
