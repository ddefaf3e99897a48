"""`govpulse alerts`: what is wrong, who knows, who wants quiet, and what a rule would have done.

They read the warehouse, not the published file: an ack or a silence shows as soon as it is made. They hold it for a moment.
"""

import getpass
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from flows import printing
from flows.printing import say, say_json
from flows.settings import Settings, load_settings
from storage.errors import ConfigurationError, GovpulseError
from storage.installation import has_own_warehouse
from storage.warehouse import warehouse
from tasks.acts import By, acknowledge
from tasks.alerts.rule import Rule, ending, evidence_query
from tasks.alerts.states import ACTIVE
from tasks.alerts.stored_alerts import alerts_as_stored, history_of, notifications_of, rules_at_last, the_alert, with_quiet
from tasks.matchers import alert_labels
from tasks.silences import (
    Silence,
    add_silence,
    end_silence,
    is_in_force,
    is_valid,
    matches,
    new_silence,
    parse_matchers,
    read_all_silences,
    read_silences,
)
from tasks.wording import counted, parse_duration

app = typer.Typer(help="Show, acknowledge and silence alerts; try out rules.", no_args_is_help=True)

NOTHING_YET = "no rule has been evaluated yet; start with `govpulse run`"
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Author = Annotated[str, typer.Option(help="Who does this; default: the logged-in user.")]
Reason = Annotated[str, typer.Option(help="Why; everybody can read it.")]
Fingerprint = Annotated[str, typer.Argument(help="The alert's id from `govpulse alerts list`, or the first letters of it.")]


@app.command("list")
def list_alerts(
    all: Annotated[bool, typer.Option("--all", help="Include pending and resolved alerts.")] = False,
    rule: Annotated[str, typer.Option(help="Only alerts of this rule.")] = "",
    subject: Annotated[str, typer.Option(help="Only alerts about this subject.")] = "",
    as_json: AsJson = False,
) -> None:
    """Show active alerts, worst first, including acknowledged and silenced ones."""
    from flows.cli import alert_tables as shown

    settings, now = load_settings(), datetime.now(UTC)
    found: list[dict[str, Any]] = []
    held: list[Silence] = []
    rules: dict[str, Rule] = {}
    if has_own_warehouse(settings.folder):
        with warehouse(settings.folder, settings.limits) as con:
            found, held, rules = alerts_as_stored(con), read_silences(con), rules_at_last(con)
    found = [alert for alert in found if rule in ("", alert["rule"]) and subject in ("", alert["subject"])]
    alerts = with_quiet([alert for alert in found if all or alert["state"] in ACTIVE], held, now)
    if as_json:
        say_json(shown.for_json(alerts))
    elif alerts:
        printing.show(shown.alert_table(alerts, rules))
    elif not has_own_warehouse(settings.folder):
        say(NOTHING_YET)
    else:
        pending = sum(alert["state"] == "pending" for alert in found)
        say("no alert" if all else "no active alert" + (f"; {pending} pending: --all shows them" if pending else ""))


@app.command()
def show(fingerprint: Fingerprint, as_json: AsJson = False) -> None:
    """Show one alert: its state, its history, its notifications or why none were sent, and a query for the evidence."""
    from flows.cli import alert_tables as shown

    settings, now = load_settings(), datetime.now(UTC)
    refuse_empty_home(settings)
    with warehouse(settings.folder, settings.limits) as con:
        alert, held = the_alert(con, fingerprint), read_silences(con)
        transitions, notifications = history_of(con, alert["fingerprint"]), notifications_of(con, alert["fingerprint"])
        rule = rules_at_last(con).get(alert["rule"])
    (alert,) = with_quiet([alert], held, now)
    applying = [silence for silence in held if covers(silence, alert, now)]
    evidence = evidence_query(rule, alert["subject"], alert["updated_at"]) if rule else ""
    if as_json:
        document = alert | {"transitions": transitions, "notifications": notifications, "evidence": evidence}
        say_json(shown.for_json(document | {"silences": [shown.silence_row(silence) for silence in applying]}))
    else:
        shown.show_alert(alert, rule, applying, transitions, notifications, evidence)


