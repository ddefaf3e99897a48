"""Prefect's runs go by their age, and not by a clock that has just leapt."""

import asyncio
import shutil
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prefect.server.database import provide_database_interface
from prefect.server.services import db_vacuum
from prefect.settings import PREFECT_API_DATABASE_CONNECTION_URL, temporary_settings

from flows.serving import retention


class Docket:
    """One that only notes what is asked of it."""

    def __init__(self) -> None:
        self.keys: list[str] = []

    def add(self, function: object, key: str) -> Callable[[], Awaitable[None]]:
        assert function is db_vacuum.vacuum_old_flow_runs

        async def schedule() -> None:
            self.keys.append(key)

        return schedule


@pytest.mark.parametrize(
    ("later", "is_asked"), [(timedelta(hours=1), True), (timedelta(days=2), True), (timedelta(days=3652), False)], ids=str
)
def test_old_runs_stay_where_the_clock_has_leapt(prefect_sqlite: Path, tmp_path: Path, monkeypatch, later, is_asked) -> None:
    shutil.copy(prefect_sqlite, tmp_path / "prefect.db")
    monkeypatch.setattr(retention, "now", lambda _: datetime.now(UTC) + later)
    docket = Docket()
    with temporary_settings({PREFECT_API_DATABASE_CONNECTION_URL: f"sqlite+aiosqlite:///{tmp_path / 'prefect.db'}"}):
        asyncio.run(retention.schedule_old_runs(docket, db=provide_database_interface()))
    assert bool(docket.keys) == is_asked
