"""A checkpoint that is killed while it overwrites a block in use costs nothing; what is damaged otherwise is left to salvage."""

import os
from contextlib import closing
from pathlib import Path

import duckdb
import pytest

from storage.duckdb_file.headers import BLOCK, block_at, header_of, read_header
from storage.duckdb_file.metadata import half_used_blocks
from storage.warehouse import connect
from storage.wholeness.torn_blocks import begun_from, copies_of, keep_copies, put_back_torn, settle

TABLES = 40


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file whose metadata fill some blocks, in part with what is no longer needed."""
    path = tmp_path / "warehouse.duckdb"
    with closing(duckdb.connect(str(path))) as con:
        for number in range(TABLES):
            con.execute(f"CREATE TABLE t{number} AS SELECT range AS i, random() AS r FROM range({20_000 + number * 9_000})")
            if number % 7 == 3:
                con.execute(f"DROP TABLE t{number - 2}")
            con.execute("CHECKPOINT")
    return path


def half_used(path: Path) -> list[int]:
    with path.open("rb") as opened:
        header = read_header(opened.fileno())
        assert header is not None
        return half_used_blocks(opened.fileno(), header)


def keep(path: Path) -> None:
    with path.open("rb") as opened:
        keep_copies(path, opened.fileno())


def tear(path: Path, block: int) -> bytes:
    """Half of what another checkpoint would have written there."""
    with path.open("rb+") as opened:
        opened.seek(block_at(block))
        whole = opened.read(BLOCK)
        opened.seek(block_at(block))
        opened.write(os.urandom(8) + whole[8 : BLOCK // 2])
    return whole


def is_readable(path: Path) -> bool:
    with closing(connect()) as con:
        try:
            con.execute(f"ATTACH '{path}' AS w (READ_ONLY)")
            return bool(con.sql(f"SELECT count(*) FROM w.t{TABLES - 1}").fetchall())
        except duckdb.Error:
            return False


def test_the_blocks_in_use_that_have_room_are_those_that_duckdb_says(file: Path) -> None:
    found = half_used(file)
    with closing(duckdb.connect(str(file), read_only=True)) as con:
        listed = con.sql("SELECT block_id, total_blocks, free_blocks FROM pragma_metadata_info()").fetchall()
    assert found == sorted(block for block, total, free in listed if 0 < free < total)
    assert found


def test_a_torn_block_is_put_back_and_the_copies_go(file: Path) -> None:
    keep(file)
    blocks = half_used(file)
    before = [tear(file, block) for block in blocks]
    assert not is_readable(file)
    assert put_back_torn(file) == blocks
    content = file.read_bytes()
    assert [content[block_at(block) : block_at(block) + BLOCK] for block in blocks] == before
    assert is_readable(file)
    assert not copies_of(file).exists()
    assert put_back_torn(file) == []


def test_copies_that_are_there_are_not_replaced_by_torn_blocks(file: Path) -> None:
    keep(file)
    (block, *_) = half_used(file)
    tear(file, block)
    keep(file)
    assert put_back_torn(file) == [block]
    assert is_readable(file)


def test_copies_of_another_state_change_nothing(file: Path) -> None:
    keep(file)
    before = header_of(file)
    with closing(duckdb.connect(str(file))) as con:
        con.execute("CREATE TABLE later (i INTEGER)")
    assert header_of(file) != before
    content, known = file.read_bytes(), begun_from(file)
    assert put_back_torn(file) == []
    assert file.read_bytes() == content
    assert before is not None
    assert begun_from(file) == known == (before.iteration, before.checksum), "they tell that a checkpoint had begun"
    settle(file)
    assert begun_from(file) == known
    assert copies_of(file).stat().st_size < BLOCK
    with closing(duckdb.connect(str(file))) as con:
        con.execute("CREATE TABLE another (i INTEGER)")
    put_back_torn(file)
    assert not copies_of(file).exists()


@pytest.mark.parametrize("kept", [10, 100_000, *(pytest.param(each, marks=pytest.mark.campaign) for each in (0, 40))])
def test_copies_that_were_not_finished_change_nothing(file: Path, kept: int) -> None:
    keep(file)
    os.truncate(copies_of(file), kept)
    content = file.read_bytes()
    assert put_back_torn(file) == []
    assert file.read_bytes() == content


def test_a_whole_block_stays_as_it_is(file: Path) -> None:
    keep(file)
    content = file.read_bytes()
    assert put_back_torn(file) == []
    assert file.read_bytes() == content
