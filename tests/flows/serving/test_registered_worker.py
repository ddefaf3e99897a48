"""What the worker runs: what prefect.yaml registered, whoever may write to the API."""

import uuid
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from flows.serving.registered_worker import foreign_parts, read_registered

ROOT = Path(__file__).parents[3]
PROJECT = Path("/srv/govpulse")
REGISTERED = {"extract-sources": "flows/sources.py:extract_sources"}
FOLDER = [{"prefect.deployments.steps.set_working_directory": {"directory": "/srv/govpulse"}}]
ELSEWHERE = [{"prefect.deployments.steps.set_working_directory": {"directory": "/tmp/theirs"}}]
SHELL = [{"prefect.deployments.steps.run_shell_script": {"script": "id"}}]


def deployment(**changed: Any) -> Any:
    ours = {"name": "extract-sources", "entrypoint": "flows/sources.py:extract_sources", "pull_steps": FOLDER}
    return SimpleNamespace(**{"storage_document_id": None, "job_variables": {}, **ours, **changed})


def foreign(of: Any, variables: dict[str, Any] | None = None) -> list[str]:
    return foreign_parts(of, SimpleNamespace(job_variables=variables), REGISTERED, PROJECT)


def test_what_prefect_yaml_registered_is_ours() -> None:
    assert foreign(deployment()) == foreign(deployment(pull_steps=None)) == foreign(deployment(), {}) == []


@pytest.mark.parametrize(
    ("of", "said"),
    [
        (None, "belongs to no deployment"),
        (deployment(name="theirs"), "no deployment 'theirs'"),
        (deployment(entrypoint="/tmp/theirs.py:flow"), "entrypoint '/tmp/theirs.py:flow'"),
        (deployment(entrypoint="os:system"), "entrypoint"),
        (deployment(entrypoint=None), "entrypoint"),
        (deployment(pull_steps=ELSEWHERE), "pull steps"),
        (deployment(pull_steps=[*FOLDER, *SHELL]), "pull steps"),
        (deployment(storage_document_id=uuid.uuid4()), "storage block"),
        (deployment(job_variables={"command": "id"}), "job variables of the deployment"),
        (deployment(job_variables={"env": {"PYTHONPATH": "/tmp/theirs"}}), "job variables of the deployment"),
    ],
)
def test_what_it_did_not_is_refused_and_named(of: Any, said: str) -> None:
    assert said in " ".join(foreign(of))


def test_variables_of_one_run_are_refused() -> None:
    assert foreign(deployment(), {"working_dir": "/tmp"}) == ["it has job variables of the run of its own"]


def test_every_deployment_of_prefect_yaml_is_registered() -> None:
    registered = read_registered(ROOT)
    assert registered["extract-sources"] == "flows/sources.py:extract_sources"
    assert len(registered) == 7
