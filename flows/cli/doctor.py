"""`govpulse doctor`: what works here, and what does not."""

import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Annotated

import typer
from rich.console import Console

from flows.serving.prefect_server import running_api_url
from flows.settings import Settings, config_file, load_settings
from storage.errors import GovpulseError
from storage.warehouse import warehouse
from tasks.alerts.rules import load_rules

LEAST_FREE_BYTES = 1_000_000_000


def doctor(as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False) -> None:
    """Check settings, folders, warehouse, source and rules; exit code 1 where something is wrong."""
    settings = load_settings()
    findings = [examine(name, check, settings) for name, check in CHECKS.items()]
    if as_json:
        print(json.dumps(findings))
    else:
        console = Console()
        for finding in findings:
            mark = "[green]ok[/]     " if finding["ok"] else "[red]problem[/]"
            console.print(f"{mark} {finding['check']:<12} {finding['said']}", highlight=False)
    raise typer.Exit(0 if all(finding["ok"] for finding in findings) else 1)


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
    return f"{config_file(None) or 'no file, defaults'}"


def _home(settings: Settings) -> str:
    settings.folder.create()
    free = shutil.disk_usage(settings.folder.root).free
    if free < LEAST_FREE_BYTES:
        raise GovpulseError(f"{settings.folder.root} has {free / 1e9:.1f} GB free; make room")
    return f"{settings.folder.root}, {free / 1e9:.0f} GB free"


def _warehouse(settings: Settings) -> str:
    with warehouse(settings.folder, settings.limits) as con:
        migrations = con.sql("SELECT count(*) FROM ops.schema_migrations").fetchall()[0][0]
        rejected = con.sql("SELECT count(*) FROM ops.rejected_rows").fetchall()[0][0]
    return f"opens, migration {migrations}, {rejected:,} rejected rows"


def _source(settings: Settings) -> str:
    from tasks.sources.mapping import load_mapping
    from tasks.sources.request import Request
    from tasks.sources.sqlite import read_sqlite

    source = settings.source
    if source.kind != "sqlite":
        return {"sample": "the built-in sample: made-up rows, not your platform", "none": "none, on purpose"}[source.kind]
    mapping = load_mapping(source.mapping, source.kind, source.timezone)
    for dataset in mapping.selects:
        next(read_sqlite(Request(source.url, mapping, dataset, None, ())), None)
    return f"{source.url} through mapping {mapping.name}: {', '.join(mapping.selects)}"


def _rules(settings: Settings) -> str:
    return f"{len(load_rules(settings.alerts.rules))} alert rules"


def _published(settings: Settings) -> str:
    path = settings.folder.published
    if not path.exists():
        raise GovpulseError(f"{path} does not exist yet; `govpulse run` makes it")
    age = datetime.now(UTC) - datetime.fromtimestamp(path.stat().st_mtime, UTC)
    return f"{path}, {age.total_seconds() / 60:.0f} min old"


def _schedules(settings: Settings) -> str:
    return running_api_url(settings.folder) or "not up; `govpulse up` runs everything on schedule"


CHECKS: dict[str, Callable[[Settings], str]] = {
    "versions": _versions,
    "settings": _settings,
    "home": _home,
    "warehouse": _warehouse,
    "source": _source,
    "rules": _rules,
    "published": _published,
    "schedules": _schedules,
}
