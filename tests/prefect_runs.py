"""What the Prefect server of conftest.py went through: flows that ran in this process, and runs that were brought where they are.

A run's name says what became of it. Run as a script, for a home, in an environment that may
name another database.
"""

import base64
import sys
import uuid
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from prefect import flow, get_client, states
from prefect.client.orchestration import SyncPrefectClient

from flows.cli.run import deliver_to_server
from flows.serving.passing_server import api_for_a_run
from storage.home import Home

NOW = datetime.now(UTC)
ahead, ago = NOW + timedelta(days=3), NOW - timedelta(hours=1)
attempts = []


@flow(name="copy", flow_run_name="retried", retries=1)
def copy() -> None:
    attempts.append(len(attempts))
    if len(attempts) == 1:
        raise ValueError("no such table yet")


@flow(name="load", flow_run_name="failed")
def load() -> None:
    raise ValueError("no such table")


@flow(name="export", flow_run_name="crashed")
def export() -> None:
    raise KeyboardInterrupt


def run_flows() -> None:
    copy()
    with suppress(ValueError):
        load()
    with suppress(KeyboardInterrupt):
        export()


def deploy(client: SyncPrefectClient, name: str) -> uuid.UUID:
    schedule = {"schedule": {"interval": 3600.0}, "active": True}
    body = {"name": name, "flow_id": str(client.create_flow(copy)), "schedules": [schedule]}
    return uuid.UUID(client.request("POST", "/deployments/", json=body).json()["id"])


def bring(client: SyncPrefectClient, name: str, deployment: uuid.UUID, due: datetime, *path: states.State[Any]) -> None:
    """A run of the deployment that is scheduled for `due`, then goes through these states."""
    run = client.create_flow_run_from_deployment(deployment, name=name, state=states.Scheduled(scheduled_time=due))
    for state in path:
        client.set_flow_run_state(run.id, state, force=True)


def bring_by_automation(client: SyncPrefectClient, name: str, deployment: uuid.UUID, automation: str) -> None:
    encoded = base64.b64encode(automation.encode()).decode()
    headers = {"prefect-automation-id": str(uuid.uuid4()), "prefect-automation-name": encoded}
    client.request("POST", f"/deployments/{deployment}/create_flow_run", json={"name": name}, headers=headers)


def schedule_around_now(client: SyncPrefectClient, deployment: uuid.UUID) -> None:
    """What the scheduler does: a run in each hour of a span."""
    span = {"start_time": (NOW - timedelta(hours=2)).isoformat(), "end_time": (NOW + timedelta(hours=2)).isoformat()}
    client.request("POST", f"/deployments/{deployment}/schedule", json=span | {"min_runs": 5})


def bring_runs(client: SyncPrefectClient) -> None:
    nightly, gone = deploy(client, "nightly"), deploy(client, "gone")
    bring(client, "planned", nightly, ahead)
    bring(client, "due", nightly, ago)
    bring(client, "asked for now", nightly, ahead, states.Scheduled())
    bring(client, "hurried", nightly, ahead, states.Scheduled(), states.Pending())
    bring(client, "started early", nightly, ahead, states.Running(), states.Completed())
    bring(client, "canceled early", nightly, ahead, states.Cancelled(message="not wanted"))
    bring(client, "to be retried", nightly, ago, states.Running(), states.AwaitingRetry(scheduled_time=ahead))
    bring(client, "without a slot", nightly, ago, states.AwaitingConcurrencySlot(scheduled_time=ahead))
    bring(client, "paused", nightly, ago, states.Running(), states.Paused(timeout_seconds=600))
    bring(client, "canceling", nightly, ago, states.Running(), states.Cancelling())
    bring(client, "orphaned", gone, ago, states.Running())
    bring_by_automation(client, "automated", nightly, "restart what crashed")
    bring_by_automation(client, "automated by an address", nightly, "jane@corp.example")
    schedule_around_now(client, nightly)
    client.delete_deployment(gone)


if __name__ == "__main__":
    with api_for_a_run(Home(Path(sys.argv[1]))):
        run_flows()
        with get_client(sync_client=True) as prefect:
            bring_runs(prefect)
        deliver_to_server()
