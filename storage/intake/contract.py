"""The contract at the door of the warehouse: every landed row is cast and checked against the catalogue.

In: a relation with any columns of any types. Out: the temporary table `checked` (the table's columns and types, the landing file,
the columns whose instant stood for nothing and became NULL, and for a bad row every reason and the row as it came) and two views
of it, `accepted` and `rejected`. Nothing is dropped, nothing is guessed, and no cell changes what another one becomes. A good row
costs its casts and one flag; reasons are worked out for bad rows only.
"""

from collections.abc import Collection, Mapping
from datetime import date, datetime

import duckdb

from storage.catalogue import Check, Column, Table
from storage.counting import plural
from storage.errors import GovpulseError
from storage.instants import LATEST, ZERO_DAYS, as_instant, hint, is_zero
from storage.quoting import quote_text
from storage.relations import store
from storage.write import has_doubles

LANDED = "govpulse_landed_row"
"""The row as it came; a name that no column of a file bears."""
UNREADABLE = "unreadable"
"""The column in which a reader says why it could not make a row of what it found. The row holds nothing else but what tells which
one it is, where that is known: its key, and when it changed."""
EARLIEST = "0001-01-01"
"""Python has no instant before it, and `-infinity` is none."""
LONGEST_TEXT_BYTES = 1_000_000
NOTHING = "'', 'null', 'nan'"
NO_CONSTANTS: Mapping[str, str] = {}


def check_columns(table: Table, columns: list[str], origin: str) -> None:
    """Refuse an input that lacks a required column.

    Raises:
        GovpulseError: names `origin` and the columns.
    """
    missing = [column.name for column in table.columns if _is_demanded(column) and column.name not in columns]
    if missing:
        raise GovpulseError(f"{origin}: {table.name} needs the {plural('column', len(missing))} {', '.join(missing)}")


def key_text(table: Table, prefix: str = "") -> str:
    """SQL: a row's key within its source as one text, the way ops.rejected_rows has it."""
    return " || '/' || ".join(f"coalesce(CAST({prefix}{name} AS VARCHAR), '?')" for name in table.own_key)


def check_rows(
    con: duckdb.DuckDBPyConnection,
    table: Table,
    relation: str,
    now: datetime,
    *,
    file: str = "NULL",
    constants: Mapping[str, str] = NO_CONSTANTS,
    zero_days: Collection[date] = ZERO_DAYS,
) -> None:
    """Split `relation` into `accepted` and `rejected`.

    Args:
        relation: what to read, as in FROM.
        file: SQL expression of the landing file that a row is in.
        constants: SQL expressions for columns that the rows do not speak for themselves.
        zero_days: whose midnights are no instants; NULL where a column may be.
    """
    found = con.sql(f"SELECT * FROM {relation} LIMIT 0")
    landed = {name: str(kind) for name, kind in zip(found.columns, found.types, strict=True) if name not in constants}
    checked = _checked_select(table, relation, landed, now, file, constants, zero_days)
    store(con, "checked", checked)
    names = ", ".join(table.column_names)
    con.execute(f"CREATE OR REPLACE TEMP VIEW accepted AS SELECT {names} FROM checked WHERE reasons IS NULL")
    _refuse_ambiguous(con, table)
    source = "source" if "source" in table.column_names else "CAST(NULL AS VARCHAR)"
    con.execute(
        f"""
        CREATE OR REPLACE TEMP VIEW rejected AS
        SELECT {quote_text(table.name)} AS dataset, {key_text(table)} AS key, array_to_string(reasons, '; ') AS reason, reasons,
               payload AS row, {source} AS source
        FROM checked WHERE reasons IS NOT NULL
        """
    )


def _refuse_ambiguous(con: duckdb.DuckDBPyConnection, table: Table) -> None:
    """Of rows with one key and one version that say different things, nobody can tell which is right: the greatest stays."""
    if not table.version or not has_doubles(con, table, "accepted"):
        return
    said = ", ".join(name for name in table.column_names if name not in (*table.key, *table.version))
    con.execute(
        f"""
        UPDATE checked
        SET reasons = ['another row of the batch has the same key and version, and says something else'],
            payload = to_json({{{", ".join(f"{name}: {name}" for name in table.column_names)}}})
        WHERE rowid IN (
            SELECT rowid FROM (
                SELECT rowid, row({said}) IS DISTINCT FROM first_value(row({said})) OVER same AS differs
                FROM checked WHERE reasons IS NULL
                WINDOW same AS (PARTITION BY {", ".join((*table.key, *table.version))} ORDER BY row({said}) DESC)
            )
            WHERE differs
        )
        """
    )


