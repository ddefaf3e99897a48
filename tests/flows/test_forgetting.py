"""`govpulse forget` and Prefect: nothing of the person is left in its database, of our own server or of none, nor where the API of
somebody else's reaches."""

import base64
import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import yaml

from flows.serving import prefect_pages, prefect_rows
from storage.people.person import Person
from tests.holders import holders

pytestmark = [pytest.mark.prefect, pytest.mark.campaign]

ANN, EVE, JOE = "ünï.ann-8c41", "eve'8c42\"x", "joe_8c43"
PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40).decode()
TABLES = (
    "artifact.data",
    "events.payload",
    "event_resources.resource",
    "flow_run.parameters",
    "log.message",
)
STATE = ("flow_run_state.message",)


def bring(up: Any, who: str) -> dict[str, str]:
    """What flows leave on a server, of somebody: a run that failed, its parameters, states and logs, pages, an event."""
    flow = up.ask("flows/", {"name": "compute_insights"})["id"]
    failed = {"type": "FAILED", "name": "Failed", "message": f"cannot read the profile of {who}."}
    parameters = {"only": [who, f"scan-{who}-1"], "by": {who: 1}}
    run = up.ask("flow_runs/", {"flow_id": flow, "name": f"for {who}", "parameters": parameters, "tags": [who], "state": failed})[
        "id"
    ]
    table = json.dumps([{"subject": "sales", "statement": f"rests on {who}", "n": 7}, {"subject": f"scan-{who}-1", "expert": who}])
    pages = {
        "what-to-do": (
            "markdown",
            f"# What to do\n\n**critical**: sales rests on {who}.\n\n`{base64.b64encode(who.encode()).decode()}`",
        ),
        "finding-board": ("table", table),
        "plots": ("markdown", f"## {who}\n\n![a](data:image/png;base64,{PNG})"),
    }
    made = {
        key: up.ask("artifacts/", {"key": key, "type": kind, "data": data, "flow_run_id": run})["id"]
        for key, (kind, data) in pages.items()
    }
    log = {"name": "prefect.flow_runs", "level": 20, "timestamp": "2026-07-01T00:00:00Z", "flow_run_id": run}
    up.ask("logs/", [log | {"message": f"sales rests on {who}"}, log | {"message": "nothing of anybody"}])
    resource = {"prefect.resource.id": "govpulse.alert.1", "prefect.resource.name": f"expert_left of {who}"}
    payload = {"subject": who, "statement": f"{who} left", "scan": f"scan-{who}-1"}
    event = {"event": "govpulse.alert.firing", "id": made["plots"], "occurred": "2026-07-01T00:00:00Z"}
    up.ask("events", [event | {"resource": resource, "payload": payload, "related": []}])
    return {"run": run, **made}


def forget(home: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "GOVPULSE_"))}
    environment = {**clean, "GOVPULSE_HOME": str(home), **variables}
    command = [sys.executable, "-m", "flows", "forget", *arguments]
    return subprocess.run(command, env=environment, text=True, capture_output=True, timeout=120)


