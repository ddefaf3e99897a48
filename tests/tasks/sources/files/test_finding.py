"""Which files of a folder are a dataset's, and when a file counts as another one."""

import os
from pathlib import Path

import pytest

from storage.errors import GovpulseError
from tasks.sources.files import file_stem, find_files

THEIRS = (
    "users.parquet",
    "users.csv",
    "users.CSV",
    "Users.ndjson",
    "users.jsonl",
    "users-2026-03-01.csv",
    "users_2026.v2.csv",
    "users.2026.ndjson",
    "users/anything.csv",
    "users/part-00001.Parquet",
)
OTHERS = (
    "scans.csv",
    "superusers.csv",
    "users2.csv",
    "users",
    "users.xlsx",
    "users.csv.gz",
    "users.csv.tmp",
    "users.tmp.csv",
    "users-1.part.csv",
    "users.csv.part",
    ".users.csv",
    "_users.csv",
    "users/.hidden.csv",
    "users/_SUCCESS",
    "users/_temporary.csv",
    "users/deeper/users.csv",
    "users/notes.txt",
    "scans/users.csv",
)


def fill(folder: Path, names: tuple[str, ...]) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def test_the_files_of_a_dataset_are_found_by_name(tmp_path: Path) -> None:
    fill(tmp_path, THEIRS + tuple(name for name in OTHERS if name != "users"))
    (tmp_path / "users-folder.csv").mkdir()
    found = find_files(tmp_path, "users")
    assert {str(path.relative_to(tmp_path)) for path in found} == set(THEIRS)
    assert [path.name for path in found] == sorted(path.name for path in found)


def test_a_file_that_has_the_name_of_the_folder_is_none(tmp_path: Path) -> None:
    fill(tmp_path, ("users", "users.csv"))
    assert find_files(tmp_path, "users") == [tmp_path / "users.csv"]


def test_an_empty_folder_has_no_files(tmp_path: Path) -> None:
    assert find_files(tmp_path, "users") == []


@pytest.mark.parametrize("make", [Path, Path.touch])
def test_a_folder_that_is_none_is_an_error(tmp_path: Path, make) -> None:
    make(tmp_path / "exports")
    with pytest.raises(GovpulseError, match=r"^cannot read the folder .*exports: (No such file|Not a directory)"):
        find_files(tmp_path / "exports", "users")


def test_a_changed_file_is_another_one(tmp_path: Path, monkeypatch) -> None:
    path, other = tmp_path / "users.csv", tmp_path / "scans.csv"
    path.write_text("a")
    os.utime(path, ns=(1, 1))
    stems = [file_stem(path)]
    assert len(stems[0]) == 16
    assert int(stems[0], 16) >= 0
    os.utime(path, ns=(1, 2))
    stems.append(file_stem(path))
    path.write_text("ab")
    os.utime(path, ns=(1, 2))
    stems.append(file_stem(path))
    other.write_text("ab")
    os.utime(other, ns=(1, 2))
    stems.append(file_stem(other))
    assert len(set(stems)) == 4
    monkeypatch.chdir(tmp_path)
    assert file_stem(Path("users.csv")) == file_stem(path) == stems[2]


def test_a_missing_file_has_no_stem(tmp_path: Path) -> None:
    with pytest.raises(GovpulseError, match=r"^cannot read .*none\.csv: No such file or directory$"):
        file_stem(tmp_path / "none.csv")
