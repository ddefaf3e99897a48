"""Addresses on their way in: hashed the same from every kind of source, or their rows refused, before anything is landed."""

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.catalogue import DATASETS
from storage.home import Home
from storage.intake.landing import pending
from storage.intake.loading import load_landing
from storage.intake.rejected_rows import rejected_rows
from storage.limits import Limits
from storage.people.columns import user_columns
from storage.people.pseudonyms import AS_THEY_ARE, Pseudonyms
from storage.warehouse import warehouse
from tasks.sources.address import Address
from tasks.sources.database.opening import Source
from tasks.sources.extraction import extract_datasets
from tasks.sources.files import land_file
from tasks.sources.progress import read_progress
from tasks.sources.pseudonyms import without_addresses
from tasks.sources.reconciliation import Reconciliation, reconcile_datasets
from tasks.sources.replay import replay_kept, replay_source
from tests.homes import migrated_home

LIMITS = Limits(lock_timeout_seconds=20.0, threads=1)
HASHED, REFUSED = Pseudonyms("hash", b"s" * 32), Pseudonyms("refuse")
ANN = "ann.lee@x.org"
NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
SELECT = (
    "SELECT id AS user_id, role, NULL AS team, 1 AS is_active, '{}' AS preferences, at AS created_at, at AS updated_at FROM people"
)


class Platform:
    """People in SQLite, and a home that reads them."""

    def __init__(self, folder: Path, pseudonyms: Pseudonyms, *people: tuple[str, str]) -> None:
        self.file = folder / "platform.db"
        with closing(sqlite3.connect(self.file)) as con, con:
            con.execute("CREATE TABLE people (id TEXT PRIMARY KEY, role TEXT, at TEXT)")
        self.write(*people)
        (folder / "mine").mkdir()
        (folder / "mine" / "users.sql").write_text(SELECT)
        self.home, self.now = migrated_home(folder / "home"), datetime.now(UTC)
        self.source = Source("mine", Address("sqlite", str(self.file)), str(folder / "mine"), pseudonyms=pseudonyms)

    def write(self, *people: tuple[str, str], at: datetime = NOON) -> None:
        with closing(sqlite3.connect(self.file)) as con, con:
            con.executemany("INSERT OR REPLACE INTO people VALUES (?, ?, ?)", [(*person, at.isoformat()) for person in people])

    def delete(self, user: str) -> None:
        with closing(sqlite3.connect(self.file)) as con, con:
            con.execute("DELETE FROM people WHERE id = ?", [user])

    def standing(self) -> Any:
        return read_progress.fn(str(self.home.root), limits=LIMITS, source="mine")

    def extract(self, *, lands: bool = False) -> None:
        self.now += timedelta(seconds=1)
        extract_datasets.fn(
            str(self.home.root),
            source=self.source,
            so_far=self.standing(),
            overlap_seconds=0.0,
            extracted_at=self.now,
            report=lambda _: None,
        )
        self.load(lands=lands)

    def load(self, *, lands: bool = False) -> None:
        """Load what was landed, among which addresses are where it `lands` them."""
        assert lands == any(b"x.org" in path.read_bytes() for path in pending(self.home, "users"))
        with warehouse(self.home, LIMITS) as con:
            load_landing(con, self.home)

    def reconcile(self, *, lands: bool = False) -> Reconciliation:
        self.now += timedelta(seconds=1)
        found = reconcile_datasets.fn(
            str(self.home.root),
            limits=LIMITS,
            source=self.source,
            so_far=self.standing(),
            most_deleted_ratio=1.0,
            listed_at=self.now,
        )
        self.load(lands=lands)
        return found

    def users(self) -> dict[str, tuple[str, bool]]:
        with warehouse(self.home, LIMITS) as con:
            return {user: rest for user, *rest in con.sql("SELECT user_id, role, is_deleted FROM raw.users").fetchall()}

    def refused(self) -> list[tuple[Any, ...]]:
        with warehouse(self.home, LIMITS) as con:
            return rejected_rows(con, "users").rows()


@pytest.fixture
def platform(tmp_path: Path) -> Callable[..., Platform]:
    return lambda pseudonyms, *people: Platform(tmp_path, pseudonyms, *people)


