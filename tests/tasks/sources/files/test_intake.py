"""Files as people have them, through the loader: what is out of range, stands for nothing, or is no key costs a cell or a row."""

import json
import re
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from storage.errors import GovpulseError
from storage.frames import fetch
from storage.intake.load_result import LoadResult
from storage.intake.loading import load_landing
from storage.limits import Limits
from storage.warehouse import warehouse
from tasks.sources.files import land_file
from tests.homes import migrated_home

LIMITS = Limits(lock_timeout_seconds=10.0, threads=1)
CHANGED = datetime(2026, 6, 1, tzinfo=UTC)


class Intake:
    def __init__(self, folder: Path) -> None:
        self.folder, self.home = folder, migrated_home(folder / "home")

    def take(self, name: str, content: str | pa.Table, dataset: str = "users", **options: Any) -> LoadResult:
        path = self.folder / name
        if isinstance(content, str):
            path.write_text(content)
        else:
            pq.write_table(content, path, **options.pop("parquet", {}))
        land_file(self.home, dataset, path, **options)
        with warehouse(self.home, LIMITS) as con:
            return load_landing(con, self.home, **({"zero_days": options["zero_days"]} if "zero_days" in options else {}))

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with warehouse(self.home, LIMITS) as con:
            return fetch(con, sql).rows()


@pytest.fixture
def intake(tmp_path: Path) -> Intake:
    return Intake(tmp_path)


def people(created: pa.Array) -> pa.Table:
    ids = [f"u{place}" for place in range(len(created))]
    return pa.table({"user_id": ids, "created_at": created, "updated_at": [CHANGED] * len(ids)})


CREATED = "SELECT user_id, CAST(created_at AS TIMESTAMP) FROM raw.users ORDER BY 1"
REFUSED = "SELECT key, reason FROM ops.rejected_rows ORDER BY 1"


def test_int96_beyond_what_nanoseconds_can_count_is_what_it_says(intake: Intake) -> None:
    created = pa.array([datetime(1000, 1, 1), datetime(3000, 1, 1), datetime(2026, 6, 1, 7, 30)], pa.timestamp("us"))
    intake.take("legacy.parquet", people(created), parquet={"use_deprecated_int96_timestamps": True})
    assert intake.rows(CREATED) == [("u0", datetime(1000, 1, 1)), ("u2", datetime(2026, 6, 1, 7, 30))]
    assert intake.rows(REFUSED) == [("u1", "created_at is in the future")]


@pytest.mark.parametrize("unit", ["s", "ms", "us"])
@pytest.mark.parametrize("zone", [None, "UTC", "Europe/Berlin"])
def test_one_value_out_of_range_costs_its_row(intake: Intake, unit: str, zone: str | None) -> None:
    counts = np.array(["2026-06-01T10:00", "2026-06-01T11:00"], f"datetime64[{unit}]").astype(np.int64)
    most = 2**62 if unit != "s" else 2**40
    created = pa.array([int(counts[0]), most, -most, int(counts[1])], pa.int64()).cast(pa.timestamp(unit, zone))
    assert intake.take("odd.parquet", people(created)).rejected == 2
    assert intake.rows(CREATED) == [("u0", datetime(2026, 6, 1, 10)), ("u3", datetime(2026, 6, 1, 11))]
    assert [key for key, _ in intake.rows(REFUSED)] == ["u1", "u2"]
    assert all(reason.startswith("created_at is ") for _, reason in intake.rows(REFUSED))


def test_nanoseconds_are_cut(intake: Intake) -> None:
    created = pa.array([np.datetime64("2026-06-01T10:00:00.123456789", "ns")])
    intake.take("fine.parquet", people(created))
    assert intake.rows(CREATED) == [("u0", datetime(2026, 6, 1, 10, 0, 0, 123456))]


def test_numbers_where_instants_belong_are_refused_with_what_to_do(intake: Intake) -> None:
    intake.take("epochs.parquet", people(pa.array([1_780_000_000_000, None], pa.int64())))
    assert intake.rows(CREATED) == [("u1", None)]
    ((key, reason),) = intake.rows(REFUSED)
    assert key == "u0"
    assert "1780000000000 looks like milliseconds since 1970" in reason
    assert "`to_timestamp(x / 1000.0)`" in reason


