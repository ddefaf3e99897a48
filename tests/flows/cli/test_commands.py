"""The list of commands: what it says is what they are, and it loads none of them."""

import subprocess
import sys
from pathlib import Path

import pytest

from flows.cli.commands import COMMANDS, load_command

HEAVY = ("polars", "pyarrow", "duckdb", "prefect", "pydantic", "numpy", "httpx")


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_is_listed_with_its_own_help(name) -> None:
    command = load_command(name)
    assert (command.name, command.help) == (name, COMMANDS[name].help)


def test_help_loads_no_command() -> None:
    code = (
        "import sys; from flows.cli.app import app; app(['--help'], standalone_mode=False);"
        f" print('loaded', *sorted({set(HEAVY)} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[3], capture_output=True, text=True, check=True)
    assert "Show, acknowledge and silence alerts; try out rules." in done.stdout
    assert done.stdout.splitlines()[-1] == "loaded"
