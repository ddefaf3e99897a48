"""What folders say of the rows in them: only what the dataset has and the file has not."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from storage.errors import GovpulseError
from storage.home import Home
from storage.intake.landing import pending
from tasks.sources.files import land_file

ROW = {"deployment_id": "d1", "service": "web", "status": "succeeded", "updated_at": "2026-06-01 10:00:00"}
MINE = {**ROW, "environment": "staging"}


def write(path: Path, row: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True)
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist([row]), path)
    elif path.suffix == ".csv":
        path.write_text(",".join(row) + "\n" + ",".join("" if text is None else text for text in row.values()) + "\nbroken\n")
    else:
        path.write_text(f"[{json.dumps(row)}]" if path.suffix == ".json" else f"{json.dumps(row)}\nbroken\n")


def landed(home: Home, folder: Path, inside: str, row: dict[str, Any]) -> list[dict[str, Any]]:
    write(folder / inside, row)
    land_file(home, "deployments", folder / inside, origin=inside)
    return [found for file in pending(home, "deployments") for found in pq.read_table(file).to_pylist()]


@pytest.mark.parametrize("kind", ["parquet", "csv", "ndjson", "json"])
def test_a_folder_says_what_the_file_does_not(home: Home, tmp_path: Path, kind: str) -> None:
    inside = f"deployments/year=2026/Environment=pre%2Fprod%20%C3%BC/deployed_by=__HIVE_DEFAULT_PARTITION__/part-0.{kind}"
    first, *broken = landed(home, tmp_path, inside, ROW)
    assert {name: value for name, value in first.items() if value is not None} == {**ROW, "environment": "pre/prod ü"}
    assert all({value for value in row.values() if value} == {row["unreadable"]} for row in broken), "it is no row"


@pytest.mark.parametrize("kind", ["parquet", "csv", "ndjson", "json"])
def test_a_file_knows_better(home: Home, tmp_path: Path, kind: str) -> None:
    assert landed(home, tmp_path, f"environment=production/a.{kind}", MINE)[0]["environment"] == "staging"


@pytest.mark.parametrize("kind", ["parquet", "csv"])
def test_a_file_that_has_the_column_says_nothing_where_it_is_empty(home: Home, tmp_path: Path, kind: str) -> None:
    assert landed(home, tmp_path, f"environment=production/a.{kind}", {**MINE, "environment": None})[0]["environment"] is None


def test_the_inner_folder_counts_and_not_the_name_of_the_file(home: Home, tmp_path: Path) -> None:
    inside = "environment=a/environment=b/environment=c.csv"
    assert landed(home, tmp_path, inside, ROW)[0]["environment"] == "b"


def test_what_no_folder_says_is_still_needed(home: Home, tmp_path: Path) -> None:
    with pytest.raises(GovpulseError, match="needs the column environment"):
        landed(home, tmp_path, "production/a.csv", ROW)
