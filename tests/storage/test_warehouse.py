"""The way into the warehouse: alone, migrated, in UTC; what is wrong with the file is said in one line."""

import random
import time

import duckdb
import pytest

from storage.errors import GovpulseError
from storage.home import Home
from storage.intake.loading import load_landing
from storage.limits import Limits
from storage.warehouse import attach, connect, warehouse

OPEN_AND_WAIT = """
import sys, time, duckdb
con = duckdb.connect(sys.argv[1])
print("open", flush=True)
time.sleep(60)
"""

DIE_IN_A_TRANSACTION = """
import os, signal, sys
from pathlib import Path
from storage.home import Home
from storage.warehouse import warehouse
with warehouse(Home(Path(sys.argv[1]))) as con:
    con.execute("INSERT INTO ops.audit_log VALUES ('committed', NULL, NULL, now())")
    con.execute("BEGIN")
    con.execute("INSERT INTO ops.audit_log VALUES ('open', NULL, NULL, now())")
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def filled(home, samples):
    """A home whose warehouse holds 500 samples."""
    from storage.intake.landing import land

    land(home, "system_metrics", samples(500))
    with warehouse(home) as con:
        load_landing(con, home)
    return home


def read_everything(home):
    with warehouse(home) as con:
        return con.sql("SELECT count(*), sum(value) FROM raw.system_metrics").fetchall()[0]


def error_of(home, expected):
    """What reading raises; empty where it gives what it should."""
    try:
        found = read_everything(home)
    except GovpulseError as error:
        return str(error)
    assert found == expected
    return ""


def one_line_error(home):
    with pytest.raises(GovpulseError) as caught:
        read_everything(home)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_inside_it_is_migrated_and_in_utc_and_outside_it_is_closed(home):
    with warehouse(home) as con:
        assert con.sql("SELECT current_database(), current_setting('TimeZone')").fetchall() == [("warehouse", "UTC")]
        assert con.sql("SELECT count(*) FROM raw.scans").fetchall() == [(0,)]
    with pytest.raises(duckdb.ConnectionException):
        con.execute("SELECT 1")


def test_nobody_else_gets_in_meanwhile(home):
    with warehouse(home):
        started = time.monotonic()
        with pytest.raises(GovpulseError, match="stayed busy"), warehouse(home, Limits(lock_timeout_seconds=0.2)):
            pass
        assert time.monotonic() - started < 5


def test_limits_are_set_and_nothing_is_fetched_from_the_network(home):
    with warehouse(home, Limits(threads=1, memory="100MB")) as con:
        settings = dict(con.sql("SELECT name, value FROM duckdb_settings()").fetchall())
    assert (settings["threads"], settings["memory_limit"]) == ("1", "95.3 MiB")
    assert settings["autoinstall_known_extensions"] == settings["autoload_known_extensions"] == "false"


@pytest.mark.parametrize("part", [0, 1, 100, 4096, 12288, 0.3, 0.6])
def test_a_truncated_file_is_one_line(filled, part):
    whole = filled.warehouse.read_bytes()
    filled.warehouse.write_bytes(whole[: int(part * len(whole)) if isinstance(part, float) else part])
    assert "`govpulse restore` restores a backup" in one_line_error(filled)


def test_a_file_of_something_else_is_one_line(home):
    home.create()
    home.warehouse.write_text("not a database\n" * 1000)
    assert "not a valid DuckDB database file" in one_line_error(home)


def test_flipped_bytes_are_one_line_that_speaks_of_damage_or_do_no_harm(filled):
    whole, expected, chance, damaged = filled.warehouse.read_bytes(), read_everything(filled), random.Random(7), 0
    for place in (*range(0, 12288, 1024), *(chance.randrange(len(whole)) for _ in range(12))):
        flipped = bytearray(whole)
        flipped[place : place + 64] = bytes(byte ^ 0xFF for byte in flipped[place : place + 64])
        filled.warehouse.write_bytes(flipped)
        said = error_of(filled, expected)
        assert "\n" not in said
        assert "another program" not in said, "a damaged block is no lock"
        damaged += bool(said)
    assert damaged > 5


def test_a_file_that_another_program_has_open_is_left_alone(filled, python):
    with python(OPEN_AND_WAIT, filled.warehouse) as other:
        assert other.stdout.readline() == "open\n"
        assert "another program has it open" in one_line_error(filled)
    assert read_everything(filled)[0] == 500


def test_a_home_that_cannot_be_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    assert "set GOVPULSE_HOME" in one_line_error(Home(tmp_path / "file"))


def test_killed_in_a_transaction_it_opens_with_what_was_committed(home, python):
    with python(DIE_IN_A_TRANSACTION, home.root) as process:
        assert process.wait(30) == -9
    with warehouse(home) as con:
        assert con.sql("SELECT action FROM ops.audit_log").fetchall() == [("committed",)]


def test_the_file_can_be_opened_by_duckdb_1_2_and_later(filled):
    con = connect()
    attach(con, filled.warehouse, "w", read_only=True)
    tags = con.sql("SELECT tags FROM duckdb_databases() WHERE database_name = 'w'").fetchall()[0][0]
    con.close()
    assert tags["storage_version"].startswith("v1.2.0")
    assert int.from_bytes(filled.warehouse.read_bytes()[12:20], "little") <= 65, "the format number of DuckDB 1.2"
