"""The tables of a new database of Prefect's, laid out at once: Prefect's own migrations come to the same, and take a hundred times
as long. `prefect_schema.sql` is what they come to; a test holds the two together.

`python -m flows.serving.prefect_schema` writes it anew, after another Prefect was pinned.
"""

import logging
import os
import sqlite3
import subprocess
import sys
from collections.abc import Mapping
from contextlib import closing
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

from flows.serving.prefect_database import is_elsewhere, prefect_database
from storage.errors import first_line
from storage.home import Home
from storage.sql_files import sql_beside

logger = logging.getLogger(__name__)

SCHEMA = Path(__file__).with_name("prefect_schema.sql")
OF_VERSION = "-- what the migrations of Prefect {} make; python -m flows.serving.prefect_schema writes it\n"


def lay_out(home: Home, environment: Mapping[str, str]) -> None:
    """Make the database where there is none. Of another Prefect than the one the file is of, or where it fails, Prefect makes its
    own. For whoever holds the server's lock."""
    path = prefect_database(home)
    if path.exists() or is_elsewhere(environment):
        return
    schema = SCHEMA.read_text(encoding="utf-8")
    if not schema.startswith(OF_VERSION.format(version("prefect"))):
        return
    begun = path.with_name("prefect.db.begun")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        begun.unlink(missing_ok=True)  # of a start that was killed
        with closing(sqlite3.connect(begun)) as con:
            con.executescript(f"BEGIN;{schema}COMMIT;")
        os.replace(begun, path)
    except (sqlite3.Error, OSError) as error:
        logger.warning("%s could not be laid out: %s", path, first_line(error))


def schema_of(database: Path) -> str:
    """The statements that make a database like this one, which is new: of rows it has the number of the last migration."""
    with closing(sqlite3.connect(database)) as con:
        made = [f"{sql};\n" for (sql,) in con.execute(sql_beside(__file__, "everything.sqlite"))]
        (number,) = con.execute(sql_beside(__file__, "migrated_to.sqlite")).fetchone()
    return "".join((*made, f"INSERT INTO alembic_version VALUES ('{number}');\n"))


def migrated_schema() -> str:
    """What the migrations of the Prefect that is installed make."""
    with TemporaryDirectory() as folder:
        settings = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
        command = [sys.executable, "-m", "prefect", "server", "database", "upgrade", "--yes"]
        subprocess.run(command, env=settings | {"PREFECT_HOME": folder}, check=True, capture_output=True)  # noqa: S603 - our command
        return OF_VERSION.format(version("prefect")) + schema_of(Path(folder, "prefect.db"))


if __name__ == "__main__":
    SCHEMA.write_text(migrated_schema(), encoding="utf-8")
