"""The published file is always whole, whoever reads it and whoever dies; it says what its tables mean."""

import os
import random
import time

import duckdb
import pytest

from storage.catalogue import PUBLISHED
from storage.errors import GovpulseError
from storage.limits import Limits
from storage.publishing.published import ask_published, query_published
from storage.publishing.publishing import publish
from storage.warehouse import explain, warehouse

READ_ON_DEMAND = """
import sys, duckdb
con = duckdb.connect(sys.argv[1], read_only=True)
print("open", flush=True)
for line in sys.stdin:
    print(con.execute("SELECT count(*) FROM ops.audit_log").fetchall()[0][0], flush=True)
"""

CHANGE_AND_DIE = """
import os, signal, sys, duckdb
con = duckdb.connect(sys.argv[1])
con.execute("CREATE TABLE mine AS SELECT 1 AS a")
con.execute("DELETE FROM ops.audit_log")
os.kill(os.getpid(), signal.SIGKILL)
"""

PUBLISH_FOR_EVER = """
import sys
from pathlib import Path
from storage.home import Home
from storage.publishing.publishing import publish
from storage.warehouse import warehouse
home = Home(Path(sys.argv[1]))
with warehouse(home) as con:
    while True:
        publish(con, home)
        print("published", flush=True)
"""

PUBLISH_WITHOUT_ROOM = """
import resource, signal, sys
from pathlib import Path
from storage.home import Home
from storage.publishing.publishing import publish
from storage.warehouse import warehouse
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
home = Home(Path(sys.argv[1]))
with warehouse(home) as con:
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), int(sys.argv[2])))
    try:
        publish(con, home)
    except Exception as error:
        print(type(error).__name__, error)
"""


def publish_with(home, entries):
    """Publish with `entries` more rows in ops.audit_log."""
    with warehouse(home) as con:
        con.execute("INSERT INTO ops.audit_log SELECT 'a', CAST(i AS VARCHAR), 'me', now() FROM range(?) AS t(i)", [entries])
        return publish(con, home)


def query(home, sql):
    with duckdb.connect(str(home.published), read_only=True) as con:
        return con.execute(sql).fetchall()


def entries(home):
    return query(home, "SELECT count(*) FROM ops.audit_log")[0][0]


def leftovers(home):
    return [name for name in os.listdir(home.root) if "govpulse" in name and name != home.published.name]


def test_the_file_has_the_published_tables_and_no_others(home):
    assert publish_with(home, 1) == home.published.stat().st_size
    tables = {name for (name,) in query(home, "SELECT schema_name || '.' || table_name FROM duckdb_tables()")}
    assert tables == {t.full_name for t in PUBLISHED} | {f"history.{t.name}" for t in PUBLISHED if t.has_history}
    schemas = {name for (name,) in query(home, "SELECT schema_name FROM duckdb_tables()")}
    assert schemas == {"insights", "history", "alerts", "ops"}
    assert leftovers(home) == []


def test_every_table_and_column_explains_itself(home):
    publish_with(home, 1)
    tables = dict(query(home, "SELECT schema_name || '.' || table_name, comment FROM duckdb_tables()"))
    columns = query(home, "SELECT schema_name || '.' || table_name, column_name, comment FROM duckdb_columns() WHERE NOT internal")
    said = {(table, column): comment for table, column, comment in columns}
    for table in PUBLISHED:
        for name in (table.full_name, *([f"history.{table.name}"] if table.has_history else [])):
            assert tables[name] == table.description
            assert {column.name: column.description for column in table.columns} == {
                column: comment for (owner, column), comment in said.items() if owner == name
            }


def test_a_reader_keeps_its_rows_through_five_publications_and_the_next_sees_the_new(home, python):
    publish_with(home, 1)
    with python(READ_ON_DEMAND, home.published) as reader:
        assert reader.stdout.readline() == "open\n"
        for published in range(2, 7):
            publish_with(home, 1)
            reader.stdin.write("\n")
            reader.stdin.flush()
            assert reader.stdout.readline() == "1\n"
            assert entries(home) == published


def test_what_a_user_wrote_into_the_old_file_does_not_reach_the_new_one(home, python):
    publish_with(home, 3)
    with python(CHANGE_AND_DIE, home.published) as user:
        user.wait()
    publish_with(home, 2)
    with duckdb.connect(str(home.published)) as con:
        assert con.execute("SELECT count(*) FROM ops.audit_log").fetchall() == [(5,)]
        assert con.execute("SELECT count(*) FROM duckdb_tables() WHERE table_name = 'mine'").fetchall() == [(0,)]


