"""Shares of rows that are right, with Wilson's 95 % interval, as cells of a table."""

from collections.abc import Sequence

import polars as pl

from tasks.insights.statistics.intervals import wilson_high, wilson_low

WIDTH = 26


def share_of(rows: pl.DataFrame) -> str:
    """How many rows, and which share of them is right."""
    if rows.is_empty():
        return "0"
    right, n = pl.col("is_right").sum(), pl.len()
    share, low, high = rows.select(share=right / n, low=wilson_low(right, n), high=wilson_high(right, n)).row(0)
    return f"{len(rows):>5} {share:.3f} ({low:.3f} to {high:.3f})"


def cells(rows: pl.DataFrame, column: str, values: Sequence[str]) -> str:
    """The same of the rows with each value of a column, side by side."""
    return "".join(f"{share_of(rows.filter(pl.col(column) == value)):>{WIDTH}}" for value in values)


def heads(values: Sequence[str]) -> str:
    """The line above such cells."""
    return "".join(f"{value:>{WIDTH}}" for value in values)