def test_zero_instants_are_nothing_and_counted_by_column(intake: Intake) -> None:
    result = intake.take(
        "scans.csv",
        "scan_id,data_source,scan_type,status,queued_at,started_at,finished_at,updated_at\n"
        "a,orders,full,running,0001-01-01T00:00:00Z,2026-06-01 10:00,1970-01-01 00:00:00,2026-06-01\n"
        "b,orders,full,running,1900-01-01,2026-06-01 10:00,9999-12-31 23:59:59.9999999,2026-06-01\n"
        "c,orders,full,running,,1970-01-01T00:00:01Z,,2026-06-01\n"
        "d,orders,full,running,,2026-06-01 10:00,,1970-01-01\n",
        "scans",
    )
    assert (result.rows, result.accepted, result.rejected, result.skipped) == (4, 3, 1, 0)
    assert result.zeros == {"scans.finished_at": 2, "scans.queued_at": 2, "scans.updated_at": 1}
    assert "scans.finished_at 2" in str(result)
    seconds = "SELECT scan_id, epoch(started_at)::BIGINT, queued_at, finished_at FROM raw.scans ORDER BY 1"
    started = int(datetime(2026, 6, 1, 10, tzinfo=UTC).timestamp())
    assert intake.rows(seconds) == [("a", started, None, None), ("b", started, None, None), ("c", 1, None, None)]
    assert intake.rows(REFUSED) == [("d", "updated_at is 1970-01-01, which stands for nothing")]
    counted = "SELECT dataset, column_name, cells, source FROM ops.zero_instants ORDER BY 2"
    assert intake.rows(counted) == [
        ("scans", "finished_at", 2, "load"),
        ("scans", "queued_at", 2, "load"),
        ("scans", "updated_at", 1, "load"),
    ]


@pytest.mark.parametrize("kind", ["text", "typed"])
def test_zones_have_no_say_in_what_stands_for_nothing(intake: Intake, kind: str) -> None:
    said = ["1900-01-01 00:00:00", "1970-01-01 00:00:00", "0001-01-01", "2026-07-01 12:00:00"]
    typed = pa.array([datetime.fromisoformat(text) for text in said], pa.timestamp("us"))
    intake.take("local.parquet", people(typed if kind == "typed" else pa.array(said)), zone=ZoneInfo("Europe/Berlin"))
    assert intake.rows(CREATED) == [("u0", None), ("u1", None), ("u2", None), ("u3", datetime(2026, 7, 1, 10))]


def test_what_stands_for_nothing_is_a_setting(intake: Intake) -> None:
    created = pa.array([datetime(1899, 12, 30), datetime(1970, 1, 1)], pa.timestamp("us"))
    intake.take("sheet.parquet", people(created), zero_days=(date(1899, 12, 30),))
    assert intake.rows(CREATED) == [("u0", None), ("u1", datetime(1970, 1, 1))]


@pytest.mark.parametrize("name", ["zoned.csv", "zoned.ndjson", "zoned.parquet"])
def test_the_zone_holds_for_files_of_all_kinds(intake: Intake, name: str) -> None:
    """The hour that occurs twice is its first, the one that never occurs is refused, and what has an offset needs no zone."""
    said = ["2025-10-26 02:30", "2026-03-29T02:30:00", "2026-07-01T12:00Z", "2026-07-01 12:00"]
    table = people(pa.array(said))
    columns = [table["user_id"].to_pylist(), said, ["2026-06-01T00:00Z"] * 4]
    lines = list(zip(*columns, strict=True))
    csv = "user_id,created_at,updated_at\n" + "".join(f"{','.join(line)}\n" for line in lines)
    ndjson = "".join(f'{{"user_id": "{a}", "created_at": "{b}", "updated_at": "{c}"}}\n' for a, b, c in lines)
    content = {"csv": csv, "ndjson": ndjson, "parquet": table}[name.partition(".")[2]]
    intake.take(name, content, zone=ZoneInfo("Europe/Berlin"))
    assert intake.rows(CREATED) == [
        ("u0", datetime(2025, 10, 26, 0, 30)),
        ("u2", datetime(2026, 7, 1, 12)),
        ("u3", datetime(2026, 7, 1, 10)),
    ]
    never = "created_at is not a timestamp: 2026-03-29T02:30:00 does not exist in Europe/Berlin"
    assert intake.rows(REFUSED) == [("u1", never)]


