"""The searcher of the tests on forgetting finds what it is to find, wherever it is put."""

import base64
import bz2
import gzip
import json
import lzma
import sqlite3
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import duckdb
import polars as pl
import pyarrow as pa
import pytest

from tests.holders import holders

NAME = "ünï-8c41.lee"


def in_duckdb(path: Path) -> None:
    with duckdb.connect(str(path)) as con:
        con.execute("CREATE TABLE t AS SELECT 'x' || $name || n AS a FROM range(5000) AS r(n)", {"name": NAME})


def in_sqlite(path: Path) -> None:
    with sqlite3.connect(path) as con:
        con.execute("CREATE TABLE t (a JSON)")
        con.execute("INSERT INTO t VALUES (?)", [json.dumps({"a": NAME})])
    con.close()


def in_zip(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a", NAME * 50)


def in_zstd(path: Path) -> None:
    with pa.output_stream(str(path), compression="zstd") as stream:
        stream.write((NAME * 50).encode())


WAYS: dict[str, Callable[[Path], object]] = {
    "text": lambda path: path.write_text(f"a {NAME}"),
    "utf-16": lambda path: path.write_text(NAME, encoding="utf-16"),
    "escaped": lambda path: path.write_text(json.dumps(NAME)),
    "escaped twice": lambda path: path.write_text(json.dumps(json.dumps(NAME))),
    "base64": lambda path: path.write_bytes(base64.b64encode(f"ab{NAME}c".encode())),
    "parquet": lambda path: pl.DataFrame({"a": [NAME] * 9}).write_parquet(path, compression="zstd"),
    "gzip": lambda path: path.write_bytes(gzip.compress(NAME.encode() * 50)),
    "bz2": lambda path: path.write_bytes(bz2.compress(NAME.encode() * 50)),
    "xz": lambda path: path.write_bytes(lzma.compress(NAME.encode() * 50)),
    "zlib": lambda path: path.write_bytes(zlib.compress(NAME.encode() * 50)),
    "zstd": in_zstd,
    "zip": in_zip,
    "duckdb": in_duckdb,
    "sqlite": in_sqlite,
}


@pytest.mark.parametrize("way", WAYS)
def test_it_is_found(tmp_path: Path, way: str) -> None:
    WAYS[way](tmp_path / "file")
    assert holders(tmp_path, NAME) != set()
    assert holders(tmp_path, "somebody-else") == set()


def test_names_of_files_and_folders_count(tmp_path: Path) -> None:
    (tmp_path / f"x-{NAME}").mkdir()
    assert holders(tmp_path, NAME) == {f"x-{NAME} (its name)"}
