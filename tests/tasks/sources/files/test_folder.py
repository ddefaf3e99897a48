"""A folder of files as a source: each file once, a changed one again, a bad one named while the others go on."""

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from storage.errors import GovpulseError
from storage.frames import fetch
from storage.home import Home
from storage.intake.landing import pending
from storage.intake.load_result import Counts
from storage.intake.loading import load_landing
from storage.limits import Limits
from storage.warehouse import warehouse
from tasks.sources.address import Address
from tasks.sources.database.opening import Source
from tasks.sources.examination import Examination
from tasks.sources.extraction import Extraction
from tasks.sources.files import find_files, pieces
from tasks.sources.files.examination import examine_files
from tasks.sources.files.extraction import extract_files

LIMITS = Limits(lock_timeout_seconds=10.0, threads=1)
NOW = datetime(2026, 7, 10, 12, tzinfo=UTC)
HEADER = "user_id,role,updated_at\n"


class Folder:
    def __init__(self, path: Path) -> None:
        self.path, self.home = path / "drop", Home(path / "data")
        self.path.mkdir()

    def write(self, name: str, text: str) -> Path:
        file = self.path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
        return file

    def extract(self) -> Extraction:
        return extract_files.fn(str(self.home.root), limits=LIMITS, source=Source("files-1", Address("files", str(self.path)), ""))

    def examine(self) -> list[Examination]:
        source = Source("files-1", Address("files", str(self.path)), "")
        return list(examine_files(source, self.path, find_files(self.path).files, NOW))

    def take(self) -> dict[str, int]:
        extraction = self.extract()
        assert extraction.failures == {}
        with warehouse(self.home, LIMITS) as con:
            load_landing(con, self.home)
        return {result.dataset: result.rows for result in extraction.results}

    def rows(self, sql: str) -> list:
        with warehouse(self.home, LIMITS) as con:
            return fetch(con, sql).rows()


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def test_every_file_is_read_once(folder: Folder) -> None:
    folder.write("users.csv", f"{HEADER}u1,admin,2026-03-01T10:00:00Z\n")
    folder.write("users/more.ndjson", '{"user_id": "u2", "updated_at": "2026-03-01T10:00:00Z"}\n')
    folder.write("notes.txt", "not ours")
    assert folder.take() == {"users": 2}
    assert folder.take() == {"users": 0}
    assert folder.rows("SELECT user_id, source FROM raw.users ORDER BY 1") == [("u1", "files-1"), ("u2", "files-1")]


def test_a_changed_file_is_read_again(folder: Folder) -> None:
    file = folder.write("users.csv", f"{HEADER}u1,admin,2026-03-01T10:00:00Z\n")
    folder.take()
    file.write_text(f"{HEADER}u1,viewer,2026-03-02T10:00:00Z\n")
    os.utime(file, ns=(1, 1))
    assert folder.take() == {"users": 1}
    assert folder.rows("SELECT role FROM raw.users") == [("viewer",)]


def test_the_newest_change_of_a_row_stays_whichever_file_comes_first(folder: Folder) -> None:
    folder.write("users-1.csv", f"{HEADER}u1,newest,2026-03-02T10:00:00Z\n")
    folder.write("users-2.csv", f"{HEADER}u1,older,2026-03-01T10:00:00Z\n")
    folder.take()
    assert folder.rows("SELECT role FROM raw.users") == [("newest",)]


def test_a_file_landed_and_not_loaded_yet_is_not_doubled(folder: Folder) -> None:
    folder.write("users.csv", f"{HEADER}u1,admin,2026-03-01T10:00:00Z\n")
    folder.extract()
    folder.extract()
    assert len(pending(folder.home, "users")) == 1
    folder.take()
    assert folder.rows("SELECT count(*) FROM raw.users") == [(1,)]


def test_a_bad_file_is_named_and_the_others_are_read(folder: Folder) -> None:
    folder.write("users-1.csv", "")
    folder.write("users-2.csv", f"{HEADER}u1,admin,2026-03-01T10:00:00Z\nu2,too,many,fields\n")
    folder.write("scans.parquet", "PAR1 and no more")
    extraction = folder.extract()
    assert set(extraction.failures) == {"users-1.csv", "scans.parquet"}
    assert extraction.failures["users-1.csv"].endswith("users-1.csv is empty")
    assert all("\n" not in why for why in extraction.failures.values())
    with warehouse(folder.home, LIMITS) as con:
        load_landing(con, folder.home)
    assert folder.rows("SELECT user_id FROM raw.users") == [("u1",)]
    ((reason,),) = folder.rows("SELECT reason FROM ops.rejected_rows")
    assert reason == "line 3 of users-2.csv has 4 fields, not 3: u2,too,many,fields"


