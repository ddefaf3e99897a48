"""Runs whose process is gone without a word: in Prefect they become Crashed, in ops.runs `crashed`. Nothing else would ever end
them, nor free the slot of their deployment."""

from datetime import UTC, datetime
from typing import Literal

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterDeploymentId,
    FlowRunFilterState,
    FlowRunFilterStateType,
    WorkPoolFilter,
    WorkPoolFilterName,
)
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.states import Crashed

from storage.home import Home
from tasks.runs import crashed_row, land_run

UNFINISHED = [StateType.PENDING, StateType.RUNNING, StateType.CANCELLING]
SAID = "its process ended before it did"
Whose = Literal["all", "worker", "by hand"]
"""Runs of our worker have a deployment, those that `govpulse run` started by hand have none."""


async def crash_leftovers(client: PrefectClient, home: Home, pool: str, whose: Whose) -> int:
    """Crash the unfinished runs of a server that is ours alone, when none of them can be alive; returns how many."""
    of_the_pool = WorkPoolFilter(name=WorkPoolFilterName(any_=[pool])) if whose == "worker" else None
    by_hand = FlowRunFilterDeploymentId(is_null_=True) if whose == "by hand" else None
    state = FlowRunFilterState(type=FlowRunFilterStateType(any_=UNFINISHED))
    unfinished = FlowRunFilter(state=state, deployment_id=by_hand)
    runs = await client.read_flow_runs(flow_run_filter=unfinished, work_pool_filter=of_the_pool)
    for run in runs:
        await client.set_flow_run_state(run.id, Crashed(message=SAID), force=True)
        await _note(client, home, run)
    return len(runs)


async def _note(client: PrefectClient, home: Home, run: FlowRun) -> None:
    """One that never began has no row to end."""
    if run.start_time is not None:
        flow = await client.read_flow(run.flow_id)
        land_run(home, crashed_row(str(run.id), flow.name, run.start_time, datetime.now(UTC), SAID))
