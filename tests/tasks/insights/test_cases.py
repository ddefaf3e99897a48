"""Golden cases: `cases/<table>/<case>/` holds the rows of the raw table, the parameters with the reason of the case, and the rows
expected, worked out by hand. Rows of another dataset are in a file of its name. Columns that a case is not about are left out of
its expected.csv; rows never are."""

import tomllib
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from storage.catalogue import DATASETS, INSIGHTS

CASES = sorted(path.parent for path in Path(__file__).with_name("cases").glob("*/*/input.csv"))
ORDERED = ("active_scans",)


@pytest.mark.parametrize("case", CASES, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_golden_case(case: Path, compute) -> None:
    name = case.parent.name
    rows = pl.read_csv(case / "input.csv", infer_schema=False)
    if "attributes" in rows.columns:
        rows = rows.with_columns(pl.col("attributes").fill_null(""))
    parameters = tomllib.loads((case / "parameters.toml").read_text())
    beside = {path.stem: pl.read_csv(path, infer_schema=False) for path in case.glob("*.csv") if path.stem in DATASETS}
    computed = compute(name, rows, parameters, **beside)
    expected = _expected(case / "expected.csv", computed.schema)
    assert_frame_equal(computed.select(expected.columns), expected, check_row_order=name in ORDERED, abs_tol=1e-9, rel_tol=1e-9)
    assert set(computed["as_of"]) <= {parameters["as_of"]}


def _expected(path: Path, schema: pl.Schema) -> pl.DataFrame:
    text = pl.read_csv(path, infer_schema=False)
    return text.select(_typed(name, dtype) for name, dtype in schema.items() if name in text.columns)


def _typed(name: str, dtype: pl.DataType) -> pl.Expr:
    if dtype == pl.Boolean:
        return pl.col(name) == "true"
    if isinstance(dtype, pl.List):
        return pl.col(name).str.json_decode(dtype)
    if isinstance(dtype, pl.Datetime):
        return pl.col(name).str.to_datetime("%Y-%m-%dT%H:%M:%S%#z", time_unit=dtype.time_unit).dt.convert_time_zone("UTC")
    return pl.col(name).cast(dtype)


def test_every_column_of_an_expected_file_is_of_the_table() -> None:
    for case in CASES:
        columns = set(pl.read_csv(case / "expected.csv", infer_schema=False).columns)
        assert columns <= set(INSIGHTS[case.parent.name].column_names), case
