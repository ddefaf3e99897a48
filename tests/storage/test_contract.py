"""Every landed row is accepted or refused, with its reasons; none is lost and none is bent."""

import json
import math
from datetime import UTC, datetime, timedelta

import duckdb
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.catalogue import DATASETS, Column, Table
from storage.errors import GovpulseError
from storage.frames import registered
from storage.instants import EXAMPLE
from storage.intake.contract import check_columns, check_rows
from storage.warehouse import connect

NOW = datetime(2026, 3, 2, tzinfo=UTC)
SCAN_STATUSES = "queued | running | succeeded | failed | canceled"
NO_INSTANT = "queued_at is not a timestamp:"
DIVIDE = "make it a timestamp in the mapping, `to_timestamp(x / 1000.0)`"

BAD_ROWS = [
    ("scans", {"queued_at": "yesterday"}, f"queued_at is not a timestamp: yesterday; {EXAMPLE}"),
    ("scans", {"queued_at": "x" * 200}, f"queued_at is not a timestamp: {'x' * 80}; {EXAMPLE}"),
    ("scans", {"assets_scanned": "many"}, "assets_scanned is not a whole number: many"),
    ("scans", {"assets_scanned": "1.5"}, "assets_scanned is not a whole number: 1.5"),
    ("scans", {"assets_scanned": "99999999999999999999"}, "assets_scanned is not a whole number: 99999999999999999999"),
    ("scans", {"assets_scanned": "-1"}, "assets_scanned is below 0"),
    ("scans", {"status": "exploded"}, f"status is not one of {SCAN_STATUSES}: exploded"),
    ("scans", {"status": "Succeeded"}, f"status is not one of {SCAN_STATUSES}: Succeeded"),
    ("scans", {"scan_id": None}, "scan_id is missing"),
    ("scans", {"updated_at": None}, "updated_at is missing"),
    ("scans", {"updated_at": ""}, "updated_at is missing"),
    ("scans", {"updated_at": " \t"}, "updated_at is missing"),
    (
        "scans",
        {"queued_at": "0000-00-00 00:00:00"},
        f"{NO_INSTANT} 0000-00-00 00:00:00 is what MySQL writes for nothing: make it NULL in the mapping",
    ),
    ("scans", {"assets_scanned": "0x1F"}, "assets_scanned is not a whole number: 0x1F"),
    ("scans", {"queued_at": "1780000000000"}, f"{NO_INSTANT} 1780000000000 looks like milliseconds since 1970: {DIVIDE}"),
    (
        "scans",
        {"queued_at": "06/01/2026 10:00"},
        f"{NO_INSTANT} 06/01/2026 10:00 does not say which is the day and which the month: {EXAMPLE}",
    ),
    ("scans", {"updated_at": "1970-01-01"}, "updated_at is 1970-01-01, which stands for nothing"),
    ("scans", {"scan_id": " \t"}, "scan_id is missing"),
    ("scans", {"scan_id": "NULL"}, "scan_id is missing"),
    ("scans", {"scan_id": "NaN"}, "scan_id is missing"),
    ("scans", {"finished_at": "2026-03-01T00:00:59Z"}, "finished before it started"),
    ("scans", {"started_at": "2026-03-01T00:01:30Z", "finished_at": "2026-03-01T00:01:10Z"}, "finished before it started"),
    ("scans", {"updated_at": "2026-03-03T00:00:01Z"}, "updated_at is in the future"),
    ("scans", {"updated_at": "infinity"}, "updated_at is not a timestamp: infinity is no instant: NULL says that there is none"),
    ("scans", {"queued_at": "0000-12-31"}, "queued_at is before the year 1"),
    ("scans", {"queued_at": "0044-03-15 (BC)"}, "queued_at is not a timestamp: 0044-03-15 (BC) is not within the years 1 to 9999"),
    ("scans", {"scan_id": None, "issues_found": "-3"}, "scan_id is missing; issues_found is below 0"),
    ("deployments", {"is_rollback": "perhaps"}, "is_rollback is not a boolean: perhaps"),
    ("deployments", {"finished_at": "2026-02-28T00:00:00Z"}, "finished before it started"),
    ("activity", {"duration_seconds": "long"}, "duration_seconds is not a number: long"),
    ("activity", {"duration_seconds": "nan"}, "duration_seconds is not finite"),
    ("activity", {"duration_seconds": "inf"}, "duration_seconds is not finite"),
    ("activity", {"duration_seconds": "-0.1"}, "duration_seconds is below 0"),
    ("activity", {"duration_seconds": "1e9"}, "duration_seconds is above 3.2e+08"),
    ("activity", {"item_count": "1000000000001"}, "item_count is above 1e+12"),
    ("scans", {"error_message": "é" * 500_001}, "error_message is 1000002 bytes long, above 1000000"),
    ("users", {"preferences": f'["{"x" * 1_000_000}"]'}, "preferences is 1000004 bytes long, above 1000000"),
    ("users", {"is_deleted": "perhaps"}, "is_deleted is not a boolean: perhaps"),
    ("users", {"unreadable": "line 3 has 2 fields, not 7: u1,x"}, "line 3 has 2 fields, not 7: u1,x"),
    ("users", {"unreadable": "no JSON", "user_id": "u1", "updated_at": "2026-03-01"}, "no JSON"),
    ("activity", {"domain_count": "0"}, "domain_count is below 1"),
    ("activity", {"occurred_at": "2027-01-01T00:00:00Z"}, "occurred_at is in the future"),
    ("owners", {"domain": None}, "domain is missing"),
    ("owners", {"user_id": None}, "user_id is missing"),
    ("owners", {"extracted_at": "lately"}, f"extracted_at is not a timestamp: lately; {EXAMPLE}"),
    ("users", {"preferences": "{"}, "preferences is not valid JSON: {"),
    ("users", {"is_active": "2"}, "is_active is not a boolean: 2"),
    ("system_metrics", {"value": None}, "value is missing though status is ok"),
    ("system_metrics", {"observed_at": "noon"}, f"observed_at is not a timestamp: noon; {EXAMPLE}"),
    ("system_metrics", {"host": None}, "host is missing"),
]

