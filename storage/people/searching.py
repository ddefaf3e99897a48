"""Whether a file names somebody: in its bytes, or in what these stand for where they are packed.

A file that is a table, a database or an archive is decoded; one that says it is and cannot be decoded is told apart, for nobody
knows what is in it.
"""

import lzma
import sqlite3
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from storage.errors import GovpulseError
from storage.people.person import Person, codes, spellings
from storage.quoting import quote_name
from storage.sql_files import sql_beside
from storage.warehouse import attach, connect

PACKED = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd", b"\x04\x22\x4d\x18": "lz4", b"BZh": "bz2"}
"""How packed files begin, and what Arrow calls them."""
LEAST_BYTES = 5
"""A shorter id is found anywhere by chance in bytes that are no text."""
AROUND = 300
PIECE = 2**22
UNREADABLE = (
    OSError,
    EOFError,
    ValueError,
    pa.ArrowException,
    sqlite3.Error,
    duckdb.Error,
    GovpulseError,
    lzma.LZMAError,
    zlib.error,
)
UNREADABLE_ZIP = (*UNREADABLE, zipfile.BadZipFile, RuntimeError, NotImplementedError)


class UndecodableError(GovpulseError):
    """A file is of a packed kind, and damaged."""


def names(path: Path, people: Iterable[Person]) -> bool:
    """Whether the file's name, bytes or content name one of the people.

    Raises:
        UndecodableError: they are not in its bytes, and what these stand for cannot be decoded.
    """
    people = [person for person in people if person.user_id]
    decode = _decoder(path)
    if any(person.is_in(path.name) for person in people):
        return True
    is_long = [person for person in people if decode is None or len(person.user_id.encode()) >= LEAST_BYTES]
    if _are_in(_pieces(path), is_long):
        return True
    if decode is None:
        return False
    try:
        return _are_in(decode, people)
    except UNREADABLE_ZIP as error:
        raise UndecodableError(f"{path} cannot be decoded") from error


def _are_in(pieces: Iterable[bytes], people: list[Person]) -> bool:
    marks = [(mark, person) for person in people for mark in _marks(person.user_id)]
    before = b""
    for piece in pieces:
        both = before + piece
        if any(_is_in(both, mark, person) for mark, person in marks):
            return True
        before = both[-AROUND:]
    return False


def _marks(user_id: str) -> list[bytes]:
    wide = [user_id.encode("utf-16-le"), user_id.encode("utf-16-be")] if len(user_id) >= LEAST_BYTES else []
    return [*spellings(user_id), *(code for code in codes(user_id) if len(code) > LEAST_BYTES), *wide]


def _is_in(content: bytes, mark: bytes, person: Person) -> bool:
    """An id in plain letters has to end there; in any other spelling its being there is enough."""
    is_plain = mark == person.user_id.encode()
    at = content.find(mark)
    while at >= 0:
        before, after = content[max(0, at - AROUND) : at], content[at + len(mark) : at + len(mark) + AROUND]
        if not is_plain or person.is_between(before.decode(errors="replace"), after.decode(errors="replace")):
            return True
        at = content.find(mark, at + 1)
    return False


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            yield piece


def _decoder(path: Path) -> Iterator[bytes] | None:
    """What the file holds, by how it begins; None for one that is what it says."""
    with path.open("rb") as file:
        head = file.read(16)
    packed = next((kind for magic, kind in PACKED.items() if head.startswith(magic)), None)
    if packed:
        return _unpacked(path, packed)
    if head.startswith(b"\xfd7zXZ"):
        return _from_xz(path)
    if head.startswith(b"PK\x03\x04"):
        return _from_zip(path)
    if head.startswith(b"PAR1"):
        return _from_parquet(path)
    if head.startswith(b"SQLite format 3"):
        return _from_sqlite(path)
    return _from_duckdb(path) if head[8:12] == b"DUCK" else None


def _unpacked(path: Path, kind: str) -> Iterator[bytes]:
    with pa.input_stream(str(path), compression=kind) as stream:
        while piece := stream.read(PIECE):
            yield piece


def _from_xz(path: Path) -> Iterator[bytes]:
    with lzma.open(path) as file:
        while piece := file.read(PIECE):
            yield piece


def _from_zip(path: Path) -> Iterator[bytes]:
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            yield name.encode() + b"\n" + archive.read(name) + b"\n"


def _from_parquet(path: Path) -> Iterator[bytes]:
    with pq.ParquetFile(path) as file:
        yield repr(file.schema_arrow.metadata).encode() + repr(file.metadata.metadata).encode()
        for batch in file.iter_batches():
            yield from (repr(row).encode() for row in batch.to_pylist())


def _from_sqlite(path: Path) -> Iterator[bytes]:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as con:
        for (name,) in con.execute(sql_beside(__file__, "tables.sqlite")).fetchall():
            yield from (repr(row).encode() for row in con.execute(f"SELECT * FROM {quote_name(name)}"))


def _from_duckdb(path: Path) -> Iterator[bytes]:
    with closing(connect()) as con:
        attach(con, path, "searched", read_only=True)
        found = con.execute(sql_beside(__file__, "quoted_tables"), {"database": "searched"}).fetchall()
        for schema, name in found:
            rows = con.execute(f"SELECT CAST(row AS VARCHAR) FROM searched.{quote_name(schema)}.{quote_name(name)} AS row")
            while some := rows.fetchmany(10_000):
                yield "\n".join(text for (text,) in some).encode()
