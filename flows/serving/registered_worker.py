"""A Prefect worker that runs what prefect.yaml registered, and nothing else.

A work pool lets everybody who may write to the API name a command, an entrypoint, steps that fetch code, a folder or variables,
and a worker does what it is told. This one asks the API which deployment is due, and takes what to run from prefect.yaml: a run of
anything else ends as crashed, with the reason. Run as a script, by path, in the folder of prefect.yaml.
"""

import abc
import asyncio
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

import anyio
import anyio.abc
import yaml
from prefect.client.schemas.objects import FlowRun, State
from prefect.client.schemas.responses import DeploymentResponse
from prefect.runner._flow_run_executor import FlowRunExecutionResult, FlowRunExecutorContext
from prefect.runner._process_manager import ProcessHandle
from prefect.runner._starter_engine import EngineCommandStarter
from prefect.utilities.processutils import command_to_string, setup_signal_handlers_worker
from prefect.workers.process import ProcessJobConfiguration, ProcessWorker, ProcessWorkerResult

ENGINE = command_to_string([sys.executable, "-P", str(Path(__file__).with_name("flow_process.py"))])


class RefusedRunError(Exception):
    """A run asks for something that prefect.yaml did not register."""


def read_registered(project: Path) -> dict[str, str]:
    """The entrypoints that prefect.yaml registers, by the deployment's name."""
    document = yaml.safe_load((project / "prefect.yaml").read_text(encoding="utf-8"))
    return {each["name"]: each["entrypoint"] for each in document["deployments"]}


def foreign_parts(
    deployment: DeploymentResponse | None, flow_run: FlowRun, registered: Mapping[str, str], project: Path
) -> list[str]:
    """What the run would have us do that prefect.yaml does not say, in words; nothing where all is ours."""
    if deployment is None:
        return ["it belongs to no deployment"]
    if deployment.name not in registered:
        return [f"there is no deployment {deployment.name!r}"]
    folder = [{"prefect.deployments.steps.set_working_directory": {"directory": str(project)}}]
    found = {
        f"entrypoint {deployment.entrypoint!r}": deployment.entrypoint != registered[deployment.name],
        "pull steps": deployment.pull_steps not in (None, [], folder),
        "a storage block": deployment.storage_document_id is not None,
        "job variables of the deployment": bool(deployment.job_variables),
        "job variables of the run": bool(flow_run.job_variables),
    }
    return [f"it has {what} of its own" for what, is_foreign in found.items() if is_foreign]


class RegisteredWorker(ProcessWorker, abc.ABC):  # abstract: or it would take ProcessWorker's place in Prefect's registry
    """Runs the entrypoints of the prefect.yaml in `project`, in that folder, in this process's environment. What pool and
    deployment say of commands, folders and variables is not used, whenever it was written there."""

    def __init__(self, project: Path, **options: Any) -> None:
        super().__init__(**options)
        self.project = project
        self.registered = read_registered(project)

    async def run(
        self,
        flow_run: FlowRun,
        configuration: ProcessJobConfiguration,  # noqa: ARG002 - made of what others may write
        task_status: anyio.abc.TaskStatus[int] | None = None,
    ) -> ProcessWorkerResult:
        """Run one flow run to its end.

        Raises:
            RefusedRunError: it asks for something else than prefect.yaml does; the run ends as crashed and says so.
        """
        entrypoint = await self._entrypoint(flow_run)
        async with FlowRunExecutorContext() as context:
            starter = EngineCommandStarter(
                command=ENGINE, entrypoint=entrypoint, cwd=self.project, control_channel=context.control_channel
            )
            executor = context.create_executor(flow_run, starter, hook_runner=NoHooks(), propose_submitting=False)
            results: list[FlowRunExecutionResult | None] = []

            async def execute(*, task_status: anyio.abc.TaskStatus[ProcessHandle] = anyio.TASK_STATUS_IGNORED) -> None:
                results.append(await executor.submit(task_status=task_status))

            async with anyio.create_task_group() as tasks:
                handle = await tasks.start(execute)
                if task_status is not None:
                    task_status.started(handle.pid)
        result = results[0]
        if result is None or result.status_code is None:
            raise RuntimeError("the process of the flow run did not start")
        return ProcessWorkerResult(status_code=result.status_code, identifier=str(result.handle.pid))

    async def _entrypoint(self, flow_run: FlowRun) -> str:
        deployment = await self.client.read_deployment(flow_run.deployment_id) if flow_run.deployment_id else None
        foreign = foreign_parts(deployment, flow_run, self.registered, self.project)
        if deployment is None or foreign:
            raise RefusedRunError(f"govpulse runs only what its prefect.yaml registers: {', '.join(foreign)}")
        return self.registered[deployment.name]

    async def _submit_adhoc_run(self, *_: Any, **__: Any) -> NoReturn:
        raise RefusedRunError("govpulse runs only what its prefect.yaml registers")


class NoHooks:
    """Our flows have none; Prefect would fetch the code that the deployment names to find out."""

    async def run_cancellation_hooks(self, flow_run: FlowRun, state: State) -> None:
        """Nothing."""

    async def run_crashed_hooks(self, flow_run: FlowRun, state: State) -> None:
        """Nothing."""


async def work(pool: str, name: str, limit: int) -> None:
    """Work until SIGINT."""
    worker = RegisteredWorker(
        Path.cwd(),
        name=name,
        work_pool_name=pool,
        limit=limit,
        # Prefetched, a run takes its deployment's one slot before it is due, while its predecessor may still be ending.
        prefetch_seconds=0,
        create_pool_if_not_found=False,
    )
    try:
        await worker.start(printer=print)
    except asyncio.CancelledError:
        print(f"worker {name} stopped")  # noqa: T201 - into its log


if __name__ == "__main__":
    setup_signal_handlers_worker(os.getpid(), "the worker", print)
    asyncio.run(work(sys.argv[1], sys.argv[2], int(sys.argv[3])))
