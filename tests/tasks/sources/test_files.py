"""Files in the contract's shape, loaded by hand."""

import json
from pathlib import Path

import polars as pl
import pytest

from storage.errors import GovpulseError
from storage.frames import fetch
from storage.home import Home
from storage.intake.landing import pending
from storage.intake.landing_names import plain_name
from storage.intake.loading import load_landing
from storage.limits import Limits
from storage.warehouse import warehouse
from tasks.sources.files import LandedRows, land_file, pieces

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
    assert land_file(home, "users", tmp_path / name) == LandedRows(rows=2, unreadable=0, files=1)
    select = "SELECT user_id, role, is_active, CAST(epoch(updated_at) AS BIGINT), source FROM raw.users ORDER BY user_id"
    assert loaded(home, select) == [("u1", "admin", True, 1772359200, "load"), ("u2", None, False, 1772438400, "load")]


@pytest.mark.parametrize("name", WRITERS)
def test_a_large_file_lands_in_pieces(tmp_path: Path, monkeypatch, name: str) -> None:
    monkeypatch.setattr(pieces, "PIECE_ROWS", 1)
    home = Home(tmp_path / "data")
    WRITERS[name](tmp_path / name)
    assert land_file(home, "users", tmp_path / name) == LandedRows(rows=2, unreadable=0, files=2)
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
    assert land_file(home, "users", path).rows == 2
    assert loaded(home, "SELECT user_id, team FROM raw.users") == [("007", "1e3")]
    assert loaded(home, "SELECT reason FROM ops.rejected_rows") == [("user_id is missing",)]


def test_a_file_with_a_header_only_has_no_rows(tmp_path: Path) -> None:
    path = tmp_path / "users.csv"
    path.write_text("user_id,updated_at\n")
    home = Home(tmp_path / "data")
    assert land_file(home, "users", path) == LandedRows()
    assert pending(home, "users") == []


def test_a_text_without_characters_is_not_missing(tmp_path: Path) -> None:
    """`attributes` is required, and empty where there are none."""
    metrics = {"host": "h", "metric": "m", "attributes": "", "observed_at": "2026-03-01T10:00:00Z", "value": 1.0, "status": "ok"}
    path, home = tmp_path / "metrics.csv", Home(tmp_path / "data")
    pl.DataFrame([metrics]).write_csv(path)
    land_file(home, "system_metrics", path)
    assert loaded(home, "SELECT attributes, value FROM raw.system_metrics") == [("", 1.0)]


def test_what_cannot_be_read_is_refused_with_its_reason(tmp_path: Path) -> None:
    path = tmp_path / "users.csv"
    path.write_bytes(b"user_id,team,updated_at\nu1,M\xfcnchen,2026-03-01\nu2,x\nu3,Bonn,2026-03-01\n")
    home = Home(tmp_path / "data")
    assert land_file(home, "users", path) == LandedRows(rows=3, unreadable=2, files=1)
    assert loaded(home, "SELECT user_id FROM raw.users") == [("u3",)]
    assert loaded(home, "SELECT reason FROM ops.rejected_rows ORDER BY reason") == [
        ("line 2 of users.csv is not UTF-8: u1,M\\xfcnchen,2026-03-01",),
        ("line 3 of users.csv has 2 fields, not 3: u2,x",),
    ]


def test_a_file_under_a_name_lands_under_the_same_names_again(tmp_path: Path, monkeypatch) -> None:
    """So that the ledger knows what has been loaded already, and the last piece that all of the file was landed."""
    monkeypatch.setattr(pieces, "PIECE_ROWS", 2)
    path, home = tmp_path / "users.csv", Home(tmp_path / "data")
    path.write_text("user_id,updated_at\n" + "".join(f"u{number},2026-03-01\n" for number in range(5)))
    names = ["0123-00001.parquet", "0123-00002.parquet", "0123-end.parquet"]
    for _ in range(2):
        assert land_file(home, "users", path, source="files", name="0123") == LandedRows(rows=5, unreadable=0, files=3)
        assert [plain_name(file.name) for file in pending(home, "users")] == names
    assert loaded(home, "SELECT count(*), min(source), max(source) FROM raw.users") == [(5, "files", "files")]
    land_file(home, "users", path, name="0123")
    with warehouse(home, Limits(10.0, 1)) as con:
        assert load_landing(con, home).rows == 0
    assert pending(home, "users") == []


WITHOUT_ROWS = {
    "users.csv": USERS.clear().write_csv,
    "users.parquet": USERS.clear().write_parquet,
    "users.ndjson": lambda path: path.write_text("\n\n"),
}


@pytest.mark.parametrize("name", WITHOUT_ROWS)
def test_a_file_without_rows_counts_as_read_where_its_pieces_have_names(tmp_path: Path, name: str) -> None:
    path, home = tmp_path / name, Home(tmp_path / "data")
    WITHOUT_ROWS[name](path)
    assert land_file(home, "users", path, name="0123") == LandedRows(rows=0, unreadable=0, files=1)
    assert [plain_name(file.name) for file in pending(home, "users")] == ["0123-end.parquet"]
    assert loaded(home, "SELECT rows, status FROM ops.loads") == [(0, "loaded")]


def write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def made(folder: Path) -> Path:
    folder.mkdir()
    return folder


BROKEN = {
    "missing file": (lambda folder: folder / "none.csv", "none.csv does not exist"),
    "missing parquet": (lambda folder: folder / "none.parquet", "none.parquet does not exist"),
    "missing ndjson": (lambda folder: folder / "none.ndjson", "none.ndjson does not exist"),
    "other suffix": (lambda folder: write(folder / "users.xlsx", b"x"), ".parquet, .csv, .tsv, .ndjson, .jsonl, .json"),
    "no suffix": (lambda folder: write(folder / "users", b"x"), ".parquet, .csv, .tsv, .ndjson, .jsonl, .json"),
    "empty csv": (lambda folder: write(folder / "a.csv", b""), "a.csv is empty"),
    "empty parquet": (lambda folder: write(folder / "a.parquet", b""), "a.parquet is empty"),
    "empty ndjson": (lambda folder: write(folder / "a.ndjson", b""), "a.ndjson is empty"),
    "torn parquet": (lambda folder: write(folder / "a.parquet", b"PAR1 and no more"), "is truncated or damaged"),
    "torn ndjson": (lambda folder: write(folder / "a.ndjson", b'{"user_id": "u1", "upda'), "line 1 of a.ndjson is not valid JSON"),
    "other ndjson": (lambda folder: write(folder / "a.ndjson", b'[\n{"user_id": "u1"}\n]'), "users needs the column updated_at"),
    "a json list": (lambda folder: write(folder / "a.ndjson", b'[{"user_id": "u1"}]'), "line 1 of a.ndjson is no JSON object"),
    "a folder of the name": (lambda folder: made(folder / "a.csv"), "cannot read"),
    "utf-16 csv": (lambda folder: write(folder / "a.csv", "user_id,updated_at\nu1,2026-03-01\n".encode("utf-16")), "is UTF-16"),
    "utf-16 ndjson": (lambda folder: write(folder / "a.ndjson", '{"user_id": "u1"}'.encode("utf-16")), "is UTF-16"),
    "csv of blank lines": (lambda folder: write(folder / "a.csv", b"\n\n"), "has no header"),
    "torn header": (lambda folder: write(folder / "a.csv", b'user_id,"updat'), "line 1 of a.csv has a quote that does not end"),
    "a column twice": (
        lambda folder: write(folder / "a.csv", b"user_id,updated_at,user_id\n"),
        "has the column user_id more than once",
    ),
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