def test_keys_are_keys(intake: Intake) -> None:
    """A whole number that lay beside a NULL came as a float; what is blank or says that there is none is no key."""
    ids = pa.array([7.0, float("nan"), None, 8.0, 2.0**60, 1.5])
    result = intake.take("scored.parquet", pa.table({"user_id": ids, "updated_at": [CHANGED] * 6}))
    assert (result.accepted, result.rejected) == (4, 2)
    assert intake.rows("SELECT user_id FROM raw.users ORDER BY 1") == [("1.152921504606847e+18",), ("1.5",), ("7",), ("8",)]
    blank = "".join(f"{key},2026-06-01\n" for key in ("", '""', '" "', "NULL", "null", "NaN", "\t", "none-such"))
    result = intake.take("blank.csv", f"user_id,updated_at\n{blank}")
    assert (result.accepted, result.rejected) == (1, 7)
    assert {reason for _, reason in intake.rows(REFUSED)} == {"user_id is missing"}


DECIMALS = [Decimal("7.00"), Decimal("7.50"), Decimal("70.00")]


@pytest.mark.parametrize("kind", [pa.decimal128(38, 10), pa.decimal256(50, 10), pa.decimal32(5, 2)], ids=str)
def test_a_decimal_that_is_whole_is_a_whole_number(intake: Intake, kind: pa.DataType) -> None:
    """So that an id means the same in a file of another tool."""
    intake.take("numbers.parquet", pa.table({"user_id": pa.array(DECIMALS, kind), "updated_at": [CHANGED] * 3}))
    assert [Decimal(key) for (key,) in intake.rows("SELECT user_id FROM raw.users")] == DECIMALS
    assert {("7",), ("70",)} <= set(intake.rows("SELECT user_id FROM raw.users"))


@pytest.mark.parametrize("form", ["numbers.ndjson", "numbers.json"])
def test_a_number_of_json_that_is_whole_is_a_whole_number_and_a_text_what_it_is(intake: Intake, form: str) -> None:
    said = ["7.0", "8", "1e3", '"9.0"', "12345678901234567890123", "1.5"]
    lines = [f'{{"user_id": {number}, "team": {number}, "updated_at": "2026-06-01"}}' for number in said]
    intake.take(form, "\n".join(lines) if form.endswith("ndjson") else f"[{', '.join(lines)}]")
    keys = {"7", "8", "1000", "9.0", "12345678901234567890123", "1.5"}
    assert set(intake.rows("SELECT user_id, team FROM raw.users")) == {(key, key) for key in keys}


def test_where_everything_is_quoted_nothing_is_nothing(intake: Intake) -> None:
    result = intake.take("quoted.csv", '"user_id","team","is_active","created_at","updated_at"\r\n"u1","","","","2026-06-01"\r\n')
    assert (result.accepted, result.rejected) == (1, 0)
    assert intake.rows("SELECT user_id, team, is_active, created_at FROM raw.users") == [("u1", "", None, None)]


def test_every_row_is_accepted_refused_or_skipped(intake: Intake) -> None:
    result = intake.take("mixed.csv", "user_id,updated_at\nu1,2026-06-01\nu2\nu3,yesterday\n\nu4,2026-06-01\n")
    assert (result.rows, result.accepted, result.rejected, result.skipped) == (4, 2, 2, 0)
    assert intake.rows("SELECT rows, rejected, skipped FROM ops.loads") == [(4, 2, 0)]


USERS = [{"user_id": "u1", "role": "a;b", "updated_at": "2026-06-01"}, {"user_id": "u2", "role": None, "updated_at": "2026-06-01"}]
FORMS = {
    "comma.csv": b"user_id,role,updated_at\nu1,a;b,2026-06-01\nu2,,2026-06-01\n",
    "semicolon.csv": b'user_id;role;updated_at\nu1;"a;b";2026-06-01\nu2;;2026-06-01\n',
    "declared.csv": b"\xef\xbb\xbfsep=|\r\nuser_id|role|updated_at\r\nu1|a;b|2026-06-01\r\nu2||2026-06-01\r\n",
    "tab.csv": b"user_id\trole\tupdated_at\nu1\ta;b\t2026-06-01\nu2\t\t2026-06-01\n",
    "tab.tsv": b"user_id\trole\tupdated_at\nu1\ta;b\t2026-06-01\nu2\t\t2026-06-01\n",
    "other letters.csv": b"User ID, Role ,UPDATED_AT\nu1,a;b,2026-06-01\nu2,,2026-06-01\n",
    "lines.ndjson": "\n".join(map(json.dumps, USERS)).encode(),
    "lines.json": "\n".join(map(json.dumps, USERS)).encode(),
    "array.json": json.dumps(USERS).encode(),
    "array over lines.json": b"\xef\xbb\xbf\n" + json.dumps(USERS, indent=2).encode() + b"\n",
    "other letters.json": json.dumps([{name.title(): said for name, said in user.items()} for user in USERS]).encode(),
}