SOUND_EDGES = [
    ("scans", {"started_at": "2026-03-01T00:01:00.999Z", "finished_at": "2026-03-01T00:01:00"}),
    ("deployments", {"started_at": "2026-03-01T00:01:00.999Z", "finished_at": "2026-03-01T00:01:00"}),
    ("scans", {"started_at": "2026-03-01T00:01:30Z", "finished_at": "2026-03-01T00:01"}),
    ("scans", {"started_at": "2026-03-01T10:01:30Z", "finished_at": "2026-03-01"}),
    ("scans", {"finished_at": "2026-03-01T00:01:00Z"}),
    ("scans", {"updated_at": "2026-03-03T00:00:00Z"}),
    ("scans", {"assets_scanned": "0"}),
    ("scans", {"error_message": "é" * 500_000}),
    ("users", {"is_deleted": "true"}),
    ("users", {"unreadable": None}),
    ("scans", {"assets_scanned": "12.0"}),
    ("scans", {"assets_scanned": str(10**12)}),
    ("scans", {"started_at": None, "finished_at": None}),
    ("activity", {"domain_count": "1", "duration_seconds": "0"}),
    ("users", {"preferences": None, "is_active": None}),
    ("system_metrics", {"value": None, "status": "unreadable"}),
    ("system_metrics", {"attributes": ""}),
]


def split(con: duckdb.DuckDBPyConnection, table: Table, frame: pl.DataFrame) -> tuple[list[dict], list[dict]]:
    with registered(con, "landed_rows", frame):
        check_rows(con, table, "landed_rows", NOW)
    return tuple(pl.DataFrame(con.sql(f"SELECT * FROM {name}").to_arrow_table()).to_dicts() for name in ("accepted", "rejected"))


def filled(row):
    return {name for name, cell in row.items() if cell is not None}


@pytest.mark.parametrize(("dataset", "changes", "reason"), BAD_ROWS)
def test_a_bad_row_is_refused_with_its_reason_and_kept_whole(con, sound_row, dataset, changes, reason):
    row = sound_row(dataset, **changes)
    frame = pl.DataFrame([row], schema=dict.fromkeys(row, pl.String))
    accepted, rejected = split(con, DATASETS[dataset], frame)
    assert accepted == []
    assert [(found["dataset"], found["reason"]) for found in rejected] == [(dataset, reason)]
    assert json.loads(rejected[0]["row"]) == row


