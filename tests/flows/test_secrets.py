"""What is secret about a channel is nowhere: whatever an operator's commands leave is searched for it.

What is no secret and stands where one might, the subject of an alert and the name of the settings file, is searched for as well:
it must be found in every place, or the search would be of no use.
"""

import base64
import json
import os
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import duckdb
import pytest
from prefect.blocks.system import Secret
from prefect.settings import temporary_settings

from storage.fingerprints import fingerprint
from storage.home import Home
from tests.receiver import Answer, receiving
from tests.remains import Remains, made_up

pytestmark = [pytest.mark.prefect, pytest.mark.slow]

ROOT = Path(__file__).parents[2]
QUOTED = 200
"""So much of an answer is quoted."""
EVALUATE = """
from datetime import timedelta
import flows.alerts
import tasks.notifications.exchange
flows.alerts.PATIENCE = timedelta()
tasks.notifications.exchange.ANSWER_SECONDS = 1.0
print(flows.alerts.evaluate_alerts())
"""
LOOK = """
import json, sys, traceback
from flows.cli.app import main
for arguments in json.loads(sys.argv[1]):
    sys.argv = ["govpulse", *arguments]
    try:
        main()
    except SystemExit as ended:
        print("exit code", ended.code)
    except Exception:
        traceback.print_exc()
"""
HOMES = 3
VERBOSE = {
    "PREFECT_LOGGING_LEVEL": "DEBUG",
    "PREFECT_LOGGING_EXTRA_LOGGERS": "apprise,httpx,httpcore,urllib3,requests,tasks,flows",
}
SUBJECT, FILE = made_up("subject"), made_up("file")
ALERT = fingerprint("always", SUBJECT, ())
RULES = f"""
[[rule]]
name = "always"
sql = "SELECT '{SUBJECT}' AS subject, 5.0 AS value"
warning = 1
critical = 3
"""


@dataclass
class Channels:
    """Channels as they stand in the settings, and all that is secret about them, by name."""

    tables: list[dict[str, Any]] = field(default_factory=list)
    variables: dict[str, str] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)
    heartbeat: str = ""
    wrong: dict[str, Any] = field(default_factory=dict)

    def secret(self, name: str, tail: str = "") -> str:
        self.secrets[name] = made_up(name) + tail
        return self.secrets[name]

    def url(self, name: str, port: int, query: str = "", scheme: str = "http") -> str:
        """A URL with a secret wherever one may stand."""
        user, path, key = (self.secret(f"{name} {part}") for part in ("user", "path", "query"))
        password = quote(self.secret(f"{name} password", f"/{made_up(f'{name} tail')}ü"), safe="")
        return f"{scheme}://{user}:{password}@127.0.0.1:{port}/services/{path}?{'-' * (scheme == 'json')}key={key}{query}"

    def add(self, name: str, kind: str, **keys: Any) -> None:
        self.tables.append({"name": name, "kind": kind, **keys})

    def variable(self, name: str, value: str) -> str:
        self.variables[name] = value
        return name


@contextmanager
def every_kind_of_channel() -> Iterator[Channels]:
    """Receivers that take it, fail, repeat what they got, cut, answer late and are not there; URLs that are none."""
    channels = Channels()
    with ExitStack() as stack:
        port, gone = stack.enter_context(receiving()).port, stack.enter_context(closed_port())
        for name, query in {"takes": "", "fails": "&status=500", "cuts": "&ending=cut", "late": "&delay=1.5"}.items():
            key = channels.secret(f"{name} key")
            channels.add(f"{name} {SUBJECT}", "webhook", url=channels.url(name, port, query), secret=key)
        key = base64.b64encode(channels.secret("gone key").encode()).decode()
        channels.add("gone", "webhook", url=channels.url("gone", gone), secret=f"whsec_{key}")
        channels.add("by variable", "webhook", url_env=channels.variable("HOOK", channels.url("by variable", port, "&status=404")))
        channels.add("by block", "webhook", url_block="leaky", secret_block="leaky")
        channels.add("pager", "pagerduty", url=channels.url("pager", port, "&status=400"), secret=channels.secret("pager key"))
        pager = channels.variable("PAGER", channels.secret("pager by variable"))
        channels.add("pager by variable", "pagerduty", url=channels.url("pager gone", gone), secret_env=pager)
        channels.heartbeat = channels.url("heartbeat", port, "&status=500")
        add_repeating(channels, stack)
        add_malformed(channels)
        add_apprise(channels, port, gone)
        yield channels


