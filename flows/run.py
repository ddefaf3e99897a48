"""One run of a flow: its clock, its settings, its steps, and the record and artifact that it leaves.

A step that fails is noted and the next one goes on; the run fails at its end, with every failure in a line of its own.
"""

import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

import polars as pl
from prefect import get_run_logger
from prefect.artifacts import create_markdown_artifact, create_table_artifact
from prefect.runtime import flow_run

from flows.instants import in_utc, refuse_future
from flows.logs import keep_logs_printable
from flows.report import Report, RunFailedError, artifact_rows, as_markdown, files_table, loaded
from flows.settings import Settings, load_settings
from storage.access import close_what_is_made
from storage.errors import describe
from storage.lock import fair_lock
from storage.room import error_of_disk, is_short, mind_the_disk, remedy, with_reserve
from tasks.runs import land_run, run_row

T = TypeVar("T")
Overview = Callable[[str], pl.DataFrame]
Page = Callable[[str], str]
NO_OVERVIEWS: Mapping[str, Overview] = {}
NO_PAGES: Mapping[str, Page] = {}


@dataclass
class Run:
    """A run in progress; everything it computes is as of `as_of`."""

    flow: str
    as_of: datetime
    settings: Settings
    run_id: str
    started_at: datetime
    results: dict[str, Any] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)

    @property
    def home(self) -> str:
        return str(self.settings.folder.root)

    def step(self, name: str, action: Callable[..., T], *arguments: Any, **options: Any) -> T | None:
        """Do one step; None where it failed. A step without a result of its own leaves none in the report."""
        try:
            result = with_reserve(self.settings.folder, lambda: action(*arguments, **options))
        except Exception as error:  # noqa: BLE001 - whatever it is, the other steps go on and the run says so
            self.failures[name] = describe(error_of_disk(error, self.settings.folder.root))
            get_run_logger().error("%s: %s", name, self.failures[name])
            return None
        if result is not None:
            self.results[name] = result
        get_run_logger().info("%s: %s", name, "done" if result is None else result)
        return result

    def has_room(self, name: str) -> bool:
        """Whether a step that may write much should begin: what is left on a full disk is for samples and alerts."""
        home = self.settings.folder
        if is_short(home):
            self.failures[name] = f"skipped, because the disk is full; {remedy(home.root)}"
        return name not in self.failures

    @contextmanager
    def turn(self) -> Iterator[bool]:
        """Whether it is this run's turn to compute insights, inside the block; meanwhile it is nobody else's. The findings read the
        other tables, and these must be of one instant."""
        lock = fair_lock(self.settings.folder.insights_lock, self.settings.limits.lock_timeout_seconds)
        with ExitStack() as held:
            self.step("turn", held.enter_context, lock)
            yield "turn" not in self.failures

    def read_clock(self) -> None:
        """Move `as_of` to now, once, after this run brought in its own rows and before it computes with them."""
        self.as_of = datetime.now(UTC)

    def report(self) -> Report:
        return Report(self.flow, self.as_of, "sample" in self.results, self.results, self.failures)


def begin(flow: str, as_of: datetime | None, window_start: datetime | None = None) -> Run:
    """Start a run: settings and clock are read here, once.

    Raises:
        GovpulseError: the settings are wrong, an instant lies in the future, or the home folder cannot be written or is somebody
            else's.
    """
    refuse_future({"as_of": as_of, "window_start": window_start}, datetime.now(UTC))
    keep_logs_printable()
    settings = load_settings()
    settings.publish.audience.check()
    close_what_is_made()
    with_reserve(settings.folder, settings.folder.create)
    mind_the_disk(settings.folder)
    now = datetime.now(UTC)
    run = Run(flow, in_utc(as_of) if as_of else now, settings, flow_run.id or uuid.uuid4().hex, now)
    land_run(settings.folder, _row(run, ended=False))
    return run


def nothing_to_publish(_: Run) -> bool:
    """Of a run that leaves the warehouse alone."""
    return False


def finish(
    run: Run,
    *,
    publish: Callable[[Run], bool] = nothing_to_publish,
    overviews: Mapping[str, Overview] = NO_OVERVIEWS,
    pages: Mapping[str, Page] = NO_PAGES,
) -> Report:
    """Record the run, publish, leave the artifacts under their keys: the steps and each page as Markdown, each overview as a table.

    Raises:
        RunFailedError: a step failed.
    """
    run.step("record", land_run, run.settings.folder, _row(run, ended=True))
    is_published = publish(run)
    report = run.report()
    create_markdown_artifact(as_markdown(report), key=run.flow.replace("_", "-"), description=f"result of {run.flow}")
    files = files_table(loaded(report))
    if not files.is_empty():
        show_table("loaded-files", files, f"rows per file, from {run.flow}")
    described = f"as of {run.as_of:%Y-%m-%d %H:%M} UTC"
    for key, page in pages.items() if is_published else ():
        create_markdown_artifact(page(run.home), key=key, description=described)
    for key, overview in overviews.items() if is_published else ():
        show_table(key, overview(run.home), described)
    if report.failures:
        raise RunFailedError(report)
    return report


def show_table(key: str, rows: pl.DataFrame, description: str) -> None:
    """Leave rows as a table artifact."""
    create_table_artifact(artifact_rows(rows), key=key, description=description)


def _row(run: Run, *, ended: bool) -> dict[str, Any]:
    return run_row(
        run.run_id,
        run.flow,
        run.as_of,
        run.started_at,
        datetime.now(UTC),
        prefect_flow_run_id=flow_run.id,
        results={name: str(result) for name, result in run.results.items()} if ended else None,
        failures=[f"{name}: {text}" for name, text in run.failures.items()],
    )
