"""`up` from its start to its end, with real processes: nothing is left behind, nothing is made twice."""

import json
import os
import signal
import socket
import sys
import threading
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from flows.serving.follower import Follower
from flows.serving.guarded_process import GuardedProcess
from flows.serving.installation import Installation, Pages, Serving, plan
from flows.serving.prefect_server import Api, is_healthy, listen, running_api
from flows.serving.supervisor import DEATHS_BORNE, DEATHS_WINDOW_SECONDS, bear, run_to_end, watch
from storage.errors import GovpulseError
from storage.home import Home


def guarded(folder: Path, code: str) -> GuardedProcess:
    log = folder / "child.log"
    log.touch()
    return GuardedProcess("child", [sys.executable, "-c", code], os.environ, folder, log)


def test_failing_step_shows_its_last_lines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    child = guarded(tmp_path, "import sys; print('no such pool'); sys.exit(3)")
    with pytest.raises(GovpulseError, match=r"the child failed.*child\.log"):
        run_to_end(child, threading.Event())
    assert "no such pool" in capsys.readouterr().err


def test_step_is_left_when_we_are_to_end(tmp_path: Path) -> None:
    child = guarded(tmp_path, "import time; time.sleep(60)")
    ending = threading.Event()
    threading.Timer(0.5, ending.set).start()
    run_to_end(child, ending)
    assert child.exit_code() is None
    child.stop()
    assert child.exit_code() is not None


def test_dead_worker_is_started_again_after_its_registration(tmp_path: Path) -> None:
    worker = guarded(tmp_path, f"import os, time; open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid())); time.sleep(60)")
    registration = guarded(tmp_path, f"open({str(tmp_path / 'registered')!r}, 'a').write('x')")
    installation = Installation("http://127.0.0.1:1/api", None, guarded(tmp_path, ""), guarded(tmp_path, ""), worker, registration)
    ending = threading.Event()
    worker.start()
    watching = threading.Thread(target=watch, args=(installation, ending, Home(tmp_path), {}))
    first = _pid_written(tmp_path, besides="")
    watching.start()
    try:
        os.kill(int(first), signal.SIGKILL)
        second = _pid_written(tmp_path, besides=first)
        assert psutil.pid_exists(int(second))
        assert (tmp_path / "registered").read_text() == "x"
    finally:
        ending.set()
        watching.join()
        installation.stop()


def _pid_written(folder: Path, besides: str) -> str:
    for _ in range(1200):
        written = (folder / "pid").read_text() if (folder / "pid").exists() else ""
        if written not in ("", besides):
            return written
        threading.Event().wait(0.05)
    pytest.fail("no new process")


def test_worker_that_keeps_dying_is_given_up(tmp_path: Path) -> None:
    child = guarded(tmp_path, "")
    for _ in range(DEATHS_BORNE):
        child.recent_deaths(DEATHS_WINDOW_SECONDS)
    with pytest.raises(GovpulseError, match="ended 6 times within 10 min"):
        bear(child, threading.Event())


def test_project_without_prefect_yaml_is_said_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(GovpulseError, match=r"no prefect\.yaml in"):
        plan(Home(tmp_path), tmp_path, Serving(), None, {})


def test_named_api_is_joined_and_no_port_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / "prefect.yaml").touch()
    joined = plan(
        Home(tmp_path),
        tmp_path,
        Serving(port=1, web_port=0),
        None,
        {"PREFECT_API_URL": "http://elsewhere:4200/api", "PREFECT_HOME": "/theirs"},
    )
    joined.stop()
    assert joined.server is None
    assert joined.pages is not None, "our pages are ours wherever the server is"
    assert joined.api_url == "http://elsewhere:4200/api"
    assert joined.worker.environment["PREFECT_HOME"] == "/theirs"
    assert joined.registration.command[-1] == "none"  # runs of other workers are theirs to judge


@pytest.mark.prefect
def test_port_in_use_is_said_in_one_line(tiny_up: Any, start_up: Any, tmp_path: Path) -> None:
    other = start_up(tmp_path / "home", tiny_up.project, tiny_up.port)
    assert other.process.wait(60) == 1
    assert other.output().count("\n") == 1
    assert f"port {tiny_up.port} " in other.output()
    assert "--port" in other.output()


