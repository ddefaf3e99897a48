"""What every test may use: an empty home, and how thoroughly hypothesis looks (`--hypothesis-profile=thorough` for more)."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from storage.home import Home
from tests.mariadb import MariadbServer
from tests.postgresql import PostgresServer
from tests.prefect_databases import prefect_postgresql, prefect_sqlite
from tests.s3_server import S3Server
from tests.slow_tests import is_in_part, is_slow, slow_tests

__all__ = ["prefect_postgresql", "prefect_sqlite"]

settings.register_profile("fast", max_examples=10, deadline=None, database=None, derandomize=True)
settings.register_profile("thorough", max_examples=500, deadline=None, database=None, print_blob=True)
settings.load_profile("fast")


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A home that nothing has touched yet."""
    return Home(tmp_path / "home")


@pytest.fixture(autouse=True)
def fresh_umask() -> None:
    """Each test begins with that of a fresh account: a flow that ran in this process has closed it."""
    os.umask(0o022)


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A real PostgreSQL server, started when the first test asks for it. Each test makes a database of its own."""
    server = PostgresServer()
    yield server
    server.remove()


@pytest.fixture(scope="session")
def mariadb() -> Iterator[MariadbServer]:
    """A real MariaDB server, whose system is not in UTC. Each test makes a database of its own."""
    server = MariadbServer()
    yield server
    server.remove()


@pytest.fixture(scope="session")
def s3_variables() -> Iterator[dict[str, str]]:
    """Where a real S3 server is, and its keys, as variables. It is started when the first test asks for it."""
    server = S3Server()
    with pytest.MonkeyPatch.context() as environment:
        for name, value in server.variables.items():
            environment.setenv(name, value)
        server.await_up()
    yield server.variables
    server.remove()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--part", metavar="N/M", help="run the N-th of M parts of the tests")


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist reads the groups
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Run side by side, the tests of a file stay with one process, and so do all that look at the one `govpulse up`."""
    part: str | None = config.getoption("part")
    if part:
        items[:] = [item for item in items if is_in_part(item.nodeid, part)]
    slow = slow_tests()
    for item in items:
        if is_slow(item.nodeid, slow):
            item.add_marker(pytest.mark.slow)
        group = "up" if "start_up" in getattr(item, "fixturenames", ()) else str(item.path)
        item.add_marker(pytest.mark.xdist_group(group))
