"""What changes a table says so in the same transaction: its days, or the whole of it, and nothing that did not change."""

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.catalogue import TABLES
from storage.changes import change, changed_days, changed_tables, day_column, generation, stored_tables
from storage.frames import registered, schema_of
from storage.transaction import transaction
from storage.write import append, enter, remove, replace, update, upsert

MONDAY = datetime(2026, 3, 2, 12, tzinfo=UTC)
ACTIVITY, METRICS, HOURLY = TABLES["raw.activity"], TABLES["raw.system_metrics"], TABLES["insights.system_metrics_hourly"]


def day(number):
    return (MONDAY + timedelta(days=number)).date()


def write(con, verb, table, rows, *window):
    with registered(con, "incoming_rows", pl.DataFrame(rows, schema=schema_of(table))):
        return verb(con, table, "incoming_rows", *window)


def act(key, days, hour=0, seen=0):
    at = MONDAY + timedelta(days=days, hours=hour)
    look = MONDAY + timedelta(days=9, hours=seen)
    return {
        "activity_id": key,
        "source": "s",
        "occurred_at": at,
        "updated_at": at,
        "extracted_at": look,
        "status": "succeeded",
        "is_deleted": False,
    }


def sample(days, value=1.0):
    at = MONDAY + timedelta(days=days)
    return {"host": "h", "metric": "m", "attributes": "", "observed_at": at, "value": value, "status": "ok"}


def days_noted(con, table, since):
    assert changed_tables(con, since) <= {table.full_name}
    return changed_days(con, table.full_name, since)


def test_new_rows_note_their_days_alone(con):
    write(con, upsert, ACTIVITY, [act("a", 0), act("b", 0, 1), act("c", 2)])
    assert days_noted(con, ACTIVITY, 0) == {day(0), day(2)}
    before = generation(con)
    write(con, upsert, ACTIVITY, [act("d", 5)])
    assert days_noted(con, ACTIVITY, before) == {day(5)}


def test_a_row_that_moves_notes_where_it_was_and_where_it_is(con):
    write(con, upsert, ACTIVITY, [act("a", 0), act("b", 1)])
    before = generation(con)
    write(con, upsert, ACTIVITY, [act("a", 4, seen=1), act("b", 1)])
    assert days_noted(con, ACTIVITY, before) == {day(0), day(4)}


def test_what_is_older_than_what_is_there_notes_nothing(con):
    write(con, upsert, ACTIVITY, [act("a", 0, seen=2)])
    before = generation(con)
    write(con, upsert, ACTIVITY, [act("a", 3, seen=1)])
    assert generation(con) == before


def test_replacing_a_window_notes_what_was_in_it_and_what_comes(con):
    rows = [
        {
            "as_of": MONDAY,
            "host": "h",
            "metric": "m",
            "attributes": "",
            "hour_at": MONDAY + timedelta(days=n),
            "samples": 1,
            "missing": 0,
        }
        for n in range(4)
    ]
    write(con, replace, HOURLY, rows, (MONDAY, MONDAY + timedelta(days=9)))
    before = generation(con)
    write(con, replace, HOURLY, rows[3:], (MONDAY + timedelta(days=2), MONDAY + timedelta(days=9)))
    assert days_noted(con, HOURLY, before) == {day(2), day(3)}


def test_removing_notes_the_days_that_lose_rows(con):
    write(con, upsert, METRICS, [sample(0), sample(1), sample(2)])
    before = generation(con)
    assert remove(con, METRICS.full_name, "observed_at < $until", {"until": MONDAY + timedelta(days=2)}) == 2
    assert days_noted(con, METRICS, before) == {day(0), day(1)}


def test_a_table_without_days_is_noted_whole_and_only_where_something_changed(con):
    name = "ops.audit_log"
    change(con, name, "INSERT INTO ops.audit_log (action, done_at) VALUES ('a', ?)", [MONDAY])
    assert changed_days(con, name, 0) is None
    before = generation(con)
    assert change(con, name, "UPDATE ops.audit_log SET detail = 'x' WHERE action = 'b'") == 0
    assert remove(con, name, "action = 'b'") == 0
    assert generation(con) == before


def test_what_is_entered_and_updated_is_noted_where_there_was_something(con):
    name = "ops.audit_log"
    enter(con, name, {"action": "a", "done_at": MONDAY})
    before = generation(con)
    assert update(con, name, {"action": "c"}, "action = $action", {"action": "b"}) == 0
    assert generation(con) == before
    assert update(con, name, {"action": "b", "detail": None}, "action = $action", {"action": "a"}) == 1
    assert changed_tables(con, before) == {name}
    assert con.sql("SELECT action, detail FROM ops.audit_log").fetchall() == [("b", None)]


def test_of_temporary_relations_nobody_takes_note(con):
    con.execute("CREATE TEMP TABLE checked AS SELECT unnest([1, 2, 3]) AS number")
    before = generation(con)
    assert update(con, "checked", {"number": 4}, "number = 1") == remove(con, "checked", "number = 2") == 1
    assert generation(con) == before
    assert con.sql("SELECT number FROM checked ORDER BY number").fetchall() == [(3,), (4,)]


def test_what_is_undone_was_not_noted(con):
    def fail():
        with transaction(con):
            write(con, append, ACTIVITY, [act("a", 0)])
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert generation(con) == 0


@given(arrivals=st.lists(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 3), st.integers(0, 3)), min_size=1), max_size=5))
def test_days_that_differ_afterwards_were_noted(shared, arrivals):
    con = shared
    con.execute("BEGIN")
    try:
        for rows in arrivals:
            before, content = generation(con), by_day(con)
            write(con, upsert, ACTIVITY, [act(key, days, seen=seen) for key, days, seen in rows])
            after = by_day(con)
            differing = {each for each in content | after if content.get(each) != after.get(each)}
            assert differing == changed_days(con, ACTIVITY.full_name, before)
    finally:
        con.execute("ROLLBACK")


def by_day(con):
    names = ", ".join(ACTIVITY.column_names)
    found = con.sql(f"SELECT CAST(occurred_at AS DATE), list(row({names}) ORDER BY activity_id) FROM raw.activity GROUP BY 1")
    return dict(found.fetchall())


def test_days_are_those_of_utc(con):
    late = datetime(2026, 3, 2, 23, 30, tzinfo=UTC)
    write(con, upsert, METRICS, [sample(0) | {"observed_at": late}])
    assert changed_days(con, METRICS.full_name, 0) == {date(2026, 3, 2)}


def test_every_day_column_is_there_and_has_to_have_a_value():
    for name, table in stored_tables().items():
        column = day_column(name)
        if column:
            assert next(each for each in table.columns if each.name == column).is_required, name
