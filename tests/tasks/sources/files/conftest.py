"""A file of bytes, landed and read back."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from storage.home import Home
from storage.intake.landing import pending
from tasks.sources.files import land_file

Landed = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def landed(home: Home, tmp_path: Path) -> Landed:
    """The rows of the landing files of a file, which is written first where its content is given."""

    def read(name: str, content: bytes | None = None, dataset: str = "users") -> list[dict[str, Any]]:
        path = tmp_path / name
        if content is not None:
            path.write_bytes(content)
        result = land_file(home, dataset, path)
        rows = [row for file in pending(home, dataset) for row in pq.read_table(file).to_pylist()]
        assert result.rows == len(rows)
        assert result.unreadable == len([row for row in rows if row.get("unreadable")])
        return rows

    return read
