"""For how long Prefect keeps what: its own vacuum services do it, in an `up` as in a server that passes with a run."""

from datetime import datetime, timedelta

import sqlalchemy as sa
from docket import CurrentDocket, Depends, Docket, Perpetual
from prefect.server.database import PrefectDBInterface, provide_database_interface
from prefect.server.services import db_vacuum
from prefect.server.services.perpetual_services import _PERPETUAL_SERVICES, perpetual_service
from prefect.types._datetime import now

from storage.clock import SETTLED_AFTER, has_settled

DOCKET = CurrentDocket()
DATABASE = Depends(provide_database_interface)
HOURLY = Perpetual(automatic=True, every=timedelta(hours=1))
DAILY = Perpetual(automatic=True, every=timedelta(days=1))
REPLACED = (db_vacuum.schedule_vacuum_tasks, db_vacuum.schedule_orphan_vacuum_tasks)


def keep_small() -> None:
    """Let old runs go even where the server passes with a run, and let boards stay.

    Prefect deletes runs in a server that stays only: who calls `govpulse run` from cron would keep them for ever. It deletes by any
    clock: one that is years ahead would leave none. And it deletes the newest page of a key with the run that made it: a page of a
    flow that is run by hand would be gone.
    """
    enabled = [each.enabled_getter for each in _PERPETUAL_SERVICES if each.function is db_vacuum.schedule_vacuum_tasks]
    _PERPETUAL_SERVICES[:] = [each for each in _PERPETUAL_SERVICES if each.function not in REPLACED]
    for is_enabled in enabled:
        perpetual_service(enabled_getter=is_enabled, run_in_ephemeral=True)(schedule_old_runs)
    perpetual_service(enabled_getter=lambda: True, run_in_ephemeral=True)(schedule_orphans)


async def schedule_old_runs(
    docket: Docket = DOCKET,
    perpetual: Perpetual = HOURLY,  # noqa: ARG001 - docket reads it
    db: PrefectDBInterface = DATABASE,
) -> None:
    """Runs past their days, once the clock has been where it is for a day."""
    at = now("UTC")
    if has_settled(await _latest_run(db, at - SETTLED_AFTER), at):
        await docket.add(db_vacuum.vacuum_old_flow_runs, key="db-vacuum:old-flow-runs")()


async def _latest_run(db: PrefectDBInterface, until: datetime) -> datetime | None:
    """When the latest of the runs from before `until` was made."""
    async with db.session_context() as session:
        latest: datetime | None = await session.scalar(
            sa.select(sa.func.max(db.FlowRun.created)).where(db.FlowRun.created <= until)
        )
        return latest


async def schedule_orphans(docket: Docket = DOCKET, perpetual: Perpetual = DAILY) -> None:  # noqa: ARG001 - docket reads it
    """What a server that was killed while it deleted runs has left of them; not the pages that others are shown by their keys."""
    await docket.add(db_vacuum.vacuum_orphaned_logs, key="db-vacuum:orphaned-logs")()
    await docket.add(db_vacuum.vacuum_orphaned_artifacts, key="db-vacuum:orphaned-artifacts")()
