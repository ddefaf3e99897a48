"""Damage to a SQLite file is found, and what is sound stays where it is."""

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from storage.errors import GovpulseError
from storage.sqlite_files import MAGIC, damage, holes, rewrite, rewriting

PAGE = 4096


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """A table of some hundred pages with an index."""
    path = tmp_path / "some.db"
    with closing(sqlite3.connect(path)) as con:
        con.execute("PRAGMA journal_mode = WAL")
        con.execute("CREATE TABLE run (id TEXT PRIMARY KEY, said TEXT)")
        con.executemany("INSERT INTO run VALUES (?, ?)", [(f"{number:06}", "word " * 40) for number in range(2000)])
        con.commit()
    return path


def overwrite(path: Path, at: int, content: bytes) -> None:
    with path.open("rb+") as file:
        file.seek(at)
        file.write(content)


def test_sound_file_and_one_that_is_not_there_are_not_damaged(database: Path) -> None:
    assert damage(database) is None
    assert damage(database, thorough=True) is None
    assert damage(database.with_name("none.db")) is None


DAMAGES: dict[str, Callable[[Path], object]] = {
    "magic": lambda path: overwrite(path, 3, b"XX"),
    "page size": lambda path: overwrite(path, 16, b"\x0f\xff"),
    "version to write": lambda path: overwrite(path, 18, b"\x07"),
    "format of the schema": lambda path: overwrite(path, 44, b"\x00\x00\x00\x09"),
    "encoding": lambda path: overwrite(path, 56, b"\x00\x00\x00\x09"),
    "schema": lambda path: overwrite(path, 100, b"\xff\xff\xff\xff"),
    "head of a page": lambda path: overwrite(path, 20 * PAGE, b"\x99\x99\x99\x99"),
    "pointers of a page": lambda path: overwrite(path, 20 * PAGE + 8, b"\xff" * 32),
    "zeroed page": lambda path: overwrite(path, 20 * PAGE, bytes(PAGE)),
    "cut in half": lambda path: os.truncate(path, path.stat().st_size // 2),
    "cut in the header": lambda path: os.truncate(path, 50),
    "empty": lambda path: os.truncate(path, 0),
    "garbage": lambda path: path.write_bytes(bytes(range(256)) * 100),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_damage_is_found(database: Path, name: str) -> None:
    DAMAGES[name](database)
    found = damage(database)
    assert found
    assert "\n" not in found


def test_index_that_lacks_a_row_is_found_by_a_thorough_look(database: Path) -> None:
    with closing(sqlite3.connect(database)) as con:
        con.execute("PRAGMA writable_schema = ON")
        con.execute("CREATE INDEX said ON run (said)")
        con.execute("UPDATE sqlite_schema SET sql = 'CREATE INDEX said ON run (id)' WHERE name = 'said'")
        con.commit()
    assert damage(database) is None
    assert damage(database, thorough=True)


def test_garbage_in_the_log_costs_nothing_that_was_checkpointed(database: Path) -> None:
    database.with_name("some.db-wal").write_bytes(b"garbage" * 1000)
    assert damage(database) is None


def test_locked_file_is_not_damaged(database: Path) -> None:
    with closing(sqlite3.connect(database, isolation_level=None)) as con:
        con.execute("PRAGMA journal_mode = DELETE")
        con.execute("BEGIN EXCLUSIVE")
        assert damage(database) is None


def test_what_cannot_be_read_is_not_called_damaged(tmp_path: Path) -> None:
    with pytest.raises(GovpulseError, match=r"cannot read .*Is a directory"):
        damage(tmp_path)


def test_rewriting_takes_the_holes_out_and_keeps_the_rows(database: Path) -> None:
    with closing(sqlite3.connect(database)) as con:
        con.execute("DELETE FROM run WHERE id >= '000500'")
        con.commit()
    before = database.stat().st_size
    assert holes(database) > 0.5
    rewrite(database)
    assert database.stat().st_size < before / 2
    assert database.stat().st_mode & 0o777 == 0o600
    assert damage(database, thorough=True) is None
    with closing(sqlite3.connect(database)) as con:
        assert con.execute("SELECT count(*) FROM run").fetchone() == (500,)


def test_rewriting_that_takes_too_long_leaves_the_old_file(database: Path) -> None:
    before = database.read_bytes()
    with pytest.raises(sqlite3.OperationalError, match="interrupted"):
        rewrite(database, within_seconds=-1.0)
    assert database.read_bytes() == before
    assert not rewriting(database).exists()


def test_file_that_others_have_open_is_not_rewritten(database: Path) -> None:
    with closing(sqlite3.connect(database)) as con:
        con.execute("SELECT * FROM run").fetchone()
        with pytest.raises(sqlite3.OperationalError, match=r"locked|open"):
            rewrite(database)
    assert database.read_bytes().startswith(MAGIC)
