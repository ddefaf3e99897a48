"""Prefect's runs go by their age, and not by a clock that has just leapt."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from prefect.server.database import provide_database_interface
from prefect.server.database.dependencies import temporary_database_config
from prefect.server.services import db_vacuum
from prefect.settings import PREFECT_API_DATABASE_CONNECTION_URL, temporary_settings

from flows.serving import retention
from flows.serving.prefect_database import prefect_database
from flows.serving.prefect_schema import lay_out
from storage.home import Home


class Docket:
    """One that only notes what is asked of it."""

    def __init__(self) -> None:
        self.keys: list[str] = []

    def add(self, function: object, key: str) -> Callable[[], Awaitable[None]]:
        assert function is db_vacuum.vacuum_old_flow_runs

        async def schedule() -> None:
            self.keys.append(key)

        return schedule


async def make_run() -> None:
    db = provide_database_interface()
    async with db.session_context(begin_transaction=True) as session:
        flow = db.Flow(name="collect")
        session.add(flow)
        await session.flush()
        session.add(db.FlowRun(flow_id=flow.id))


@pytest.fixture(scope="module")
def one_run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A database of one run, for all of this file: a process keeps to the first that it is told of."""
    home = Home(tmp_path_factory.mktemp("retention") / "home")
    lay_out(home, {})
    url = f"sqlite+aiosqlite:///{prefect_database(home)}"
    with temporary_settings({PREFECT_API_DATABASE_CONNECTION_URL: url}), temporary_database_config(None):
        asyncio.run(make_run())
        yield


@pytest.mark.usefixtures("one_run")
@pytest.mark.parametrize(
    ("later", "is_asked"), [(timedelta(hours=1), True), (timedelta(days=2), True), (timedelta(days=3652), False)], ids=str
)
def test_old_runs_stay_where_the_clock_has_leapt(monkeypatch, later, is_asked) -> None:
    monkeypatch.setattr(retention, "now", lambda _: datetime.now(UTC) + later)
    docket = Docket()
    asyncio.run(retention.schedule_old_runs(docket, db=provide_database_interface()))
    assert bool(docket.keys) == is_asked
