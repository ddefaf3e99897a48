"""The deployments in the summary: every rate and median with its n and its 95 % interval, or the reason why there is none."""

from typing import Any

import polars as pl
from rich.table import Table

from flows.printing import cell

SHOWN_SERVICES = 9


def deployments_table(rows: pl.DataFrame, dash: str = "\u2013") -> Table:
    """The rows of the deployment overview in its order, all services first, then the worst.

    Args:
        dash: of intervals, as the terminal has it.
    """
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("deployments", no_wrap=True)
    for name in ("n", "success (95 %)", "median (95 %)", "of n"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in rows.head(SHOWN_SERVICES).iter_rows(named=True):
        cells = (_name(row), str(row["deployments"]), _success(row, dash), _median(row, dash), str(row["durations"]))
        table.add_row(*map(cell, cells))
    if rows.height > SHOWN_SERVICES:
        table.add_row(f"and {rows.height - SHOWN_SERVICES} more", "", "", "", "")
    return table


def _name(row: dict[str, Any]) -> str:
    return "all" if row["environment"] == row["service"] == "all" else f"{row['environment']} / {row['service']}"


def _success(row: dict[str, Any], dash: str) -> str:
    if row["success_rate"] is None:
        return str(row["reason"]).replace("_", " ")
    return f"{row['success_rate']:.1%} ({100 * row['success_rate_low']:.1f}{dash}{100 * row['success_rate_high']:.1f})"


def _median(row: dict[str, Any], dash: str) -> str:
    median, low, high = (row[f"median_duration_{part}"] for part in ("seconds", "low", "high"))
    if median is None:
        return "no durations"
    unit, size = ("s", 1) if median < 120 else ("min", 60)
    interval = "n < 6" if low is None else f"{low / size:.1f}{dash}{high / size:.1f}"
    return f"{median / size:.1f} {unit} ({interval})"
