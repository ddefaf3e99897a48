"""Which files of a folder are a dataset's, and when a file counts as another one."""

import os
from collections.abc import Iterable
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
    "users.json",
    "users.tsv",
    "users-2026-03-01.csv",
    "users_2026.v2.csv",
    "users.2026.ndjson",
    "users2.csv",
    "users ütf 8.csv",
    "users.csv.gz",
    "users-1.ndjson.ZST",
    "users/anything.csv",
    "users/part-00001.Parquet",
    "users/deeper/still/a.csv",
    "exports/Users/date=2026-06-01/scans.csv",
    "exports/users-of-today.csv",
)
UNREAD = {
    "superusers.csv": "neither its folder nor the beginning of its name is one of ",
    "usersettings.csv": "neither its folder nor",
    "users.xlsx": "its name must end in one of ",
    "users.parquet.gz": "Parquet compresses itself",
    "users.csv.tmp": "unfinished, by its name",
    "users.tmp.csv": "unfinished",
    "users-1.part.csv": "unfinished",
    "users.csv.part": "unfinished",
    ".users.csv": "hidden",
    "_users.csv": "hidden",
    "users/.hidden.csv": "hidden",
    "users/_SUCCESS": "hidden",
    "users/_temporary/0/a.csv": "hidden",
    "users/notes.txt": "its name must end in one of ",
}


def fill(folder: Path, names: Iterable[str]) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def test_every_file_is_a_datasets_or_named_with_the_reason(tmp_path: Path) -> None:
    fill(tmp_path, [*THEIRS, "scans.csv", "scans/users.csv", *UNREAD])
    (tmp_path / "users-folder.csv").mkdir()
    (tmp_path / "users-gone.csv").symlink_to("nowhere")
    found = find_files(tmp_path)
    assert {str(path.relative_to(tmp_path)) for path in found.files["users"]} == set(THEIRS)
    assert [path.name for path in found.files["users"]] == sorted(path.name for path in found.files["users"])
    assert {str(path.relative_to(tmp_path)) for path in found.files["scans"]} == {"scans.csv", "scans/users.csv"}
    expected = UNREAD | {"users-gone.csv": "a link to nothing"}
    assert found.unread.keys() == expected.keys()
    for name, why in expected.items():
        assert found.unread[name].startswith(why), name


def test_what_is_not_read_is_said_in_a_line(tmp_path: Path) -> None:
    fill(tmp_path, ["users.csv"])
    assert str(find_files(tmp_path)) == ""
    fill(tmp_path, [f"notes{number}.txt" for number in range(7)])
    said = str(find_files(tmp_path))
    assert said.startswith("not read: notes0.txt (its name must end in one of")
    assert said.endswith("and 2 more")


def test_a_pattern_says_what_a_file_is(tmp_path: Path) -> None:
    fill(tmp_path, ["exports/usr_2026.csv", "users/jobs.csv", "users/a.csv"])
    found = find_files(tmp_path, {"exports/usr_*.csv": "users", "jobs.csv": "scans"})
    assert [str(path.relative_to(tmp_path)) for path in found.files["users"]] == ["users/a.csv", "exports/usr_2026.csv"]
    assert [str(path.relative_to(tmp_path)) for path in found.files["scans"]] == ["users/jobs.csv"]


def test_a_file_that_has_the_name_of_the_folder_is_none(tmp_path: Path) -> None:
    fill(tmp_path, ("users", "users.csv"))
    found = find_files(tmp_path)
    assert found.files == {"users": [tmp_path / "users.csv"]}
    assert list(found.unread) == ["users"]


def test_an_empty_folder_has_no_files(tmp_path: Path) -> None:
    assert find_files(tmp_path).files == {}


@pytest.mark.parametrize("make", [Path, Path.touch])
def test_a_folder_that_is_none_is_an_error(tmp_path: Path, make) -> None:
    make(tmp_path / "exports")
    with pytest.raises(GovpulseError, match=r"^cannot read the folder .*exports: (No such file|Not a directory)"):
        find_files(tmp_path / "exports")


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
