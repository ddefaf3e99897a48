"""A real MariaDB for tests and benchmarks: own data folder, TCP on this machine only, its system outside UTC, restartable."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pymysql

SERVER = Path("/usr/sbin/mariadbd")
SUPERUSER = "root"
SYSTEM_ZONE = "America/New_York"
"""Transactions show their start in it."""
SETTINGS = """
[mariadbd]
user={user}
datadir={folder}/data
socket={folder}/socket
pid-file={folder}/pid
port={port}
bind-address=127.0.0.1
skip-name-resolve
skip-log-bin
innodb_flush_log_at_trx_commit=0
innodb_buffer_pool_size=64M
{more}
"""
PATIENCE_SECONDS = 60.0


class MariadbServer:
    """One server. `url(...)` names a database in it; root needs no password."""

    def __init__(self, *settings: str) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="govpulse-mariadb-"))
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        user = pwd.getpwuid(os.geteuid()).pw_name
        text = SETTINGS.format(user=user, folder=self.folder, port=self.port, more="\n".join(settings))
        (self.folder / "settings.cnf").write_text(text)
        install = ["mariadb-install-db", "--no-defaults", f"--user={user}", f"--datadir={self.folder}/data"]
        install += ["--auth-root-authentication-method=normal", "--skip-test-db"]
        subprocess.run(install, check=True, capture_output=True, timeout=PATIENCE_SECONDS)
        self.start()

    def start(self) -> None:
        with (self.folder / "log").open("ab") as log:
            command = [str(SERVER), f"--defaults-file={self.folder}/settings.cnf"]
            environment = os.environ | {"TZ": SYSTEM_ZONE}
            self.process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
        until = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                self.connect().close()
                return
            except pymysql.Error:
                if time.monotonic() > until or self.process.poll() is not None:
                    raise RuntimeError((self.folder / "log").read_text()[-2000:]) from None
                time.sleep(0.05)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        self.process.send_signal(how)
        self.process.wait(PATIENCE_SECONDS)

    def restart(self, how: signal.Signals = signal.SIGKILL) -> None:
        """SIGKILL is a crash: every connection is cut, the server recovers from its log."""
        self.stop(how)
        self.start()

    def url(self, database: str, user: str = SUPERUSER, password: str = "") -> str:
        return f"mysql://{user}:{password}@127.0.0.1:{self.port}/{database}"

    def connect(self, database: str | None = None, user: str = SUPERUSER, password: str = "") -> Any:
        return pymysql.connect(
            host="127.0.0.1",
            port=self.port,
            user=user,
            password=password,
            database=database,
            autocommit=True,
            charset="utf8mb4",
            init_command="SET time_zone = '+00:00'",
        )

    def create_database(self, name: str, *statements: str) -> str:
        """A fresh database in which these statements have been run; returns its URL."""
        self.run(f"DROP DATABASE IF EXISTS {name}", f"CREATE DATABASE {name} CHARACTER SET utf8mb4")
        self.run(*statements, database=name)
        return self.url(name)

    def run(self, *statements: str, database: str | None = None) -> None:
        connection = self.connect(database)
        try:
            with connection.cursor() as cursor:
                for statement in statements:
                    cursor.execute(statement)
        finally:
            connection.close()

    def remove(self) -> None:
        with suppress(ProcessLookupError):
            self.stop(signal.SIGKILL)
        shutil.rmtree(self.folder, ignore_errors=True)