@pytest.mark.prefect
def test_second_up_of_a_home_is_refused(tiny_up: Any, start_up: Any, new_port: Any) -> None:
    second = start_up(tiny_up.home, tiny_up.project, new_port())
    assert second.process.wait(60) == 1
    assert second.output().count("\n") == 1
    assert f"another `govpulse up` is running for {tiny_up.home}" in second.output()


@pytest.mark.prefect
def test_running_server_is_found(tiny_up: Any) -> None:
    assert running_api(Home(tiny_up.home)) == Api(tiny_up.api_url, is_own=True)


@pytest.mark.slow
@pytest.mark.prefect
def test_up_that_joins_an_api_starts_no_server(
    tiny_up: Any, start_up: Any, joining_project: Path, still_alive: Any, tmp_path: Path
) -> None:
    joined = start_up(tmp_path / "home", joining_project, 1, **tiny_up.variables)
    joined.await_up()
    tree = joined.tree()
    commands = [" ".join(process.cmdline()) for process in tree]
    assert any("registered_worker" in command for command in commands)
    assert not any("closed_server" in command for command in commands)
    assert "joined-nap" in {one["name"] for one in tiny_up.ask("deployments/filter")}
    assert joined.stop(signal.SIGTERM) == 0
    assert still_alive(tree) == []
    assert is_healthy(tiny_up.api_url)


@pytest.mark.slow
@pytest.mark.prefect
def test_api_that_does_not_answer_is_named(start_up: Any, tiny_project: Path, new_port: Any, tmp_path: Path) -> None:
    api_url = f"http://127.0.0.1:{new_port()}/api"
    joining = start_up(tmp_path / "home", tiny_project, 1, PREFECT_API_URL=api_url)
    assert joining.process.wait(60) == 1
    assert f"cannot register with {api_url}" in joining.output()
    assert "Traceback" not in joining.output()


@pytest.fixture(scope="module")
def killed(start_up: Any, tiny_project: Path, new_port: Any, until: Any, tmp_path_factory: Any) -> tuple[Any, list[psutil.Process]]:
    """An `up` that was killed with -9 while a flow run was going, and all processes it had."""
    up = start_up(tmp_path_factory.mktemp("killed"), tiny_project, new_port()).await_up()
    start_nap(up, until)
    tree = up.tree()
    up.process.kill()
    up.process.wait()
    return up, tree


def start_nap(up: Any, until: Any, seconds: float = 300.0) -> str:
    """Start a flow run, a long one, and wait until its code runs; returns its id."""
    (up.home / "nap.json").unlink(missing_ok=True)
    deployment = up.ask("deployments/name/nap/nap", method="GET")
    wanted = {"parameters": {"seconds": seconds}, "state": {"type": "SCHEDULED"}}
    run = up.ask(f"deployments/{deployment['id']}/create_flow_run", wanted)
    until((up.home / "nap.json").exists, 120.0)
    return str(run["id"])


@pytest.mark.prefect
def test_flow_run_sees_the_home_and_the_settings_of_up(tiny_up: Any, until: Any) -> None:
    up = tiny_up
    nap = start_nap(up, until, seconds=0.0)
    until(lambda: nap in {run["id"] for run in up.runs("COMPLETED")}, 120.0)
    assert json.loads((up.home / "nap.json").read_text()) == {
        "folder": str(up.project),
        "home": str(up.home),
        "config": str(up.home / "govpulse.toml"),
    }


@pytest.mark.slow
@pytest.mark.prefect
def test_kill_9_leaves_no_process_and_no_open_port(killed: Any, still_alive: Any) -> None:
    up, tree = killed
    assert len(tree) >= 6  # supervisor, two guards, server, worker, flow run
    assert still_alive(tree) == []
    listen("127.0.0.1", up.port).close()
    assert running_api(Home(up.home)) is None  # though the file is there


@pytest.fixture(scope="module")
def next_up(killed: Any, start_up: Any, still_alive: Any) -> Any:
    up, tree = killed
    assert still_alive(tree) == []
    return start_up(up.home, up.project, up.port).await_up()


@pytest.mark.slow
@pytest.mark.prefect
def test_next_up_crashes_the_run_that_was_cut_off_and_frees_its_slot(next_up: Any) -> None:
    assert [run["state_type"] for run in next_up.runs("PENDING", "RUNNING", "CRASHED")] == ["CRASHED"]
    assert [one["global_concurrency_limit"]["active_slots"] for one in next_up.ask("deployments/filter")] == [0]


