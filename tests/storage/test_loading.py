"""Every landed row reaches the warehouse exactly once, whole files at a time; what cannot be accepted is kept with its reason."""

import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import polars as pl
import pytest
from hypothesis import given
from hypothesis import settings as limits
from hypothesis import strategies as st

from storage.catalogue import DATASETS
from storage.home import Home
from storage.intake.landing import land, pending
from storage.intake.loading import load_landing
from storage.warehouse import warehouse

START = datetime(2026, 3, 1, tzinfo=UTC)

LOAD_WITHOUT_ROOM = """
import resource, signal, sys
from pathlib import Path
from storage.home import Home
from storage.intake.loading import load_landing
from storage.warehouse import warehouse
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
try:
    with warehouse(Home(Path(sys.argv[1]))) as con:
        resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192))
        load_landing(con, Home(Path(sys.argv[1])))
except Exception as error:
    print(error)
"""


def count(con, table):
    return con.sql(f"SELECT count(*) FROM {table}").fetchall()[0][0]


def ledger(con):
    return con.sql("SELECT file, status, rows, rejected FROM ops.loads ORDER BY file").fetchall()


def scans(*rows):
    return pl.DataFrame(rows, schema=dict.fromkeys(rows[0], pl.String))


def test_rows_ledger_and_watermark_come_in_together_and_the_file_goes(con, home, sound_row):
    row = sound_row("scans")
    metadata = {"source": "racine", "watermark": (START + timedelta(hours=1)).isoformat()}
    land(home, "scans", scans(row, row | {"scan_id": "s2", "updated_at": "2026-03-01T05:00:00Z"}), name="a", metadata=metadata)
    result = load_landing(con, home)
    assert (result.files, result.rows, result.rejected, result.quarantined) == (1, 2, 0, ())
    assert con.sql("SELECT scan_id, source FROM raw.scans ORDER BY 1").fetchall() == [("s1", "racine"), ("s2", "racine")]
    assert con.sql("SELECT file, dataset, status, rows, rejected, first_at, last_at, source FROM ops.loads").fetchall() == [
        ("scans/a.parquet", "scans", "loaded", 2, 0, START + timedelta(minutes=2), START + timedelta(hours=5), "racine")
    ]
    assert con.sql("SELECT dataset, source, watermark FROM ops.watermarks").fetchall() == [
        ("scans", "racine", START + timedelta(hours=1))
    ]
    assert pending(home, "scans") == []


def test_a_watermark_never_goes_back(con, home, sound_row):
    for hours in (5, 3):
        metadata = {"source": "racine", "watermark": (START + timedelta(hours=hours)).isoformat()}
        land(home, "scans", scans(sound_row("scans")), metadata=metadata)
        load_landing(con, home)
    assert con.sql("SELECT watermark FROM ops.watermarks").fetchall() == [(START + timedelta(hours=5),)]


def test_a_file_put_back_after_loading_is_only_deleted(con, home, samples):
    path = land(home, "system_metrics", samples(10))
    saved = path.read_bytes()
    load_landing(con, home)
    con.execute("DELETE FROM raw.system_metrics")
    path.write_bytes(saved)
    assert load_landing(con, home).files == 0
    assert not path.exists()
    assert (count(con, "raw.system_metrics"), len(ledger(con))) == (0, 1)


def test_a_load_that_fails_midway_changes_nothing_and_can_be_repeated(con, home, sound_row):
    bad = sound_row("scans", scan_id="bad", status="exploded")
    land(home, "scans", scans(sound_row("scans"), bad), name="a", metadata={"source": "x", "watermark": START.isoformat()})
    con.execute("ALTER TABLE ops.watermarks RENAME TO away")
    with pytest.raises(duckdb.CatalogException, match="watermarks"):
        load_landing(con, home)
    assert [count(con, table) for table in ("raw.scans", "ops.loads", "ops.rejected_rows")] == [0, 0, 0]
    assert len(pending(home, "scans")) == 1
    con.execute("ALTER TABLE ops.away RENAME TO watermarks")
    result = load_landing(con, home)
    assert (result.files, result.rows, result.rejected) == (1, 2, 1)
    assert ledger(con) == [("scans/a.parquet", "loaded", 2, 1)]