@pytest.mark.parametrize(("dataset", "changes"), [*((name, {}) for name in DATASETS), *SOUND_EDGES])
def test_a_sound_row_is_accepted_up_to_the_edges(con, sound_row, dataset, changes):
    row = sound_row(dataset, **changes)
    accepted, rejected = split(con, DATASETS[dataset], pl.DataFrame([row], schema=dict.fromkeys(row, pl.String)))
    assert rejected == []
    always = {column.name for column in DATASETS[dataset].columns if column.default}
    assert filled(accepted[0]) == filled(row) | always


def test_a_value_above_the_maximum_is_refused(con):
    column = Column("ratio", "DOUBLE", "ratio", minimum=0, maximum=1)
    ratios = Table("raw", "ratios", "Ratios.", (column,), "append", key=("ratio",))
    accepted, rejected = split(con, ratios, pl.DataFrame({"ratio": ["0", "1", "1.01"]}))
    assert [row["ratio"] for row in accepted] == [0.0, 1.0]
    assert [(row["key"], row["reason"]) for row in rejected] == [("1.01", "ratio is above 1")]


def test_a_composite_key_names_the_refused_row(con, sound_row):
    row = sound_row("system_metrics", observed_at=None)
    _, rejected = split(con, DATASETS["system_metrics"], pl.DataFrame([row], schema=dict.fromkeys(row, pl.String)))
    assert rejected[0]["key"] == "h1/system.cpu.utilization//?"


def test_a_missing_optional_column_is_null(con, sound_row):
    row = sound_row("scans")
    del row["assets_scanned"], row["finished_at"]
    accepted, rejected = split(con, DATASETS["scans"], pl.DataFrame([row]))
    assert rejected == []
    assert accepted[0]["assets_scanned"] is accepted[0]["finished_at"] is accepted[0]["error_message"] is None


def test_who_nobody_says_when_was_seen_counts_as_seen_when_loaded(con, sound_row):
    rows = [sound_row("owners", extracted_at=seen) for seen in (None, "2026-02-01T00:00:00Z")]
    accepted, _ = split(con, DATASETS["owners"], pl.DataFrame(rows))
    assert [row["extracted_at"] for row in accepted] == [NOW, datetime(2026, 2, 1, tzinfo=UTC)]
    accepted, _ = split(con, DATASETS["owners"], pl.DataFrame([sound_row("owners")]))
    assert accepted[0]["extracted_at"] == NOW


def test_a_missing_required_column_names_the_file_and_the_column():
    columns = [name for name in DATASETS["scans"].column_names if name not in ("status", "updated_at")]
    with pytest.raises(GovpulseError, match=r"^scans\.sql: scans needs the columns status, updated_at$"):
        check_columns(DATASETS["scans"], columns, "scans.sql")
    check_columns(DATASETS["scans"], [*columns, "status", "updated_at"], "scans.sql")


@pytest.mark.parametrize("blank", ["", " \t\r\n"])
def test_in_what_is_no_text_a_blank_says_nothing(con, sound_row, blank):
    rows = [sound_row("scans", finished_at=blank, assets_scanned=blank, is_deleted=blank, extracted_at=blank, name=blank)]
    accepted, rejected = split(con, DATASETS["scans"], pl.DataFrame(rows, schema=dict.fromkeys(rows[0], pl.String)))
    assert rejected == []
    assert (accepted[0]["finished_at"], accepted[0]["assets_scanned"], accepted[0]["is_deleted"]) == (None, None, False)
    assert accepted[0]["extracted_at"] == accepted[0]["updated_at"]
    assert accepted[0]["name"] == blank


@pytest.mark.parametrize(("number", "is_active"), [(0, False), (1, True), (1.0, True), (2, None), (-1, None), (0.5, None)])
def test_a_number_other_than_0_and_1_is_no_boolean(con, sound_row, number, is_active):
    frame = pl.DataFrame([sound_row("users")]).with_columns(pl.lit(number).alias("is_active"))
    accepted, rejected = split(con, DATASETS["users"], frame)
    assert [row["is_active"] for row in accepted] == ([] if is_active is None else [is_active])
    assert [row["reason"] for row in rejected] == ([f"is_active is not a boolean: {number}"] if is_active is None else [])


