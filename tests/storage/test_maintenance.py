"""Upkeep deletes what has expired and nothing else, shrinks without loss, and finds what is broken."""

from datetime import UTC, datetime, timedelta

import polars as pl

from storage.catalogue import TABLES
from storage.intake.landing import land
from storage.intake.loading import load_landing
from storage.maintenance import apply_retention, compact, free_ratio
from storage.warehouse import warehouse

START = datetime(2026, 3, 1, tzinfo=UTC)

DIE_WHILE_COMPACTING = """
import os, signal, sys, threading, time
from pathlib import Path
from storage.home import Home
from storage.maintenance import compact
from storage.warehouse import warehouse
home = Home(Path(sys.argv[1]))
with warehouse(home) as con:
    threading.Thread(target=lambda: (time.sleep(float(sys.argv[2])), os.kill(os.getpid(), signal.SIGKILL)), daemon=True).start()
    compact(con, home)
    time.sleep(5)
"""


def load(home, con, frame):
    land(home, "system_metrics", frame)
    load_landing(con, home)


def content(con):
    return con.sql("SELECT count(*), sum(value), min(observed_at), max(observed_at) FROM raw.system_metrics").fetchall()


def test_retention_goes_by_table_and_0_keeps_for_ever(con, home, samples):
    load(home, con, samples(10))
    for name in ("checks", "audit_log"):
        values = "('n', true, NULL, $at)" if name == "checks" else "('n', NULL, NULL, $at)"
        for days in (1, 3):
            con.execute(f"INSERT INTO ops.{name} VALUES {values}", {"at": START - timedelta(days=days)})
    now = START + timedelta(seconds=4)
    days = {"system_metrics_days": 0, "ops_days": 2}
    assert apply_retention(con, days, now) == {"ops.checks": 1}
    assert con.sql("SELECT (SELECT count(*) FROM ops.checks), (SELECT count(*) FROM ops.audit_log)").fetchall() == [(1, 2)]
    assert content(con)[0][0] == 10
    later = now + timedelta(days=1)
    assert apply_retention(con, {"system_metrics_days": 1}, later) == {"raw.system_metrics": 4}
    assert content(con)[0][2] == START + timedelta(seconds=4), "what is exactly a day old stays"
    assert apply_retention(con, {}, later + timedelta(days=9999)) == {}


def test_every_retention_key_has_tables(con):
    keys = {table.retention for table in TABLES.values() if table.retention}
    assert apply_retention(con, dict.fromkeys(keys, 1), START) == {}


def test_compaction_keeps_every_row_and_shrinks_the_file(home, samples):
    with warehouse(home) as con:
        load(home, con, samples(400_000).with_columns((pl.col("value") * 0.7).sin().alias("value")))
        apply_retention(con, {"system_metrics_days": 1}, START + timedelta(days=1, seconds=390_000))
        holes, before, size = free_ratio(con), content(con), home.warehouse.stat().st_size
        books = con.sql("SELECT * FROM ops.loads ORDER BY file").fetchall()
        compact(con, home)
    assert holes > 0.25
    assert home.warehouse.stat().st_size < size / 2
    with warehouse(home) as con:
        assert content(con) == before
        assert con.sql("SELECT * FROM ops.loads ORDER BY file").fetchall() == books
        assert free_ratio(con) < holes
        load(home, con, samples(1, host="h3"))
        assert content(con)[0][0] == before[0][0] + 1


def test_a_compaction_that_is_killed_costs_nothing_and_the_next_one_works(home, samples, python):
    with warehouse(home) as con:
        load(home, con, samples(20_000))
        before = content(con)
    for delay in (0.0, 0.03, 0.08):
        with python(DIE_WHILE_COMPACTING, home.root, delay) as process:
            assert process.wait(30) == -9
        with warehouse(home) as con:
            assert content(con) == before
    with warehouse(home) as con:
        compact(con, home)
    with warehouse(home) as con:
        assert content(con) == before
    assert [path.name for path in home.private.iterdir() if "compact" in path.name] == []
