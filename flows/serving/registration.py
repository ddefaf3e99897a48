"""Tell a Prefect API what `govpulse up` needs there, again and again with the same result.

Creates the work pool if it is missing, creates or updates the automations of automations.toml by name, and, where the API is
ours alone, turns runs that outlived their worker to Crashed. Run as a script, by path: the supervisor need not hold Prefect.
"""

import asyncio
import sys
import tomllib
from pathlib import Path
from typing import Any

import httpx
from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
    WorkPoolFilter,
    WorkPoolFilterName,
)
from prefect.client.schemas.objects import StateType
from prefect.events.schemas.automations import AutomationCore
from prefect.exceptions import ObjectNotFound, PrefectException
from prefect.settings import PREFECT_API_URL
from prefect.states import Crashed
from prefect.workers.process import ProcessWorker

AUTOMATIONS = Path(__file__).with_name("automations.toml")


async def register(pool: str, *, is_own_server: bool) -> None:
    """Bring the pool, the automations and, on our own server, the left-over runs of the pool in order."""
    async with get_client() as client:
        await ensure_pool(client, pool)
        for definition in tomllib.loads(AUTOMATIONS.read_text(encoding="utf-8"))["automations"]:
            await ensure_automation(client, definition)
        if is_own_server:
            await crash_leftovers(client, pool)


async def ensure_pool(client: PrefectClient, name: str) -> None:
    """Create the process pool `name`; one that exists stays as it is, paused or limited as its operator left it."""
    try:
        await client.read_work_pool(name)
    except ObjectNotFound:
        template = ProcessWorker.get_default_base_job_template()
        await client.create_work_pool(WorkPoolCreate(name=name, type="process", base_job_template=template))


async def ensure_automation(client: PrefectClient, definition: dict[str, Any]) -> None:
    """Create the automation, or update the one of its name; an operator's switching it off is kept."""
    automation = AutomationCore.model_validate(definition)
    existing = await client.read_automations_by_name(automation.name)
    if existing:
        automation.enabled = existing[0].enabled
        await client.update_automation(existing[0].id, automation)
    else:
        await client.create_automation(automation)


async def crash_leftovers(client: PrefectClient, pool: str) -> None:
    """Crash the unfinished runs of `pool`, whose processes are gone: nothing else would ever free their slots."""
    unfinished = FlowRunFilterStateType(any_=[StateType.PENDING, StateType.RUNNING, StateType.CANCELLING])
    runs = await client.read_flow_runs(
        flow_run_filter=FlowRunFilter(state=FlowRunFilterState(type=unfinished)),
        work_pool_filter=WorkPoolFilter(name=WorkPoolFilterName(any_=[pool])),
    )
    for run in runs:
        await client.set_flow_run_state(run.id, Crashed(message="its worker ended before it did"), force=True)


if __name__ == "__main__":
    try:
        asyncio.run(register(sys.argv[1], is_own_server=sys.argv[2] == "own"))
    except (httpx.HTTPError, PrefectException) as error:
        sys.exit(f"cannot register with {PREFECT_API_URL.value()}: {error}")
