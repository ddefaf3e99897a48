"""The contract at the door of the warehouse: every landed row is cast and checked against the catalogue.

In: a relation with any columns of any types. Out: two temporary tables on the connection, `accepted` (the table's columns and
types) and `rejected` (one row a refused row, with every reason). Nothing is dropped, nothing is guessed.
"""

from datetime import datetime

import duckdb

from storage.catalogue import Check, Column, Table
from storage.errors import GovpulseError
from storage.warehouse import quote_text

LANDED = "govpulse_landed_row"
"""The row as it came; a name that no column of a file bears."""
EARLIEST = "0001-01-01"
"""Python has no instant before it, and `-infinity` is none."""


def check_columns(table: Table, columns: list[str], origin: str) -> None:
    """Refuse an input that lacks a required column.

    Raises:
        GovpulseError: names `origin` and the columns.
    """
    missing = [column.name for column in table.columns if column.is_required and column.name not in columns]
    if missing:
        raise GovpulseError(f"{origin}: {table.name} needs the column{'s' * (len(missing) > 1)} {', '.join(missing)}")


def check_rows(con: duckdb.DuckDBPyConnection, table: Table, relation: str, now: datetime) -> None:
    """Split `relation` into the temporary tables `accepted` and `rejected`."""
    present = con.sql(f"SELECT * FROM {relation} LIMIT 0").columns
    con.execute(f"CREATE OR REPLACE TEMP TABLE checked AS {_checked_select(table, relation, present, now)}")
    names = ", ".join(table.column_names)
    con.execute(f"CREATE OR REPLACE TEMP TABLE accepted AS SELECT {names} FROM checked WHERE len(reasons) = 0")
    key = " || '/' || ".join(f"coalesce(CAST({name} AS VARCHAR), '?')" for name in table.key)
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE rejected AS
        SELECT {quote_text(table.name)} AS dataset, {key} AS key, array_to_string(reasons, '; ') AS reason, payload AS row,
               {"source" if "source" in table.column_names else "CAST(NULL AS VARCHAR)"} AS source
        FROM checked WHERE len(reasons) > 0
        """
    )


def _checked_select(table: Table, relation: str, present: list[str], now: datetime) -> str:
    casts = ", ".join(_cast(column, present) for column in table.columns)
    failures = ", ".join(f"CASE WHEN {condition} THEN {reason} END" for condition, reason in _rules(table, present, now))
    return f"""
        SELECT * EXCLUDE ({LANDED}), CASE WHEN len(reasons) > 0 THEN to_json({LANDED}) END AS payload
        FROM (
            SELECT *, list_filter([{failures}], lambda reason: reason IS NOT NULL) AS reasons
            FROM (SELECT {casts}, {LANDED} AS {LANDED} FROM {relation} AS {LANDED})
        )
    """


def _cast(column: Column, present: list[str]) -> str:
    if column.name not in present:
        return f"CAST(NULL AS {column.type}) AS {column.name}"
    landed = f"{LANDED}.{column.name}"
    if column.type == "JSON":
        return f"CASE WHEN json_valid(CAST({landed} AS VARCHAR)) THEN CAST({landed} AS JSON) END AS {column.name}"
    return f"TRY_CAST({landed} AS {column.type}) AS {column.name}"


def _rules(table: Table, present: list[str], now: datetime) -> list[tuple[str, str]]:
    """Each rule as (SQL condition that is true for a bad row, SQL expression of the reason)."""
    columns = [rule for column in table.columns if column.name in present for rule in _column_rules(column)]
    return columns + [_row_rule(check, now) for check in table.checks]


def _column_rules(column: Column) -> list[tuple[str, str]]:
    name, landed = column.name, f"{LANDED}.{column.name}"
    rules = _type_rules(column.type, name, landed)
    if column.is_required:
        rules.append((f"{landed} IS NULL", f"'{name} is missing'"))
    if column.allowed:
        allowed = ", ".join(quote_text(word) for word in column.allowed)
        rules.append((f"{name} NOT IN ({allowed})", f"'{name} is not one of {' | '.join(column.allowed)}: ' || left({name}, 80)"))
    if column.minimum is not None:
        rules.append((f"{name} < {column.minimum}", f"'{name} is below {column.minimum:g}'"))
    if column.maximum is not None:
        rules.append((f"{name} > {column.maximum}", f"'{name} is above {column.maximum:g}'"))
    return rules


def _type_rules(type_name: str, name: str, landed: str) -> list[tuple[str, str]]:
    said = f"'{name} is not {_kind(type_name)}: ' || left(CAST({landed} AS VARCHAR), 80)"
    rules = [(f"{landed} IS NOT NULL AND {name} IS NULL", said)] if type_name != "VARCHAR" else []
    if type_name == "TIMESTAMPTZ":
        rules.append((f"{name} < TIMESTAMPTZ '{EARLIEST}'", f"'{name} is before the year 1'"))
    if type_name == "BIGINT":
        rules.append((f"TRY_CAST({landed} AS DOUBLE) <> {name}", said))
    if type_name == "DOUBLE":
        rules.append((f"NOT isfinite({name})", f"'{name} is not finite'"))
    return rules


def _kind(type_name: str) -> str:
    return {"TIMESTAMPTZ": "a timestamp", "BIGINT": "a whole number", "DOUBLE": "a number", "BOOLEAN": "a boolean"}.get(
        type_name, f"valid {type_name}"
    )


def _row_rule(check: Check, now: datetime) -> tuple[str, str]:
    condition = check.condition.replace("$now", f"TIMESTAMPTZ '{now.isoformat()}'")
    return f"NOT ({condition})", quote_text(check.reason)
