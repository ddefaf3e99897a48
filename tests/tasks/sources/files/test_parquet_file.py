"""Parquet: every type that it can have is landed, and what is damaged costs no more than it must."""

import datetime as dt
import uuid
from contextlib import suppress
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from storage.errors import GovpulseError
from storage.frames import fetch
from storage.home import Home
from storage.intake.landing import pending
from storage.intake.loading import load_landing
from storage.limits import Limits
from storage.warehouse import warehouse
from tasks.sources.files import land_file

INSTANT = dt.datetime(2026, 3, 1, 10, tzinfo=dt.UTC)


def users(**columns: pa.Array) -> pa.Table:
    rows = len(next(iter(columns.values())))
    required = {"user_id": [f"u{number}" for number in range(rows)], "updated_at": [INSTANT] * rows}
    return pa.table({**required, **columns})


AS_TEXT = {
    "large text": (pa.array(["ü", None], pa.large_string()), "ü"),
    "text view": (pa.array(["ü", None], pa.string_view()), "ü"),
    "bytes that are text": (pa.array(["ü".encode(), None]), "ü"),
    "bytes that are none": (pa.array([b"\xfc\x00", None]), "\\xfc\x00"),
    "bytes of one length": (pa.array([b"ab", None], pa.binary(2)), "ab"),
    "dictionary": (pa.array(["ü", None]).dictionary_encode(), "ü"),
    "nothing": (pa.nulls(2), None),
    "time": (pa.array([dt.time(10), None], pa.time32("s")), "10:00:00.000"),
    "long decimal": (pa.array([Decimal("1.50"), None], pa.decimal256(50, 2)), "1.50"),
    "short decimal": (pa.array([Decimal("1.50"), None], pa.decimal32(5, 2)), "1.50"),
    "half float": (pa.array([1.5, None], pa.float32()).cast(pa.float16()), "1.5"),
    "uuid": (pa.array([uuid.UUID(int=1).bytes, None], pa.uuid()), "00000000-0000-0000-0000-000000000001"),
    "json": (pa.array(['{"a": 1}', None], pa.json_()), '{"a": 1}'),
    "object": (pa.array([{"a": 1, "b": {"c": ["ü", None]}}, None]), '{"a": 1, "b": {"c": ["ü", null]}}'),
    "list": (pa.array([[INSTANT, None], None]), '["2026-03-01 10:00:00+00:00", null]'),
    "map": (pa.array([[("b", b"\xfc"), ("a", b"x")], None], pa.map_(pa.string(), pa.binary())), '{"b": "\\\\xfc", "a": "x"}'),
}


@pytest.mark.parametrize(("column", "said"), AS_TEXT.values(), ids=AS_TEXT)
def test_odd_types_are_landed_as_text(landed, tmp_path: Path, column: pa.Array, said: str | None) -> None:
    pq.write_table(users(preferences=column), tmp_path / "a.parquet")
    rows = landed("a.parquet")
    assert [row["preferences"] for row in rows] == [said, None]
    assert "unreadable" not in rows[0]


PLAIN = {
    "whole": pa.array([2**63, None], pa.uint64()),
    "number": pa.array([1.5, None]),
    "boolean": pa.array([True, None]),
    "date": pa.array([dt.date(2026, 3, 1), None]),
    "instant": pa.array([INSTANT, None], pa.timestamp("us", "Europe/Berlin")),
    "time of day without a zone": pa.array([dt.datetime(2026, 3, 1, 10), None]),
    "decimal": pa.array([Decimal("1.50"), None]),
}


@pytest.mark.parametrize("column", PLAIN.values(), ids=PLAIN)
def test_plain_types_stay(landed, tmp_path: Path, column: pa.Array) -> None:
    pq.write_table(users(team=column), tmp_path / "a.parquet")
    assert [row["team"] for row in landed("a.parquet")] == column.to_pylist()


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_a_duration_is_landed_in_seconds(landed, tmp_path: Path, unit: str) -> None:
    """As a bare number it would count in whatever unit the file has."""
    durations = pa.array([90_000, None], pa.duration("ms")).cast(pa.duration(unit))
    pq.write_table(users(team=durations), tmp_path / "a.parquet")
    assert [row["team"] for row in landed("a.parquet")] == [90.0, None]


def test_nested_values_are_loaded_as_objects(tmp_path: Path, home: Home) -> None:
    pq.write_table(users(preferences=pa.array([{"a": [1, 2]}, None])), tmp_path / "a.parquet")
    land_file(home, "users", tmp_path / "a.parquet")
    with warehouse(home, Limits(10.0, 1)) as con:
        assert load_landing(con, home).rejected == 0
        assert fetch(con, "SELECT preferences ->> '$.a[1]' AS second FROM raw.users ORDER BY 1 NULLS LAST").rows() == [
            ("2",),
            (None,),
        ]


