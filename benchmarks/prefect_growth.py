"""How large Prefect's database gets: the schedules of prefect.yaml for 90 days, with what the server deletes meanwhile.

Real runs of the four flows that run often, of an `up` or made here in a passing server, are the templates: every row that one
leaves (states, tasks, logs, pages, events and their resources) is written again with new ids for each of the 698 runs of a day.
Simulated are the runs and the clock; the tables, indexes and the deleting are Prefect's own, two hours of schedules at a time.
Templates made here lack what a worker adds, so each gets as many events and heartbeats more as a scheduled run has.

`--database` takes the prefect.db of an `up` that ran for a quarter of an hour; `--days 90` is the whole of it. With fewer days than
are kept (`--days 1` in CI) the size is reckoned from the growth of the last half day, when events already go.
"""

import argparse
import asyncio
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from flows.serving.environments import CLIENT_DEFAULTS, SERVER_DEFAULTS, keeping_runs, server_environment
from flows.settings import PrefectSettings
from storage.home import Home
from storage.sqlite_files import damage, holes, rewrite

LIMIT_MB = 300.0
HOURS = 2
A_DAY = {"collect_system_metrics": 288, "evaluate_alerts": 288, "extract_sources": 98, "compute_insights": 24}
"""Runs; the two flows that run once a day count as extractions."""
PICTURES = 400_000
"""Bytes of the page of plots of an hourly run on a host with a history: the templates may have none yet."""
HEARTBEATS = {"collect_system_metrics": 10}
NEW_IDS = frozenset(("id", "flow_run_id", "task_run_id", "event_id", "state_id", "idempotency_key"))
INSTANTS = {
    "flow_run": ("start_time", "end_time"),
    "log": ("timestamp",),
    "events": ("occurred",),
    "event_resources": ("occurred",),
}
MAKE = """
import sys
from pathlib import Path
from flows.serving.passing_server import api_for_a_run
from storage.home import Home
with api_for_a_run(Home(Path(sys.argv[1]))):
    from flows.alerts import evaluate_alerts
    from flows.insights import compute_insights
    from flows.sources import extract_sources
    from flows.system_metrics import collect_system_metrics
    from flows.cli.run import deliver_to_server
    collect_system_metrics(sample_count=1); extract_sources(); compute_insights(); evaluate_alerts(); deliver_to_server()
"""


@dataclass
class Rows:
    """The rows of one table that a run leaves."""

    table: str
    columns: list[str]
    rows: list[tuple[Any, ...]]

    def again(self, ids: dict[Any, str], at: str) -> Iterator[list[Any]]:
        instants = INSTANTS.get(self.table, ())
        for row in self.rows:
            yield [
                at if name in instants else _new_id(ids, value) if name in NEW_IDS and value is not None else value
                for name, value in zip(self.columns, row, strict=True)
            ]


def _new_id(ids: dict[Any, str], old: Any) -> str:
    return ids.setdefault(old, str(uuid.uuid4()))


def make_runs(folder: Path) -> Path:
    """A database with one real run of each flow."""
    home = Home(folder)
    home.create()
    quiet = {"PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL"}
    environment = {**CLIENT_DEFAULTS, **os.environ, **quiet, "GOVPULSE_HOME": str(folder)}
    subprocess.run([sys.executable, "-c", MAKE, str(folder)], env=environment, check=False)
    return home.prefect / "prefect.db"


def take(con: sqlite3.Connection, table: str, where: str, *values: Any) -> Rows:
    found = con.execute(f"SELECT * FROM {table} WHERE {where}", values)
    return Rows(table, [column[0] for column in found.description], found.fetchall())


def template(con: sqlite3.Connection, flow: str) -> list[Rows]:
    """Everything that the largest ended run of `flow` left."""
    sql = """SELECT r.id FROM flow_run r JOIN flow f ON f.id = r.flow_id
             WHERE f.name = ? AND r.end_time IS NOT NULL
             ORDER BY (SELECT count(*) FROM events e WHERE instr(e.related, r.id)) DESC"""
    (run,) = con.execute(sql, [flow]).fetchone()
    tasks = "task_run_id IN (SELECT id FROM task_run WHERE flow_run_id = ?)"
    events = "instr(resource || related, ?)"
    parts = [take(con, "flow_run", "id = ?", run)]
    parts += [take(con, name, "flow_run_id = ?", run) for name in ("flow_run_state", "task_run", "log", "artifact")]
    parts += [take(con, "task_run_state", tasks, run), take(con, "events", events, run)]
    parts += [take(con, "event_resources", f"event_id IN (SELECT id FROM events WHERE {events})", run)]
    return parts


def swell(rows: Rows) -> None:
    """Pages of plots as an hourly run draws them."""
    key, data = rows.columns.index("key"), rows.columns.index("data")
    rows.rows = [(*row[:data], "x" * PICTURES, *row[data + 1 :]) if row[key] == "plots" else row for row in rows.rows]


def beats(parts: list[Rows], wanted: int) -> None:
    """As many heartbeats, and a worker's four events, as a scheduled run of five minutes has; an `up`'s own templates have them."""
    events, resources = parts[-2:]
    kind, own = events.columns.index("event"), events.columns.index("id")
    has = sum(1 for row in events.rows if row[kind] == "prefect.flow-run.heartbeat")
    model = next(row for row in events.rows if row[kind] == "prefect.flow-run.Completed")
    its = [row for row in resources.rows if row[resources.columns.index("event_id")] == model[own]]
    for number in range(max(0, wanted - has)):
        mark = f"{model[own]} {number}"
        events.rows.append((*model[:own], mark, *model[own + 1 :]))
        at, ref = resources.columns.index("id"), resources.columns.index("event_id")
        resources.rows += [
            tuple(f"{value} {number}" if place == at else mark if place == ref else value for place, value in enumerate(row))
            for row in its
        ]


