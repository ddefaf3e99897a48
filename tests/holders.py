"""Every place of a folder that holds a text: bytes of files in any spelling, names of files, and what packed files decode to.

Written without anything of what forgets people, which it is there to find wanting.
"""

import base64
import bz2
import gzip
import json
import lzma
import sqlite3
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import polars as pl
import pyarrow as pa

UNPACK = (gzip.decompress, bz2.decompress, lzma.decompress, zlib.decompress)
NOT_PACKED = (OSError, EOFError, ValueError, lzma.LZMAError, zlib.error, pa.ArrowException)


def holders(folder: Path, text: str) -> set[str]:
    """The files, by their paths within the folder, and tables within them as `file: table.column`."""
    return {place for path in sorted(folder.rglob("*")) for place in _places(folder, path, text)}


def _places(folder: Path, path: Path, text: str) -> Iterator[str]:
    name = str(path.relative_to(folder))
    if text in path.name:
        yield f"{name} (its name)"
    if path.is_file():
        content = path.read_bytes()
        if any(spelling in content for spelling in spellings(text)):
            yield name
        yield from (f"{name}: {place}" for place in _decoded(path, content, text))


def spellings(text: str) -> set[bytes]:
    """As it is, in UTF-16, as JSON and JSON within JSON escape it, and within base64, wherever in it."""
    escaped = [text, json.dumps(text)[1:-1], json.dumps(json.dumps(text))[1:-1].strip('\\"'), json.dumps(text)[1:-1].upper()]
    coded = [base64.b64encode(b"x" * before + text.encode())[4 * (before > 0) : -4] for before in range(3)]
    return {
        *(each.encode() for each in escaped if len(each) >= len(text)),
        text.encode("utf-16-le"),
        *(c for c in coded if len(c) > 7),
    }


def _decoded(path: Path, content: bytes, text: str) -> Iterator[str]:
    if content[8:12] == b"DUCK":
        yield from _in_duckdb(path, text)
    elif content.startswith(b"SQLite format 3"):
        yield from _in_sqlite(path, text)
    elif content.startswith(b"PAR1") and content.endswith(b"PAR1"):
        yield from (column for column, held in _columns(pl.read_parquet(path)) if text in held)
    elif content.startswith(b"PK"):
        with zipfile.ZipFile(path) as archive:
            yield from (name for name in archive.namelist() if text.encode() in archive.read(name) or text in name)
    else:
        yield from (f"unpacked by {number}" for number, held in enumerate(_unpacked(content)) if text.encode() in held)


def _columns(frame: pl.DataFrame) -> Iterator[tuple[str, str]]:
    return ((column, repr(frame[column].to_list())) for column in frame.columns)


def _unpacked(content: bytes) -> Iterator[bytes]:
    for unpack in UNPACK:
        try:
            yield unpack(content)
        except NOT_PACKED:
            yield b""
    for packed in ("zstd", "lz4"):
        try:
            yield pa.input_stream(pa.BufferReader(content), packed).read()
        except NOT_PACKED:
            yield b""


def _in_duckdb(path: Path, text: str) -> Iterator[str]:
    with TemporaryDirectory() as folder:  # with its log, and beside whoever holds it
        copy = Path(folder) / "copy.duckdb"
        copy.write_bytes(path.read_bytes())
        if (log := path.with_name(path.name + ".wal")).exists():
            copy.with_name(copy.name + ".wal").write_bytes(log.read_bytes())
        with duckdb.connect(str(copy)) as con:
            found = con.sql(
                "SELECT schema_name || '.' || table_name, column_name FROM duckdb_columns()"
                " WHERE NOT internal AND database_name = current_database()"
            ).fetchall()
            for table, column in found:
                held = f'SELECT 1 FROM {table} WHERE contains(CAST("{column}" AS VARCHAR), ?) LIMIT 1'
                if con.execute(held, [text]).fetchall():
                    yield f"{table}.{column}"


def _in_sqlite(path: Path, text: str) -> Iterator[str]:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as con:
        con.text_factory = bytes
        marks = [spelling for spelling in spellings(text) if spelling]
        for (table,) in con.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall():
            name = table.decode()
            quoted = name.replace('"', '""')
            rows = con.execute(f'SELECT * FROM "{quoted}"')
            columns = [column[0] for column in rows.description]
            for row in rows.fetchall():
                for column, value in zip(columns, row, strict=True):
                    if isinstance(value, bytes) and any(mark in value for mark in marks):
                        yield f"{name}.{column}"