def add_repeating(channels: Channels, stack: ExitStack) -> None:
    """Receivers that repeat a secret, of which the quotation ends after so many characters."""
    for kind in ("webhook", "pagerduty"):
        for end in (9, 14, 40):
            name = f"{kind} repeats {end}"
            url, key = channels.url(name, 0), channels.secret(f"{name} key")
            said = (key, url.split("/services/")[1], channels.secrets[f"{name} password"])
            bodies = [" " * (QUOTED - end) + each for each in said]
            answers = [Answer(500, {"Content-Type": "text/plain"}, body.encode()) for body in bodies * 2]
            port = stack.enter_context(receiving(*answers)).port
            channels.add(name, kind, url=url.replace(":0/", f":{port}/"), secret=key)


def add_malformed(channels: Channels) -> None:
    """What cannot be known before it is tried, or stands in a variable; and what the settings refuse."""
    unquoted = "/".join(channels.secret(f"unquoted {number}") for number in range(2))
    wrong = f"http://ops:{unquoted}@127.0.0.1:9/{channels.secret('unquoted path')}"
    channels.wrong = {"name": "ops", "kind": "webhook", "url": wrong}
    channels.add("unquoted password", "webhook", url_env=channels.variable("UNQUOTED", wrong))
    channels.add("no host", "webhook", url_env=channels.variable("NO_HOST", f"http://[{channels.secret('no host')}/x"))
    channels.add("no url", "webhook", url_env=channels.variable("NO_URL", channels.secret("no url")))
    channels.add("no service", "apprise", url=f"nosuch://{channels.secret('no service')}/{channels.secret('no service 2')}")
    channels.add("no token", "apprise", url=f"slack://{channels.secret('no token')}")
    channels.add("no mail", "apprise", url=f"mailto://ops:{channels.secret('no mail')}@")


def add_apprise(channels: Channels, port: int, gone: int) -> None:
    for name, query in {"chat fails": "&-status=500", "chat cuts": "&-ending=cut", "chat late": "&-delay=1.5&rto=1"}.items():
        channels.add(name, "apprise", url=channels.url(name, port, query, "json"))
    chat = channels.variable("CHAT", channels.url("chat by variable", gone, scheme="json"))
    channels.add("chat by variable", "apprise", url_env=chat)
    parts = [made_up("workspace")[:9], made_up("bot")[:9], made_up("slack token") + made_up("slack")[:4]]
    channels.secrets |= {f"slack {number}": part for number, part in enumerate(parts)}
    channels.add("slack", "apprise", url=f"slack://{'/'.join(parts)}")
    channels.add("telegram", "apprise", url=f"tgram://123456789:{channels.secret('telegram')}/12345678")
    mail = f"mailto://ops:{channels.secret('mail')}@127.0.0.1:{gone}?from=a@example.com&to=b@example.com"
    channels.add("mail", "apprise", url=mail)