@pytest.mark.parametrize("name", ["landed", "reasons", "payload", "row", "key", "order", "a b", 'say "x"', "source "])
def test_a_column_too_many_stays_with_a_refused_row_whatever_its_name(con, sound_row, name):
    row = sound_row("users", is_active="maybe") | {name: "more"}
    accepted, rejected = split(con, DATASETS["users"], pl.DataFrame([row, row | {"is_active": "true"}]))
    assert [json.loads(found["row"]) for found in rejected] == [row]
    assert [tuple(found) for found in accepted] == [DATASETS["users"].column_names]


@pytest.mark.parametrize("kind", [pl.Datetime("ms"), pl.Datetime("ns"), pl.Datetime("us", "Europe/Berlin"), pl.Date])
def test_instants_of_any_resolution_are_taken_in_as_utc(con, sound_row, kind):
    zone = getattr(kind, "time_zone", None)
    instant = pl.lit(datetime(2026, 1, 15)).dt.replace_time_zone("UTC")
    instant = instant.dt.convert_time_zone(zone) if zone else instant.dt.replace_time_zone(None)
    frame = pl.DataFrame([sound_row("users")]).with_columns(instant.cast(kind).alias("created_at"))
    accepted, _ = split(con, DATASETS["users"], frame)
    assert accepted[0]["created_at"] == datetime(2026, 1, 15, tzinfo=UTC)


PLAUSIBLE = {
    "TIMESTAMPTZ": st.datetimes(datetime(2026, 2, 27), datetime(2026, 3, 5)).map(lambda at: f"{at.isoformat()}Z"),
    "BIGINT": st.integers(-2, 5).map(str),
    "DOUBLE": st.sampled_from(["0", "1.5", "-1", "nan", "-inf", "1e400"]),
    "BOOLEAN": st.sampled_from(["true", "f", "1"]),
    "JSON": st.sampled_from(["{}", "null", "[1]", "{"]),
    "VARCHAR": st.sampled_from(["", "succeeded", "ok", "x"]),
}


def cells(column: Column) -> st.SearchStrategy[str | None]:
    allowed = st.sampled_from(column.allowed) if column.allowed else PLAUSIBLE[column.type]
    return st.one_of(allowed, PLAUSIBLE[column.type], st.none(), st.text(max_size=8))


@st.composite
def landed_frames(draw) -> tuple[Table, pl.DataFrame]:
    table = DATASETS[draw(st.sampled_from(list(DATASETS)))]
    rows = draw(st.lists(st.fixed_dictionaries({column.name: cells(column) for column in table.columns}), max_size=12))
    schema = dict.fromkeys(table.column_names, pl.String)
    return table, pl.DataFrame(rows, schema=schema).with_row_index("line").cast({"line": pl.String})


@given(landed_frames())
def test_arbitrary_text_is_split_without_loss_and_the_accepted_keep_every_rule(landed):
    table, frame = landed
    con = connect()
    try:
        accepted, rejected = split(con, table, frame)
    finally:
        con.close()
    refused = {json.loads(row["row"])["line"] for row in rejected}
    assert len(refused) == len(rejected), "a row is refused once"
    kept = frame.filter(~pl.col("line").is_in(list(refused)))
    assert len(accepted) == kept.height
    for row, came in zip(accepted, kept.to_dicts(), strict=True):
        for column in table.columns:
            assert_holds(column, row[column.name], came[column.name])
        if row.get("started_at") and row.get("finished_at"):
            began = row["started_at"]
            cut = [began.replace(second=0, microsecond=0), began.replace(hour=0, minute=0, second=0, microsecond=0)]
            assert row["finished_at"] > began - timedelta(seconds=1) or row["finished_at"] in cut
    assert all(row["reason"] for row in rejected)


def assert_holds(column: Column, cell, came: str | None) -> None:
    assert (cell is None) == (came is None and column.default is None), "nothing is dropped, nothing is made up"
    assert cell is not None or not column.is_required
    if cell is None:
        return
    assert not column.allowed or cell in column.allowed
    assert column.minimum is None or cell >= column.minimum
    assert column.maximum is None or cell <= column.maximum
    assert column.type != "DOUBLE" or math.isfinite(cell)
    assert column.type != "BIGINT" or float(came) == cell
    assert column.type != "TIMESTAMPTZ" or column.name == "extracted_at" or cell <= NOW + timedelta(days=1)
    if column.type == "VARCHAR" and came is not None:
        assert cell == came
