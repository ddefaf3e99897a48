"""Tell a Prefect API what `govpulse up` needs there, again and again with the same result.

Creates the work pool if it is missing, creates or updates the automations of automations.toml by name, and, where the API is
ours alone, turns runs whose process is gone to Crashed. Run as a script, by path: the supervisor need not hold Prefect.
"""

import asyncio
import sys
import tomllib
from pathlib import Path
from typing import Any

import httpx
from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.events.schemas.automations import AutomationCore
from prefect.exceptions import ObjectNotFound, PrefectException
from prefect.settings import PREFECT_API_URL
from prefect.workers.process import ProcessWorker

from flows.serving.leftovers import Whose, crash_leftovers
from storage.home import Home

AUTOMATIONS = Path(__file__).with_name("automations.toml")


async def register(pool: str, home: Home, leftovers: Whose | None) -> None:
    """Bring the pool, the automations and, on our own server, left-over runs in order."""
    async with get_client() as client:
        await ensure_pool(client, pool)
        for definition in tomllib.loads(AUTOMATIONS.read_text(encoding="utf-8"))["automations"]:
            await ensure_automation(client, definition)
        if leftovers is not None:
            await crash_leftovers(client, home, pool, leftovers)


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


if __name__ == "__main__":
    try:
        whose: dict[str, Whose | None] = {"all": "all", "worker": "worker", "none": None}
        asyncio.run(register(sys.argv[1], Home(Path(sys.argv[2])), whose[sys.argv[3]]))
    except (httpx.HTTPError, PrefectException) as error:
        sys.exit(f"cannot register with {PREFECT_API_URL.value()}: {error}")
