"""Listings: what the latest one of a source lacks is gone, whatever order the files come in, and nothing else ever is."""

import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import polars as pl
import pytest
from hypothesis import given
from hypothesis import settings as limits
from hypothesis import strategies as st

from storage.catalogue import DATASETS, GOVERNANCE, LISTINGS
from storage.home import Home
from storage.intake.landing import land, pending
from storage.intake.ledger import last_seen
from storage.intake.listings import mark_gone
from storage.intake.loading import load_landing

START = datetime(2026, 3, 1, tzinfo=UTC)
ROWS = "SELECT domain || '/' || user_id, is_deleted FROM raw.owners ORDER BY ALL"
WATERMARKS = "SELECT source, watermark FROM ops.watermarks WHERE dataset = 'owners' ORDER BY ALL"
SCHEMA = {"domain": pl.String, "user_id": pl.String, "extracted_at": pl.Datetime("us", "UTC")}


def at(minute):
    return START + timedelta(minutes=minute)


def list_owners(home, owners, minute, *, source="a", name=None, is_whole=True):
    """Land owners, written `domain/user`, as an extraction at `minute` does; one that breaks off carries no mark."""
    rows = [(*(part or None for part in owner.split("/")), at(minute)) for owner in owners]
    metadata = {"source": source} | ({"watermark": at(minute).isoformat()} if is_whole else {})
    return land(home, "owners", pl.DataFrame(rows, schema=SCHEMA, orient="row"), name=name, metadata=metadata)


@pytest.fixture
def take(con, home):
    """List, load, and say that it is right however few are left; returns who is declared."""

    def take_listing(owners, minute, **options):
        list_owners(home, owners, minute, **options)
        load_landing(con, home)
        mark_gone(con, DATASETS["owners"], options.get("source", "a"), most_deleted_ratio=1.0)
        return declared(con)

    return take_listing


def declared(con):
    return {owner for owner, is_deleted in con.sql(ROWS).fetchall() if not is_deleted}


def test_what_can_be_told_to_be_gone_says_when_it_was_seen_and_of_what_source():
    assert LISTINGS == ("owners", "people", "links")
    for dataset in LISTINGS:
        table = DATASETS[dataset]
        assert {"source", "extracted_at", "is_deleted"} <= set(table.column_names)
        assert table.version == ("extracted_at",)
        assert "updated_at" not in table.column_names
        assert dataset in GOVERNANCE


def test_the_latest_listing_is_what_there_is(con, take):
    assert take(["finance/u1", "finance/u2", "hr/u1"], 0) == {"finance/u1", "finance/u2", "hr/u1"}
    assert take(["finance/u2", "sales/u3"], 15) == {"finance/u2", "sales/u3"}
    assert con.sql(ROWS).fetchall() == [("finance/u1", True), ("finance/u2", False), ("hr/u1", True), ("sales/u3", False)]
    seen = "SELECT extracted_at FROM raw.owners WHERE is_deleted"
    assert set(con.sql(seen).fetchall()) == {(at(0),)}, "what is gone says when it was last seen"


def test_an_owner_who_comes_back_is_one_again(con, take):
    take(["finance/u1", "finance/u2"], 0)
    assert take(["finance/u2"], 15) == {"finance/u2"}
    assert take(["finance/u1", "finance/u2"], 30) == {"finance/u1", "finance/u2"}
    assert con.sql("SELECT count(*) FROM raw.owners").fetchall() == [(2,)]


def test_an_empty_listing_leaves_nobody(con, take):
    take(["finance/u1"], 0)
    assert take([], 15) == set()
    assert con.sql(WATERMARKS).fetchall() == [("a", at(15))]
    assert last_seen(con, "a") == at(15), "a look that saw nobody was one"


def test_a_listing_that_broke_off_takes_nobody_away(con, take):
    take(["finance/u1", "finance/u2"], 0)
    assert take(["sales/u3"], 15, is_whole=False) == {"finance/u1", "finance/u2", "sales/u3"}
    assert con.sql(WATERMARKS).fetchall() == [("a", at(0))]
    assert take(["finance/u1"], 30) == {"finance/u1"}


def test_the_first_files_of_a_listing_take_nobody_away_before_its_last(con, home):
    for minute, files in ((0, ["finance/u1", "hr/u2"]), (15, ["hr/u2", "finance/u1"])):
        list_owners(home, files[:1], minute, is_whole=False)
        load_landing(con, home)
        assert minute == 0 or declared(con) == {"finance/u1", "hr/u2"}
        list_owners(home, files[1:], minute)
        load_landing(con, home)
        assert declared(con) == {"finance/u1", "hr/u2"}


def test_a_listing_speaks_for_its_own_source_only(take):
    take(["finance/u1", "hr/u1"], 0, source="a")
    take(["sales/u2"], 5, source="b")
    assert take([], 10, source="c") == {"finance/u1", "hr/u1", "sales/u2"}
    assert take(["hr/u1"], 15, source="a") == {"hr/u1", "sales/u2"}


def test_a_file_is_merged_and_takes_nobody_away(con, home, take):
    take(["finance/u1"], 0)
    land(home, "owners", pl.DataFrame({"domain": ["hr"], "user_id": ["u9"]}), metadata={"source": "load"})
    load_landing(con, home)
    assert declared(con) == {"finance/u1", "hr/u9"}
    assert take([], 15) == {"hr/u9"}, "nor does a listing of another source take away what a file said"
    gone = pl.DataFrame({"domain": ["hr"], "user_id": ["u9"], "is_deleted": ["true"]})
    land(home, "owners", gone, metadata={"source": "load"})
    load_landing(con, home)
    assert declared(con) == set()


