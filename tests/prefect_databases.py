"""Two databases of a real Prefect server that ran the same flows, one in SQLite and one in PostgreSQL."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from flows.serving.environments import CLIENT_DEFAULTS
from storage.home import Home
from tests.postgresql import PostgresServer

ROOT = Path(__file__).parents[1]
QUIET = {
    "PREFECT_LOGGING_TO_API_ENABLED": "false",
    # They would go on making and marking runs while the script makes its own.
    "PREFECT_SERVER_SERVICES_SCHEDULER_ENABLED": "false",
    "PREFECT_SERVER_SERVICES_LATE_RUNS_ENABLED": "false",
}


def run_prefect(folder: Path, **variables: str) -> Home:
    """Run the script, which has a server of its own, as `govpulse run` has one where no other runs."""
    home = Home(folder)
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "GOVPULSE_"))}
    environment = {**CLIENT_DEFAULTS, **clean, **QUIET, **variables}
    command = [sys.executable, "-m", "tests.prefect_runs", str(folder)]
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return home


@pytest.fixture(scope="session")
def prefect_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The SQLite file of a Prefect server."""
    return run_prefect(tmp_path_factory.mktemp("prefect_sqlite")).prefect / "prefect.db"


@pytest.fixture(scope="session")
def prefect_postgresql(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The URL of a Prefect server's database in PostgreSQL."""
    url = postgres.create_database("prefect")
    own_url = url.replace("postgresql://", "postgresql+asyncpg://")
    run_prefect(tmp_path_factory.mktemp("prefect_postgresql"), PREFECT_API_DATABASE_CONNECTION_URL=own_url)
    return url