@pytest.mark.parametrize("packing", ["", ".gz", ".zst"])
@pytest.mark.parametrize("name", FORMS)
def test_the_same_rows_in_whatever_form(intake: Intake, name: str, packing: str) -> None:
    path = intake.folder / f"{name}{packing}"
    with pa.output_stream(path, compression={"": None, ".gz": "gzip", ".zst": "zstd"}[packing]) as stream:
        stream.write(FORMS[name])
    land_file(intake.home, "users", path)
    with warehouse(intake.home, LIMITS) as con:
        assert load_landing(con, intake.home).rejected == 0
    assert intake.rows("SELECT user_id, role FROM raw.users ORDER BY 1") == [("u1", "a;b"), ("u2", None)]


def test_other_letters_in_parquet(intake: Intake) -> None:
    intake.take("other.parquet", pa.table({" User_ID": ["u1"], "UPDATED AT": [CHANGED]}))
    assert intake.rows("SELECT user_id FROM raw.users") == [("u1",)]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"user_id|updated_at\n", "needs the columns user_id, updated_at; it has user_id|updated_at; its first line must name"),
        ("user_id,updated_at\nu1,2026-06-01\n".encode("utf-16-le"), "it is UTF-16; save it as UTF-8"),
        ("user_id,updated_at\nu1,2026-06-01\n".encode("utf-16-be"), "it is UTF-16; save it as UTF-8"),
        (b"User_ID,user_ID,updated_at\n", "has the column user_id more than once"),
    ],
)
def test_what_was_found_instead_is_said(intake: Intake, content: bytes, said: str) -> None:
    path = intake.folder / "users.csv"
    path.write_bytes(content)
    with pytest.raises(GovpulseError, match=re.escape(said)):
        land_file(intake.home, "users", path)


def test_of_a_broken_array_the_rows_before_are_taken(intake: Intake) -> None:
    whole = json.dumps([{"user_id": f"u{number}", "updated_at": "2026-06-01"} for number in range(30_000)])
    odd = whole.replace('{"user_id": "u7", "updated_at": "2026-06-01"}', "7").replace('"u8"', "NaN")
    result = intake.take("users.json", odd[: len(odd) - 30])
    assert (result.rows, result.accepted, result.rejected) == (30_000, 29_997, 3)
    reasons = sorted(reason for _, reason in intake.rows(REFUSED))
    assert reasons[0].startswith("object 30000 of users.json is not valid JSON: ")
    assert reasons[1] == "object 8 of users.json is no JSON object: 7"
    assert reasons[2] == "user_id is missing"


@pytest.mark.parametrize(
    ("kind", "packing"),
    [
        *(("ndjson", "zstd"), ("csv", "gzip"), ("json", "gzip")),
        *(pytest.param(*each, marks=pytest.mark.campaign) for each in (("ndjson", "gzip"), ("csv", "zstd"), ("json", "zstd"))),
    ],
)
def test_of_a_packed_file_that_was_cut_all_rows_before_are_taken(intake: Intake, kind: str, packing: str) -> None:
    ids = [f"u{number}-{number * 7919 % 100_003}" for number in range(20_000)]
    lines = [f'{{"user_id": "{user}", "updated_at": "2026-06-01"}}' for user in ids]
    text = {
        "ndjson": "\n".join(lines),
        "csv": "updated_at,user_id\n" + "".join(f"2026-06-01,{user}\n" for user in ids),
        "json": f"[{','.join(lines)}]",
    }[kind]
    path = intake.folder / f"users.{kind}.{'gz' if packing == 'gzip' else 'zst'}"
    with pa.output_stream(path, compression=packing) as stream:
        stream.write(text.encode())
    packed = path.read_bytes()
    path.write_bytes(packed[: len(packed) * 9 // 10])
    land_file(intake.home, "users", path)
    with warehouse(intake.home, LIMITS) as con:
        result = load_landing(con, intake.home)
    assert (result.rejected, result.skipped) == (1, 0)
    assert 10_000 < result.accepted < 20_000
    assert {user for (user,) in intake.rows("SELECT user_id FROM raw.users")} == set(ids[: result.accepted])
    ((_, reason),) = intake.rows(REFUSED)
    assert "(the file is cut off or damaged from here on)" in reason
