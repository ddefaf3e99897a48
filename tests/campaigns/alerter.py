"""What the campaign kills: processes that evaluate and deliver round after round. tests/campaigns/person.py has who acts meanwhile.

It keeps the point that it has reached in a file, for the parent to read, and kills itself where it is told to. The world that its
rules see is a file of the parent's; its clock runs `PACE` times as fast as ours, from where the parent sets it.
"""

import os
import signal
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from storage.home import Home
from storage.limits import Limits
from storage.warehouse import warehouse
from tasks.alerts import engine
from tasks.alerts.rule import Rule
from tasks.hours import parse_hours
from tasks.matchers import parse_matcher
from tasks.notifications import delivery
from tasks.notifications.channels import Channel
from tasks.notifications.links import Links
from tasks.routes import Recipients, Route

PACE = 600.0
BEGINNING = datetime(2026, 3, 10, tzinfo=UTC)
CHANNELS = {"ops": "warning", "pager": "critical", "boss": "critical"}
OFFICE = parse_hours("Mon-Sat 08:00-20:00", "Europe/Berlin")
ROUTES = (
    Route("memory", (parse_matcher("rule=memory"),), ("ops",), hours=OFFICE, repeat_every=timedelta(minutes=30)),
    Route(
        "worst",
        (parse_matcher("severity=critical"),),
        ("pager",),
        goes_on=True,
        escalate_after=timedelta(minutes=45),
        escalate_to=("boss",),
    ),
    Route("rest", (), ("ops",)),
)
RECIPIENTS = Recipients(CHANNELS, ROUTES, timedelta(hours=1))
NEGLECTED = ("s6", "s7")
"""Nobody acts on their alerts, so they come to be told again."""
LIMITS = Limits(60.0, 1, "500MB")
KEY = SecretStr("the key of the campaign, which signs what its messages permit")
LINKS = Links("https://pulse.example.com", KEY)


class Stage:
    """Where the process is, and where it is to die."""

    def __init__(self, folder: Path, name: str, deadly: str, passings: int) -> None:
        self._file = os.open(folder / name, os.O_WRONLY | os.O_CREAT)
        self._deadly, self._left = deadly, passings
        self.note("started", None)
        for channel in CHANNELS:
            self.note("idle", channel)

    def note(self, point: str, channel: str | None) -> None:
        """The last point of all, and that of each channel, for channels are served side by side."""
        os.pwrite(self._file, f"{point:<12}".encode(), 0)
        if channel:
            os.pwrite(self._file, f"{point:<12}".encode(), 12 * (1 + list(CHANNELS).index(channel)))

    def reach(self, point: str, channel: str | None = None) -> None:
        self.note(point, channel)
        if point == self._deadly:
            self._left -= 1
            if self._left < 0:
                os.kill(os.getpid(), signal.SIGKILL)

    def after(self, call: Callable[..., Any], point: str) -> Callable[..., Any]:
        def wrapped(*arguments: Any, **options: Any) -> Any:
            result = call(*arguments, **options)
            self.reach(point)
            return result

        return wrapped


def clock_of(folder: Path) -> Callable[[], datetime]:
    """Reads what the parent wrote: a real instant, and the instant that it stands for."""

    def clock() -> datetime:
        real, meant = map(float, (folder / "clock").read_text().split())
        return BEGINNING + timedelta(seconds=meant + (time.time() - real) * PACE)

    return clock


WORLD = "read_json('{file}', columns = {{rule: 'VARCHAR', subject: 'VARCHAR', value: 'DOUBLE'}})"


def rules() -> list[Rule]:
    plain = "SELECT subject, value FROM world WHERE rule = "
    return [
        Rule("disk", plain + "'disk'", warning=1, critical=2),
        Rule("memory", plain + "'memory'", warning=1, critical=2, keep_firing_for=timedelta(minutes=10)),
        Rule(
            "scan",
            plain + "'scan'",
            critical=2,
            pending_for=timedelta(minutes=10),
            no_data_for=timedelta(minutes=30),
            gone_after=timedelta(hours=1),
        ),
    ]


def channels_of(url: str) -> list[Channel]:
    kinds = {"kind": "webhook", "per_minute": 1000}
    timed = tuple(route for route in ROUTES if route.hours is not None)
    return [
        Channel(name, min_severity=least, url=SecretStr(f"{url}/{name}?delay=0.004"), routes=timed, **kinds)
        for name, least in CHANNELS.items()
    ]


def work(folder: Path, url: str, name: str, deadly: str = "", passings: int = 0, rounds: int = 0) -> None:
    """Evaluate and deliver; until killed, or so many rounds. As flows do, it looks at the clock before it waits for its turn."""
    stage = Stage(folder, name, deadly, passings)
    engine.evaluate = stage.after(engine.evaluate, "evaluated")
    engine.write_evaluation = stage.after(engine.write_evaluation, "committed")
    delivery.send = _sending(stage, delivery.send)
    delivery.record = _recording(stage, delivery.record)
    home, clock, done = Home(folder / "home"), clock_of(folder), 0
    while not rounds or done < rounds:
        as_of = clock()
        with warehouse(home, LIMITS) as con:
            con.execute(f"CREATE TEMP TABLE world AS FROM {WORLD.format(file=folder / 'world.json')}")  # rules reach no file
            engine.evaluate_on(con, rules(), RECIPIENTS, as_of)
        delivery.deliver(home, LIMITS, channels_of(url), timedelta(), clock, LINKS)
        done += 1


def _sending(stage: Stage, send: Callable[..., Any]) -> Callable[..., Any]:
    """A send that can die before, half-way (a kill of the parent's, or the receiver has the request and has not answered), and
    between the answer and our commit."""

    def sending(channel: Channel, *arguments: Any) -> Any:
        stage.reach("before_send", channel.name)
        stage.note("in_send", channel.name)
        outcome = send(channel, *arguments)
        stage.reach("answered", channel.name)
        return outcome

    return sending


def _recording(stage: Stage, record: Callable[..., Any]) -> Callable[..., Any]:
    def recording(con: Any, row: Any, *arguments: Any) -> None:
        record(con, row, *arguments)
        stage.reach("recorded", row.channel)

    return recording
