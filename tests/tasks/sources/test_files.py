"""Files in the contract's shape, loaded by hand."""

import json
from pathlib import Path

import polars as pl
import pytest

from storage.errors import GovpulseError
from storage.frames import fetch
from storage.home import Home
from storage.landing import pending
from storage.loading import load_landing
from storage.warehouse import Limits, warehouse
from tasks.sources import files
from tasks.sources.files import land_file

USERS = pl.DataFrame(
    {
        "user_id": ["u1", "u2"],
        "role": ["admin", None],
        "is_active": [True, False],
        "updated_at": ["2026-03-01T10:00:00Z", "2026-03-02T10:00:00+02:00"],
    }
)
WRITERS = {
    "users.parquet": USERS.write_parquet,
    "users.csv": USERS.write_csv,
    "USERS.CSV": USERS.write_csv,
    "users.ndjson": USERS.write_ndjson,
    "users.jsonl": USERS.write_ndjson,
}


def loaded(home: Home, sql: str) -> list[tuple]:
    with warehouse(home, Limits(10.0, 1)) as con:
        load_landing(con, home)
        return fetch(con, sql).rows()


@pytest.mark.parametrize("name", WRITERS)
def test_every_kind_of_file_gives_the_same_rows(tmp_path: Path, name: str) -> None:
    WRITERS[name](tmp_path / name)
    home = Home(tmp_path / "data")
    assert land_file(home, "users", tmp_path / name) == 2
    select = "SELECT user_id, role, is_active, CAST(epoch(updated_at) AS BIGINT), source FROM raw.users ORDER BY user_id"
    assert loaded(home, select) == [("u1", "admin", True, 1772359200, "load"), ("u2", None, False, 1772438400, "load")]


def test_a_large_file_lands_in_pieces(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(files, "FILE_ROWS", 1)
    for name, write in WRITERS.items():
        home = Home(tmp_path / name / "data")
        home.create()
        write(tmp_path / name / "x".replace("x", name))
        assert land_file(home, "users", tmp_path / name / name) == 2
        assert len(pending(home, "users")) == 2
        assert loaded(home, "SELECT count(*) FROM raw.users") == [(2,)]


def test_objects_of_ndjson_stay_as_they_are(tmp_path: Path) -> None:
    """Each row keeps its own keys: none are added because another row has them."""
    preferences = [{"theme": "dark"}, {"lang": "de", "pages": [1, 2]}, None]
    rows = [{"user_id": f"u{n}", "updated_at": "2026-03-01T10:00:00Z", "preferences": p} for n, p in enumerate(preferences)]
    path = tmp_path / "users.ndjson"
    path.write_text("\n".join(json.dumps(row) for row in rows))
    home = Home(tmp_path / "data")
    land_file(home, "users", path)
    stored = loaded(home, "SELECT CAST(preferences AS VARCHAR) FROM raw.users ORDER BY user_id")
    assert [text and json.loads(text) for (text,) in stored] == preferences


def test_csv_does_not_guess_types(tmp_path: Path) -> None:
    path = tmp_path / "users.csv"
    path.write_text("user_id,team,updated_at\n007,1e3,2026-03-01T10:00:00Z\n,x,2026-03-01T10:00:00Z\n")
    home = Home(tmp_path / "data")
    assert land_file(home, "users", path) == 2
    assert loaded(home, "SELECT user_id, team FROM raw.users") == [("007", "1e3")]
    assert loaded(home, "SELECT reason FROM ops.rejected_rows") == [("user_id is missing",)]


def test_a_file_with_a_header_only_has_no_rows(tmp_path: Path) -> None:
    path = tmp_path / "users.csv"
    path.write_text("user_id,updated_at\n")
    assert land_file(Home(tmp_path / "data"), "users", path) == 0


def write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


BROKEN = {
    "missing file": (lambda folder: folder / "none.csv", "none.csv does not exist"),
    "missing parquet": (lambda folder: folder / "none.parquet", "none.parquet does not exist"),
    "missing ndjson": (lambda folder: folder / "none.ndjson", "none.ndjson does not exist"),
    "other suffix": (lambda folder: write(folder / "users.xlsx", b"x"), ".parquet, .csv, .ndjson or .jsonl"),
    "no suffix": (lambda folder: write(folder / "users", b"x"), ".parquet, .csv, .ndjson or .jsonl"),
    "empty csv": (lambda folder: write(folder / "a.csv", b""), "cannot read"),
    "empty parquet": (lambda folder: write(folder / "a.parquet", b""), "cannot read"),
    "empty ndjson": (lambda folder: write(folder / "a.ndjson", b""), "cannot read"),
    "torn parquet": (lambda folder: write(folder / "a.parquet", b"PAR1 and no more"), "cannot read"),
    "torn ndjson": (lambda folder: write(folder / "a.ndjson", b'{"user_id": "u1", "upda'), "cannot read"),
    "a folder": (lambda folder: folder, ".parquet, .csv"),
    "missing column": (lambda folder: write(folder / "a.csv", b"user_id,role\nu1,x\n"), "users needs the column updated_at"),
    "missing columns": (lambda folder: write(folder / "a.csv", b"id,role\nu1,x\n"), "users needs the columns user_id, updated_at"),
    "missing column without rows": (lambda folder: write(folder / "a.csv", b"user_id,role\n"), "users needs the column updated_at"),
}


@pytest.mark.parametrize(("make", "said"), BROKEN.values(), ids=BROKEN)
def test_what_cannot_be_loaded_is_said_and_lands_nothing(tmp_path: Path, make, said: str) -> None:
    home = Home(tmp_path / "data")
    path = make(tmp_path)
    with pytest.raises(GovpulseError) as caught:
        land_file(home, "users", path)
    assert said in str(caught.value)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert pending(home, "users") == []
