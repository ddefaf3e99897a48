"""The write verbs: upsert does not know the order of arrival, replace stays in its window, history keeps one row set a day."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.catalogue import INSIGHTS, TABLES
from storage.frames import TYPES, fetch, registered, schema_of
from storage.write import append, merge_statement, replace, upsert

START = datetime(2026, 3, 1, tzinfo=UTC)
FEW = {
    pl.String(): st.sampled_from(["a", "b", "é"]),
    pl.Boolean(): st.booleans(),
    pl.Float64(): st.sampled_from([-1.0, 0.0, 2.5]),
    pl.Int64(): st.integers(0, 2),
}


def frame_of(table, rows):
    """Rows in the table's shape; what they do not say is NULL."""
    return pl.DataFrame(rows, schema=schema_of(table))


def write(con, verb, table, rows, *window):
    with registered(con, "incoming_rows", frame_of(table, rows)):
        return verb(con, table, "incoming_rows", *window)


def content(con, name, columns="*"):
    return sorted(fetch(con, f"SELECT {columns} FROM {name}").rows(), key=repr)


def cells(column):
    if column.type == "JSON":
        return st.sampled_from([None, "{}", "[1]"])
    kind = TYPES[column.type]
    few = FEW.get(kind, st.integers(0, 2).map(lambda hours: START + timedelta(hours=hours)))
    return few if column.is_required else st.none() | few


def rows_of(table):
    """Versions of a few keys; ties in version and in everything else included."""
    return st.lists(st.fixed_dictionaries({column.name: cells(column) for column in table.columns}), min_size=1, max_size=14)


@st.composite
def arrivals(draw):
    """A table, versions of its rows, and two ways to bring them: another order, cut into batches."""
    table = TABLES[draw(st.sampled_from(["raw.users", "raw.system_metrics", "ops.watermarks"]))]
    rows = draw(rows_of(table))
    shuffled = draw(st.permutations(rows))
    cuts = sorted({0, len(rows), *draw(st.lists(st.integers(0, len(rows)), max_size=4))})
    return table, rows, [shuffled[first:last] for first, last in pairwise(cuts)]


def newest(table, rows):
    """The model: of each key the greatest (version, then the other columns), NULL being the greatest."""
    others = [name for name in table.column_names if name not in (*table.key, *table.version)]
    best: dict = {}
    for row in rows:
        key = tuple(row[name] for name in table.key)
        rank = [(row[name] is None, row[name] or 0) if not isinstance(row[name], str) else (False, row[name].encode())
                for name in (*table.version, *others)]  # fmt: skip
        if key not in best or rank > best[key][0]:
            best[key] = (rank, row)
    return sorted((tuple(row[name] for name in table.column_names) for _, row in best.values()), key=repr)


@given(arrival=arrivals())
def test_upsert_ends_in_the_newest_rows_whatever_the_order_and_the_batches(shared, arrival):
    table, rows, batches = arrival
    shared.execute(f"DELETE FROM {table.full_name}")
    for batch in batches:
        write(shared, upsert, table, batch)
    assert content(shared, table.full_name) == newest(table, rows)


def test_upsert_counts_what_it_changed(con):
    users = TABLES["raw.users"]
    first = [{"user_id": name, "role": "viewer", "updated_at": START, "source": "load", "is_deleted": False} for name in ("a", "b")]
    assert write(con, upsert, users, first) == 2
    assert write(con, upsert, users, first) == 0
    older = {"user_id": "a", "role": "admin", "updated_at": START - timedelta(hours=1), "source": "load", "is_deleted": False}
    newer = {"user_id": "b", "role": "admin", "updated_at": START + timedelta(hours=1), "source": "load", "is_deleted": False}
    assert (
        write(con, upsert, users, [older, newer, {"user_id": "c", "updated_at": START, "source": "load", "is_deleted": False}]) == 2
    )
    assert content(con, "raw.users", "user_id, role") == [("a", "viewer"), ("b", "admin"), ("c", None)]


