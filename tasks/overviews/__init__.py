"""What people look at first, from the published file: what to do, the deployments, the scans, the alerts, the refused rows."""

from pathlib import Path

import polars as pl

from storage.home import Home
from storage.publishing.published import ask_published
from storage.sql_files import sql_beside


def deployment_overview(home: str) -> pl.DataFrame:
    """Environment x service, all of them first, then the worst, each drawn towards the others as far as it has few deployments."""
    return _ask(home, "deployments")


def scan_overview(home: str) -> pl.DataFrame:
    """The scans that have not finished, the likeliest to be dead first."""
    return _ask(home, "scans")


def finding_overview(home: str) -> pl.DataFrame:
    """What is wrong now and what to do about it: of each kind in turn the worst, then the newest."""
    return _ask(home, "findings")


def alert_overview(home: str) -> pl.DataFrame:
    """The alerts that have not ended, critical ones first."""
    return _ask(home, "alerts")


def rejected_overview(home: str) -> pl.DataFrame:
    """Refused rows by dataset."""
    return _ask(home, "rejected_rows")


def reason_overview(home: str) -> pl.DataFrame:
    """Why rows were refused, the commonest reasons first."""
    return _ask(home, "reasons")


def reconciliation_overview(home: str) -> pl.DataFrame:
    """What comparing with the source found the last time."""
    return _ask(home, "reconciliations")


def _ask(home: str, name: str) -> pl.DataFrame:
    return ask_published(Home(Path(home)).published, sql_beside(__file__, name))