def test_a_killed_publisher_leaves_a_whole_file_and_its_orphan_is_swept(home, python):
    publish_with(home, 3)
    chance, orphans = random.Random(3), 0
    for _ in range(4):
        with python(PUBLISH_FOR_EVER, home.root) as publisher:
            publisher.stdout.readline()
            time.sleep(chance.uniform(0.0, 0.2))
            publisher.kill()
            publisher.wait()
        orphans += bool(leftovers(home))
        assert entries(home) == 3
    assert orphans, "no kill came while publishing"
    publish_with(home, 1)
    assert (entries(home), leftovers(home)) == (4, [])


@pytest.mark.parametrize("room", [8_192, 100_000], ids=["at once", "while copying"])
def test_without_room_the_old_file_stays_and_nothing_lies_about(home, python, room):
    publish_with(home, 3)
    before = home.published.read_bytes()
    with python(PUBLISH_WITHOUT_ROOM, home.root, room) as process:
        lines = process.stdout.read().splitlines()
    assert len(lines) == 1
    assert lines[0].startswith(f"GovpulseError cannot publish {home.published}")
    assert "File too large" in lines[0]
    assert home.published.read_bytes() == before
    assert leftovers(home) == []


def test_a_folder_in_the_way_is_one_line(home):
    home.published.mkdir(parents=True)
    with pytest.raises(GovpulseError, match="cannot publish") as caught:
        publish_with(home, 1)
    assert "\n" not in str(caught.value)
    assert leftovers(home) == []


def test_duckdb_1_2_and_later_can_open_it(home):
    publish_with(home, 1)
    assert home.published.read_bytes()[8:12] == b"DUCK"
    assert int.from_bytes(home.published.read_bytes()[12:20], "little") <= 65, "the format number of DuckDB 1.2"
    with duckdb.connect() as con:
        con.execute(f"ATTACH '{home.published}' AS p (READ_ONLY)")
        tags = con.execute("SELECT tags FROM duckdb_databases() WHERE database_name = 'p'").fetchall()[0][0]
    assert tags["storage_version"].startswith("v1.2.0")


def damaged(home, kind):
    """Make of the published file what `kind` says."""
    publish_with(home, 300)
    whole = home.published.read_bytes()
    if kind in ("folder", "link"):
        home.published.unlink()
        home.published.mkdir() if kind == "folder" else home.published.symlink_to(home.published)
        return
    made = {"else": b"not a database\n" * 5000, "empty": b"", "zeros": bytes(len(whole))}
    cut = {f"cut {at}": whole[:at] for at in (1, 100, 4096, 12288, len(whole) // 2, len(whole) - 1)}
    home.published.write_bytes({**made, **cut}[kind])


SAID = {
    "else": "govpulse run", "zeros": "govpulse run", "folder": "", "cut 100": "govpulse run",
    "cut 4096": "govpulse run", "cut 12288": "govpulse run",
}  # fmt: skip
KINDS = ["else", "empty", "zeros", "folder", "link", *(f"cut {at}" for at in (1, 100, 4096, 12288))]


@pytest.mark.parametrize("kind", [pytest.param(each, marks=[pytest.mark.campaign] if "cut" in each else []) for each in KINDS])
def test_a_damaged_published_file_is_one_line_that_speaks_of_no_backup(home, kind):
    """A backup in its place would publish what is private."""
    damaged(home, kind)
    for ask in (ask_published, lambda path, sql: query_published(path, sql, Limits())):
        with pytest.raises(GovpulseError) as said:
            ask(home.published, "SELECT count(*) AS n FROM ops.audit_log")
        assert SAID.get(kind, "") in str(said.value)
        assert "backup" not in str(said.value)
        assert str(home.published) in str(said.value)
        assert "\n" not in str(said.value)
    if kind != "folder":
        publish_with(home, 1)
        assert entries(home) == 301, "and what it says to do mends it"


def test_a_damaged_block_is_found_while_reading_and_speaks_of_no_backup(home):
    publish_with(home, 20_000)
    whole, said = bytearray(home.published.read_bytes()), []
    for place in range(12288, len(whole), 16384):
        flipped = bytearray(whole)
        flipped[place : place + 64] = bytes(byte ^ 0xFF for byte in flipped[place : place + 64])
        home.published.write_bytes(flipped)
        try:
            ask_published(home.published, "SELECT max(hash(COLUMNS(*))) FROM ops.audit_log")
        except GovpulseError as error:
            said.append(str(error))
    assert said
    assert all("backup" not in each and "govpulse run" in each and str(home.published) in each for each in said), said


def test_a_file_that_may_not_be_read_is_said(home):
    error = duckdb.IOException(f'IO Error: Cannot open file "{home.published}": {os.strerror(13)}')
    assert explain(error, "x") == "permission denied"


def test_a_file_of_a_newer_format_is_said():
    """The sentence of DuckDB 1.5 for a file that DuckDB 2 wrote in its own format."""
    text = "IO Error: Trying to read a database file with version number 69, but we can only read versions between 64 and 68."
    assert "upgrade govpulse" in explain(duckdb.IOException(text), "x")