def test_owners_are_merged_because_a_file_need_not_be_all_of_them(folder: Folder) -> None:
    declared = "SELECT domain, user_id FROM raw.owners WHERE NOT is_deleted ORDER BY ALL"
    file = folder.write("owners.csv", "domain,user_id\nfinance,u1\nhr,u1\nhr,\n")
    assert folder.take() == {"owners": 3}
    file.write_text("domain,user_id,is_deleted\nfinance,u2,\nhr,u1,true\n")
    assert folder.take() == {"owners": 2}
    assert folder.rows(declared) == [("finance", "u1"), ("finance", "u2")]
    file.unlink()
    assert folder.take() == {}
    assert folder.rows(declared) == [("finance", "u1"), ("finance", "u2")]
    assert folder.rows("SELECT key, reason FROM ops.rejected_rows") == [("hr/?", "user_id is missing")]


def test_a_missing_folder_is_said(folder: Folder) -> None:
    folder.path.rmdir()
    with pytest.raises(GovpulseError, match=r"drop does not exist; set \[source\] url"):
        folder.extract()


def test_a_run_says_of_each_file_what_became_of_its_rows(folder: Folder, monkeypatch) -> None:
    """However many landing files it becomes, and names it only where not all came in."""
    monkeypatch.setattr(pieces, "PIECE_ROWS", 2)
    sound = "".join(f"u{number},admin,2026-03-01T10:00:00Z\n" for number in range(5))
    folder.write("users/a.csv", HEADER + sound)
    folder.write("users/b.csv", HEADER + sound.replace("u", "v") + "v9,admin,soon\nv10,admin\n")
    folder.write("owners.csv", "domain,user_id\nfinance,u1\n")
    folder.extract()
    with warehouse(folder.home, LIMITS) as con:
        result = load_landing(con, folder.home)
    assert result.origins == {
        ("users", "users/a.csv"): Counts(5, files=3),
        ("users", "users/b.csv"): Counts(7, rejected=2, files=4),
        ("owners", "owners.csv"): Counts(1),
    }
    assert str(result) == (
        "13 rows from 3 files, 11 accepted, 2 rejected; owners: 1 offered, 1 accepted, 0 rejected; "
        "users: 12 offered, 10 accepted, 2 rejected; users/b.csv: 7 offered, 5 accepted, 2 rejected"
    )
    booked = "SELECT origin, sum(rows)::INT, sum(rejected)::INT FROM ops.loads WHERE dataset = 'users' GROUP BY 1 ORDER BY 1"
    assert folder.rows(booked) == [("users/a.csv", 5, 0), ("users/b.csv", 7, 2)]


def test_doctor_groups_what_the_contract_would_refuse_of_the_newest_file_by_kind(folder: Folder) -> None:
    old = folder.write("users-1.csv", HEADER + "u1,admin,nonsense\n")
    os.utime(old, ns=(0, 0))
    rows = [f"u{number},admin,{'1780000000000' if number < 10 else '2026-07-01'}" for number in range(20)]
    folder.write("sub/users-2.csv", "\n".join([HEADER.rstrip(), *rows, ",admin,2026-07-01"]))
    folder.write("scans.csv", "scan_id,status\n")
    scans, users = folder.examine()
    assert (users.file, users.looked_at) == ("sub/users-2.csv", 21)
    (problem,) = users.problems
    assert problem.startswith("10 of 21 rows: updated_at is not a timestamp: 1780000000000 looks like milliseconds since 1970")
    assert users.notices == ("1 of 21 rows: user_id is missing (first ?)",)
    assert scans.looked_at == 0
    assert "needs the columns" in scans.problems[0]


def test_words_in_a_file_that_nobody_knows_are_named_without_a_select_to_change(folder: Folder) -> None:
    row = "s{},orders,full,{},2026-07-01\n"
    folder.write("scans.csv", "scan_id,data_source,scan_type,status,updated_at\n" + row.format(1, "done") + row.format(2, "odd"))
    (scans,) = folder.examine()
    words = "queued | running | succeeded | failed | canceled"
    assert scans.problems == (f"2 of 2 rows: status is not one of {words}: done, odd (first s1)",)
