"""What `govpulse run` prints at its end, for a person to read."""

import shutil
import sys
from pathlib import Path
from typing import Any

import polars as pl
from rich.padding import Padding
from rich.text import Text

from flows.cli.deployments_table import deployments_table
from flows.printing import is_unicode, line, show, text
from flows.report import Report, files_table, loaded
from flows.settings import Settings
from tasks.insights.insight import InsightResult
from tasks.overviews import alert_overview, deployment_overview, finding_overview, rejected_overview, scan_overview
from tasks.sources.progress import SourceProgress

SHOWN_FINDINGS = 6
SHOWN_ALERTS = 3
INDENT = " " * 13


def as_dict(report: Report) -> dict[str, Any]:
    """The report for scripts."""
    return {
        "flow": report.flow,
        "as_of": report.as_of.isoformat(),
        "is_sample": report.is_sample,
        "results": {name: str(result) for name, result in report.results.items()},
        "files": files_table(loaded(report)).to_dicts(),
        "failures": report.failures,
    }


def print_summary(settings: Settings, report: Report) -> None:
    """What was collected, extracted, rejected, computed, what fires, and how to open it."""
    show(Text(), line(text("govpulse", "bold"), f"  as of {report.as_of:%Y-%m-%d %H:%M:%S} UTC"))
    if report.is_sample:
        show(text("source: sample, a made-up database, not your platform; docs/settings.md says how to set yours", "yellow"))
    for label, said in _lines(report):
        _say(label, said)
    path = settings.folder.published
    if path.exists():
        _print_tables(str(settings.folder.root))
    for step, why in report.failures.items():
        _say("failed", f"{step}: {why}", "bold red")
    _say("published", str(_relative(path)))
    _say("open it", f'{_command()} query "SELECT * FROM insights.deployment_metrics"')
    show(Text())


def _say(label: str, said: str, style: str = "dim") -> None:
    show(line("  ", text(f"{label:<10}", style), " ", said))


def _lines(report: Report) -> list[tuple[str, str]]:
    results = {name: str(result) for name, result in report.results.items()}
    computed = [f"{result.table} {result.rows:,}" for result in report.results.values() if isinstance(result, InsightResult)]
    left = dict.fromkeys(
        result.others_left for result in report.results.values() if isinstance(result, SourceProgress) and result.others
    )
    lines = [
        ("collected", results.get("collect", "")),
        *(("extracted", _extracted(name, said)) for name, said in results.items() if name.split(" ")[0] == "extract"),
        ("also here", ", ".join(left)),
        ("loaded", str(loaded(report))),
        ("computed", ", ".join(computed)),
        ("alerts", results.get("alerts", "")),
    ]
    return [(label, said) for label, said in lines if said]


def _extracted(step: str, said: str) -> str:
    """What a source brought, with its name where there are several."""
    name = step.removeprefix("extract").strip()
    return f"{name}: {said}" if name else said


def _print_tables(home: str) -> None:
    rejected = rejected_overview(home)
    if rejected.height:
        rows = ", ".join(f"{dataset} {count:,}" for dataset, count, _ in rejected.iter_rows())
        _say("rejected", f"{rows}: kept with their reasons in ops.rejected_rows")
        outdated = ", ".join(f"{dataset} {count:,}" for dataset, _, count in rejected.iter_rows() if count)
        if outdated:
            _say("outdated", f"{outdated}: an older state stays, and no verdict rests on it; ops.outdated_rows says why")
    deployments = deployment_overview(home)
    if deployments.height:
        table = deployments_table(deployments, dash="\u2013" if is_unicode(sys.stdout) else "-")
        show(Text(), Padding(table, (0, 0, 0, 2), expand=False), Text())
    _say("scans", _unfinished(scan_overview(home)))
    _print_findings(finding_overview(home))
    _print_alerts(alert_overview(home))


def _unfinished(scans: pl.DataFrame) -> str:
    verdicts = ", ".join(f"{count} {verdict.replace('_', ' ')}" for verdict, count in _count(scans, "verdict"))
    return f"{scans.height} unfinished" + (f": {verdicts}" if verdicts else "")


def _print_findings(findings: pl.DataFrame) -> None:
    _say("to do", str(findings.height or "nothing"))
    for finding in findings.head(SHOWN_FINDINGS).iter_rows(named=True):
        show(line(INDENT, _severity(finding), " ", finding["statement"]))
        show(line(INDENT, " " * 9, text(finding["recommendation"], "dim")))
    if findings.height > SHOWN_FINDINGS:
        show(line(INDENT, f"and {findings.height - SHOWN_FINDINGS} more in insights.performance_insights"))


def _print_alerts(firing: pl.DataFrame) -> None:
    _say("firing", ", ".join(f"{rule} {count}" for rule, count in _count(firing, "rule")) or "nothing")
    for alert in firing.head(SHOWN_ALERTS).iter_rows(named=True):
        show(line(INDENT, _severity(alert), " ", alert["reason"] or ""))
    if firing.height > SHOWN_ALERTS:
        show(line(INDENT, f"and {firing.height - SHOWN_ALERTS} more in alerts.alerts"))


def _severity(row: dict[str, Any]) -> Text:
    return text(f"{row['severity']:<8}", "red" if row["severity"] == "critical" else "yellow")


def _count(rows: pl.DataFrame, column: str) -> list[tuple[str, int]]:
    return list(rows.group_by(column, maintain_order=True).len().iter_rows())


def _command() -> str:
    """How this shell would call us."""
    return "govpulse" if shutil.which("govpulse") else str(_relative(Path(sys.argv[0]).absolute()))


def _relative(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
