"""What is read of MySQL, as far as it takes no server: statements, instants, and whose fault an error is."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pyarrow as pa
import pymysql
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.sources.address import Address
from tasks.sources.database.mysql import typed
from tasks.sources.database.mysql_connection import explain, is_fault_of_row
from tasks.sources.database.mysql_reading import TEXTS, WHOLE, any_of, text_literal
from tasks.sources.instants import in_utc, only_instants

ADDRESS = Address("mysql", "mysql://u:s3cret@h/d")
NO_INSTANTS = ("0000-00-00 00:00:00", "2026-02-00 00:00:00", "2026-02-30 10:00:00")
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe")


@given(st.text())
def test_no_text_leaves_its_literal(text: str) -> None:
    literal = text_literal(text)
    assert literal.removeprefix("_utf8mb4 X'").removesuffix("'").isalnum() or not text
    assert bytes.fromhex(literal[11:-1]) == text.encode(errors="replace")


@given(st.lists(st.text(max_size=20), max_size=5), st.sampled_from([*WHOLE, *TEXTS, "decimal", "unknown"]))
def test_no_key_leaves_its_place(keys: list[str], kind: str) -> None:
    sql = any_of("id", kind, keys, "any")
    assert set(sql.casefold()) <= set("`_'(), -0123456789abcdefghijklmnopqrstuvwxyz=")
    assert sql.count("(") == sql.count(")")


@pytest.mark.parametrize("kind", WHOLE)
def test_what_is_no_number_is_not_sought_among_numbers(kind: str) -> None:
    assert any_of("id", kind, ["7", "word", "7.0", "", "-12", "1e3", "9" * 21, "٣"], "any") == "`id` IN (7, -12)"
    assert any_of("id", kind, ["word"], "any") == "FALSE"


def test_texts_are_sought_as_they_are_written_and_by_their_index() -> None:
    exact = "CAST(CONVERT(`id` USING utf8mb4) AS BINARY) IN (X'61', X'c3a9')"
    assert any_of("id", "varchar", ["a", "é"], "any") == f"(`id` IN (_utf8mb4 X'61', _utf8mb4 X'c3a9') AND {exact})"
    assert any_of("id", "varchar", ["a", "é"], "ascii") == any_of("id", "unknown", ["a", "é"], "any") == f"({exact})"
    assert any_of("id", "varchar", ["a"], "none").count(" IN ") == 1
    assert any_of("id", "varchar", ["a"], "ascii").count(" IN ") == 2


moments = st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1)).map(lambda moment: moment.isoformat(" ", "microseconds"))
cells = st.one_of(
    st.none(),
    moments,
    st.sampled_from(
        ["1970-01-01 00:00:00", "0001-01-01 00:00:00", "9999-12-31 23:59:59", "9999-06-01 00:00:00", "2026-03-29 02:30:00"]
    ),
)


@given(st.lists(st.one_of(cells, st.sampled_from(NO_INSTANTS)), min_size=1, max_size=8), st.sampled_from(ZONES))
def test_parsing_changes_no_instant_and_leaves_what_is_none(texts: list[str | None], zone: str) -> None:
    """The grammar of the contract says what each text is; parsing a batch at once must say the same."""
    table, zones = pa.table({"at": pa.array(texts, pa.string())}), {"at": ZoneInfo(zone)}
    as_text, as_parsed = in_utc(table, zones)["at"], in_utc(typed(table, {"at": "datetime"}), zones)["at"]
    assert only_instants(as_parsed).to_pylist() == only_instants(as_text).to_pylist()
    if any(text in NO_INSTANTS for text in texts):
        assert as_parsed.to_pylist() == as_text.to_pylist()


def test_a_timestamp_needs_no_zone() -> None:
    table = pa.table({"at": ["2026-07-01 12:00:00.5+00:00", None]})
    found = in_utc(typed(table, {"at": "timestamp"}), {"at": ZoneInfo("Asia/Tokyo")})["at"].to_pylist()
    assert found == [datetime(2026, 7, 1, 12, 0, 0, 500_000, ZoneInfo("UTC")), None]


@pytest.mark.parametrize(
    ("code", "is_rows"),
    [
        (1242, True),
        (1690, True),
        (3141, True),
        (1064, False),
        (1054, False),
        (1142, False),
        (2013, False),
        (1969, False),
        (3024, False),
    ],
)
def test_which_errors_are_of_a_row(code: int, is_rows: bool) -> None:
    assert is_fault_of_row(pymysql.OperationalError(code, "said")) == is_rows
    assert not is_fault_of_row(OSError(code, "said"))


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (pymysql.OperationalError(1045, "Access denied for s3cret"), "Access denied for ***"),
        (pymysql.OperationalError(2013, "Lost connection\nwith details"), "Lost connection"),
        (pymysql.InterfaceError(0, ""), "the connection is lost"),
        (RuntimeError("'cryptography' package is required"), "'cryptography' package is required"),
        (OSError(), "no message"),
    ],
)
def test_an_error_is_one_line_without_secrets(error: Exception, said: str) -> None:
    assert explain(ADDRESS, error) == said
