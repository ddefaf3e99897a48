"""DuckDB's file format as we read it: every flipped byte is noticed, and what is put right is what stood there."""

import io
import random
import shutil

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.duckdb_file.blocks import damage_of
from storage.duckdb_file.checksum import checksum, checksums, words
from storage.duckdb_file.headers import BLOCK, BLOCKS_AT, HEADER, UnknownFormatError, block_at
from storage.duckdb_file.repair import mended, repair_record, repaired
from storage.duckdb_file.wal import COMMIT, FRAME, VERSION, wal_state, walk
from storage.warehouse import attach, connect

INSERTS = 64


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A small file, and its log with a commit for each length of a text from 1 to 64, which fills words and does not."""
    folder = tmp_path_factory.mktemp("duckdb")
    con = connect()
    attach(con, folder / "small.duckdb", "w")
    con.execute("CREATE TABLE w.t AS SELECT i, uuid()::VARCHAR AS id FROM range(30000) AS r(i)")
    con.execute("CREATE TABLE w.gone AS SELECT i, uuid()::VARCHAR AS id FROM range(30000) AS r(i)")
    con.execute("CHECKPOINT w")
    con.execute("DROP TABLE w.gone")
    con.execute("CHECKPOINT w")
    con.execute("SET wal_autocheckpoint = '1TB'")
    for length in range(1, INSERTS + 1):
        con.execute("INSERT INTO w.t VALUES (?, ?)", [length, "x" * length])
    shutil.copyfile(folder / "small.duckdb", folder / "copy.duckdb")
    shutil.copyfile(folder / "small.duckdb.wal", folder / "copy.wal")
    con.close()
    return folder / "copy.duckdb", folder / "copy.wal"


def state_of(content):
    return walk(io.BytesIO(content), len(content))


def test_what_duckdb_wrote_is_whole(files):
    file, wal = files
    damage, state = damage_of(file), wal_state(wal)
    assert damage.is_none
    assert damage.is_free_known
    assert damage.unused == ()
    assert damage.looked_at == damage.total > 3
    assert (state.state, state.commits, state.committed_until) == ("whole", INSERTS, wal.stat().st_size)


def test_every_flipped_byte_of_a_block_or_header_is_noticed(files, tmp_path):
    whole, chance, found = files[0].read_bytes(), random.Random(3), 0
    path = tmp_path / "flipped.duckdb"
    for place in (*range(0, BLOCKS_AT, 509), *(chance.randrange(BLOCKS_AT, len(whole)) for _ in range(25))):
        flipped = bytearray(whole)
        flipped[place] ^= chance.randrange(1, 256)
        path.write_bytes(flipped)
        damage = damage_of(path)
        if place < BLOCKS_AT:
            assert damage.headers == (place // HEADER,)
        else:
            assert (place - BLOCKS_AT) // BLOCK in (*damage.blocks, *damage.unused)
            found += bool(damage.unused)
    assert found, "the dropped table's blocks hold nothing"


def test_every_word_of_a_block_changed_in_a_byte_changes_its_checksum(files):
    """What the test above shows for some places, for all of them at once."""
    rows, chance = words(files[0].read_bytes()[BLOCKS_AT + 8 : BLOCKS_AT + BLOCK]), random.Random(4)
    for byte in range(8):
        flipped = rows ^ np.uint64(chance.randrange(1, 256) << 8 * byte)
        assert (checksums(rows[:, None]) != checksums(flipped[:, None])).all()


def test_a_slice_of_the_blocks_can_be_looked_at(files, tmp_path):
    whole = bytearray(files[0].read_bytes())
    whole[block_at(1) + 50] ^= 1
    (tmp_path / "flipped.duckdb").write_bytes(whole)
    looked = [damage_of(tmp_path / "flipped.duckdb", range(n, n + 1)) for n in range(3)]
    assert [1 in (*each.blocks, *each.unused) for each in looked] == [False, True, False]
    assert [each.looked_at for each in looked] == [1, 1, 1]
    assert damage_of(tmp_path / "flipped.duckdb", range(100, 200)).looked_at == 0


def test_a_cut_file_lacks_blocks_and_another_format_is_not_guessed(files, tmp_path):
    whole = files[0].read_bytes()
    (tmp_path / "cut.duckdb").write_bytes(whole[: -2 * BLOCK])
    assert damage_of(tmp_path / "cut.duckdb").blocks
    page = bytearray(whole[:HEADER])
    page[12] = 200
    page[:8] = checksum(page[8:]).to_bytes(8, "little")
    (tmp_path / "other.duckdb").write_bytes(bytes(page) + whole[HEADER:])
    with pytest.raises(UnknownFormatError, match="unknown format number 200"):
        damage_of(tmp_path / "other.duckdb")


def test_every_flipped_byte_of_a_log_is_damage_and_not_a_torn_end(files):
    whole, chance = files[1].read_bytes(), random.Random(5)
    places = {*range(200), *range(len(whole) - 300, len(whole)), *(chance.randrange(len(whole)) for _ in range(100))}
    for place in places:
        flipped = bytearray(whole)
        flipped[place] ^= chance.randrange(1, 256)
        assert state_of(bytes(flipped)).state == "damaged", place


def test_a_log_that_ends_anywhere_is_whole_or_torn(files):
    whole = files[1].read_bytes()
    for end in (*range(60), *range(60, len(whole), 101)):
        state = state_of(whole[:end])
        assert state.state in ("empty", "whole", "torn"), end
        assert state.committed_until <= max(end, len(VERSION))
    torn = state_of(whole[:-1])
    assert (torn.state, torn.commits, torn.commits_behind) == ("torn", INSERTS - 1, 0)
    assert state_of(whole + bytes(5000)).state == "torn", "zeros of a power cut"
    assert state_of(b"something else entirely, which is no log").state == "unknown"


def test_a_block_put_right_is_what_it_was(files):
    whole, chance, count = files[0].read_bytes(), random.Random(6), 0
    for _ in range(60):
        number = chance.randrange((len(whole) - BLOCKS_AT) // BLOCK)
        block = whole[block_at(number) : block_at(number + 1)]
        flipped = bytearray(block)
        flipped[chance.randrange(BLOCK)] ^= chance.randrange(1, 256)
        found = repaired(bytes(flipped))
        assert found in (None, block)
        count += found is not None
    assert count > 10
    assert repaired(block[:100] + bytes(4096) + block[4196:]) is None


@given(st.binary(min_size=8, max_size=100), st.integers(0), st.integers(1, 255))
def test_a_payload_put_right_matches_its_checksum(payload, place, flip):
    flipped = bytearray(payload)
    flipped[place % len(payload)] ^= flip
    found = mended(bytes(flipped), checksum(payload))
    assert found is None or checksum(found[0]) == found[1]


def test_records_put_right_are_what_they_were(files):
    whole, chance, count = files[1].read_bytes(), random.Random(7), 0
    for place in (chance.randrange(8, len(whole)) for _ in range(100)):
        flipped = bytearray(whole)
        flipped[place] ^= chance.randrange(1, 256)
        at = state_of(bytes(flipped)).whole_until
        repair = repair_record(bytes(flipped[at:]), at)
        if repair is not None:
            assert whole[at : at + len(repair.content)] == repair.content
            count += 1
    assert count > 50


def test_a_commit_is_what_we_take_for_one(files):
    assert files[1].read_bytes().count(COMMIT) == INSERTS
    assert FRAME.unpack_from(COMMIT)[0] == len(COMMIT) - FRAME.size