def _checked_select(
    table: Table,
    relation: str,
    landed: Mapping[str, str],
    now: datetime,
    file: str,
    constants: Mapping[str, str],
    zero_days: Collection[date],
) -> str:
    casts = ", ".join(_cast(column, table.column_names, landed, constants, now) for column in table.columns)
    instants = [column.name for column in table.columns if column.type == "TIMESTAMPTZ" and column.name in landed]
    zeros = {name: is_zero(name, zero_days) for name in instants}
    emptied = ", ".join(f"CASE WHEN {zero} THEN '{name}' END" for name, zero in zeros.items())
    instead = {name: f"CASE WHEN {zero} THEN NULL ELSE {name} END" for name, zero in zeros.items()} | _defaulted(table, zeros)
    replaced = ", ".join(f"{expression} AS {name}" for name, expression in instead.items())
    rules = _rules(table, landed, now)
    is_bad = " OR ".join(f"coalesce({condition}, false)" for condition, _ in rules)
    failures = ", ".join(f"CASE WHEN {condition} THEN {reason} END" for condition, reason in rules)
    return f"""
        SELECT
            * EXCLUDE ({LANDED}, is_bad),
            CASE WHEN is_bad THEN list_filter([{failures}], lambda reason: reason IS NOT NULL) END AS reasons,
            CASE WHEN is_bad THEN to_json({LANDED}) END AS payload
        FROM (
            SELECT *, {is_bad} AS is_bad
            FROM (
                SELECT
                    *{f" REPLACE ({replaced})" if replaced else ""},
                    CASE WHEN {" OR ".join(zeros.values()) or "false"}
                        THEN list_filter([{emptied}]::VARCHAR[], lambda name: name IS NOT NULL) END AS emptied
                FROM (SELECT {casts}, {file} AS landed_file, {LANDED} AS {LANDED} FROM {relation} AS {LANDED})
            )
        )
    """


def _defaulted(table: Table, zeros: Mapping[str, str]) -> dict[str, str]:
    """SQL of the columns that have the value of another one where the row says none; `zeros` are those that are landed."""
    said = {name: f"{LANDED}.{name}" for name in zeros}
    says_none = {name: f"{said[name]} IS NULL OR {_is_blank(said[name])} OR {zero}" for name, zero in zeros.items()}
    return {
        column.name: f"CASE WHEN {says_none.get(column.name, 'true')} THEN {column.default} ELSE {column.name} END"
        for column in table.columns
        if column.default in table.column_names
    }


def _is_demanded(column: Column) -> bool:
    return column.is_required and column.default is None


def _cast(column: Column, names: Collection[str], landed: Mapping[str, str], constants: Mapping[str, str], now: datetime) -> str:
    own_default = None if column.default in names else column.default
    default = _as_of(own_default or "NULL", now)
    if column.name not in landed:
        return f"CAST({constants.get(column.name, default)} AS {column.type}) AS {column.name}"
    said = f"{LANDED}.{column.name}"
    cast = _read(column.type, landed[column.name], said)
    if own_default is not None:
        cast = f"CASE WHEN {said} IS NULL OR {_is_blank(said)} THEN {default} ELSE {cast} END"
    return f"{cast} AS {column.name}"


def _read(type_name: str, landed_type: str, said: str) -> str:
    """SQL: what a landed value becomes; NULL where it says nothing of the type."""
    if type_name == "TIMESTAMPTZ" and not landed_type.startswith(("TIMESTAMP", "DATE")):
        return as_instant(said if landed_type == "VARCHAR" else f"CAST({said} AS VARCHAR)")
    if type_name == "JSON":
        return f"CASE WHEN json_valid(CAST({said} AS VARCHAR)) THEN CAST({said} AS JSON) END"
    if type_name == "VARCHAR" and landed_type in ("FLOAT", "DOUBLE"):  # ids that lay beside a NULL
        whole = f"WHEN {said} = trunc({said}) AND abs({said}) < {2**53} THEN CAST(CAST({said} AS HUGEINT) AS VARCHAR)"
        return f"CASE WHEN isnan({said}) THEN NULL {whole} ELSE CAST({said} AS VARCHAR) END"
    if type_name == "VARCHAR" and landed_type.startswith("DECIMAL"):
        return rf"regexp_replace(CAST({said} AS VARCHAR), '\.0+$', '')"
    return f"TRY_CAST({said} AS {type_name})"


def _rules(table: Table, landed: Mapping[str, str], now: datetime) -> list[tuple[str, str]]:
    """Each rule as (SQL condition that is true for a bad row, SQL expression of the reason)."""
    if UNREADABLE in landed:
        said = f"{LANDED}.{UNREADABLE}"
        readable = [(f"{said} IS NULL AND ({condition})", reason) for condition, reason in _rules_of_rows(table, landed, now)]
        return [(f"{said} IS NOT NULL", said), *readable]
    return _rules_of_rows(table, landed, now)


