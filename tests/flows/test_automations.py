"""The Automation of the docs, as it stands there, on a real server: what the flow emits makes it act."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from prefect.events.worker import EventsWorker
from prefect.settings import PREFECT_LOGGING_TO_API_ENABLED, temporary_settings

from flows.alerts import evaluate_alerts
from storage.home import Home
from tests.receiver import receiving

pytestmark = pytest.mark.prefect

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "notifications.md").read_text().split("## Prefect events")[1]
PLACEHOLDER = "00000000-0000-0000-0000-000000000000"
RULES = """
[[rule]]
name = "queue_long"
message = "the queue of {subject} holds {value}"
sql = "SELECT * FROM (VALUES ('crm', 9.0), ('sales', 25.0)) AS queues (subject, value)"
warning = 5
critical = 20
"""


def example(language: str) -> str:
    return re.search(rf"```{language}\n(.*?)```", PAGE, re.DOTALL).group(1)


@pytest.mark.slow
def test_the_automation_of_the_docs_tells_of_what_is_critical(
    tiny_up: Any, home: Home, tmp_path: Path, until: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    (tmp_path / "rules.toml").write_text(RULES)
    monkeypatch.setenv("GOVPULSE_HOME", str(home.root))
    monkeypatch.setenv("GOVPULSE_ALERTS__RULES", str(tmp_path / "rules.toml"))
    with (
        receiving() as receiver,
        temporary_settings({**tiny_up.settings, PREFECT_LOGGING_TO_API_ENABLED: False}),
    ):
        monkeypatch.setenv("ON_CALL_URL", f"{receiver.url}/on-call")
        exec(example("python"))
        block = capsys.readouterr().out.strip()
        file = tmp_path / "automation.yaml"
        file.write_text(example("yaml").replace(PLACEHOLDER, block))
        command = [sys.executable, "-m", "prefect", "--no-prompt", "automation", "create", "--from-file", str(file)]
        environment = {**os.environ, **tiny_up.variables}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stdout + done.stderr
        try:
            assert not evaluate_alerts().failures
            EventsWorker.drain_all()
            until(lambda: receiver.requests, 120.0)
        finally:
            delete(tiny_up, yaml.safe_load(file.read_text())["automations"][0]["name"], block)
    (got,) = receiver.requests
    assert got.path == "/on-call"
    assert got.json() == {"text": "queue_long of sales: the queue of sales holds 25, critical at 20 or more"}


def delete(up: Any, name: str, block: str) -> None:
    for automation in up.ask("automations/filter"):
        if automation["name"] == name:
            up.ask(f"automations/{automation['id']}", method="DELETE")
    up.ask(f"block_documents/{block}", method="DELETE")
