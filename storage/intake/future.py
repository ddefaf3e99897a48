"""What was written for an instant to come is put right once it is seen to lie ahead: nothing stays ended, newest, or waiting there.

Commands and forms refuse such instants; a clock that was ahead and was put right, or a govpulse from before that, may have left
some. Where the clock is behind, what lies ahead is right, and stays.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path

import duckdb

from storage.access import FOLDER, close
from storage.catalogue import DATASETS, GOVERNANCE, INSIGHTS, LISTINGS, TABLES, Table
from storage.changes import change
from storage.clock import SILENT, believed
from storage.instants import CLOCKS_DIFFER
from storage.journal.noting import note_act
from storage.quoting import quote_text
from storage.relations import greatest, has_rows
from storage.sql_files import sql_beside
from storage.transaction import transaction
from storage.write import remove, update

DAY = timedelta(days=1)
"""A look from ahead of which nobody knows when it was made is as old as this: any real one is newer."""
OURS = (
    ("ops.computations", "as_of"),
    ("alerts.transitions", "transitioned_at"),
    ("ops.runs", "started_at"),
    ("ops.loads", "loaded_at"),
)
"""Instants of our own clock, of which some are written whenever anything is."""
LOOKS = tuple((f"raw.{name}", "extracted_at") for name in GOVERNANCE)
BOOKS = {
    "ops.loads": ("loaded_at", "first_at", "last_at"),
    "ops.zero_instants": ("loaded_at",),
    "ops.rejected_rows": ("rejected_at",),
    "ops.watermarks": ("updated_at",),
    "alerts.alerts": ("pending_since", "firing_since", "clear_since", "last_seen_at", "resolved_at", "updated_at", "changed_at"),
    "alerts.transitions": ("transitioned_at",),
    "alerts.notifications": ("next_attempt_at", "sent_at", "updated_at", "queued_at"),
    "alerts.rules": ("in_force_since",),
}
"""Instants that become now."""
KEYED = {"ops.computations": "computed_at", "ops.audit_log": "done_at"}
"""Those that are part of a key: they become now but for microseconds, in the order in which they were."""
JUDGEMENTS = {"ops.checks": "checked_at", "ops.reconciliations": "reconciled_at", "ops.anomaly_models": "trained_until"}
"""What the next one says better."""
SAMPLES = "raw.system_metrics"


def take_back_future(con: duckdb.DuckDBPyConnection, now: datetime, quarantine: Path | None = None) -> dict[str, int]:
    """Put right what lies ahead of `now` by more than clocks differ, in one transaction; returns how much of what.

    Findings that were ended there go on, those that were first found there go, and alerts stand as of `now`: the next evaluation
    judges them. A look at a source from there is as old as the last one that was not. Samples of the host from there are false.

    Args:
        quarantine: where the samples that are taken out are kept, if anywhere.
    """
    limit = now + CLOCKS_DIFFER
    is_ours = _any_ahead(con, OURS, limit)
    if not (is_ours or _any_ahead(con, LOOKS, limit) or _any_ahead(con, (("ops.watermarks", "watermark"),), limit + DAY)):
        return {}
    if believed(con, now) > now:
        return {}
    with transaction(con):
        note_act(con, "take_back_future", at=now)
        done = {"watermarks": _put_marks_back(con, now, limit if is_ours else limit + DAY)}
        done["rows of sources"] = sum(_age_looks(con, DATASETS[name], now) for name in GOVERNANCE)
        done["samples taken out"] = _take_samples_out(con, now, quarantine) if is_ours else 0
        if is_ours:
            _take_back_lasting(con, now)
            _take_back_insights(con, now)
            done["runs"] = _put_runs_back(con, now)
            done["silences"] = _put_silences_back(con, now)
            done["entries"] = sum(_put_back(con, table, columns, now) for table, columns in BOOKS.items())
            done["entries"] += sum(_put_back_in_order(con, table, column, now) for table, column in KEYED.items())
    return {what: count for what, count in done.items() if count} or {"entries": 1}


def age_landed(con: duckdb.DuckDBPyConnection, table: Table, now: datetime) -> dict[str, datetime]:
    """Give the looks of the relation `checked` that lie ahead of `now` the instant of the last one that does not, before they go
    into `table`: they must not win against those that come. Returns it by source."""
    if table.full_name == "ops.runs":
        _put_runs_back(con, now, "checked")
    if "extracted_at" not in table.column_names:
        return {}
    limit = now + CLOCKS_DIFFER
    found = con.execute(sql_beside(__file__, "sources_ahead"), {"bound": limit}).fetchall()
    aged = {source: _last_look(con, source, now, f"(FROM {table.full_name} UNION ALL BY NAME FROM checked)") for (source,) in found}
    for source, look in aged.items():
        is_ahead = {"source": source, "bound": limit}
        update(con, "checked", {"extracted_at": look}, "source = $source AND extracted_at > $bound", is_ahead)
    return aged


def leave_out_astray(con: duckdb.DuckDBPyConnection, table: Table, now: datetime, clock: datetime) -> int:
    """Take samples out of the relation `checked` that this host took by a wrong clock: ahead of `now`, or, where the `clock` is
    behind it, lately by that; returns how many."""
    if table.full_name != SAMPLES:
        return 0
    lately = "observed_at BETWEEN $lately AND $clock" if clock < now else "false"
    bounds = {"limit": now + CLOCKS_DIFFER} | ({"lately": clock - SILENT, "clock": clock} if clock < now else {})
    return remove(con, "checked", f"observed_at > $limit OR {lately}", bounds)


def _any_ahead(con: duckdb.DuckDBPyConnection, columns: tuple[tuple[str, str], ...], limit: datetime) -> bool:
    return any(has_rows(con, table, f"{column} > $limit", {"limit": limit}) for table, column in columns)


def _last_look(con: duckdb.DuckDBPyConnection, source: str, now: datetime, relation: str) -> datetime:
    """When `source` was last looked at, as far as the rows say so that do not lie ahead."""
    is_past = {"source": source, "limit": now + CLOCKS_DIFFER}
    found: datetime | None = greatest(con, relation, "extracted_at", "source = $source AND extracted_at <= $limit", is_past)
    return found or now - DAY


def _age_looks(con: duckdb.DuckDBPyConnection, table: Table, now: datetime) -> int:
    """Of two rows with one key the latest look wins: one from ahead must lose against each that comes."""
    name, limit = table.full_name, now + CLOCKS_DIFFER
    sources = con.execute(
        f"SELECT source FROM {name} WHERE extracted_at > $limit UNION SELECT source FROM ops.rejected_rows"
        " WHERE dataset = $dataset AND seen_at > $limit AND source IS NOT NULL",
        {"limit": limit, "dataset": table.name},
    ).fetchall()
    aged = 0
    for (source,) in sources:
        look, its = _last_look(con, source, now, name), {"source": source, "limit": limit}
        aged += update(con, name, {"extracted_at": look}, "source = $source AND extracted_at > $limit", its)
        is_refused = "dataset = $dataset AND source = $source AND seen_at > $limit"
        update(con, "ops.rejected_rows", {"seen_at": look}, is_refused, {"dataset": table.name, **its})
    return aged


def _put_marks_back(con: duckdb.DuckDBPyConnection, now: datetime, limit: datetime) -> int:
    """Nothing would be read until the clock gets to a watermark that lies ahead. A listing's is the look of its rows; any other
    goes to a day before the newest row that was loaded at an instant that is past, or everything is read again."""
    bounds = {"bound": limit, "close": now + CLOCKS_DIFFER, "listings": list(LISTINGS)}
    found = con.execute(sql_beside(__file__, "watermarks_ahead"), bounds).fetchall()
    for dataset, source in found:
        table = DATASETS[dataset]
        is_it = {"dataset": dataset, "source": source}
        mark = _last_look(con, source, now, table.full_name) if table.is_listing else _safe_mark(con, is_it, now)
        if mark is None:
            remove(con, "ops.watermarks", "dataset = $dataset AND source = $source", is_it)
        else:
            update(con, "ops.watermarks", {"watermark": mark}, "dataset = $dataset AND source = $source", is_it)
    return len(found)


def _safe_mark(con: duckdb.DuckDBPyConnection, is_it: Mapping[str, str], now: datetime) -> datetime | None:
    latest = con.execute(sql_beside(__file__, "last_loaded"), {**is_it, "bound": now + CLOCKS_DIFFER}).fetchall()[0][0]
    return latest - DAY if latest else None


def _take_samples_out(con: duckdb.DuckDBPyConnection, now: datetime, quarantine: Path | None) -> int:
    ahead = {"limit": now + CLOCKS_DIFFER}
    if quarantine is not None and has_rows(con, SAMPLES, "observed_at > $limit", ahead):
        folder = quarantine / "system_metrics"
        folder.mkdir(FOLDER, parents=True, exist_ok=True)
        kept = folder / f"ahead-of-{now:%Y%m%dT%H%M%SZ}.parquet"
        con.execute(f"COPY (SELECT * FROM {SAMPLES} WHERE observed_at > $limit) TO {quote_text(str(kept))} (FORMAT parquet)", ahead)
        close(kept)
    return remove(con, SAMPLES, "observed_at > $limit", ahead)


def _take_back_lasting(con: duckdb.DuckDBPyConnection, now: datetime) -> None:
    """What was ended there goes on, and what was first found there goes."""
    for name, table in TABLES.items():
        if rows := table.lasting:
            remove(con, name, f"{rows.first} > $now", {"now": now})
            update(con, name, {rows.ended: None}, f"{rows.ended} > $now", {"now": now})
            its = {"insight": table.name, "now": now}
            latest = greatest(con, "ops.computations", "as_of", "insight = $insight AND as_of <= $now", its)
            last = f"UPDATE {name} SET {rows.last} = greatest({rows.first}, CAST($latest AS TIMESTAMPTZ)) WHERE {rows.last} > $now"
            change(con, name, last, {"now": now, "latest": latest})


def _take_back_insights(con: duckdb.DuckDBPyConnection, now: datetime) -> None:
    for table in INSIGHTS.values():
        if table.has_history:
            remove(con, f"history.{table.name}", "as_of > $now", {"now": now})
        if table.verb == "replace" and table.time_column:
            remove(con, table.full_name, f"{table.time_column} > $now", {"now": now})
    remove(con, "ops.computations", "as_of > $now", {"now": now})
    for name, column in JUDGEMENTS.items():
        remove(con, name, f"{column} > $now", {"now": now})


def _put_runs_back(con: duckdb.DuckDBPyConnection, now: datetime, relation: str = "ops.runs") -> int:
    """What is said last of a run stays; that it ended, or crashed, is still to come where it is not known yet."""
    return change(
        con,
        relation,
        f"UPDATE {relation} SET started_at = least(started_at, $now), as_of = least(as_of, $now),"
        " finished_at = least(finished_at, $now),"
        " updated_at = CASE WHEN updated_at <= $limit THEN updated_at WHEN status = 'running' THEN $earlier ELSE $now END"
        " WHERE started_at > $limit OR updated_at > $limit OR finished_at > $limit",
        {"now": now, "limit": now + CLOCKS_DIFFER, "earlier": now - DAY},
    )


def _put_silences_back(con: duckdb.DuckDBPyConnection, now: datetime) -> int:
    """One that was made ahead begins now and lasts as long as it was meant to."""
    moved = change(con, "alerts.silences", sql_beside(__file__, "put_silences_back"), {"now": now, "bound": now + CLOCKS_DIFFER})
    return moved + _put_back(con, "alerts.silences", ("ended_at",), now)


def _put_back(con: duckdb.DuckDBPyConnection, table: str, columns: tuple[str, ...], now: datetime) -> int:
    """The instants ahead become `now`."""
    return sum(update(con, table, {name: now}, f"{name} > $now", {"now": now}) for name in columns)


def _put_back_in_order(con: duckdb.DuckDBPyConnection, table: str, column: str, now: datetime) -> int:
    return change(
        con,
        table,
        f"UPDATE {table} AS entered SET {column} = CAST($now AS TIMESTAMPTZ) - to_microseconds(place) FROM ("
        f"SELECT rowid AS entry, row_number() OVER (ORDER BY {column} DESC) AS place FROM {table} WHERE {column} > $now)"
        " WHERE entered.rowid = entry",
        {"now": now},
    )