def test_a_text_that_is_not_utf8_costs_its_row_only(landed, tmp_path: Path) -> None:
    """The row keeps what could be read of it. Arrow lets such a text through; DuckDB would refuse the whole file."""
    names = pa.array([b"x", b"M\xfcnchen", None]).view(pa.string())
    parts = pa.array([{"a": name} for name in (None, b"\xfc", b"x")]).cast(pa.struct([("a", pa.binary())]))
    parts = pa.StructArray.from_arrays([parts.field("a").view(pa.string())], ["a"])
    pq.write_table(users(team=names, preferences=parts), tmp_path / "a.parquet")
    rows = landed("a.parquet")
    assert [row["user_id"] for row in rows] == ["u0", "u1", "u2"]
    assert [row["team"] for row in rows] == ["x", None, None]
    assert [row["preferences"] for row in rows] == ['{"a": null}', None, '{"a": "x"}']
    assert [row["unreadable"] for row in rows] == [None, "row 2 of a.parquet has a team that is not UTF-8: M\\xfcnchen", None]


@pytest.fixture
def groups(tmp_path: Path) -> Path:
    """Three row groups of 100 rows, with checksums, and uncompressed: each text stands in the file as it is."""
    path = tmp_path / "a.parquet"
    table = users(team=pa.array([f"team {number:06d}" for number in range(300)]))
    pq.write_table(table, path, row_group_size=100, compression="none", use_dictionary=False, write_page_checksum=True)
    return path


def damage(path: Path, place: int) -> None:
    content = bytearray(path.read_bytes())
    content[place] ^= 0xFF
    path.write_bytes(content)


def test_a_damaged_part_costs_its_rows_only(landed, groups: Path) -> None:
    damage(groups, groups.read_bytes().index(b"team 000150"))
    rows = landed("a.parquet")
    assert [row["team"] for row in rows if row["user_id"]] == [f"team {number:06d}" for number in (*range(100), *range(200, 300))]
    (reason,) = [row["unreadable"] for row in rows if not row["user_id"]]
    assert reason.startswith("rows 101 to 200 of a.parquet are damaged: ")


@pytest.mark.parametrize("kept", [1, 100, -1, -9])
def test_a_truncated_file_is_said_to_be_one(landed, groups: Path, kept: int) -> None:
    with pytest.raises(GovpulseError, match=r"^cannot read .*a\.parquet: it is truncated or damaged \(.*\)$"):
        landed("a.parquet", groups.read_bytes()[:kept])


def test_a_file_of_which_nothing_can_be_read_is_an_error(landed, groups: Path) -> None:
    for number in (50, 150, 250):
        damage(groups, groups.read_bytes().index(f"team {number:06d}".encode()))
    with pytest.raises(GovpulseError, match=r"a\.parquet: rows 1 to 100 of a\.parquet are damaged: "):
        landed("a.parquet")


def test_no_damage_passes_unseen(groups: Path, tmp_path: Path) -> None:
    """Whichever byte is turned over: an error, a reason, or the rows as they were."""
    whole = groups.read_bytes()
    for place in range(0, len(whole), 101):
        groups.write_bytes(whole)
        damage(groups, place)
        home = Home(tmp_path / str(place))
        with suppress(GovpulseError):
            result = land_file(home, "users", groups)
            teams = [row for file in pending(home, "users") for row in pq.read_table(file)["team"].to_pylist()]
            assert result.unreadable or teams == [f"team {number:06d}" for number in range(300)]


def test_three_hundred_columns_and_a_text_of_ten_million_characters_pass(landed, tmp_path: Path) -> None:
    columns = {f"column {number}": pa.array([number]) for number in range(300)}
    pq.write_table(users(team=pa.array(["x" * 10_000_000]), **columns), tmp_path / "a.parquet")
    assert landed("a.parquet") == [{"user_id": "u0", "updated_at": INSTANT, "team": "x" * 10_000_000}]


def test_a_column_that_is_there_twice_is_refused(landed, tmp_path: Path) -> None:
    table = users(x=pa.array([1]), team=pa.array(["x"]))
    pq.write_table(table.rename_columns(["user_id", "updated_at", "x", "user_id"]), tmp_path / "a.parquet")
    with pytest.raises(GovpulseError, match=r"a\.parquet has the column user_id more than once$"):
        landed("a.parquet")
