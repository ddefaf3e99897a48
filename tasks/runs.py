"""The book of runs: a row in ops.runs when a flow starts and again when it ends, through the landing zone, so that keeping it
needs no warehouse. A run whose second row never comes was killed; the next start of Prefect says so."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from importlib.metadata import version
from typing import Any

import polars as pl

from storage.home import Home
from storage.intake.landing import land


def run_row(
    run_id: str,
    flow: str,
    as_of: datetime | None,
    started_at: datetime,
    now: datetime,
    *,
    prefect_flow_run_id: str | None,
    results: Mapping[str, str] | None = None,
    failures: Sequence[str] = (),
) -> dict[str, Any]:
    """The row of ops.runs for a run that started (`results` None) or ended."""
    has_ended = results is not None
    return {
        "run_id": run_id,
        "flow": flow,
        "as_of": as_of,
        "status": ("failed" if failures else "succeeded") if has_ended else "running",
        "started_at": started_at,
        "finished_at": now if has_ended else None,
        "result": json.dumps(dict(results or {})),
        "error": "\n".join(failures) or None,
        "prefect_flow_run_id": prefect_flow_run_id,
        "version": version("govpulse"),
        "updated_at": now,
    }


def crashed_row(run_id: str, flow: str, started_at: datetime, now: datetime, why: str) -> dict[str, Any]:
    """The row of a run whose process is gone; for what instant it computed only the process knew."""
    row = run_row(run_id, flow, None, started_at, now, prefect_flow_run_id=run_id, results={}, failures=[why])
    return row | {"status": "crashed"}


def land_run(home: Home, row: dict[str, Any]) -> None:
    """Land one row of ops.runs."""
    instants = {name: pl.Datetime("us", "UTC") for name in ("as_of", "started_at", "finished_at", "updated_at")}
    land(home, "runs", pl.DataFrame([row], schema_overrides=instants))
