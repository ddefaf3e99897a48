"""What the server is told, and when it is said to be there; no server is started."""

import socket
import tomllib
from pathlib import Path

import pytest

from flows.serving.prefect_server import (
    HEARTBEAT_SECONDS,
    HOST,
    api_url_file,
    check_port,
    client_environment,
    running_api_url,
    server_environment,
)
from storage.errors import GovpulseError
from storage.home import Home

ROOT = Path(__file__).parents[3]


def test_port_in_use_names_the_port_and_the_way_out() -> None:
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(GovpulseError, match=f"port {port} .*--port"):
            check_port(port)


def test_port_just_left_may_be_taken_again() -> None:
    with socket.create_server((HOST, 0)) as listener:
        port = listener.getsockname()[1]
        with socket.create_connection((HOST, port)):
            listener.accept()[0].close()  # our side closes first and stays in TIME_WAIT
    check_port(port)


def test_user_settings_go_before_ours_and_files_stay_at_home(tmp_path: Path) -> None:
    theirs = {"PREFECT_SERVER_EVENTS_RETENTION_PERIOD": "7200", "PREFECT_HOME": "/elsewhere", "PATH": "/bin"}
    told = server_environment(theirs, Home(tmp_path), "http://127.0.0.1:1/api")
    assert told["PREFECT_SERVER_EVENTS_RETENTION_PERIOD"] == "7200"
    assert told["PREFECT_HOME"] == str(tmp_path / "prefect")
    assert told["PREFECT_API_URL"] == "http://127.0.0.1:1/api"
    assert told["PATH"] == "/bin"


def test_server_of_others_keeps_its_settings() -> None:
    told = client_environment({"PREFECT_HOME": "/elsewhere"}, "http://theirs/api")
    assert told["PREFECT_HOME"] == "/elsewhere"
    assert not [name for name in told if name.startswith("PREFECT_SERVER")]


@pytest.mark.parametrize("written", [None, "", "not a url\n", "http://127.0.0.1:1/api\n"])
def test_server_that_does_not_answer_is_not_running(tmp_path: Path, written: str | None) -> None:
    home = Home(tmp_path)
    if written is not None:
        home.prefect.mkdir()
        api_url_file(home).write_text(written)
    assert running_api_url(home) is None


def test_run_is_called_dead_after_three_heartbeats_missed() -> None:
    (automation,) = tomllib.loads((ROOT / "flows" / "serving" / "automations.toml").read_text())["automations"]
    assert automation["trigger"]["within"] == 3 * HEARTBEAT_SECONDS


def test_nothing_of_ours_reports_use_to_anybody() -> None:
    settings = client_environment({}, "http://127.0.0.1:1/api")
    assert settings["DO_NOT_TRACK"] == "1"