def files(folder: Path, ids: list[str]) -> Iterator[Path]:
    """The same rows as files of every kind."""
    frame = pl.DataFrame({"user_id": ids, "updated_at": "2026-03-10T12:00:00Z"})
    frame.write_csv(folder / "a.csv")
    frame.write_ndjson(folder / "b.ndjson")
    (folder / "c.json").write_text(json.dumps(frame.to_dicts()))
    frame.write_parquet(folder / "d.parquet")
    frame.with_columns(pl.col("user_id").cast(pl.Categorical)).write_parquet(folder / "e.parquet")
    yield from sorted(folder.glob("?.*"))


@given(st.lists(st.from_regex(r"[a-zé.]{1,5}@?[a-zA-Z]{1,5}", fullmatch=True), min_size=1, max_size=6, unique_by=str.lower))
def test_an_id_becomes_the_same_from_every_kind_of_source(ids: list[str]) -> None:
    expected = sorted(map(HASHED.of, ids))
    with TemporaryDirectory() as name:
        folder = Path(name)
        for path in files(folder, ids):
            home = Home(folder / f"home-{path.suffix[1:]}-{path.stem}")
            land_file(home, "users", path, pseudonyms=HASHED)
            landed = pl.concat([pl.read_parquet(file).select(pl.col("user_id").cast(pl.String)) for file in pending(home, "users")])
            assert sorted(landed["user_id"]) == expected, path.name
        database = Platform(folder, HASHED, *((user, "steward") for user in ids))
        database.extract()
        assert sorted(database.users()) == expected


@pytest.mark.parametrize("dataset", [name for name, table in DATASETS.items() if user_columns(table)])
def test_every_column_for_users_of_every_dataset_is_hashed(dataset: str) -> None:
    table = DATASETS[dataset]
    rows = pa.table({column.name: [ANN] for column in table.columns if column.type == "VARCHAR"})
    hashed = without_addresses(rows, dataset, HASHED)
    names = {column.name for column in user_columns(table)}
    assert {name: hashed[name][0].as_py() for name in hashed.column_names} == {
        name: HASHED.of(ANN) if name in names else ANN for name in hashed.column_names
    }


@pytest.mark.parametrize(
    "column",
    [
        pa.array([ANN, None, "eve"], pa.large_string()),
        pa.array([ANN, None, "eve"]).dictionary_encode(),
        pa.array([ANN, None, "eve"], pa.string_view()),
        pa.array([ANN.encode(), None, b"eve"], pa.binary()),
        pa.chunked_array([[ANN], [None, "eve"]]),
    ],
    ids=["large", "dictionary", "view", "bytes", "chunks"],
)
def test_however_the_texts_are_stored(column: Any) -> None:
    assert without_addresses(pa.table({"user_id": column}), "users", HASHED)["user_id"].to_pylist() == [HASHED.of(ANN), None, "eve"]


def test_a_list_with_an_address_is_hashed_as_the_text_that_it_becomes() -> None:
    rows = pa.table({"user_id": [[ANN], ["eve"]]})
    assert without_addresses(rows, "users", HASHED)["user_id"].to_pylist() == [HASHED.of(f"[{ANN}]"), "[eve]"]


@pytest.mark.parametrize("pseudonyms", [HASHED, REFUSED])
@pytest.mark.parametrize("ids", [["eve", None], [1, 2], [1.5, None], [None, None], [True, False], []])
def test_without_an_address_rows_stay_as_they_are(pseudonyms: Pseudonyms, ids: list[Any]) -> None:
    rows = pa.table({"user_id": ids, "role": ["a@b"] * len(ids)})
    assert without_addresses(rows, "users", pseudonyms) is rows
    assert without_addresses(rows, "system_metrics", pseudonyms) is rows


def test_a_thing_is_somebody_where_its_kind_or_letters_say_so() -> None:
    rows = pa.table({"resource_id": ["7@9", "7@9", "x@9", None], "resource_type": ["cell", "user", None, "user"]})
    hashed = [HASHED.of("7@9"), HASHED.of("x@9")]
    assert without_addresses(rows, "activity", HASHED)["resource_id"].to_pylist() == ["7@9", *hashed, None]
    alone = without_addresses(rows.select(["resource_id"]), "activity", HASHED)["resource_id"].to_pylist()
    assert alone == ["7@9", "7@9", hashed[1], None]


