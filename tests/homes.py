"""Homes that have been through the migrations already, published or not: to copy one takes a fraction of the time."""

import atexit
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp

import duckdb

from storage.home import Home
from storage.migrations import migrate
from storage.publishing.publishing import publish
from storage.warehouse import attach, connect, warehouse


def migrated_home(root: Path) -> Home:
    """A home whose warehouse is empty and of the newest migration."""
    home = Home(root)
    home.create()
    home.warehouse.write_bytes(migrated_file())
    return home


def published_home(root: Path) -> Home:
    """A home whose warehouse is empty and was published."""
    shutil.copytree(published_folder(), root)
    return Home(root)


@contextmanager
def migrated_connection(folder: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection to such a warehouse, a file of `folder`."""
    file = folder / "migrated.duckdb"
    file.write_bytes(migrated_file())
    con = connect()
    attach(con, file, "warehouse")
    con.execute("USE warehouse")
    try:
        yield con
    finally:
        con.close()


@cache
def migrated_file() -> bytes:
    """The file of such a warehouse, as nobody has used it yet: it is of no installation."""
    with TemporaryDirectory() as folder:
        file, con = Path(folder) / "migrated.duckdb", connect()
        attach(con, file, "warehouse")
        con.execute("USE warehouse")
        migrate(con, datetime(2030, 1, 1, tzinfo=UTC))  # young, whenever a test takes place: it has no backup yet
        con.close()
        return file.read_bytes()


@cache
def published_folder() -> Path:
    """Such a home, which nobody uses: it is there to be copied."""
    folder = Path(mkdtemp())
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    home = migrated_home(folder / "home")
    with warehouse(home) as con:
        publish(con, home)
    return home.root