@app.command()
def ack(fingerprint: Fingerprint, reason: Reason, author: Author = "", as_json: AsJson = False) -> None:
    """Acknowledge an alert: this episode then notifies only when it gets worse and when it resolves."""
    from flows.cli import alert_tables as shown

    settings, now = load_settings(), datetime.now(UTC)
    refuse_empty_home(settings)
    with warehouse(settings.folder, settings.limits) as con:
        acted = acknowledge(con, fingerprint, By(author or getpass.getuser(), reason, getpass.getuser()), now)
    made, alert = acted.made, acted.alert
    if as_json:
        say_json(shown.for_json(shown.silence_row(made) | {"is_new": acted.is_new}))
    else:
        done = "acknowledged" if acted.is_new else "was already acknowledged"
        say(f"{made.silence_id} {done} by {made.author}: {said_of(alert)}, episode {alert['episode']}")


@app.command()
def silence(
    matchers: Annotated[
        list[str], typer.Argument(help="All must match: rule=NAME, subject=~web-.*, severity!=critical, zone!~eu.*")
    ],
    reason: Reason,
    lasts: Annotated[
        str | None, typer.Option("--for", help="How long, e.g. 30m, 2h, 1d12h; default: 1h, with --every until you end it.")
    ] = None,
    start: Annotated[str | None, typer.Option(help="When it starts, e.g. 2026-03-01T00:00Z; default: now.")] = None,
    every: Annotated[str | None, typer.Option(help="Only in these hours of each week, e.g. 'Sat,Sun 02:00-04:00'.")] = None,
    zone: Annotated[str | None, typer.Option(help="Time zone of --every, e.g. Europe/Berlin; default: UTC.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what it would have held back lately.")] = False,
    author: Author = "",
    as_json: AsJson = False,
) -> None:
    """Silence the alerts that match all matchers, for a while or every week; prints the silence's id and what it would have held
    back in the last week."""
    from flows.cli import alert_tables as shown
    from flows.instants import in_utc, parse_instant
    from tasks.silence_preview import LOOKED_BACK, told_since, would_have_held

    if zone and not every:
        raise ConfigurationError(f"--zone {zone}: it is the time zone of --every, which is not given")
    conditions, length = parse_matchers(matchers), given_length(lasts, every)
    given = parse_instant("--start", start)
    settings, now = load_settings(), datetime.now(UTC)
    starts_at = in_utc(given) if given else now
    expires_at = starts_at + length if length else None
    made = new_silence(conditions, author or getpass.getuser(), reason, starts_at, expires_at, now, every, zone or "UTC")
    active, events = [], []
    if not dry_run or has_own_warehouse(settings.folder):
        with warehouse(settings.folder, settings.limits) as con:
            made = made if dry_run else add_silence(con, made, getpass.getuser())
            active = [alert for alert in alerts_as_stored(con) if alert["state"] in ACTIVE]
            events = would_have_held(made, told_since(con, now - LOOKED_BACK))
    covered = [alert["fingerprint"] for alert in active if covers(made, alert, made.starts_at)]
    if as_json:
        document = shown.silence_row(made) | {"alerts": covered, "is_dry_run": dry_run}
        say_json(shown.for_json(document | {"last_week": [vars(event) for event in events]}))
        return
    until = f"to {shown.moment(made.expires_at)} UTC" if made.expires_at else "UTC until somebody ends it"
    who = "dry run, nothing is silenced: it would silence" if dry_run else f"{made.silence_id} silences"
    span = f"from {shown.moment(made.starts_at)} {until}{shown.recurrence(made)}"
    say(f"{who} {made} {span}: {counted(len(covered), 'active alert')} now")
    for line in shown.preview_lines(events):
        say(line)


@app.command()
def unsilence(
    silence_id: Annotated[str, typer.Argument(help="Id of a silence or an ack.")], author: Author = "", as_json: AsJson = False
) -> None:
    """End a silence or withdraw an ack."""
    settings = load_settings()
    refuse_empty_home(settings)
    with warehouse(settings.folder, settings.limits) as con:
        ended = end_silence(con, silence_id, author or getpass.getuser(), datetime.now(UTC), getpass.getuser())
    said = "ended" if ended else "had already ended"
    if as_json:
        say_json({"silence_id": silence_id, "is_ended_now": ended})
    else:
        say(f"{silence_id} {said}")


