"""For how long Prefect keeps what: its own vacuum services do it, in an `up` as in a server that passes with a run."""

from datetime import timedelta

from docket import CurrentDocket, Docket, Perpetual
from prefect.server.services import db_vacuum
from prefect.server.services.perpetual_services import _PERPETUAL_SERVICES, perpetual_service

DOCKET = CurrentDocket()
DAILY = Perpetual(automatic=True, every=timedelta(days=1))


def keep_small() -> None:
    """Let old runs go even where the server passes with a run, and let boards stay.

    Prefect deletes runs in a server that stays only: who calls `govpulse run` from cron would keep them for ever. And it deletes
    the newest page of a key with the run that made it: a board of a flow that is run by hand would be gone.
    """
    for service in _PERPETUAL_SERVICES:
        if service.function is db_vacuum.schedule_vacuum_tasks:
            service.run_in_ephemeral = True
    _PERPETUAL_SERVICES[:] = [each for each in _PERPETUAL_SERVICES if each.function is not db_vacuum.schedule_orphan_vacuum_tasks]
    perpetual_service(enabled_getter=lambda: True, run_in_ephemeral=True)(schedule_orphans)


async def schedule_orphans(docket: Docket = DOCKET, perpetual: Perpetual = DAILY) -> None:  # noqa: ARG001 - docket reads it
    """What a server that was killed while it deleted runs has left of them; not the pages that others are shown by their keys."""
    await docket.add(db_vacuum.vacuum_orphaned_logs, key="db-vacuum:orphaned-logs")()
    await docket.add(db_vacuum.vacuum_orphaned_artifacts, key="db-vacuum:orphaned-artifacts")()
