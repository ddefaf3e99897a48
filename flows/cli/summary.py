"""What `govpulse run` prints at its end, for a person to read."""

import shutil
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl
from rich.console import Console
from rich.table import Table

from flows.run import Report
from flows.settings import Settings
from tasks.boards import alert_board, deployment_board, rejected_board

SHOWN_SERVICES = 8
SHOWN_ALERTS = 8

def as_dict(report: Report) -> dict[str, Any]:
    """The report for scripts."""
    return {
        "flow": report.flow,
        "as_of": report.as_of.isoformat(),
        "source": report.source,
        "results": {name: str(result) for name, result in report.results.items() if result is not None},
        "failures": report.failures,
    }


def print_summary(settings: Settings, report: Report) -> None:
    """What was collected, extracted, rejected, computed, what fires, and how to open it."""
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"\n[bold]govpulse[/]  as of {report.as_of:%Y-%m-%d %H:%M:%S} UTC")
    if report.source == "sample":
        console.print("[yellow]source: sample, a made-up database, not your platform; docs/settings.md says how to set yours[/]")
    for label, text in _lines(report):
        console.print(f"  [dim]{label:<10}[/] {text}")
    path = settings.folder.published
    if path.exists():
        _print_tables(console, str(settings.folder.root))
    for step, why in report.failures.items():
        console.print(f"  [bold red]failed    [/] {_escape(step)}: {_escape(why)}")
    console.print(f"  [dim]published [/] {_relative(path)}")
    console.print(f'  [dim]open it   [/] {_command()} query "SELECT * FROM insights.deployment_metrics"\n')


def _lines(report: Report) -> list[tuple[str, str]]:
    results = {name: str(result) for name, result in report.results.items() if result is not None}
    extracted = [f"{name.removeprefix('extract ')} {text}" for name, text in results.items() if name.startswith("extract ")]
    computed = [f"{table} {getattr(result, 'rows', 0):,}" for table, result in _insights(report)]
    lines = [
        ("collected", results.get("collect", "")),
        ("extracted", ", ".join(extracted)),
        ("loaded", results.get("load extracted", results.get("load", ""))),
        ("computed", ", ".join(computed)),
        ("alerts", results.get("alerts", "")),
    ]
    return [(label, text) for label, text in lines if text]


def _insights(report: Report) -> list[tuple[str, Any]]:
    return [(result.table, result) for result in report.results.values() if hasattr(result, "table")]


def _print_tables(console: Console, home: str) -> None:
    rejected = rejected_board(home)
    if rejected.height:
        rows = ", ".join(f"{dataset} {count:,}" for dataset, count in rejected.iter_rows())
        console.print(f"  [dim]rejected  [/] {rows} in all, kept with their reasons in ops.rejected_rows")
    console.print(deployments_table(deployment_board(home)))
    firing = alert_board(home)
    console.print(f"  [dim]firing    [/] {firing.height or 'nothing'}")
    for alert in firing.head(SHOWN_ALERTS).iter_rows(named=True):
        colour = "red" if alert["severity"] == "critical" else "yellow"
        console.print(f"    [{colour}]{alert['severity']:<8}[/] {_escape(alert['reason'])}, since {_instant(alert['firing_since'])}")
    if firing.height > SHOWN_ALERTS:
        console.print(f"    and {firing.height - SHOWN_ALERTS} more in alerts.alerts")


def deployments_table(rows: pl.DataFrame) -> Table:
    """Deployment success and duration with their 95 % intervals, the surest to be bad first."""
    table = Table(title="deployments", title_justify="left", title_style="bold", box=None, padding=(0, 2, 0, 2))
    for name in ("environment", "service"):
        table.add_column(name)
    for name in ("n", "success", "95 %", "median", "95 %"):
        table.add_column(name, justify="right")
    for row in rows.head(SHOWN_SERVICES + 1).iter_rows(named=True):
        table.add_row(row["environment"], row["service"], str(row["deployments"]), *_success(row), *_median(row))
    if rows.height > SHOWN_SERVICES + 1:
        table.add_row(f"and {rows.height - SHOWN_SERVICES - 1} more")
    return table


def _success(row: dict[str, Any]) -> tuple[str, str]:
    if row["success_rate"] is None:
        return str(row["no_data_reason"]), ""
    return f"{row['success_rate']:.1%}", f"{row['success_rate_low']:.1%} to {row['success_rate_high']:.1%}"


def _median(row: dict[str, Any]) -> tuple[str, str]:
    median, low, high = (row[f"median_duration_{part}"] for part in ("seconds", "low", "high"))
    if median is None:
        return "", ""
    return _minutes(median), "n < 6" if low is None else f"{_minutes(low)} to {_minutes(high)}"


def _minutes(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.1f} min"


def _instant(instant: datetime | None) -> str:
    return f"{instant:%Y-%m-%d %H:%M}" if instant else "unknown"


def _escape(text: str) -> str:
    return text.replace("[", "\\[")


def _command() -> str:
    """How this shell would call us."""
    return "govpulse" if shutil.which("govpulse") else str(_relative(Path(sys.argv[0]).absolute()))


def _relative(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