@app.command()
def silences(
    all: Annotated[bool, typer.Option("--all", help="Include those that have ended.")] = False, as_json: AsJson = False
) -> None:
    """Show current and future silences, and current acks."""
    from flows.cli import alert_tables as shown

    settings, now = load_settings(), datetime.now(UTC)
    found, active = [], []
    if has_own_warehouse(settings.folder):
        with warehouse(settings.folder, settings.limits) as con:
            found = read_all_silences(con)
            active = [alert for alert in alerts_as_stored(con) if alert["state"] in ACTIVE]
    covered = {each.silence_id: [alert for alert in active if covers(each, alert, now)] for each in found}
    kept = [each for each in found if all or (covered[each.silence_id] if each.kind == "ack" else is_to_come(each, now))]
    if as_json:
        alerts = {silence_id: [alert["fingerprint"] for alert in of_it] for silence_id, of_it in covered.items()}
        say_json(shown.for_json([shown.silence_row(each) | {"alerts": alerts[each.silence_id]} for each in kept]))
    elif kept:
        printing.show(shown.silence_table(kept, covered))
    else:
        say("no silence")


@app.command("route")
def show_route(
    rule: Annotated[str, typer.Argument(help="Name of the rule.")],
    labels: Annotated[list[str] | None, typer.Argument(help="Further labels of the alert: team=db, zone=eu.")] = None,
    subject: Annotated[str, typer.Option(help="What the alert is about.")] = "",
    severity: Annotated[Literal["warning", "critical"], typer.Option(help="Its severity.")] = "warning",
    sample: Annotated[bool, typer.Option("--sample", help="An alert of the made-up sample.")] = False,
    at: Annotated[str | None, typer.Option(help="When it fires, e.g. 2026-12-25T09:00Z; default: now.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show where an alert would go by the routes of the settings, and why. Sends nothing."""
    from flows.cli.alert_tables import for_json
    from flows.cli.routing import parse_labels, try_routes
    from flows.instants import in_utc, parse_instant
    from tasks.routes import routed_labels

    given, further = parse_instant("--at", at), parse_labels(labels or [])
    seen = routed_labels(rule, subject, severity, further.items(), is_sample=sample)
    tried = try_routes(load_settings(), seen, in_utc(given) if given else datetime.now(UTC))
    if as_json:
        say_json(for_json(tried.document()))
        return
    for name, why in tried.verdicts:
        say(f"route {name} {why}")
    for destination in tried.destinations:
        say(str(destination))
    if tried.escalation:
        say(tried.escalation)
    if not tried.destinations:
        say("nobody is told: no channel takes an alert like this")


@app.command("noise")
def show_noise(as_json: AsJson = False) -> None:
    """Show how much each rule has told in four weeks and what came of it, and for the noisiest what a change would have spared."""
    from flows.cli import alert_tables as shown
    from flows.cli.noise import advise, read_noise

    settings, now = load_settings(), datetime.now(UTC)
    refuse_empty_home(settings)
    rows = read_noise(settings, now)
    advice = advise(settings, rows, now)
    if as_json:
        say_json(shown.for_json({"noise": rows, "advice": [each.document() for each in advice]}))
        return
    if not rows:
        say("nobody was told of anything in the last 28 days")
        return
    printing.show(shown.noise_table(rows))
    for line in (line for each in advice for line in ["", *each.lines()]):
        say(line)


@app.command("rules")
def list_rules(
    file: Annotated[Path | None, typer.Option(help="Rules file to use instead of the one in the settings.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show the rules of the files with their thresholds and exceptions, those that are past included."""
    from flows.cli import rule_tables as shown
    from tasks.alerts.rules import load_with_sources

    rules, now = load_with_sources(file or load_settings().alerts.rules), datetime.now(UTC)
    if as_json:
        say_json([shown.rule_row(rule, source, now) for rule, source in rules])
    else:
        printing.show(shown.rule_table(rules, now))


@app.command("test")
def try_rule(
    rule: Annotated[str, typer.Argument(help="Name of the rule.")],
    file: Annotated[Path | None, typer.Option(help="Rules file to use instead of the one in the settings.")] = None,
    days: Annotated[int, typer.Option(min=1, help="How many days to look back.")] = 7,
    every: Annotated[str, typer.Option(help="Time between evaluations.")] = "5m",
    as_json: AsJson = False,
) -> None:
    """Show what a rule would have done over the last days, before you switch it on. Changes nothing, sends nothing."""
    from flows.cli.rule_replay import find_rule, instants_until, says_as_of

    settings, now, step = load_settings(), datetime.now(UTC), given_duration("--every", every)
    tried = ending(find_rule(rule, file or settings.alerts.rules), timedelta(hours=settings.alerts.gone_after_hours))
    refuse_empty_home(settings)
    if says_as_of(tried):
        show_replay(settings, tried, instants_until(now, timedelta(days=days), step), as_json)
    else:
        show_now(settings, tried, now, as_json)


def show_replay(settings: Settings, rule: Rule, instants: Sequence[datetime], as_json: bool) -> None:
    """Replay `rule` over `instants` and print its episodes."""
    from flows.cli import alert_tables as shown
    from flows.cli.rule_replay import Turns, replay_rule
    from tasks.alerts.replay import count_notifications

    with Turns(settings.folder, settings.limits, rule) as turns:
        replayed = replay_rule(turns, instants)
    least = {channel.name: channel.min_severity for channel in settings.notifications.channels}
    told = {name: count_notifications(replayed.episodes, severity) for name, severity in least.items()}
    if as_json:
        document = {"rule": rule.name, "is_replayed": True, "from": instants[0], "to": instants[-1]}
        seen = {"evaluations": replayed.looks, "evaluations_with_data": replayed.sights, "newest_only": replayed.newest_only}
        episodes = [shown.episode_row(episode) for episode in replayed.episodes]
        say_json(shown.for_json(document | seen | {"episodes": episodes, "notifications": told}))
        return
    if replayed.episodes:
        printing.show(shown.episode_table(replayed.episodes, rule))
    span = f"{shown.moment(instants[0])} to {shown.moment(instants[-1])} UTC"
    seen_at = f"it had data at {replayed.sights:,} of {counted(replayed.looks, 'evaluation')}"
    say(f"{rule.name}, {span}: {counted(len(replayed.episodes), 'episode')}; {seen_at}")
    for channel, count in told.items():
        say(f"{channel} would have got {counted(count, 'notification')}, if each were sent on its own")
    for name in replayed.newest_only:
        say(f"{name} keeps only its newest rows: its past cannot be replayed")


def show_now(settings: Settings, rule: Rule, now: datetime, as_json: bool) -> None:
    """Evaluate `rule` once and print what it sees beyond its thresholds."""
    from flows.cli import alert_tables as shown
    from flows.cli.rule_replay import Turns
    from tasks.alerts.states import severity_of

    with Turns(settings.folder, settings.limits, rule) as turns:
        observed = turns.observe(now)
    beyond = [(seen, found) for seen in observed if (found := severity_of(rule, seen.value))]
    if as_json:
        rows = [{"subject": seen.subject, "labels": dict(seen.labels), "value": seen.value, "severity": at} for seen, at in beyond]
        say_json(shown.for_json({"rule": rule.name, "is_replayed": False, "to": now, "subjects": len(observed), "beyond": rows}))
        return
    say(f"{rule.name} does not use $as_of, so the past cannot be replayed; as of now:")
    if beyond:
        cells = [
            (shown.about(seen.subject, dict(seen.labels)), shown.severity(at), shown.value_of(seen.value, rule))
            for seen, at in beyond
        ]
        printing.show(shown.table(("subject", "severity", "value"), cells, right=("value",)))
    say(f"{len(beyond):,} of {counted(len(observed), 'subject')} at or beyond a threshold")


def covers(silence: Silence, alert: dict[str, Any], now: datetime) -> bool:
    """Whether a silence or an ack applies to an alert."""
    if silence.kind == "ack":
        is_its_episode = (silence.fingerprint, silence.episode) == (alert["fingerprint"], alert["episode"])
        return is_its_episode and is_valid(silence, now)
    return matches(silence, alert_labels(alert["rule"], alert["subject"], alert["severity"], alert["labels"].items()), now)


def is_to_come(silence: Silence, now: datetime) -> bool:
    """Whether a silence holds at `now` or will."""
    return is_in_force(silence, max(now, silence.starts_at))


def refuse_empty_home(settings: Settings) -> None:
    if not has_own_warehouse(settings.folder):
        raise GovpulseError(NOTHING_YET)


def said_of(alert: dict[str, Any]) -> str:
    return f"{alert['rule']} of {alert['subject']}"


def given_length(lasts: str | None, every: str | None) -> timedelta | None:
    """What --for says, or stands for if it is left out; None: until somebody ends it."""
    if lasts is None and every is not None:
        return None
    return given_duration("--for", "1h" if lasts is None else lasts)


def given_duration(option: str, text: str) -> timedelta:
    """What an option says, like 90s, 30m, 2h, 1d12h, 1w.

    Raises:
        ConfigurationError: it is no duration, or nothing.
    """
    length = parse_duration(text)
    if not length:
        raise ConfigurationError(f"{option} {text}: not a duration; write it like 30m, 2h or 1d12h, ten years at most")
    return length