@pytest.mark.slow
@pytest.mark.prefect
def test_automations_are_made_once(next_up: Any) -> None:
    assert [one["name"] for one in next_up.ask("automations/filter")] == ["govpulse-crash-silent-runs"]


def status_of(url: str, **headers: str) -> int:
    request = urllib.request.Request(url, headers={name.replace("_", "-"): text for name, text in headers.items()})
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


@pytest.mark.prefect
def test_nobody_is_answered_without_the_secret_but_for_health_and_the_pages(tiny_up: Any) -> None:
    api, root = tiny_up.api_url, tiny_up.api_url.removesuffix("/api")
    wrong = "Basic " + b64encode(b"govpulse:guessed").decode()
    for path in ("admin/version", "version", "block_types/slug/secret", "openapi.json", "docs"):
        assert status_of(f"{api}/{path}") == status_of(f"{api}/{path}", authorization=wrong) == 401, path
    assert status_of(f"{api}/health") == status_of(f"{api}/ready") == status_of(f"{root}/") == 200
    right = "Basic " + b64encode(tiny_up.auth.encode()).decode()
    assert status_of(f"{api}/admin/version", authorization=right) == 200
    assert status_of(f"{api}/admin/version", authorization=right, origin="http://evil.example") == 403
    assert status_of(f"{api}/health", host="evil.example") == 400


def pages_of(up: Any) -> str:
    """Where `up` says that its pages are."""
    (line,) = [line for line in up.output().splitlines() if line.startswith("Alerts: ")]
    return line.split()[1]


def test_a_follower_gives_whole_lines_once(tmp_path: Path) -> None:
    file = tmp_path / "lines"
    follower = Follower(file)
    assert list(follower.lines()) == []
    with file.open("a") as opened:
        for written, seen in (("one\ntw", ["one"]), ("", []), ("o\nthree\n", ["two", "three"]), ("", [])):
            opened.write(written)
            opened.flush()
            assert list(follower.lines()) == seen
    assert list(Follower(None).lines()) == []


@pytest.mark.prefect
def test_what_the_console_is_told_is_printed_where_up_runs(tiny_up: Any, until: Any) -> None:
    with (tiny_up.home / "prefect" / "logs" / "console.log").open("a") as console:
        console.write("FIRING critical: the disk of web-1 is full\n")
    until(lambda: "FIRING critical: the disk of web-1 is full\n" in tiny_up.output(), 30.0)


@pytest.mark.prefect
def test_our_own_pages_are_opened_by_the_same_secret(tiny_up: Any, until: Any) -> None:
    url, right = pages_of(tiny_up), "Basic " + b64encode(tiny_up.auth.encode()).decode()
    until(lambda: is_answered(f"{url}/health"), 60.0)
    assert status_of(f"{url}/alerts") == 401
    assert status_of(f"{url}/alerts", authorization=right) == 200
    assert status_of(f"{url}/alerts", authorization=right, host="evil.example") == 400


def is_answered(url: str) -> bool:
    try:
        return status_of(url) == 200
    except OSError:
        return False


@contextmanager
def watched_pages(folder: Path, code: str) -> Iterator[tuple[GuardedProcess, GuardedProcess, socket.socket]]:
    """Pages that are `code`, and a worker, under a supervisor's eye; with the socket on which pages are awaited."""
    child, worker = guarded(folder, code), guarded(folder, "import time; time.sleep(60)")
    with socket.create_server(("127.0.0.1", 0)) as listening:
        pages = Pages(child, listening, "http://127.0.0.1:1", "govpulse:x")
        others = (guarded(folder, ""), guarded(folder, ""), worker, guarded(folder, ""))
        installation = Installation("http://127.0.0.1:1/api", None, *others, pages=pages)
        ending = threading.Event()
        worker.start()
        watching = threading.Thread(target=watch, args=(installation, ending, Home(folder), {}))
        watching.start()
        try:
            yield child, worker, listening
        finally:
            ending.set()
            watching.join()
            installation.stop()


def test_pages_run_once_somebody_wants_one(tmp_path: Path, until: Any) -> None:
    with watched_pages(tmp_path, "import time; time.sleep(60)") as (child, _, listening):
        threading.Event().wait(1.0)
        assert not child.is_running, "nobody has asked"
        with socket.create_connection(listening.getsockname()):
            until(lambda: child.is_running, 20.0)