def test_upsert_without_a_version_keeps_the_last_written(con):
    alerts, row = TABLES["alerts.alerts"], {"fingerprint": "f", "rule": "r", "subject": "s", "state": "firing", "episode": 1}
    write(con, upsert, alerts, [row | {"updated_at": START}])
    write(con, upsert, alerts, [row | {"updated_at": START, "state": "resolved"}])
    assert content(con, "alerts.alerts", "state") == [("resolved",)]


@pytest.mark.parametrize("name", [name for name, table in TABLES.items() if table.verb == "upsert"])
def test_the_merge_keeps_to_the_portable_subset(con, name):
    with registered(con, "incoming_rows", frame_of(TABLES[name], [])):
        statement = merge_statement(TABLES[name], "incoming_rows AS incoming", "", "true")
        assert con.execute(statement).fetchall() == [(0,)]
    assert "RETURNING" not in statement
    assert "ON CONFLICT" not in statement


HOURLY = INSIGHTS["system_metrics_hourly"]


def hour_row(hour, as_of=START):
    key = {"host": "h", "metric": "m", "attributes": "", "hour_at": START + timedelta(hours=hour)}
    return {**key, "as_of": as_of, "samples": 1, "missing": 0}


@given(start=st.integers(-1, 6), length=st.integers(0, 7), new=st.sets(st.integers(0, 5)))
def test_replace_takes_out_exactly_its_half_open_window(shared, start, length, new):
    window, later = (START + timedelta(hours=start), START + timedelta(hours=start + length)), START + timedelta(days=1)
    write(shared, replace, HOURLY, [hour_row(hour) for hour in range(6)])
    inside = [hour for hour in new if start <= hour < start + length]
    assert write(shared, replace, HOURLY, [hour_row(hour, later) for hour in inside], window) == len(inside)
    expected = [(hour_row(hour)["hour_at"], START) for hour in range(6) if not start <= hour < start + length]
    expected += [(hour_row(hour)["hour_at"], later) for hour in inside]
    assert content(shared, HOURLY.full_name, "hour_at, as_of") == sorted(expected, key=repr)


def test_replace_without_a_window_takes_out_everything(con):
    write(con, append, HOURLY, [hour_row(hour) for hour in range(6)])
    write(con, replace, HOURLY, [hour_row(7)])
    assert content(con, HOURLY.full_name, "hour_at") == [(START + timedelta(hours=7),)]


def metrics_row(as_of, service, deployments):
    counts = dict.fromkeys(["deployments", "attempts", "succeeded", "failed", "rolled_back", "canceled", "in_progress", "stuck",
                            "out_of_bounds"], 0)  # fmt: skip
    return {**counts, "as_of": as_of, "window_days": 90, "environment": "all", "service": service, "deployments": deployments,
            "deployments_per_day": 0.1, "is_sample": False}  # fmt: skip


def test_history_keeps_one_row_set_a_day_and_the_table_only_the_latest(con):
    table, columns = INSIGHTS["deployment_metrics"], "as_of, service, deployments"
    morning, evening, next_day = START + timedelta(hours=6), START + timedelta(hours=23), START + timedelta(hours=24)
    write(con, replace, table, [metrics_row(morning, "api", 1), metrics_row(morning, "gone", 1)])
    write(con, replace, table, [metrics_row(evening, "api", 2), metrics_row(evening, "new", 2)])
    assert content(con, "history.deployment_metrics", columns) == [(evening, "api", 2), (evening, "new", 2)]
    write(con, replace, table, [metrics_row(next_day, "api", 3)])
    assert content(con, "history.deployment_metrics", columns) == [(evening, "api", 2), (evening, "new", 2), (next_day, "api", 3)]
    assert content(con, "insights.deployment_metrics", columns) == [(next_day, "api", 3)]


def test_append_adds_without_looking(con):
    checks, row = TABLES["ops.checks"], {"name": "n", "is_ok": True, "checked_at": START}
    assert [write(con, append, checks, [row, row]) for _ in range(2)] == [2, 2]
    assert len(content(con, "ops.checks")) == 4