def test_doubles_are_one_row_and_not_refused(con, home, take):
    assert take(["finance/u1", "finance/u1", "hr/u1"], 0) == {"finance/u1", "hr/u1"}
    assert con.sql("SELECT count(*) FROM raw.owners").fetchall() == [(2,)]
    assert con.sql("SELECT count(*) FROM ops.rejected_rows").fetchall() == [(0,)]


def test_refused_rows_are_kept_until_a_listing_no_longer_has_them(con, take):
    refused = "SELECT key, reason FROM ops.rejected_rows ORDER BY ALL"
    for minute in (0, 15):
        assert take(["finance/", "/u1", "hr/u1"], minute) == {"hr/u1"}
        assert con.sql(refused).fetchall() == [("?/u1", "domain is missing"), ("finance/?", "user_id is missing")]
    take(["/u1", "hr/u1"], 30)
    assert con.sql(refused).fetchall() == [("?/u1", "domain is missing")]
    take(["sales/"], 35, source="b")
    take(["finance/"], 40, is_whole=False)
    assert [key for key, _ in con.sql(refused).fetchall()] == ["?/u1", "finance/?", "sales/?"]
    take([], 45)
    assert [key for key, _ in con.sql(refused).fetchall()] == ["sales/?"]


def test_the_rows_of_other_datasets_are_left_alone(con, home, take, sound_row):
    rows = [sound_row("users", extracted_at=at(0).isoformat()), sound_row("users", user_id=None, extracted_at=at(0).isoformat())]
    land(home, "users", pl.DataFrame(rows), metadata={"source": "a", "watermark": at(0).isoformat()})
    take(["finance/u1"], 0)
    take([], 15)
    assert con.sql("SELECT user_id, is_deleted FROM raw.users").fetchall() == [("u1", False)]
    assert con.sql("SELECT dataset FROM ops.rejected_rows").fetchall() == [("users",)]
    assert con.sql("SELECT watermark FROM ops.watermarks WHERE dataset = 'users'").fetchall() == [(at(0),)]


def test_a_load_that_fails_midway_takes_nobody_away_and_can_be_repeated(con, home, take):
    take(["finance/u1"], 0)
    list_owners(home, ["hr/u2"], 15)
    con.execute("ALTER TABLE ops.watermarks RENAME TO away")
    with pytest.raises(duckdb.CatalogException, match="watermarks"):
        load_landing(con, home)
    assert declared(con) == {"finance/u1"}
    con.execute("ALTER TABLE ops.away RENAME TO watermarks")
    load_landing(con, home)
    assert declared(con) == {"hr/u2"}


def test_a_listing_put_back_after_loading_is_only_deleted(con, home, take):
    path = list_owners(home, ["finance/u1"], 0)
    saved = path.read_bytes()
    load_landing(con, home)
    con.execute("UPDATE raw.owners SET domain = 'untouched'")
    path.write_bytes(saved)
    assert load_landing(con, home).files == 0
    assert pending(home, "owners") == []
    assert declared(con) == {"untouched/u1"}


@pytest.mark.parametrize("order", [("sample", "real"), ("real", "sample")])
def test_sample_owners_give_way_to_real_rows_of_any_dataset_in_either_order(con, home, sound_row, order):
    for minute, kind in enumerate(order):
        if kind == "sample":
            list_owners(home, ["finance/u1", "finance/"], minute, source=kind)
        else:
            land(home, "users", pl.DataFrame([sound_row("users")]), metadata={"source": kind})
        load_landing(con, home)
    assert [con.sql(f"SELECT count(*) FROM {table}").fetchall() for table in ("raw.owners", "ops.rejected_rows", "raw.users")] == [
        [(0,)],
        [(0,)],
        [(1,)],
    ]
    assert con.sql(WATERMARKS).fetchall() == []


def test_real_owners_drive_sample_rows_out_and_an_empty_listing_does_not(con, home, take, sound_row):
    land(home, "users", pl.DataFrame([sound_row("users")]), metadata={"source": "sample"})
    take(["finance/u1"], 0, source="sample")
    assert take([], 10, source="real") == {"finance/u1"}
    assert take(["hr/u2"], 20, source="real") == {"hr/u2"}
    assert con.sql("SELECT count(*) FROM raw.users").fetchall() == [(0,)]


LOOKS = st.lists(
    st.tuples(
        st.lists(st.sampled_from(["finance/u1", "finance/u2", "hr/u1"]), max_size=4),
        st.sampled_from(["a", "a", "b"]),
        st.booleans(),
    ),
    min_size=1,
    max_size=5,
)


def load_looks(con, numbered, *, one_by_one):
    for table in ("raw.owners", "ops.watermarks", "ops.loads"):
        con.execute(f"DELETE FROM {table}")
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder))
        for position, (minute, (owners, source, is_whole)) in enumerate(numbered):
            list_owners(home, owners, minute, source=source, name=f"{position}", is_whole=is_whole)
            if one_by_one:
                load_landing(con, home)
        load_landing(con, home)
    return con.sql("SELECT * FROM raw.owners ORDER BY ALL").fetchall()


@limits(max_examples=15)
@given(looks=LOOKS, data=st.data())
def test_any_order_of_arrival_ends_in_the_same_owners(shared, looks, data):
    numbered = list(enumerate(looks))
    shuffled = data.draw(st.permutations(numbered))
    assert load_looks(shared, numbered, one_by_one=False) == load_looks(shared, shuffled, one_by_one=True)
