"""A real S3 server, SeaweedFS, of one process on this machine."""

import json
import random
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from storage.destination import open_destination, write
from storage.errors import GovpulseError

KEYS = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION": "us-east-1", "AWS_ALLOW_HTTP": "true"}
IDENTITY = {
    "name": "govpulse",
    "credentials": [{"accessKey": KEYS["AWS_ACCESS_KEY_ID"], "secretKey": KEYS["AWS_SECRET_ACCESS_KEY"]}],
    "actions": ["Admin", "Read", "Write", "List"],
}
QUIET = ("-master.volumeSizeLimitMB=64", "-master.telemetry=false", "-s3.port.iceberg=0", "-s3.port.lance=0", "-s3.iam=false")
UP_WITHIN_SECONDS = 60.0


class S3Server:
    """Started when it is made; `variables` say where it is, and `remove` ends it."""

    def __init__(self) -> None:
        self._folder = TemporaryDirectory()
        config = Path(self._folder.name, "s3.json")
        config.write_text(json.dumps({"identities": [IDENTITY]}))
        port, *others = (_free_port() for _ in range(4))
        ports = [f"-{name}.port={number}" for name, number in zip(("master", "volume", "filer"), others, strict=True)]
        options = [f"-dir={self._folder.name}", "-s3", f"-s3.port={port}", f"-s3.config={config}", "-ip=127.0.0.1", *ports]
        self._process = subprocess.Popen(
            [Path(sys.executable).with_name("weed"), "server", *QUIET, *options],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.variables = KEYS | {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}"}

    def await_up(self) -> None:
        """Once it takes a file, for whom its variables are set."""
        patience_ends = time.monotonic() + UP_WITHIN_SECONDS
        while True:
            try:
                write(open_destination("s3://backups/probe"), "probe", b"probe")
                return
            except GovpulseError:
                if time.monotonic() > patience_ends or self._process.poll() is not None:
                    raise
                time.sleep(0.2)

    def remove(self) -> None:
        self._process.kill()
        self._process.wait()
        self._folder.cleanup()


def _free_port() -> int:
    """One that is free together with the one 10,000 above, which SeaweedFS takes for gRPC."""
    while True:
        port = random.randrange(12_000, 30_000)
        with suppress(OSError), socket.socket() as probe, socket.socket() as above:
            probe.bind(("127.0.0.1", port))
            above.bind(("127.0.0.1", port + 10_000))
            return port