def test_pages_that_keep_dying_stay_off_and_end_nothing_else(tmp_path: Path, caplog: pytest.LogCaptureFixture, until: Any) -> None:
    with watched_pages(tmp_path, "raise SystemExit(3)") as (child, worker, listening):
        with socket.create_connection(listening.getsockname()):
            until(lambda: "the pages keep ending (code 3) and stay off" in caplog.text, 30.0)
        assert len(child.deaths) == DEATHS_BORNE + 1
        assert worker.is_running


@pytest.mark.slow
@pytest.mark.prefect
def test_pages_that_die_are_served_again_at_the_same_address(tiny_up: Any, until: Any) -> None:
    url = pages_of(tiny_up)
    until(lambda: is_answered(f"{url}/health"), 60.0)
    (process,) = [
        each for each in tiny_up.tree() if "flows.web.server" in each.cmdline() and "process_guard" not in " ".join(each.cmdline())
    ]
    process.kill()
    process.wait()
    until(lambda: is_answered(f"{url}/health"), 60.0)
    assert "the pages ended with code" in tiny_up.output()


def attacks(flow_id: str, mark: Path) -> dict[str, dict[str, Any]]:
    """Deployments that somebody with access to the API may make, by name; `nap` is the one that prefect.yaml registered."""
    script = {"prefect.deployments.steps.run_shell_script": {"script": f"touch {mark}"}}
    ours = {"flow_id": flow_id, "work_pool_name": "govpulse", "entrypoint": "flows/tiny.py:nap"}
    return {
        "command": {**ours, "job_variables": {"command": f"touch {mark}"}},
        "entrypoint": {**ours, "entrypoint": f"{mark.with_suffix('.py')}:theirs"},
        "pull step": {**ours, "pull_steps": [script]},
        "nap": {**ours, "pull_steps": [script], "job_variables": {"command": f"touch {mark}"}},
    }


@pytest.mark.slow
@pytest.mark.prefect
def test_who_may_write_to_the_api_runs_nothing_of_their_own(next_up: Any, until: Any, tmp_path: Path) -> None:
    """Four deployments and a pool's template, each with a command that leaves a mark; then the registered one still runs."""
    up, mark = next_up, tmp_path / "mark"
    mark.with_suffix(".py").write_text(f"open({str(mark)!r}, 'w')")
    nap = up.ask("deployments/name/nap/nap", method="GET")
    template = up.ask("work_pools/govpulse", method="GET")["base_job_template"]
    for name, body in attacks(nap["flow_id"], mark).items():
        made = up.ask("deployments/", {"name": name, **body})
        up.ask(f"deployments/{made['id']}/create_flow_run", {"name": name, "state": {"type": "SCHEDULED"}})

    def refused() -> list[str]:
        messages = [run["state"]["message"] for run in up.runs("CRASHED")]
        return [message for message in messages if "govpulse runs only what its prefect.yaml registers" in message]

    until(lambda: len(refused()) == 4, 60.0)

    evil = {**template, "job_configuration": {**template["job_configuration"], "command": f"touch {mark}"}}
    up.ask("work_pools/govpulse", {"base_job_template": evil}, method="PATCH")
    cleaned = {"pull_steps": nap["pull_steps"], "job_variables": {}, "flow_id": nap["flow_id"], "work_pool_name": "govpulse"}
    up.ask("deployments/", {"name": "nap", "entrypoint": nap["entrypoint"], **cleaned})
    up.ask(f"deployments/{nap['id']}/create_flow_run", {"parameters": {}, "state": {"type": "SCHEDULED"}})
    until(lambda: up.runs("COMPLETED"), 60.0)
    assert not mark.exists()


@pytest.mark.slow
@pytest.mark.prefect
def test_ctrl_c_ends_everything_in_the_middle_of_a_run(next_up: Any, until: Any, still_alive: Any) -> None:
    start_nap(next_up, until)
    tree = next_up.tree()
    assert next_up.stop(signal.SIGINT) == 0
    assert still_alive(tree) == []
    listen("127.0.0.1", next_up.port).close()
    assert not (next_up.home / "prefect" / "api_url").exists()
