"""What people read of a run: the page of what to do, and the summary's tables, on rows put into the published file."""

import io
from contextlib import redirect_stdout
from datetime import UTC, datetime
from typing import Any

import polars as pl
import pytest

from flows.cli.deployments_table import deployments_table
from flows.cli.summary import _print_tables
from flows.pages import what_to_do
from flows.printing import rendered
from storage.catalogue import INSIGHTS
from storage.home import Home
from storage.publishing.publishing import publish
from storage.warehouse import warehouse
from tasks.overviews import deployment_overview, finding_overview
from tests.homes import migrated_home
from tests.insight_rows import insert

AT = datetime(2026, 11, 25, 9, tzinfo=UTC)
FINDING = {"kind": "stuck_scan", "severity": "critical", "started_at": AT, "recommendation": "Cancel it."}


def published(home: Home, **tables: list[dict[str, Any]]) -> str:
    with warehouse(migrated_home(home.root)) as con:
        for name, rows in tables.items():
            insert(con, INSIGHTS[name], *rows)
        publish(con, home)
    return str(home.root)


def printed(home: str) -> str:
    with redirect_stdout(io.StringIO()) as out:
        _print_tables(home)
    return out.getvalue()


def test_the_page_says_what_to_do_and_takes_names_as_they_are(home: Home) -> None:
    said = what_to_do(
        published(home, performance_insights=[FINDING | {"subject": "s1", "statement": "scan s_1 of <b>crm</b> | x"}])
    )
    assert r"**critical**: scan s\_1 of \<b\>crm\<\/b\> \| x" in said
    assert r"> Cancel it\." in said
    assert "stuck_scan, since 2026-11-25 09:00 UTC" in said


def test_with_nothing_found_the_page_says_so(home: Home) -> None:
    assert "Nothing was found." in what_to_do(published(home))


def test_findings_that_have_ended_are_not_shown(home: Home) -> None:
    ended = FINDING | {"subject": "s1", "ended_at": AT}
    assert finding_overview(published(home, performance_insights=[ended])).is_empty()


def test_each_kind_comes_in_turn_so_that_many_of_one_do_not_hide_another(home: Home) -> None:
    stuck = [FINDING | {"insight_id": f"i{number}", "subject": f"s{number}"} for number in range(4)]
    slow = FINDING | {"insight_id": "slow", "kind": "scan_slowdown", "severity": "warning", "subject": "crm"}
    shown = finding_overview(published(home, performance_insights=[*stuck, slow]))
    assert shown["kind"].to_list() == ["stuck_scan", "scan_slowdown", "stuck_scan", "stuck_scan", "stuck_scan"]


def test_the_worst_service_is_first_and_three_deployments_do_not_make_it(home: Home) -> None:
    place = {"environment": "production", "success_rate_low": 0.1, "success_rate_high": 0.9}
    few = place | {"service": "few", "deployments": 3, "success_rate": 0.33, "success_rate_shrunk": 0.85}
    many = place | {"service": "many", "deployments": 300, "success_rate": 0.6, "success_rate_shrunk": 0.61}
    everything = place | {"environment": "all", "service": "all", "success_rate": 0.6, "deployments": 303}
    shown = deployment_overview(published(home, deployment_metrics=[few, many, everything]))
    assert shown["service"].to_list() == ["all", "many", "few"]


ROW = {
    "environment": "production", "service": "api", "deployments": 8, "success_rate": 0.875, "success_rate_low": 0.529,
    "success_rate_high": 0.978, "median_duration_seconds": 300.0, "median_duration_low": 240.0, "median_duration_high": 420.0,
    "durations": 8, "reason": None,
}  # fmt: skip


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({}, ("8", "87.5% (52.9–97.8)", "5.0 min (4.0–7.0)")),  # noqa: RUF001
        ({"durations": 5, "median_duration_low": None, "median_duration_high": None}, ("5.0 min (n < 6)", "5")),
        ({"deployments": 0, "success_rate": None, "reason": "no_terminal_deployments"}, ("no terminal deployments",)),
        ({"median_duration_seconds": None, "durations": 0}, ("no durations",)),
    ],
    ids=["all of it", "too few for an interval", "no rate", "no durations"],
)
def test_every_number_has_its_n_and_its_interval_or_the_reason(row: dict[str, Any], said: tuple[str, ...]) -> None:
    shown = rendered(io.StringIO(), deployments_table(pl.DataFrame([ROW | row])))
    for text in said:
        assert text in shown


def test_the_summary_counts_the_verdicts_and_says_what_to_do(home: Home) -> None:
    verdicts = {"s1": "on_track", "s2": "on_track", "d": "probably_dead"}
    scans = [{"scan_id": scan, "subject": scan, "verdict": verdict} for scan, verdict in verdicts.items()]
    said = printed(published(home, active_scans=scans, performance_insights=[FINDING | {"subject": "d", "statement": "d is dead"}]))
    assert "3 unfinished: 1 probably dead, 2 on track" in said
    assert "critical d is dead" in said
    assert "Cancel it." in said
