"""Schedules on a real server: with the wrong pins everything looks fine and no run is ever created."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from storage.frames import fetch
from storage.home import Home
from storage.intake.loading import load_landing
from storage.warehouse import warehouse

ROOT = Path(__file__).parents[2]
PLAN = yaml.safe_load((ROOT / "prefect.yaml").read_text())
SCHEDULED = {
    "collect-system-metrics",
    "extract-sources",
    "reconcile-sources",
    "compute-insights",
    "evaluate-alerts",
    "maintain-warehouse",
}


def test_prefect_yaml_names_no_machine() -> None:
    assert "pull" not in PLAN
    assert not [one["entrypoint"] for one in PLAN["deployments"] if Path(one["entrypoint"].split(":")[0]).is_absolute()]


@pytest.mark.slow
@pytest.mark.prefect
def test_each_schedule_creates_runs(scheduled_names: set[str]) -> None:
    assert scheduled_names - {"collect-soon"} == SCHEDULED


@pytest.mark.slow
@pytest.mark.prefect
def test_every_deployment_cancels_what_would_pile_up(scheduled_up: Any) -> None:
    ours = SCHEDULED | {"govpulse-pipeline", "collect-soon"}
    deployed = {one["name"]: one for one in scheduled_up.ask("deployments/filter") if one["name"] in ours}
    assert set(deployed) == ours
    for one in deployed.values():
        assert one["global_concurrency_limit"]["limit"] == 1
        assert one["concurrency_options"]["collision_strategy"] == "CANCEL_NEW"
        assert "govpulse" in one["tags"]  # or the automation would not see its runs
        assert one["description"]


@pytest.mark.slow
@pytest.mark.prefect
def test_scheduled_run_completes_and_lands_rows(scheduled_up: Any, completed_run: dict[str, Any]) -> None:
    assert completed_run["state_type"] == "COMPLETED"
    home = Home(scheduled_up.home)
    with warehouse(home) as con:  # another scheduled run may have loaded them already
        load_landing(con, home)
        rows = fetch(con, "SELECT observed_at, metric FROM raw.system_metrics")
    assert rows["observed_at"].n_unique() >= 2  # sample_count in its parameters
    assert "system.memory.usage" in rows["metric"].to_list()
