"""`govpulse doctor`: what works here, and what does not."""

import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from importlib.metadata import version
from typing import TYPE_CHECKING, Annotated

import typer
from rich.padding import Padding
from rich.table import Table

from flows.cli.openness import check_openness
from flows.printing import cell, line, say_json, show, text
from flows.serving.prefect_server import running_api
from flows.settings import Settings, SourceSettings, config_file, load_settings
from storage.errors import GovpulseError
from storage.relations import count_rows
from storage.sql_files import sql_beside
from storage.warehouse import warehouse
from tasks.alerts.exceptions import is_past
from tasks.alerts.rules import load_rules
from tasks.wording import counted, duration

if TYPE_CHECKING:
    from tasks.sources.examination import Examination

LEAST_FREE_BYTES = 1_000_000_000
OLDEST_BACKUP = timedelta(hours=36)
SHOWN_CHARACTERS = 32


def doctor(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Check settings, folders, warehouse, source and rules; exit code 1 if something is wrong."""
    settings = load_settings()
    findings = [examine(name, check, settings) for name, check in checks_of(settings).items()]
    examined = [
        (_named("file" if source.kind == "files" else "mapping", source, settings), found)
        for source in settings.all_sources
        for found in examine_source(source)
    ]
    if as_json:
        say_json([*findings, *(as_finding(kind, found) for kind, found in examined)])
    else:
        for finding in findings:
            say(bool(finding["ok"]), str(finding["check"]), str(finding["said"]))
        for kind, found in examined:
            show_examination(kind, found)
    raise typer.Exit(0 if all(finding["ok"] for finding in findings) and not any(found.problems for _, found in examined) else 1)


def checks_of(settings: Settings) -> dict[str, Callable[[Settings], str]]:
    """All checks by name, of each source one."""
    sources = {_named("source", source, settings): partial(_source, source) for source in settings.all_sources}
    return {**CHECKS, **sources, **CHECKS_OF_RESULTS}


def _named(what: str, source: SourceSettings, settings: Settings) -> str:
    """What is checked, with the source's name where there are several."""
    return f"{what} {source.name}" if settings.sources else what


def as_finding(kind: str, found: "Examination") -> dict[str, object]:
    """A dataset's mapping, or its newest file, for scripts."""
    said = "; ".join((*found.problems, *found.notices)) or f"{counted(found.looked_at, 'row')} checked"
    return {"check": f"{kind} {found.file}", "ok": not found.problems, "said": said, "rows": json.loads(found.rows.write_json())}


def examine(name: str, check: Callable[[Settings], str], settings: Settings) -> dict[str, object]:
    """One check's outcome."""
    try:
        return {"check": name, "ok": True, "said": check(settings)}
    except (GovpulseError, OSError) as error:
        return {"check": name, "ok": False, "said": str(error)}


def _versions(_: Settings) -> str:
    names = ("govpulse", "prefect", "duckdb", "polars", "sqlalchemy", "fastapi")
    return ", ".join(f"{name} {version(name)}" for name in names)


def _settings(_: Settings) -> str:
    return f"{config_file(None) or 'no file, only defaults'}"


def _home(settings: Settings) -> str:
    settings.folder.create()
    free = shutil.disk_usage(settings.folder.root).free
    if free < LEAST_FREE_BYTES:
        raise GovpulseError(f"{settings.folder.root} has {free / 1e9:.1f} GB free; free some space")
    return f"{settings.folder.root}, {free / 1e9:.0f} GB free"


def _warehouse(settings: Settings) -> str:
    with warehouse(settings.folder, settings.limits) as con:
        migrations = count_rows(con, "ops.schema_migrations")
        rejected = count_rows(con, "ops.rejected_rows")
    return f"opens, migration {migrations}, {counted(rejected, 'rejected row')}"


def _backups(settings: Settings) -> str:
    """Made or not, there should be one of the last days, as the rule `backup_overdue` has it."""
    with warehouse(settings.folder, settings.limits) as con:
        proven_at, born_at = con.execute(sql_beside(__file__, "last_proven")).fetchall()[0]
    said = f"last verified at {proven_at:%Y-%m-%d %H:%M} UTC" if proven_at else "none yet"
    if datetime.now(UTC) - (proven_at or born_at) > OLDEST_BACKUP:
        raise GovpulseError(f"{said}; run `govpulse backup`: it makes one, or says why it cannot")
    return said + ("" if settings.backups.to else "; no second destination is set ([backups] to)")


def _source(source: SourceSettings, _: Settings) -> str:
    from flows.sources import source_of
    from tasks.sources.database.opening import DATABASES, open_session
    from tasks.sources.files import find_files
    from tasks.sources.files.extraction import find_folder

    source_of(source)
    if source.kind == "files":
        found = find_files(find_folder(source.address), source.datasets)
        said = ", ".join(f"{name} {counted(len(paths), 'file')}" for name, paths in found.files.items()) or "no files"
        return f"{source.address}: {said}" + (f"; {found}" if found.unread else "")
    if source.kind not in DATABASES:
        return {"sample": "the built-in sample: made-up rows, not your platform", "none": "none, as set ([source] kind)"}[
            source.kind
        ]
    opened = source_of(source)
    with open_session(opened) as session:
        said = f"; {session.horizon.said}" if session.horizon.said else ""
        return f"{source.kind} {source.address} through mapping {opened.load_mapping().name}{said}"


def say(ok: bool, check: str, said: str) -> None:
    show(line(text("ok     ", "green") if ok else text("problem", "red"), f" {check:<12} {said}"))


def examine_source(settings: SourceSettings) -> "list[Examination]":
    """Each dataset of the mapping against the live database, or its newest file; none where what to read cannot be reached."""
    from flows.sources import source_of
    from tasks.sources.database.opening import DATABASES, open_session
    from tasks.sources.examination import examine
    from tasks.sources.files import find_files
    from tasks.sources.files.examination import examine_files
    from tasks.sources.files.extraction import find_folder

    try:
        source = source_of(settings)
        if settings.kind == "files":
            folder = find_folder(source.address)
            return list(examine_files(source, folder, find_files(folder, source.file_patterns).files, datetime.now(UTC)))
        if settings.kind not in DATABASES:
            return []
        mapping = source.load_mapping()
        with open_session(source) as session:
            return [examine(session, mapping, dataset, datetime.now(UTC)) for dataset in mapping.selects]
    except GovpulseError:
        return []


def show_examination(kind: str, found: "Examination") -> None:
    """One dataset: its problems, and three of its rows, a column a line."""
    say(not found.problems, kind, f"{found.file}: {counted(found.looked_at, 'row')} checked")
    for problem in (*found.problems, *found.notices):
        show(line(" " * 8, problem))
    if found.rows.height:
        table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
        table.add_column(no_wrap=True)
        for name in found.rows.columns:
            table.add_row(text(name, "dim"), *(cell(said(value)[:SHOWN_CHARACTERS]) for value in found.rows[name]))
        show(Padding(table, (0, 0, 0, 8), expand=False))


def said(value: object) -> str:
    return "NULL" if value is None else str(value).removesuffix("+00:00")


def _rules(settings: Settings) -> str:
    rules, now = load_rules(settings.alerts.rules), datetime.now(UTC)
    past = [f"{rule.name}: {', '.join(map(str, each.match))}" for rule in rules for each in rule.exceptions if is_past(each, now)]
    said = f"; exceptions that are past: {'; '.join(past)}" if past else ""
    return counted(len(rules), "alert rule") + said


def _published(settings: Settings) -> str:
    path = settings.folder.published
    if not path.exists():
        raise GovpulseError(f"{path} does not exist yet; `govpulse run` creates it")
    age = datetime.now(UTC) - datetime.fromtimestamp(path.stat().st_mtime, UTC)
    return f"{path}, {duration(age.total_seconds())} old"


def _schedules(settings: Settings) -> str:
    api = running_api(settings.folder)
    return api.url if api else "not running; `govpulse up` runs everything on schedule"


CHECKS: dict[str, Callable[[Settings], str]] = {
    "versions": _versions,
    "settings": _settings,
    "home": _home,
    "access": check_openness,
    "warehouse": _warehouse,
    "backups": _backups,
}
CHECKS_OF_RESULTS: dict[str, Callable[[Settings], str]] = {
    "rules": _rules,
    "published": _published,
    "schedules": _schedules,
}
