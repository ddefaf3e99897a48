"""`govpulse retire`: a host, a disk, a scan or the like has left for good."""

import getpass
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import duckdb
import typer

from flows.cli.alerts import AsJson, Author, refuse_empty_home
from flows.cli.routing import parse_labels
from flows.printing import say, say_json
from flows.settings import Settings, load_settings
from storage.errors import ConfigurationError
from storage.warehouse import warehouse
from tasks.alerts.evaluation import Transition
from tasks.silences import Silence, new_retirement, read_silences
from tasks.wording import counted

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
AHEAD = timedelta(days=1)
"""So far a source's clock may be ahead."""


def retire(
    subject: Annotated[str, typer.Argument(help="What has left: a host, scan, service, operation, ... as alerts name it.")],
    labels: Annotated[
        list[str] | None, typer.Argument(help="A part of it only, by labels of its alerts: filesystem=mountpoint=/data.")
    ] = None,
    reason: Annotated[str, typer.Option(help="Why; everybody can read it.")] = "it has left for good",
    undo: Annotated[bool, typer.Option("--undo", help="It has not left: rules see it again.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show which alerts would end.")] = False,
    author: Author = "",
    as_json: AsJson = False,
) -> None:
    """Say that a host, a disk, a scan or the like has left for good: its alerts end at once, as gone."""
    if not subject.strip():
        raise ConfigurationError("name what has left, as its alerts name it")
    settings, who = load_settings(), author or getpass.getuser()
    refuse_empty_home(settings)
    made = new_retirement(subject, parse_labels(labels or []), who, reason, datetime.now(UTC))
    if undo:
        _undo(settings, made, who, is_dry=dry_run, as_json=as_json)
        return
    with warehouse(settings.folder, settings.limits) as con:
        _refuse_unknown(con, made)
        made, ends = (made, _ends(con, made)) if dry_run else _retire(con, settings, made)
    _tell(made, ends, is_dry=dry_run, as_json=as_json)


def _refuse_unknown(con: duckdb.DuckDBPyConnection, made: Silence) -> None:
    """What has no data of its own would have nothing that ends its retirement."""
    from tasks.alerts.retiring import newest_data

    if not newest_data(con, [made], EPOCH, EPOCH, made.starts_at + AHEAD):
        raise ConfigurationError(
            f"there are no data about {made}: it is no host, scan, data source, deployment, service, operation or domain that "
            "govpulse knows; `govpulse alerts silence` silences anything"
        )


def _ends(con: duckdb.DuckDBPyConnection, made: Silence) -> list[Transition]:
    from tasks.alerts.engine import read_alerts
    from tasks.alerts.retiring import ends_of

    return ends_of(made, read_alerts(con).values())


def _retire(con: duckdb.DuckDBPyConnection, settings: Settings, made: Silence) -> tuple[Silence, list[Transition]]:
    from flows.routes import recipients
    from tasks.alerts.retire_now import retire_now
    from tasks.alerts.stored_alerts import rules_at_last

    rules, base = list(rules_at_last(con).values()), settings.alerts.runbook_base_url
    return retire_now(con, made, getpass.getuser(), rules, recipients(settings), base, settings.real_only)


def _tell(made: Silence, ends: Sequence[Transition], *, is_dry: bool, as_json: bool) -> None:
    from flows.cli import alert_tables as shown

    if as_json:
        alerts = [each.after.fingerprint for each in ends]
        say_json(shown.for_json(shown.silence_row(made) | {"alerts": alerts, "is_dry_run": is_dry}))
        return
    who = "dry run, nothing is retired" if is_dry else f"{made.silence_id} retires {made}"
    verb = "would end" if is_dry else "ended"
    say(f"{who}: {counted(len(ends), 'alert')} {verb} as gone" if ends else f"{who}: no alert is open")
    for each in ends:
        say(f"  {each.before.severity or ''} {each.before.rule} of {shown.about(each.before.subject, dict(each.before.labels))}")


def _undo(settings: Settings, made: Silence, who: str, *, is_dry: bool, as_json: bool) -> None:
    from tasks.alerts.retiring import in_force, undo

    with warehouse(settings.folder, settings.limits) as con:
        found = [each for each in in_force(read_silences(con)) if set(each.matchers) == set(made.matchers)]
        if not found:
            raise ConfigurationError(f"{made} is not retired; `govpulse alerts silences` lists what is")
        if not is_dry:
            undo(con, found, who, made.starts_at, getpass.getuser())
    document: dict[str, Any] = {"silence_ids": [each.silence_id for each in found], "is_dry_run": is_dry}
    if as_json:
        say_json(document)
    else:
        ids = ", ".join(each.silence_id for each in found)
        say(f"{ids} {'would end' if is_dry else 'ended'}: rules see {made} again")