def test_a_full_disk_is_one_line_and_costs_no_row(home, samples, python):
    with warehouse(home):
        land(home, "system_metrics", samples(5000))
    with python(LOAD_WITHOUT_ROOM, home.root) as process:
        lines = process.stdout.read().splitlines()
    assert len(lines) == 1
    assert "File too large" in lines[0]
    with warehouse(home) as con:
        assert (count(con, "raw.system_metrics"), ledger(con), len(pending(home, "system_metrics"))) == (0, [], 1)
        load_landing(con, home)
        assert count(con, "raw.system_metrics") == 5000


def test_unreadable_files_are_set_aside_with_their_reason_and_the_others_load(con, home, samples):
    whole = land(home, "system_metrics", samples(50), name="0-whole").read_bytes()
    folder = home.landing / "system_metrics"
    damaged = {"1-empty": b"", "2-garbage": b"PAR1 not really", "3-torn": whole[:-20], "4-no-footer": whole[: len(whole) // 2]}
    for name, data in damaged.items():
        (folder / f"{name}.parquet").write_bytes(data)
    land(home, "system_metrics", samples(50).drop("status"), name="5-no-status")
    corrupt = land(home, "system_metrics", samples(50), name="6-corrupt-pages")
    corrupt.write_bytes(whole[:100] + b"\xff" * 200 + whole[300:])
    land(home, "system_metrics", samples(50, host="h2"), name="7-whole")
    result = load_landing(con, home)
    assert (result.files, result.rows, len(result.quarantined)) == (8, 100, 6)
    assert count(con, "raw.system_metrics") == 100
    reasons = dict(con.sql("SELECT file, reason FROM ops.loads WHERE status = 'quarantined'").fetchall())
    assert {name.split("/")[1][:1] for name in reasons} == set("123456")
    assert all(reason and "\n" not in reason for reason in reasons.values())
    assert reasons["system_metrics/5-no-status.parquet"] == "5-no-status.parquet: system_metrics needs the column status"
    assert sorted(path.name[0] for path in (home.quarantine / "system_metrics").iterdir()) == list("123456")
    assert (home.quarantine / "system_metrics" / "3-torn.parquet").read_bytes() == whole[:-20]
    assert pending(home, "system_metrics") == []
    assert load_landing(con, home).files == 0


def test_a_file_repaired_and_put_back_is_loaded(con, home, samples):
    land(home, "system_metrics", samples(5).drop("status"), name="a")
    load_landing(con, home)
    land(home, "system_metrics", samples(5), name="a")
    load_landing(con, home)
    assert count(con, "raw.system_metrics") == 5
    assert ledger(con) == [("system_metrics/a.parquet", "loaded", 5, 0)]


def test_rejected_rows_are_kept_once_however_often_they_are_read(con, home, sound_row):
    bad = sound_row("scans", status="exploded", extra="kept too")
    for hour in ("01", "02"):
        land(home, "scans", scans(bad | {"extracted_at": f"2026-03-01T{hour}:00:00Z"}), metadata={"source": "racine"})
        assert load_landing(con, home).rejected == 1
    found = con.sql("SELECT dataset, key, source, row->>'extra', row->>'extracted_at' FROM ops.rejected_rows").fetchall()
    assert found == [("scans", "s1", "racine", "kept too", "2026-03-01T02:00:00Z")]
    land(home, "scans", scans(bad | {"status": "worse"}), metadata={"source": "racine"})
    load_landing(con, home)
    assert count(con, "ops.rejected_rows") == 2, "another reason is another row"


def test_a_refused_record_of_a_run_does_not_stop_the_next(con, home):
    run = {"run_id": "r1", "flow": "f", "status": "?", "started_at": "2026-03-01T00:00:00Z", "updated_at": "2026-03-01T00:00:00Z"}
    for status in ("?", "running"):
        land(home, "runs", scans(run | {"status": status}))
        load_landing(con, home)
    assert con.sql("SELECT run_id, status FROM ops.runs").fetchall() == [("r1", "running")]
    assert count(con, "ops.rejected_rows") == 0


def test_our_own_record_of_a_run_is_no_row_that_came_in(con, home, sound_row):
    run = {"run_id": "r1", "flow": "f", "status": "running", "started_at": "2026-03-01T00:00:00Z"}
    land(home, "runs", scans(run | {"updated_at": "2026-03-01T00:00:00Z"}))
    land(home, "scans", scans(sound_row("scans")))
    result = load_landing(con, home)
    assert (result.files, result.rows, result.accepted) == (1, 1, 1)
    assert count(con, "ops.runs") == 1


def test_a_rejected_sample_of_the_host_does_not_stop_the_others(con, home, samples):
    frame = samples(3).with_columns(pl.when(pl.col("value") == 1).then(None).otherwise(pl.col("value")).alias("value"))
    land(home, "system_metrics", frame)
    result = load_landing(con, home)
    assert (result.files, result.rows, result.rejected) == (1, 3, 1)
    assert count(con, "raw.system_metrics") == 2


@pytest.mark.parametrize("order", [("sample", "real"), ("real", "sample")])
def test_sample_rows_give_way_to_real_ones_in_either_order(con, home, sound_row, order):
    for kind in order:
        rows = scans(sound_row("scans", scan_id=kind), sound_row("scans", scan_id=f"{kind} bad", status="?"))
        land(home, "scans", rows, name=kind, metadata={"source": kind, "watermark": START.isoformat()})
        user = pl.DataFrame([sound_row("users", user_id=kind)])
        land(home, "users", user, name=kind, metadata={"source": kind})
        load_landing(con, home)
    for table in ("raw.scans", "raw.users", "ops.watermarks", "ops.rejected_rows"):
        assert con.sql(f"SELECT DISTINCT source FROM {table}").fetchall() == [("real",)], table
    statuses = {name: status for name, status, _, _ in ledger(con)}
    assert statuses["users/real.parquet"] == "loaded"
    assert statuses["scans/sample.parquet"] == ("loaded" if order[0] == "sample" else "displaced")


def test_sample_rows_stay_while_the_real_source_has_no_rows(con, home, sound_row):
    row = scans(sound_row("scans"))
    land(home, "scans", row.clear(), name="1", metadata={"source": "real"})
    land(home, "scans", row, name="2", metadata={"source": "sample"})
    land(home, "scans", row.clear(), name="3", metadata={"source": "real"})
    load_landing(con, home)
    assert con.sql("SELECT source FROM raw.scans").fetchall() == [("sample",)]


def versions(dataset):
    """Few keys, few instants, so that files overlap and tie; a bad status now and then."""
    key = DATASETS[dataset].key[0]
    state = {"scans": {"data_source": "d", "scan_type": "t"}, "users": {}}[dataset]
    changing = {
        key: st.sampled_from("ab"),
        "updated_at": st.integers(0, 2).map(lambda hour: f"2026-03-01T0{hour}:00:00Z"),
        ("status" if dataset == "scans" else "role"): st.sampled_from(["running", "failed"] + ["?"] * (dataset == "scans")),
    }
    return st.lists(st.fixed_dictionaries({**changing, **{name: st.just(cell) for name, cell in state.items()}}), max_size=4)


FILES = st.lists(
    st.sampled_from(["scans", "users"]).flatmap(
        lambda dataset: st.tuples(st.just(dataset), versions(dataset), st.sampled_from(["real", "real", "sample"]))
    ),
    min_size=1,
    max_size=5,
)


def load_in_order(con, numbered_files, *, one_by_one):
    for table in ("raw.scans", "raw.users", "ops.loads", "ops.rejected_rows"):
        con.execute(f"DELETE FROM {table}")
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder))
        for position, (number, (dataset, rows, source)) in enumerate(numbered_files):
            required = [column.name for column in DATASETS[dataset].columns if column.is_required]
            names = dict.fromkeys([*required, *(rows[0] if rows else [])], pl.String)
            land(home, dataset, pl.DataFrame(rows, schema=names), name=f"{position}-{number}", metadata={"source": source})
            if one_by_one:
                load_landing(con, home)
        load_landing(con, home)
    return [sorted(con.sql(f"SELECT * FROM {table}").fetchall(), key=repr) for table in ("raw.scans", "raw.users")]


@limits(max_examples=12)
@given(files=FILES, data=st.data())
def test_any_order_of_arrival_of_the_same_files_gives_the_same_tables(shared, files, data):
    numbered = list(enumerate(files))
    shuffled = data.draw(st.permutations(numbered))
    assert load_in_order(shared, numbered, one_by_one=False) == load_in_order(shared, shuffled, one_by_one=True)