def live(con: sqlite3.Connection, templates: dict[str, list[Rows]], start: datetime, hours: float) -> int:
    """Write the runs of a span."""
    runs = 0
    for flow, parts in templates.items():
        count = round(A_DAY[flow] * hours / 24)
        for number in range(count):
            at, ids = f"{start + timedelta(hours=hours) * number / count:%Y-%m-%d %H:%M:%S.%f}", {}
            for part in parts:
                marks = ", ".join("?" * len(part.columns))
                con.executemany(f"INSERT INTO {part.table} VALUES ({marks})", part.again(ids, at))
            con.commit()
        runs += count
    return runs


async def vacuum(ahead: timedelta, days: int) -> None:
    """What Prefect's services do each hour, by a clock that goes `ahead` before ours."""
    from prefect.server.database import provide_database_interface
    from prefect.server.services import db_vacuum
    from prefect.settings import (
        PREFECT_SERVER_EVENTS_RETENTION_PERIOD,
        PREFECT_SERVER_SERVICES_DB_VACUUM_EVENT_RETENTION_OVERRIDES,
        PREFECT_SERVER_SERVICES_DB_VACUUM_RETENTION_PERIOD,
        get_current_settings,
        temporary_settings,
    )

    kept = get_current_settings().server
    hourly = {name: kept_for - ahead for name, kept_for in kept.services.db_vacuum.event_retention_overrides.items()}
    shifted = {
        PREFECT_SERVER_EVENTS_RETENTION_PERIOD: kept.events.retention_period - ahead,
        PREFECT_SERVER_SERVICES_DB_VACUUM_RETENTION_PERIOD: timedelta(days=days) - ahead,
        PREFECT_SERVER_SERVICES_DB_VACUUM_EVENT_RETENTION_OVERRIDES: hourly,
    }
    db = provide_database_interface()
    with temporary_settings(shifted):
        await db_vacuum.vacuum_events_with_retention_overrides(db=db)
        await db_vacuum.vacuum_old_events(db=db)
        await db_vacuum.vacuum_old_flow_runs(db=db)


def simulate(database: Path, simulated_days: int, kept_days: int) -> tuple[list[float], int]:
    """Live through the days, the last of which is today; the size after each span (MB), and the runs."""
    now, sizes, runs = datetime.now(UTC), list[float](), 0
    with closing(sqlite3.connect(database, timeout=60.0)) as con:
        con.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; PRAGMA cache_size = -200000")
        templates = {flow: template(con, flow) for flow in A_DAY}
        for flow, parts in templates.items():
            swell(parts[4])
            beats(parts, HEARTBEATS.get(flow, 0) + 4)
        for span in range(simulated_days * 24 // HOURS):
            start = now - timedelta(days=simulated_days) + timedelta(hours=HOURS * span)
            runs += live(con, templates, start, HOURS)
            asyncio.run(vacuum(start + timedelta(hours=HOURS) - now, kept_days))
            sizes.append(size_mb(database))
            if span % (24 // HOURS) == 0:
                print(f"day {span * HOURS // 24:3}: {runs:6,} runs, {sizes[-1]:6.1f} MB", flush=True)
    return sizes, runs


def expected(sizes: list[float], days: int, kept_days: int) -> float:
    """The largest that was seen; where fewer days were simulated than are kept, with the growth of the last half day until then."""
    half = 12 // HOURS
    return max(sizes) + max(kept_days - days, 0) * 2 * (sizes[-1] - sizes[-1 - half])


def size_mb(database: Path) -> float:
    """With its log, which SQLite writes into the file when it is some 4 MB long."""
    return sum(path.stat().st_size for path in database.parent.glob(f"{database.name}*") if path.suffix != ".db-shm") / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--days", type=int, default=90)
    parser.add_argument("--kept", type=int, default=PrefectSettings().days, help="[prefect] days")
    parser.add_argument("--database", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder))
        made = arguments.database or make_runs(home.root)
        database = home.root / "grown" / "prefect.db"
        database.parent.mkdir()
        with closing(sqlite3.connect(made)) as con:
            con.execute("VACUUM INTO ?", [str(database)])
        settings = server_environment({**SERVER_DEFAULTS, **keeping_runs(arguments.kept)}, home, "a:b", [])
        os.environ.update(settings, PREFECT_API_DATABASE_CONNECTION_URL=f"sqlite+aiosqlite:///{database}")
        started = time.monotonic()
        sizes, runs = simulate(database, arguments.days, arguments.kept)
        largest = expected(sizes, arguments.days, arguments.kept)
        report(database, largest, runs, arguments.days, time.monotonic() - started)


def report(database: Path, largest: float, runs: int, days: int, seconds: float) -> None:
    started = time.monotonic()
    fault = damage(database)
    checked, share = time.monotonic() - started, holes(database)
    rewritten = shutil.copyfile(database, database.with_name("rewritten.db"))
    started = time.monotonic()
    rewrite(rewritten)
    print(
        f"{runs:,} runs in {days} days, {seconds:.0f} s; at its largest {largest:.1f} MB with its log, {share:.0%} holes at the end"
    )
    print(f"checked in {checked:.2f} s ({fault or 'sound'}); written anew in {time.monotonic() - started:.1f} s")
    print(f"{'holds' if largest <= LIMIT_MB else 'BREAKS'}: at most {LIMIT_MB:.0f} MB")
    sys.exit(largest > LIMIT_MB)


if __name__ == "__main__":
    main()
