"""What can be put right in a damaged copy of the warehouse: exactly, from the checksums, or for what must stand there."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from storage.duckdb_file.blocks import damage_of, damaged_blocks, damaged_headers, read_at
from storage.duckdb_file.headers import BLOCK, BLOCKS_AT, HEADER, active, block_at, header_checksum, is_whole
from storage.duckdb_file.repair import Repair, likely, repair_block, repair_page, repair_record, repair_version
from storage.duckdb_file.wal import VERSION, WalState, wal_state

MOST_RECORDS = 1000
"""Of a log that are put right, one after the other."""


@dataclass(frozen=True)
class Repaired:
    """What was put right, and the blocks that could not be; whether the older database header had to stand for a damaged one."""

    headers: int = 0
    blocks: int = 0
    left: tuple[int, ...] = ()
    may_be_older: bool = False


def repair_file(copy: Path, template: Callable[[], bytes]) -> Repaired:
    """Put right what can be in the file `copy`.

    Args:
        template: makes the main header of a file of this kind.
    """
    headers, may_be_older = _repair_headers(copy, template)
    damage = damage_of(copy)
    with copy.open("rb+", buffering=0) as file:
        for block in damage.blocks:
            if (repair := repair_block(read_at(file, block_at(block), BLOCK), block)) is not None:
                _write(file, repair)
    left = damage_of(copy).blocks if damage.blocks else ()
    return Repaired(headers, len(damage.blocks) - len(left), left, may_be_older)


def _repair_headers(copy: Path, template: Callable[[], bytes]) -> tuple[int, bool]:
    """The main header is the same in all files of a DuckDB; the older database header is not needed: it gets what the newer has."""
    with copy.open("rb+", buffering=0) as file:
        damaged = damaged_headers(read_at(file, 0, BLOCKS_AT))
        for number in damaged:
            if (repair := repair_page(read_at(file, number * HEADER, HEADER), number)) is not None:
                _write(file, repair)
        pages = read_at(file, 0, BLOCKS_AT)
        left = damaged_headers(pages)
        for number in left:
            content = template() if number == 0 else older(newest(pages))
            if content:
                _write(file, Repair(number * HEADER, content))
    return len(damaged), any(left)


def newest(pages: bytes) -> bytes:
    """The page of the active database header; empty where there is none."""
    header = active(pages)
    found = (pages[at : at + HEADER] for at in (HEADER, 2 * HEADER))
    return next(
        (page for page in found if header and is_whole(page) and int.from_bytes(page[:8], "little") == header.checksum), b""
    )


def older(page: bytes) -> bytes:
    """A database header that gives way to `page` and says the same."""
    if not page:
        return b""
    iteration = max(0, int.from_bytes(page[8:16], "little") - 1)
    return signed(page[:8] + iteration.to_bytes(8, "little") + page[16:])


def signed(page: bytes) -> bytes:
    return header_checksum(page).to_bytes(8, "little") + page[8:]


def go_back(copy: Path) -> bool:
    """Let the older database header of `copy` be the active one; False where there is none, or it names nothing."""
    with copy.open("rb+", buffering=0) as file:
        pages = read_at(file, 0, BLOCKS_AT)
        newer = newest(pages)
        places = (HEADER, 2 * HEADER)
        other = next((pages[at : at + HEADER] for at in places if pages[at : at + HEADER] != newer), b"")
        if not newer or not is_whole(other) or other[16:24] in (newer[16:24], b"\xff" * 8):
            return False
        for at in places:
            _write(file, Repair(at, other))
    return True


def guess_metadata(copy: Path) -> bool:
    """Put right as is most likely what is damaged of the blocks in which catalogue and list of free blocks begin; False where
    nothing is."""
    count = 0
    with copy.open("rb+", buffering=0) as file:
        header = active(read_at(file, 0, BLOCKS_AT))
        for block in {pointer & (1 << 56) - 1 for pointer in (header.catalogue, header.free_list)} if header else ():
            data = read_at(file, block_at(block), BLOCK)
            if len(data) == BLOCK and damaged_blocks(file, range(block, block + 1)) and (content := likely(data)) is not None:
                _write(file, Repair(block_at(block), content))
                count += 1
    return count > 0


def repair_log(wal: Path) -> tuple[int, WalState]:
    """Put right what can be in the log, and cut what cannot be read behind the last commit; returns how many records were put
    right, and how it stood before it was cut."""
    count = 0
    while count < MOST_RECORDS and (state := wal_state(wal)).state == "damaged":
        with wal.open("rb+", buffering=0) as file:
            repair = _log_repair(file, state)
            if repair is None:
                break
            _write(file, repair)
        count += 1
    state = wal_state(wal)
    if state.state == "damaged":
        os.truncate(wal, state.committed_until if state.commits else 0)
    return count, state


def _log_repair(file: BinaryIO, state: WalState) -> Repair | None:
    if not state.whole_until:
        return repair_version(read_at(file, 0, len(VERSION)))
    return repair_record(read_at(file, state.whole_until, state.bytes_behind), state.whole_until)


def _write(file: BinaryIO, repair: Repair) -> None:
    file.seek(repair.at)
    file.write(repair.content)
