"""What `govpulse run` prints at its end, for a person to read."""

import shutil
import sys
from pathlib import Path
from typing import Any

import polars as pl
from rich.console import Console
from rich.padding import Padding
from rich.table import Table

from flows.report import Report
from flows.settings import Settings
from storage.loading import LoadResult
from tasks.boards import alert_board, deployment_board, rejected_board
from tasks.insights.computation import InsightResult

SHOWN_SERVICES = 9
SHOWN_ALERTS = 6


def as_dict(report: Report) -> dict[str, Any]:
    """The report for scripts."""
    return {
        "flow": report.flow,
        "as_of": report.as_of.isoformat(),
        "is_sample": report.is_sample,
        "results": {name: str(result) for name, result in report.results.items()},
        "failures": report.failures,
    }


def print_summary(settings: Settings, report: Report) -> None:
    """What was collected, extracted, rejected, computed, what fires, and how to open it."""
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"\n[bold]govpulse[/]  as of {report.as_of:%Y-%m-%d %H:%M:%S} UTC")
    if report.is_sample:
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
    results = {name: str(result) for name, result in report.results.items()}
    computed = [f"{result.table} {result.rows:,}" for result in report.results.values() if isinstance(result, InsightResult)]
    lines = [
        ("collected", results.get("collect", "")),
        ("extracted", results.get("extract", "")),
        ("loaded", str(sum((result for result in report.results.values() if isinstance(result, LoadResult)), LoadResult()))),
        ("computed", ", ".join(computed)),
        ("alerts", results.get("alerts", "")),
    ]
    return [(label, text) for label, text in lines if text]


def _print_tables(console: Console, home: str) -> None:
    rejected = rejected_board(home)
    if rejected.height:
        rows = ", ".join(f"{dataset} {count:,}" for dataset, count in rejected.iter_rows())
        console.print(f"  [dim]rejected  [/] {rows}: kept with their reasons in ops.rejected_rows")
    deployments = deployment_board(home)
    if deployments.height:
        console.print()
        console.print(Padding(deployments_table(deployments), (0, 0, 0, 2)), soft_wrap=False)
        console.print()
    firing = alert_board(home)
    console.print(f"  [dim]firing    [/] {_count(firing)}")
    for alert in firing.head(SHOWN_ALERTS).iter_rows(named=True):
        colour = "red" if alert["severity"] == "critical" else "yellow"
        console.print(f"             [{colour}]{alert['severity']:<8}[/] {_escape(alert['reason'])}")
    if firing.height > SHOWN_ALERTS:
        console.print(f"             and {firing.height - SHOWN_ALERTS} more in alerts.alerts")


def deployments_table(rows: pl.DataFrame) -> Table:
    """Deployment success and duration with their 95 % intervals, the surest to be bad first."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("deployments", no_wrap=True)
    for name in ("n", "success (95 %)", "median (95 %)"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in rows.head(SHOWN_SERVICES).iter_rows(named=True):
        table.add_row(_name(row), str(row["deployments"]), _success(row), _median(row))
    if rows.height > SHOWN_SERVICES:
        table.add_row(f"and {rows.height - SHOWN_SERVICES} more", "", "", "")
    return table


def _name(row: dict[str, Any]) -> str:
    return "all" if row["environment"] == row["service"] == "all" else f"{row['environment']} / {row['service']}"


def _success(row: dict[str, Any]) -> str:
    if row["success_rate"] is None:
        return str(row["no_data_reason"])
    low, high = 100 * row["success_rate_low"], 100 * row["success_rate_high"]
    return f"{row['success_rate']:.1%} ({low:.1f} to {high:.1f})"


def _median(row: dict[str, Any]) -> str:
    median, low, high = (row[f"median_duration_{part}"] for part in ("seconds", "low", "high"))
    if median is None:
        return ""
    unit, size = ("s", 1) if median < 120 else ("min", 60)
    interval = "n < 6" if low is None else f"{low / size:.1f} to {high / size:.1f}"
    return f"{median / size:.1f} {unit} ({interval})"


def _count(firing: pl.DataFrame) -> str:
    """How many alerts of each rule."""
    rules = firing.group_by("rule", maintain_order=True).len()
    return ", ".join(f"{rule} {count}" for rule, count in rules.iter_rows()) or "nothing"


def _escape(text: str) -> str:
    return text.replace("[", "\\[")


def _command() -> str:
    """How this shell would call us."""
    return "govpulse" if shutil.which("govpulse") else str(_relative(Path(sys.argv[0]).absolute()))


def _relative(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