@pytest.fixture(scope="module")
def brought(scheduled_up: Any, until: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A server that knows three people, the log of a worker that names one, and a copy of its database of before."""
    made = {who: bring(scheduled_up, who) for who in (ANN, EVE, JOE)}
    with (scheduled_up.home / "prefect" / "logs" / "worker.log").open("a") as log:
        log.write(f"12:00 | of {ANN}, not of x{ANN}\n")

    def events_are_stored() -> bool:
        with closing(sqlite3.connect(scheduled_up.home / "prefect" / "prefect.db", timeout=20.0)) as con:
            named = "SELECT count(DISTINCT resource) FROM event_resources WHERE resource LIKE '%expert_left of%8c4%'"
            return bool(con.execute(named).fetchone()[0] == len(made))

    until(events_are_stored, 30.0)
    copy = tmp_path_factory.mktemp("copy") / "prefect" / "prefect.db"
    copy.parent.mkdir()
    with closing(sqlite3.connect(scheduled_up.home / "prefect" / "prefect.db")) as ours, closing(sqlite3.connect(copy)) as theirs:
        theirs.execute("PRAGMA journal_mode = WAL")
        ours.backup(theirs)
    return {"made": made, "copy": copy, "up": scheduled_up}


@pytest.fixture(scope="module")
def forgotten(brought: dict[str, Any]) -> dict[str, Any]:
    """That server, which goes on, after ann was forgotten."""
    before = holders(brought["up"].home, ANN)
    done = forget(brought["up"].home, ANN, "--hash-ids")
    assert done.returncode == 0, done.stdout + done.stderr
    return {**brought, "before": before, "done": done}


def test_a_server_that_goes_on_has_nothing_left(forgotten: dict[str, Any]) -> None:
    assert forgotten["before"] >= {f"prefect/prefect.db: {place}" for place in (*TABLES, *STATE, "flow_run.name", "flow_run.tags")}
    assert holders(forgotten["up"].home, ANN) == {"prefect/logs/worker.log"}, "of another, whose id begins otherwise"
    log = (forgotten["up"].home / "prefect" / "logs" / "worker.log").read_text()
    assert f"12:00 | of {'*' * len(ANN.encode())}, not of x{ANN}\n" in log
    assert "values changed in prefect.db" in forgotten["done"].stdout


def test_what_the_server_says_is_whole_but_for_the_person(forgotten: dict[str, Any]) -> None:
    up, made = forgotten["up"], forgotten["made"][ANN]
    run = up.ask(f"flow_runs/{made['run']}", method="GET")
    only, by = run["parameters"]["only"], run["parameters"]["by"]
    assert (only[0], by, run["name"], run["tags"]) == ("(forgotten)", {"(forgotten)": 1}, "for (forgotten)", ["(forgotten)"])
    assert only[1].startswith("scan-forgotten-")
    assert (run["state"]["type"], run["state"]["message"]) == ("FAILED", "cannot read the profile of (forgotten).")
    page = up.ask(f"artifacts/{made['what-to-do']}", method="GET")["data"]
    code = base64.b64encode(b"(forgotten)").decode()
    assert page == f"# What to do\n\n**critical**: sales rests on (forgotten).\n\n`{code}`"
    assert PNG in up.ask(f"artifacts/{made['plots']}", method="GET")["data"]
    rows = json.loads(up.ask(f"artifacts/{made['finding-board']}", method="GET")["data"])
    assert rows == [
        {"subject": "sales", "statement": "rests on (forgotten)", "n": 7},
        {"subject": only[1], "expert": "(forgotten)"},
    ]
    assert bring(up, "somebody-new")["run"], "it takes new ones"


def test_others_stay_on_it(forgotten: dict[str, Any]) -> None:
    places = {f"prefect/prefect.db: {place}" for place in (*TABLES, *STATE)}
    assert holders(forgotten["up"].home, JOE) >= places


@pytest.mark.parametrize("who", [ANN, EVE, JOE])
def test_a_database_that_nobody_serves_has_nothing_left(brought: dict[str, Any], tmp_path: Path, who: str) -> None:
    """Not even in pages that were free already, and everything is still what it was."""
    database = tmp_path / "prefect.db"
    with closing(sqlite3.connect(brought["copy"])) as ours, closing(sqlite3.connect(database)) as theirs:
        ours.backup(theirs)
    with closing(sqlite3.connect(database)) as con:
        con.execute("PRAGMA secure_delete = OFF")
        con.execute("DELETE FROM log")
        con.commit()
    assert {f"prefect.db: {place}" for place in TABLES if "log" not in place} < holders(tmp_path, who)
    rows = counted(database)
    assert prefect_rows.take_out(database, [Person(who, "forgotten-1")], is_told=True) > 8
    assert holders(tmp_path, who) == set()
    assert prefect_rows.held(database, [Person(who)]) == []
    assert counted(database) == rows
    assert prefect_rows.take_out(database, [Person(who, "forgotten-1")], is_told=True) == 0


def counted(database: Path) -> dict[str, tuple[int, int]]:
    """Of each table its rows, and its values that are JSON."""
    with closing(sqlite3.connect(database)) as con:
        assert con.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert con.execute("PRAGMA foreign_key_check").fetchall() == []
        found = {}
        for (name,) in con.execute("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'").fetchall():
            columns = [row[1] for row in con.execute(f"PRAGMA table_info({name})") if row[2] == "JSON"]
            valid = " + ".join(f"sum(json_valid({column}))" for column in columns) or "0"
            found[name] = con.execute(f"SELECT count(*), {valid} FROM {name}").fetchone()
    return found


def test_longer_ids_are_listed_and_stay_unless_hashed(brought: dict[str, Any], tmp_path: Path) -> None:
    database = tmp_path / "prefect.db"
    database.write_bytes(brought["copy"].read_bytes())
    prefect_rows.take_out(database, [Person(JOE)], is_told=True)
    listed = {holding.column: holding for holding in prefect_rows.held(database, [Person(JOE)])}
    places = ("artifact.data", "artifact_collection.data", "events.payload", "flow_run.parameters")
    assert set(listed) >= {f"prefect.db {place}" for place in places}
    assert not {f"prefect.db {place}" for place in ("log.message", "flow_run.name", "flow_run_state.message")} & set(listed)
    assert listed["prefect.db events.payload"].examples == (f"scan-{JOE}-1",)
    assert listed["prefect.db artifact.data"].rows == 1


def test_ids_that_cannot_be_told_take_the_pages_with_them(brought: dict[str, Any], tmp_path: Path) -> None:
    """Nobody can tell `7` from a number in a page of findings; a state, a flow and a word of Prefect's stay what they are."""
    for user in ("7", "failed", "sales"):
        database = tmp_path / f"{user}.db"
        database.write_bytes(brought["copy"].read_bytes())
        before = counted(database)
        prefect_rows.take_out(database, [Person(user)], is_told=False)
        after = counted(database)
        changed = {name for name in before if before[name] != after[name]}
        assert changed - {"events", "event_resources"} == {"artifact", "artifact_collection"}
        with closing(sqlite3.connect(database)) as con:
            keys = con.execute("SELECT DISTINCT key FROM artifact WHERE key IN ('what-to-do', 'plots', 'finding-board')").fetchall()
        assert {key for (key,) in keys} == ({"plots"} if user == "sales" else {"plots", "finding-board"})


def test_the_api_of_somebody_elses_server_is_asked_for_what_it_can_do(forgotten: dict[str, Any], tmp_path: Path) -> None:
    up, made = forgotten["up"], forgotten["made"]
    flow = up.ask("flows/", {"name": "of another team"})["id"]
    theirs = up.ask("flow_runs/", {"flow_id": flow, "name": f"theirs, of {EVE}"})["id"]
    named = {"flow_id": up.ask("flows/", {"name": "compute_insights"})["id"], "parameters": {"only": [EVE]}}
    changed = up.ask("flow_runs/", named)["id"]
    done = forget(tmp_path / "elsewhere", EVE, **up.variables)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 pages and 1 run with their logs deleted, 1 run changed; events stay" in done.stdout
    assert up.ask("artifacts/filter", {"artifacts": {"id": {"any_": [made[EVE]["plots"]]}}}) == []
    assert up.ask("flow_runs/filter", {"flow_runs": {"id": {"any_": [made[EVE]["run"]]}}}) == []
    assert up.ask(f"flow_runs/{changed}", method="GET")["parameters"] == {"only": ["(forgotten)"]}
    assert up.ask(f"flow_runs/{theirs}", method="GET")["name"] == f"theirs, of {EVE}"
    left = up.ask("artifacts/filter", {"artifacts": {"id": {"any_": list(made[JOE].values())}}})
    assert len(left) == 3, "of others"


def test_a_server_that_does_not_answer_is_one_line(tmp_path: Path, new_port: Callable[[], int]) -> None:
    done = forget(tmp_path / "elsewhere", EVE, PREFECT_API_URL=f"http://127.0.0.1:{new_port()}/api")
    assert done.returncode == 1
    assert done.stdout.startswith("nothing about this user was stored; later rows will be left out\n")
    lines = done.stderr.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("govpulse: cannot remove the person from the Prefect server at http://127.0.0.1:")


def test_every_flow_of_ours_is_looked_at() -> None:
    plan = yaml.safe_load((Path(__file__).parents[2] / "prefect.yaml").read_text())
    assert {one["entrypoint"].split(":")[1] for one in plan["deployments"]} == set(prefect_pages.FLOWS)


def test_a_database_of_any_shape_is_walked(tmp_path: Path) -> None:
    """Tables without a rowid, names in need of quotes, texts as bytes, rows of which no two may be alike."""
    with closing(sqlite3.connect(tmp_path / "prefect.db")) as con:
        con.execute('CREATE TABLE "a ""b""" (k TEXT PRIMARY KEY, "v w" BLOB, n INT) WITHOUT ROWID')
        con.executemany('INSERT INTO "a ""b""" VALUES (?, ?, ?)', [(ANN, f"of {ANN}".encode(), 1), ("(forgotten)", b"\xff\x00", 2)])
        con.commit()
    prefect_rows.take_out(tmp_path / "prefect.db", [Person(ANN)], is_told=True)
    with closing(sqlite3.connect(tmp_path / "prefect.db")) as con:
        rows = con.execute('SELECT * FROM "a ""b""" ORDER BY n').fetchall()
    assert [row[1:] for row in rows] == [(b"of (forgotten)", 1), (b"\xff\x00", 2)]
    assert rows[0][0].startswith("(forgotten) ")
    assert holders(tmp_path, ANN) == set()


def test_a_damaged_database_cannot_be_searched_and_goes(tmp_path: Path) -> None:
    database = tmp_path / "home" / "prefect" / "prefect.db"
    aside = database.parent / "set-aside" / "20260301T000000.000000Z" / "prefect.db"
    aside.parent.mkdir(parents=True)
    for path in (database, aside):
        path.write_bytes(b"garbage that names jane.doe " * 100)
    (tmp_path / "home").chmod(0o711)
    done = forget(tmp_path / "home", "jane.doe")
    assert "Prefect: 2 damaged databases, which cannot be searched, were deleted" in done.stdout, done.stderr
    assert "Prefect's database was damaged" in done.stderr
    assert [path.name for path in (database.parent / "set-aside").iterdir()] == []
