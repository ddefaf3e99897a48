"""A file's batches -> landing files of bounded size, one after the other, so that memory does not grow with the file."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pyarrow as pa

from storage.home import Home
from storage.intake.landing import land
from storage.people.pseudonyms import AS_THEY_ARE, Pseudonyms
from tasks.sources.files.unreadable import count_unreadable
from tasks.sources.pseudonyms import without_addresses

PIECE_ROWS = 131_072
PIECE_BYTES = 1 << 26


@dataclass(frozen=True)
class LandedRows:
    """What was landed of a file: rows, how many of them only say why they cannot be read, and in how many landing files."""

    rows: int = 0
    unreadable: int = 0
    files: int = 0

    def __add__(self, other: "LandedRows") -> "LandedRows":
        return LandedRows(self.rows + other.rows, self.unreadable + other.unreadable, self.files + other.files)


def regroup(batches: Iterator[pa.Table]) -> Iterator[pa.Table]:
    """The same rows in pieces of at most PIECE_ROWS and about PIECE_BYTES; without rows one empty piece."""
    group: list[pa.Table] = []
    rows = size = 0
    for part in (part for batch in batches for part in _parts(batch)):
        if rows and (rows + part.num_rows > PIECE_ROWS or size + part.nbytes > PIECE_BYTES):
            yield pa.concat_tables(group, promote_options="default")
            group, rows, size = [], 0, 0
        group.append(part)
        rows, size = rows + part.num_rows, size + part.nbytes
    yield pa.concat_tables(group, promote_options="default")


def _parts(batch: pa.Table) -> Iterator[pa.Table]:
    step = max(1, min(PIECE_ROWS, batch.num_rows * PIECE_BYTES // max(batch.nbytes, 1)))
    for start in range(0, max(batch.num_rows, 1), step):
        yield batch.slice(start, step)


def land_pieces(
    home: Home,
    dataset: str,
    pieces: Iterator[pa.Table],
    name: str | None,
    metadata: Mapping[str, str],
    pseudonyms: Pseudonyms = AS_THEY_ARE,
) -> LandedRows:
    """Land each of `pieces`, under `name-00001` and so on, the last as `name-end`, or under names of their own."""
    pieces = (without_addresses(piece, dataset, pseudonyms) for piece in pieces)
    landed, held = LandedRows(), next(pieces)
    for piece in pieces:
        landed += _land_piece(home, dataset, held, name and f"{name}-{landed.files + 1:05d}", metadata)
        held = piece
    if held.num_rows or name:
        landed += _land_piece(home, dataset, held, name and f"{name}-end", metadata)
    return landed


def _land_piece(home: Home, dataset: str, piece: pa.Table, name: str | None, metadata: Mapping[str, str]) -> LandedRows:
    land(home, dataset, piece, name=name, metadata=metadata)
    return LandedRows(piece.num_rows, count_unreadable(piece), 1)