@contextmanager
def closed_port() -> Iterator[int]:
    """A port that refuses connections, and that nobody else takes meanwhile."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


@dataclass
class Operator:
    """Somebody whose settings differ from home to home in their channels."""

    up: Any
    folder: Path
    channels: Channels

    def settings(self, home: str, tables: Sequence[dict[str, Any]]) -> str:
        """The settings file of a home; beside those channels it has the console."""
        (self.folder / "rules.toml").write_text(RULES)
        sections = [{"rules": "rules.toml", "heartbeat_url": self.channels.heartbeat}, {"name": "console"}, *tables]
        texts = ("\n".join(f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in each.items()) for each in sections)
        file = self.folder / f"{home}-{FILE}.toml"
        file.write_text('[source]\nkind = "none"\n[alerts]\n' + "\n[[notifications.channels]]\n".join(texts) + "\n")
        return str(file)

    def start(self, home: str, file: str, *arguments: str, **variables: str) -> subprocess.Popen[str]:
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "GOVPULSE_"))}
        ours = {"GOVPULSE_HOME": str(self.folder / "homes" / home), "GOVPULSE_CONFIG": file, **self.up.variables}
        # A proxy that is not there, so that nothing goes to Slack.
        ours |= {"HTTPS_PROXY": "http://127.0.0.1:9", "NO_PROXY": "127.0.0.1", **self.channels.variables, **variables}
        return subprocess.Popen([sys.executable, *arguments], cwd=ROOT, env={**clean, **ours}, stdout=-1, stderr=-1, text=True)

    def evaluate(self) -> Iterator[tuple[str, subprocess.Popen[str]]]:
        """Every command that evaluates, side by side, each with a home and a share of the channels of its own."""
        flags = {"run": ["run"], "debug": ["--debug", "run", "--json", "--only", "alerts"]}
        for number, home in enumerate((*flags, "flow")):
            file = self.settings(home, self.channels.tables[number::HOMES])
            if home in flags:
                yield home, self.start(home, file, "-m", "flows", "--config", file, *flags[home])
            else:
                yield home, self.start(home, file, "-c", EVALUATE, **VERBOSE)

    def look(self) -> subprocess.Popen[str]:
        """Every command that shows or checks, with all channels."""
        file, wrong = self.settings("debug", self.channels.tables), self.settings("wrong", [self.channels.wrong])
        shown = (["config", "show"], ["config", "check"], ["alerts", "list"], ["alerts", "show", ALERT], ["doctor"])
        commands = [
            ["--config", file, *each, *flag] for each in shown for flag in ([], ["--json"]) if each[1:] != ["check"] or not flag
        ]
        commands += [["--config", wrong, "config", "check"], ["--config", wrong, "--debug", "config", "check"]]
        return self.start("debug", file, "-c", LOOK, json.dumps(commands))


@dataclass(frozen=True)
class Operated:
    """What came of it: by place what was left there, and the channels on which something was tried."""

    channels: Channels
    remains: Remains
    tried: set[str]


@pytest.fixture(scope="module")
def operated(tiny_up: Any, until: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Operated:
    """Every command once that sends, shows or checks channels."""
    remains, tried = Remains(), set[str]()
    with every_kind_of_channel() as channels, remains.watching_processes():
        operator = Operator(tiny_up, tmp_path_factory.mktemp("secrets"), channels)
        with temporary_settings(tiny_up.settings):
            Secret(value=channels.url("by block", 9)).save("leaky", overwrite=True)
        for place, process in [*operator.evaluate()]:
            remains.add(place, "".join(process.communicate(timeout=300)))
        remains.add("look", "".join(operator.look().communicate(timeout=300)))

        def events_of_each_home() -> bool:
            asked = {"filter": {"event": {"name": ["govpulse.alert.firing"]}, "resource": {"id": [f"govpulse.alert.{ALERT}"]}}}
            return bool(tiny_up.ask("events/filter", asked)["total"] >= HOMES)

        until(events_of_each_home, 120.0)
    for home in (operator.folder / "homes").iterdir():
        remains.add_tables("warehouse", Home(home).warehouse)
        remains.add_tables("published", Home(home).published)
        with duckdb.connect(str(Home(home).published), read_only=True) as con:
            tried |= {name for (name,) in con.sql("SELECT channel FROM alerts.notifications WHERE attempts > 0").fetchall()}
    remains.add_files("home", operator.folder / "homes")
    remains.add_files("home of the server", tiny_up.home)
    with closing(sqlite3.connect(f"file:{Home(tiny_up.home).prefect / 'prefect.db'}?mode=ro", uri=True)) as server:
        for table in ("log", "events", "artifact"):
            remains.add(f"prefect {table}", str(server.execute(f"SELECT * FROM {table}").fetchall()))
    return Operated(channels, remains, tried)


def test_what_is_secret_about_a_channel_is_nowhere(operated: Operated) -> None:
    """But in the environment of those to whom it was given there."""
    secrets, variables = operated.channels.secrets, map(unquote, operated.channels.variables.values())
    given = " ".join(variables)
    found = operated.remains.search(secrets)
    assert {(place, name) for place, name in found if place != "environments" or secrets[name] not in given} == set()


def test_what_is_no_secret_is_found_in_every_place(operated: Operated) -> None:
    """And every channel was tried."""
    found = operated.remains.search({"subject": SUBJECT, "file": FILE})
    assert {place for place, name in found if name == "subject"} == operated.remains.runs.keys() - {"command lines", "environments"}
    assert {"command lines", "environments", "look"} <= {place for place, name in found if name == "file"}
    assert {channel["name"] for channel in operated.channels.tables} <= operated.tried
