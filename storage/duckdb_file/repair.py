"""A damaged byte put right from the checksum of what it stands in.

The checksum is an exclusive or over word * FACTOR, and FACTOR is odd. So for each place there is exactly one word that makes all
match. Where one of these words, and no other, differs in one byte from what stands there, it is what was written. A product
carries upwards only: for the highest three bytes of a word many places would do. So they would where the word that was damaged
stands elsewhere in its block, too: there, the other change gives the same sum. In both cases nothing is put right.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np

from storage.duckdb_file.checksum import FACTOR, WORD, Words, checksum, rest_checksum, words
from storage.duckdb_file.headers import BLOCK, HEADER, NO_BLOCK, block_at, parse
from storage.duckdb_file.wal import COMMIT, FRAME, TYPE_AT, VERSION

INVERSE = pow(FACTOR, -1, 2**64)
NEAR = 1
"""Bytes that a word put right may differ in."""
LONGEST_SEARCH = 2**26
"""Bytes behind a record's frame among which its end is looked for."""
FIELDS = 8
"""Words of a database header, its checksum among them."""
VECTOR, MOST = 2048, 2**40
_LOW_TYPES = 64
"""No type of a record is greater, but for the version's, the checkpoint's and the commit's."""


@dataclass(frozen=True)
class Repair:
    """Bytes to be put at a place of a file, which were others there."""

    at: int
    content: bytes


def repaired(data: bytes) -> bytes | None:
    """A block or header with its one damaged word put right; None where there is not exactly one way to."""
    stored, rest = int.from_bytes(data[:WORD], "little"), data[WORD:]
    found = mended(rest, stored)
    return None if found is None else found[1].to_bytes(WORD, "little") + found[0]


def mended(payload: bytes, stored: int) -> tuple[bytes, int] | None:
    """A payload and its checksum that match, by one byte changed; None unless there is exactly one."""
    found = list(islice(_candidates(payload, stored), 2))
    return found[0] if len(found) == 1 else None


def _candidates(payload: bytes, stored: int) -> Iterator[tuple[bytes, int]]:
    computed = checksum(payload)
    delta = stored ^ computed
    if 0 < _bytes_in(delta) <= NEAR:
        yield payload, computed
    whole = len(payload) // WORD * WORD
    rows = words(payload[:whole])
    wanted = near_words(rows, delta)
    for place in np.flatnonzero(wanted != rows)[: FIELDS if len(rows) < FIELDS else 2]:
        yield payload[: place * WORD] + wanted[place].tobytes() + payload[(place + 1) * WORD :], stored
    for rest in _other_rests(payload[whole:], delta):
        yield payload[:whole] + rest, stored


def near_words(rows: Words, delta: int) -> Words:
    """Each word as it would have to be to undo `delta` of the checksum, where that is near it; else as it is."""
    factor = np.uint64(FACTOR)
    wanted = (rows * factor ^ np.uint64(delta)) * np.uint64(INVERSE)
    changed = (wanted ^ rows).view(np.uint8).reshape(-1, WORD)
    return np.where(np.count_nonzero(changed, axis=1) <= NEAR, wanted, rows)


def likely(data: bytes) -> bytes | None:
    """A block with the one byte changed that makes a word, which stands there once, one of those that stand there more often. That
    is no proof: for where else there is nothing to lose. None unless there is exactly one such change."""
    stored, rows = int.from_bytes(data[:WORD], "little"), words(data[WORD:])
    wanted = near_words(rows, stored ^ checksum(data[WORD:]))
    known, counts = np.unique(rows, return_counts=True)
    single, common = known[counts == 1], known[counts > 1]
    places = np.flatnonzero((wanted != rows) & np.isin(rows, single) & np.isin(wanted, common))
    if len(places) != 1:
        return None
    at = WORD + int(places[0]) * WORD
    word: bytes = wanted[places[0]].tobytes()
    return data[:at] + word + data[at + WORD :]


def _bytes_in(value: int) -> int:
    return sum(byte != 0 for byte in value.to_bytes(WORD, "little"))


def _other_rests(rest: bytes, delta: int) -> Iterator[bytes]:
    """The last bytes that fill no word, with one of them changed, where that undoes `delta`."""
    wanted = rest_checksum(rest) ^ delta if rest else 0
    for place in range(len(rest)):
        for byte in range(256):
            other = rest[:place] + bytes((byte,)) + rest[place + 1 :]
            if other != rest and rest_checksum(other) == wanted:
                yield other


