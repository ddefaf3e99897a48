"""What `govpulse run` prints at its end, for a person to read."""

import shutil
import sys
from pathlib import Path
from typing import Any

import polars as pl
from rich.console import Console
from rich.padding import Padding

from flows.cli.deployments_table import deployments_table
from flows.report import Report
from flows.settings import Settings
from storage.loading import LoadResult
from tasks.boards import alert_board, deployment_board, finding_board, rejected_board, scan_board
from tasks.insights.computation import InsightResult

SHOWN_FINDINGS = 6
SHOWN_ALERTS = 3


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
    console.print(f"  [dim]scans     [/] {_unfinished(scan_board(home))}")
    _print_findings(console, finding_board(home))
    _print_alerts(console, alert_board(home))


def _unfinished(scans: pl.DataFrame) -> str:
    verdicts = ", ".join(f"{count} {verdict.replace('_', ' ')}" for verdict, count in _count(scans, "verdict"))
    return f"{scans.height} unfinished" + (f": {verdicts}" if verdicts else "")


def _print_findings(console: Console, findings: pl.DataFrame) -> None:
    console.print(f"  [dim]to do     [/] {findings.height or 'nothing'}")
    for finding in findings.head(SHOWN_FINDINGS).iter_rows(named=True):
        console.print(f"             {_severity(finding)} {_escape(finding['statement'])}")
        console.print(f"                      [dim]{_escape(finding['recommendation'])}[/]")
    if findings.height > SHOWN_FINDINGS:
        console.print(f"             and {findings.height - SHOWN_FINDINGS} more in insights.performance_insights")


def _print_alerts(console: Console, firing: pl.DataFrame) -> None:
    console.print(f"  [dim]firing    [/] {', '.join(f'{rule} {count}' for rule, count in _count(firing, 'rule')) or 'nothing'}")
    for alert in firing.head(SHOWN_ALERTS).iter_rows(named=True):
        console.print(f"             {_severity(alert)} {_escape(alert['reason'])}")
    if firing.height > SHOWN_ALERTS:
        console.print(f"             and {firing.height - SHOWN_ALERTS} more in alerts.alerts")


def _severity(row: dict[str, Any]) -> str:
    return f"[{'red' if row['severity'] == 'critical' else 'yellow'}]{row['severity']:<8}[/]"


def _count(rows: pl.DataFrame, column: str) -> list[tuple[str, int]]:
    return list(rows.group_by(column, maintain_order=True).len().iter_rows())


def _escape(text: str) -> str:
    return text.replace("[", "\\[")


def _command() -> str:
    """How this shell would call us."""
    return "govpulse" if shutil.which("govpulse") else str(_relative(Path(sys.argv[0]).absolute()))


def _relative(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