def test_a_refused_row_says_why_and_which_one_it_is_without_the_address() -> None:
    rows = pa.table({"scan_id": ["1", "2"], "triggered_by": [ANN, "eve"], "name": ["by ann", None], "updated_at": ["x", "y"]})
    assert without_addresses(rows, "scans", REFUSED).to_pylist() == [
        {"scan_id": "2", "triggered_by": "eve", "name": None, "updated_at": "y", "unreadable": None},
        {
            "scan_id": "1",
            "triggered_by": None,
            "name": None,
            "updated_at": "x",
            "unreadable": "triggered_by is a mail address, which [people] addresses refuses",
        },
    ]
    both = without_addresses(pa.table({"user_id": [ANN], "person_id": [ANN]}), "people", REFUSED)
    said = (
        "user_id is a mail address, which [people] addresses refuses; person_id is a mail address, which [people] addresses refuses"
    )
    assert both["unreadable"].to_pylist() == [said]


def test_refused_they_are_counted_and_nothing_of_them_is_kept(platform: Callable[..., Platform]) -> None:
    here = platform(REFUSED, (ANN, "steward"), ("eve", "analyst"))
    here.extract()
    assert list(here.users()) == ["eve"]
    ((_, key, row, _),) = here.refused()
    assert (key, "x.org" in row) == ("?", False)
    assert "1 missing" not in str(here.reconcile()), "who is refused is not missing"


def test_what_was_stored_before_is_marked_deleted_under_its_address(platform: Callable[..., Platform]) -> None:
    here = platform(AS_THEY_ARE, (ANN, "steward"), ("eve", "analyst"))
    here.extract(lands=True)
    here.source = replace(here.source, pseudonyms=REFUSED)
    here.delete(ANN)
    assert str(here.reconcile(lands=True)) == "users 1 deleted of 1"
    assert here.users() == {ANN: ["steward", True], "eve": ["analyst", False]}


def test_kept_they_are_as_they_come(platform: Callable[..., Platform]) -> None:
    rows = pa.table({"user_id": [ANN]})
    assert without_addresses(rows, "users", AS_THEY_ARE) is rows


def test_reconciling_asks_the_source_for_its_own_id(platform: Callable[..., Platform]) -> None:
    here = platform(HASHED, (ANN, "steward"), ("bob@x.org", "steward"), ("eve", "analyst"), ("zoe@x.org", "last"))
    here.write(("zoe@x.org", "last"), at=NOON + timedelta(hours=2))
    here.extract()
    assert str(here.reconcile()) == "in agreement: users"
    here.write((ANN, "viewer"), at=NOON + timedelta(hours=1))
    here.write(("new@x.org", "late"), at=NOON - timedelta(days=1))
    here.delete("bob@x.org")
    assert str(here.reconcile()) == "users 1 missing, 1 stale, 1 deleted of 4"
    assert here.users() == {
        HASHED.of(ANN): ["viewer", False],
        HASHED.of("bob@x.org"): ["steward", True],
        HASHED.of("new@x.org"): ["late", False],
        HASHED.of("zoe@x.org"): ["last", False],
        "eve": ["analyst", False],
    }
    assert str(here.reconcile()) == "in agreement: users"
    assert list(here.home.private.glob("listing-*.parquet")) == []


def test_a_refused_row_is_read_again_by_its_own_id(platform: Callable[..., Platform]) -> None:
    """Reconciling knows it, even where nothing says that the row was mended."""
    long = "r" * 1_000_001
    here = platform(HASHED, (ANN, long))
    here.write(("eve", "analyst"), at=NOON + timedelta(days=9))
    here.extract()
    assert [key for _, key, *_ in here.refused()] == [HASHED.of(ANN)]
    here.write((ANN, "steward"))
    here.reconcile()
    assert (here.users()[HASHED.of(ANN)], here.refused()) == (["steward", False], [])


def test_kept_rows_are_landed_again_hashed(platform: Callable[..., Platform]) -> None:
    here = platform(AS_THEY_ARE, ("eve", "analyst"))
    row = json.dumps({"user_id": ANN, "updated_at": "2026-03-10T12:00:00Z"})
    rows = pl.DataFrame({"rejected_id": ["1"], "key": [ANN], "row": [row], "source": ["mine"]})
    assert replay_source(here.home, replace(here.source, pseudonyms=HASHED), "users", rows, NOON) == []
    assert replay_kept(here.home, "users", rows, HASHED) == ["1"]
    here.load()
    assert list(here.users()) == [HASHED.of(ANN)]
