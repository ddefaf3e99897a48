"""Where the server listens, under which names it answers, and when it is said to be there; no server is started."""

import socket
import tomllib
from pathlib import Path

import pytest

from flows.serving.environments import HEARTBEAT_SECONDS
from flows.serving.prefect_server import (
    LOOPBACK,
    Api,
    address,
    announce,
    api_url_file,
    is_loopback,
    listen,
    own_hosts,
    running_api,
    server_lock,
)
from storage.errors import GovpulseError
from storage.home import Home
from storage.lock import fair_lock
from tests.receiver import receiving

ROOT = Path(__file__).parents[3]


def test_port_in_use_names_the_port_and_the_way_out() -> None:
    with listen(LOOPBACK, 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(GovpulseError, match=f"port {port} .*--port"):
            listen(LOOPBACK, port)


def test_port_just_left_may_be_taken_again() -> None:
    with listen(LOOPBACK, 0) as listener:
        port = listener.getsockname()[1]
        with socket.create_connection((LOOPBACK, port)):
            listener.accept()[0].close()  # our side closes first and stays in TIME_WAIT
    listen(LOOPBACK, port).close()


@pytest.mark.parametrize("host", ["no such host", "192.0.2.1", "host.invalid"])
def test_address_that_is_not_ours_is_said_in_one_line(host: str) -> None:
    with pytest.raises(GovpulseError, match=f"cannot listen on port 4200 of {host}") as refused:
        listen(host, 4200)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:4200/api"),
        ("localhost", "http://127.0.0.1:4200/api"),
        ("0.0.0.0", "http://127.0.0.1:4200/api"),
        ("10.1.2.3", "http://10.1.2.3:4200/api"),
        ("::1", "http://[::1]:4200/api"),
    ],
)
def test_api_is_reached_where_the_server_listens(host: str, url: str) -> None:
    assert address(host, 4200) == url


def test_on_loopback_only_the_names_of_loopback_are_ours() -> None:
    assert set(own_hosts(LOOPBACK, {})) == {"127.0.0.1", "localhost", "[::1]"}


def test_on_one_address_only_that_is_ours() -> None:
    assert own_hosts("10.1.2.3", {}) == ["10.1.2.3"]


def test_on_every_address_the_machines_names_are_ours_and_no_other() -> None:
    ours = own_hosts("0.0.0.0", {})
    assert {"127.0.0.1", "localhost", socket.gethostname().lower()} <= set(ours)
    assert not {"*", "0.0.0.0", "", "evil.example"} & set(ours)


def test_name_that_people_use_through_a_proxy_is_ours_too() -> None:
    ours = own_hosts(LOOPBACK, {"PREFECT_UI_API_URL": "https://Pulse.example.org/api"})
    assert "pulse.example.org" in ours


@pytest.mark.parametrize(
    ("host", "is_so"), [("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("0.0.0.0", False), ("::", False)]
)
def test_loopback_is_known(host: str, is_so: bool) -> None:
    assert is_loopback(host) is is_so


@pytest.mark.parametrize("written", [None, "", "not a url\n", "http://127.0.0.1:1/api own\n"])
def test_server_that_does_not_answer_is_not_running(tmp_path: Path, written: str | None) -> None:
    home = Home(tmp_path)
    if written is not None:
        home.prefect.mkdir()
        api_url_file(home).write_text(written)
    with fair_lock(server_lock(home), 1.0):
        assert running_api(home) is None


def test_who_answers_at_the_port_of_an_up_that_was_killed_does_not_get_the_secret(tmp_path: Path) -> None:
    home = Home(tmp_path)
    with receiving() as impostor:
        api = Api(impostor.url, is_own=True)
        with fair_lock(server_lock(home), 1.0):
            announce(home, api)
            assert running_api(home) == api  # the test of the test: it does answer
        asked = len(impostor.requests)
        assert running_api(home) is None
        assert len(impostor.requests) == asked


def test_run_is_called_dead_after_three_heartbeats_missed() -> None:
    (automation,) = tomllib.loads((ROOT / "flows" / "serving" / "automations.toml").read_text())["automations"]
    assert automation["trigger"]["within"] == 3 * HEARTBEAT_SECONDS