def _rules_of_rows(table: Table, landed: Mapping[str, str], now: datetime) -> list[tuple[str, str]]:
    columns = [rule for column in table.columns if column.name in landed for rule in _column_rules(table, column)]
    return columns + [_row_rule(check, now) for check in table.checks]


def _column_rules(table: Table, column: Column) -> list[tuple[str, str]]:
    name, said = column.name, f"{LANDED}.{column.name}"
    rules = _type_rules(column.type, name, said)
    if _is_demanded(column):
        rules.append((_is_missing(table, column, said), f"'{name} is missing'"))
    if _is_demanded(column) and column.type == "TIMESTAMPTZ":
        zero = f"'{name} is ' || left(CAST({said} AS VARCHAR), 80) || ', which stands for nothing'"
        rules.append((f"list_contains(emptied, '{name}')", zero))
    if column.allowed:
        allowed = ", ".join(quote_text(word) for word in column.allowed)
        rules.append((f"{name} NOT IN ({allowed})", f"'{name} is not one of {' | '.join(column.allowed)}: ' || left({name}, 80)"))
    if column.minimum is not None:
        rules.append((f"{name} < {column.minimum}", f"'{name} is below {column.minimum:g}'"))
    if column.maximum is not None:
        is_finite = f"isfinite({name}) AND " if column.type == "DOUBLE" else ""
        rules.append((f"{is_finite}{name} > {column.maximum}", f"'{name} is above {column.maximum:g}'"))
    return rules


def _is_missing(table: Table, column: Column, said: str) -> str:
    """A key that is blank, or what others write for nothing, is none. Of what is no text a blank says nothing either."""
    if column.name not in table.own_key or "source" not in table.key:
        blank = "" if column.type == "VARCHAR" else f" OR CASE WHEN {column.name} IS NULL THEN {_is_blank(said)} ELSE false END"
        return f"({said} IS NULL{blank})"
    return f"({column.name} IS NULL OR lower(trim({column.name}, E' \\t\\r\\n')) IN ({NOTHING}))"


def _is_blank(said: str) -> str:
    """To be asked within a CASE, which works it out for few rows; AND and OR would for all."""
    return f"trim(CAST({said} AS VARCHAR), E' \\t\\r\\n') = ''"


def _type_rules(type_name: str, name: str, landed: str) -> list[tuple[str, str]]:
    text = f"CAST({landed} AS VARCHAR)"
    said = f"'{name} is not {_kind(type_name)}: ' || left({text}, 80)"
    is_lost = f"CASE WHEN {name} IS NULL AND {landed} IS NOT NULL THEN NOT ({_is_blank(landed)}) ELSE false END"
    rules = [(is_lost, said)] if type_name not in ("VARCHAR", "TIMESTAMPTZ") else []
    if type_name in ("VARCHAR", "JSON"):
        size = f"strlen(CAST({name} AS VARCHAR))"
        rules.append((f"{size} > {LONGEST_TEXT_BYTES}", f"'{name} is ' || {size} || ' bytes long, above {LONGEST_TEXT_BYTES}'"))
    if type_name == "TIMESTAMPTZ":
        is_none = f"{is_lost} AND NOT coalesce(list_contains(emptied, '{name}'), false)"
        rules.append((is_none, f"{said} || {hint(text)}"))
        rules.append((f"{name} < TIMESTAMPTZ '{EARLIEST}'", f"'{name} is before the year 1'"))
        rules.append((f"{name} > TIMESTAMPTZ '{LATEST}'", f"'{name} is after the year 9999'"))
    if type_name == "BIGINT":
        rules.append((f"{name} IS NOT NULL AND TRY_CAST({landed} AS DOUBLE) IS DISTINCT FROM {name}", said))
    if type_name == "BOOLEAN":
        rules.append((f"{name} IS NOT NULL AND TRY_CAST({landed} AS DOUBLE) NOT IN (0, 1)", said))
    if type_name == "DOUBLE":
        rules.append((f"NOT isfinite({name})", f"'{name} is not finite'"))
    return rules


def _kind(type_name: str) -> str:
    return {"TIMESTAMPTZ": "a timestamp", "BIGINT": "a whole number", "DOUBLE": "a number", "BOOLEAN": "a boolean"}.get(
        type_name, f"valid {type_name}"
    )


def _row_rule(check: Check, now: datetime) -> tuple[str, str]:
    return f"NOT ({_as_of(check.condition, now)})", quote_text(check.reason)


def _as_of(sql: str, now: datetime) -> str:
    return sql.replace("$now", f"TIMESTAMPTZ '{now.isoformat()}'")