def repair_page(data: bytes, number: int) -> Repair | None:
    """Of one of the headers, by its number. Behind the eight words of a database header there is nothing but zeros."""
    if number == 0 or len(data) < HEADER:
        found = repaired(data) if len(data) == HEADER else None
        return None if found is None else Repair(0, found)
    fields, rest = data[WORD : WORD * FIELDS], bytes(HEADER - WORD * FIELDS)
    candidates = [(fields, checksum(fields)), *_candidates(fields, int.from_bytes(data[:WORD], "little"))]
    if candidates[0][1] != int.from_bytes(data[:WORD], "little"):
        del candidates[0]
    pages = {stored.to_bytes(WORD, "little") + content + rest for content, stored in candidates}
    likely = [page for page in pages if is_likely(page)]
    return Repair(number * HEADER, likely[0]) if len(likely) == 1 else None


def is_likely(page: bytes) -> bool:
    """Whether a database header says what may be: sizes that are always the same, and blocks that are counted."""
    header = parse(page)
    places = [pointer & (1 << 56) - 1 for pointer in (header.catalogue, header.free_list) if pointer != NO_BLOCK]
    return (
        header.block_bytes == BLOCK
        and int.from_bytes(page[48:56], "little") == VECTOR
        and header.iteration < MOST
        and header.blocks < MOST
        and all(place < header.blocks for place in places)
    )


def repair_block(data: bytes, block: int) -> Repair | None:
    found = repaired(data) if len(data) == BLOCK else None
    return None if found is None else Repair(block_at(block), found)


def repair_version(head: bytes) -> Repair | None:
    """The first record of a log, which is always the same, where a record that is whole comes behind it."""
    return Repair(0, VERSION) if len(head) == len(VERSION) and head != VERSION else None


def repair_record(rest: bytes, at: int) -> Repair | None:
    """The first record of `rest`, which begins at `at` of its log and runs to the log's end: what is damaged in it, or its size."""
    found = [*_same_size(rest), *_other_sizes(rest)] if len(rest) > FRAME.size else []
    if not found and len(rest) >= len(COMMIT) and _is_nearly(rest[: len(COMMIT)], COMMIT):
        found = [COMMIT]
    return Repair(at, found[0]) if len(found) == 1 else None


def _same_size(rest: bytes) -> Iterator[bytes]:
    length, stored = FRAME.unpack_from(rest)
    if TYPE_AT < length <= len(rest) - FRAME.size:
        found = mended(rest[FRAME.size : FRAME.size + length], stored)
        if found is not None and looks_like_record(found[0]):
            yield FRAME.pack(length, found[1]) + found[0]


def _other_sizes(rest: bytes) -> Iterator[bytes]:
    """The record with one byte of its size changed, where the checksum then matches."""
    length, stored = FRAME.unpack_from(rest)
    behind = rest[FRAME.size : FRAME.size + LONGEST_SEARCH]
    whole = words(behind[: len(behind) // WORD * WORD])
    sums = np.concatenate([np.zeros(1, np.uint64), np.bitwise_xor.accumulate(whole * np.uint64(FACTOR))])
    for size in near_sizes(length, len(behind)):
        rest_bytes = behind[size // WORD * WORD : size]
        found = int(sums[size // WORD]) ^ 5381 ^ (rest_checksum(rest_bytes) if rest_bytes else 0)
        if found == stored and looks_like_record(behind[:size]):
            yield FRAME.pack(size, stored) + behind[:size]


def near_sizes(length: int, most: int) -> set[int]:
    """The sizes up to `most` that differ from `length` in one byte."""
    cleared = [(length & ~(0xFF << 8 * place), 8 * place) for place in range(WORD)]
    return {size for kept, shift in cleared for byte in range(256) if TYPE_AT < (size := kept | byte << shift) <= most} - {length}


def looks_like_record(payload: bytes) -> bool:
    return payload[:2] == VERSION[:2] and (payload[TYPE_AT] <= _LOW_TYPES or payload[TYPE_AT] in (98, 99, 100))


def _is_nearly(part: bytes, whole: bytes) -> bool:
    return sum(a != b for a, b in zip(part, whole, strict=True)) <= NEAR
