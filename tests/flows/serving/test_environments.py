"""What of the environment goes to whom."""

from pathlib import Path

from flows.serving.environments import client_environment, connection, server_environment, worker_environment
from storage.home import Home

HAD = {
    "PATH": "/bin",
    "LC_ALL": "de_DE.UTF-8",
    "AWS_SECRET_ACCESS_KEY": "of another program",
    "PGPASSWORD": "of the source",
    "GOVPULSE_SOURCE__URL": "postgresql://user:password@host/database",
    "https_proxy": "http://proxy:3128",
    "PAGER_KEY": "of a channel",
    "PREFECT_LOGGING_LEVEL": "DEBUG",
    "PREFECT_API_DATABASE_CONNECTION_URL": "postgresql+asyncpg://prefect:password@host/prefect",
    "PREFECT_SERVER_EVENTS_RETENTION_PERIOD": "7200",
    "PREFECT_HOME": "/elsewhere",
}


def served(tmp_path: Path) -> dict[str, str]:
    return server_environment(HAD, Home(tmp_path), "govpulse:secret", ["http://127.0.0.1:1"])


def test_server_gets_its_own_settings_and_no_secret_of_others(tmp_path: Path) -> None:
    told = served(tmp_path)
    assert {"PATH", "LC_ALL", "PREFECT_LOGGING_LEVEL", "PREFECT_API_DATABASE_CONNECTION_URL"} <= told.keys()
    assert not {"AWS_SECRET_ACCESS_KEY", "PGPASSWORD", "GOVPULSE_SOURCE__URL", "https_proxy", "PAGER_KEY"} & told.keys()


def test_user_settings_go_before_ours_and_files_and_secret_stay_at_home(tmp_path: Path) -> None:
    told = served(tmp_path)
    assert told["PREFECT_SERVER_EVENTS_RETENTION_PERIOD"] == "7200"
    assert told["PREFECT_HOME"] == str(tmp_path / "prefect")
    assert told["PREFECT_SERVER_API_AUTH_STRING"] == "govpulse:secret"
    assert told["PREFECT_SERVER_CORS_ALLOWED_ORIGINS"] == "http://127.0.0.1:1"


def test_flow_runs_get_what_their_source_and_channels_need() -> None:
    told = worker_environment(HAD, {"PAGER_KEY"})
    assert {"PATH", "PGPASSWORD", "GOVPULSE_SOURCE__URL", "https_proxy", "PAGER_KEY"} <= told.keys()
    assert not {"AWS_SECRET_ACCESS_KEY", "PREFECT_API_DATABASE_CONNECTION_URL"} & told.keys()


def test_who_talks_to_a_server_of_others_keeps_its_settings_and_gets_nothing_else() -> None:
    told = client_environment(HAD)
    assert told["PREFECT_HOME"] == "/elsewhere"
    assert not [name for name in told if name.startswith(("PREFECT_API_DATABASE", "GOVPULSE"))]
    assert not {"AWS_SECRET_ACCESS_KEY", "PGPASSWORD", "PAGER_KEY"} & told.keys()


def test_nobody_starts_a_server_without_a_secret_and_nobody_reports_use() -> None:
    told = client_environment({})
    assert told["PREFECT_SERVER_ALLOW_EPHEMERAL_MODE"] == "false"
    assert told["DO_NOT_TRACK"] == "1"


def test_connection_carries_the_secret(tmp_path: Path) -> None:
    assert connection(Home(tmp_path), "http://127.0.0.1:1/api", "govpulse:secret")["PREFECT_API_AUTH_STRING"] == "govpulse:secret"
