"""Lengths of time as Polars expressions."""

import polars as pl

from tasks.wording import duration


def seconds(length: pl.Expr) -> pl.Expr:
    """A duration in seconds."""
    return length.dt.total_microseconds() / 1e6


def said(of: str | pl.Expr) -> pl.Expr:
    """Seconds as people say them."""
    exact = pl.col(of) if isinstance(of, str) else of
    return exact.map_elements(duration, return_dtype=pl.String)
