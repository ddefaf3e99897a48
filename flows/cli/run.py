"""`govpulse run`: the whole pass, once."""

import asyncio
import logging
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer
from rich.status import Status
from rich.text import Text

from flows.instants import parse_instant, refuse_future
from flows.printing import say_json, working
from flows.serving.api_auth import api_auth
from flows.serving.environments import CLIENT_DEFAULTS, connection, keeping_runs
from flows.serving.passing_server import TURN_SECONDS, api_for_a_run
from flows.serving.prefect_database import explain_failure, is_elsewhere
from flows.settings import Settings, load_settings
from storage.catalogue import INSIGHTS
from storage.errors import ConfigurationError
from storage.home import Home
from storage.installation import has_own_warehouse
from storage.lock import fair_lock
from storage.room import mind_the_disk, with_reserve
from tasks.alerts.rules import load_rules

if TYPE_CHECKING:
    from flows.report import Report

DELIVERED_WITHIN_SECONDS = 10.0
PARTS = ("collect", "extract", "alerts", *INSIGHTS)


def run(
    as_of: Annotated[str | None, typer.Option(help="Compute for this instant, e.g. 2026-03-01T00:00Z; default: now.")] = None,
    window_start: Annotated[
        str | None, typer.Option(help="Recompute tables of events from here; default: from the oldest new row.")
    ] = None,
    only: Annotated[str | None, typer.Option(metavar="NAME[,NAME]", help=f"Run only these: {', '.join(PARTS)}.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Run everything once: collect, extract, compute, alert and publish."""
    settings = load_settings()
    load_rules(settings.alerts.rules)
    settings.publish.audience.check()
    instants = {"as_of": parse_instant("--as-of", as_of), "window_start": parse_instant("--window-start", window_start)}
    parts = parse_parts(only)
    now = datetime.now(UTC)
    refuse_future(instants, now)
    has_own_warehouse(settings.folder)  # one that is missing is said once, and not by every step
    with explaining(settings.folder, now), working("starting Prefect") as status, ExitStack() as stack:
        use_prefect(settings, stack)
        from prefect import tags

        from flows.pipeline import govpulse_pipeline
        from flows.report import RunFailedError

        with showing_steps(status), tags("govpulse", "pipeline"):
            state = govpulse_pipeline(**instants, only=parts, return_state=True)
        outcome = state.result(raise_on_failure=False)
        report = outcome.report if isinstance(outcome, RunFailedError) else outcome
        if isinstance(report, BaseException):
            raise report
    show(settings, report, as_json)
    raise typer.Exit(1 if report.failures else 0)


@contextmanager
def explaining(home: Home, since: datetime) -> Iterator[None]:
    """What fails because our own server's database is damaged is said so: the server itself tells its clients nothing."""
    is_theirs = "PREFECT_API_URL" in os.environ or is_elsewhere(os.environ)
    try:
        yield
    except Exception as error:
        if is_theirs or isinstance(error, ConfigurationError):
            raise
        raise explain_failure(home, error, since) from error


class StepHandler(logging.Handler):
    """Shows the newest step of the run beside the spinner."""

    def __init__(self, status: Status) -> None:
        super().__init__(logging.INFO)
        self.status = status

    def emit(self, record: logging.LogRecord) -> None:
        self.status.update(Text(record.getMessage()))  # printable as every record


@contextmanager
def showing_steps(status: Status) -> Iterator[None]:
    """Let the run's log, which goes to the Prefect UI, also move the spinner."""
    handler = StepHandler(status)
    logger = logging.getLogger("prefect.flow_runs")
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)


def show(settings: Settings, report: "Report", as_json: bool) -> None:
    from flows.cli.summary import as_dict, print_summary

    if as_json:
        say_json(as_dict(report))
    else:
        print_summary(settings, report)


def use_prefect(settings: Settings, stack: ExitStack) -> None:
    """Report to the server that is named or up; without one wait for our turn and start our own for this run."""
    home = settings.folder
    with_reserve(home, home.create)
    mind_the_disk(home)
    os.environ.update({**CLIENT_DEFAULTS, **os.environ})
    if "PREFECT_API_URL" in os.environ:
        return
    stack.enter_context(fair_lock(home.private / "run.lock", TURN_SECONDS))
    api = stack.enter_context(api_for_a_run(home, {**keeping_runs(settings.prefect.days), **os.environ}))
    os.environ["PREFECT_API_URL"] = api.url
    if api.is_own:
        os.environ.update(connection(home, api.url, api_auth(home, os.environ)))
        crash_runs_by_hand(home)
        stack.callback(deliver_to_server)


def crash_runs_by_hand(home: Home) -> None:
    """It is our turn, so that whoever had it before is gone."""
    from prefect import get_client

    from flows.serving.installation import POOL
    from flows.serving.leftovers import crash_leftovers

    async def crash() -> None:
        async with get_client() as client:
            await crash_leftovers(client, home, POOL, "by hand")

    asyncio.run(crash())


def deliver_to_server() -> None:
    """Send what waits to be sent, before a server goes that goes with us."""
    from prefect.events.worker import EventsWorker
    from prefect.logging.handlers import APILogWorker

    APILogWorker.drain_all(timeout=DELIVERED_WITHIN_SECONDS)
    EventsWorker.drain_all(timeout=DELIVERED_WITHIN_SECONDS)


def parse_parts(text: str | None) -> list[str] | None:
    """The parts that `--only` names.

    Raises:
        ConfigurationError: one of them does not exist.
    """
    parts = [part.strip() for part in text.split(",") if part.strip()] if text else None
    unknown = [part for part in parts or () if part not in PARTS]
    if unknown:
        raise ConfigurationError(f"--only {unknown[0]}: no such part; choose from {', '.join(PARTS)}")
    return parts
