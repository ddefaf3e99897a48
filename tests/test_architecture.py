"""The layers hold, and the tool that watches them bites."""

import ast
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from storage.catalogue import TABLES

ROOT = Path(__file__).parents[1]
PACKAGES = ("flows", "tasks", "storage")
NAMES = sorted(table.name for table in TABLES.values() if table.schema in ("insights", "state"))


def lint_imports(folder: Path) -> subprocess.CompletedProcess:
    script = "import sys; sys.path.insert(0, '.'); from importlinter.cli import lint_imports_command; lint_imports_command()"
    return subprocess.run([sys.executable, "-c", script, "--no-cache"], cwd=folder, capture_output=True, text=True)


@pytest.fixture
def copy(tmp_path):
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_layers_hold(copy):
    done = lint_imports(copy)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("file", "planted"),
    [
        ("storage/intake/landing.py", "import tasks.loading"),
        ("tasks/loading.py", "import flows.settings"),
        ("tasks/alerts/rules.py", "import tasks.insights.statistics.intervals"),
        ("storage/write.py", "import prefect"),
        ("flows/run.py", "import flows.cli.app"),
    ],
)
def test_planted_upward_import_fails(copy, file, planted):
    path = copy / file
    path.write_text(path.read_text() + f"\n{planted}\n")
    done = lint_imports(copy)
    assert done.returncode != 0
    assert "BROKEN" in done.stdout


def test_no_flow_file_shadows_the_standard_library():
    names = {path.stem for path in (ROOT / "flows").iterdir() if not path.name.startswith("_")}
    assert not names & set(sys.stdlib_module_names)


def test_nothing_is_called_utils():
    banned = {"utils", "util", "helpers", "common", "manager", "misc"}
    assert not [path for package in PACKAGES for path in (ROOT / package).rglob("*") if path.stem in banned]


def test_prefect_is_imported_in_flows_and_at_the_foot_of_tasks_only():
    """In tasks, what comes from Prefect is the task decorator and its cache policy."""
    for path in (ROOT / "tasks").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("prefect"):
                assert {alias.name for alias in node.names} <= {"task", "NO_CACHE"}, path


def names_an_insight(text: str) -> list[str]:
    """The tables of insights, or of what they are computed with, that SQL names with their schemas."""
    return re.findall(rf"\b(?:insights|history|state)\.(?:{'|'.join(NAMES)})\b", text)


def test_storage_knows_no_insight():
    """The catalogue tells of them; migrations make the tables of the versions before it did."""
    for path in [*(ROOT / "storage").rglob("*.py"), *(ROOT / "storage").rglob("*.sql")]:
        if "catalogue" in path.parts or re.match(r"\d{4}_", path.name):
            continue
        text = path.read_text()
        assert not names_an_insight(text), path
        if path.suffix == ".py":
            strings = {node.value for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Constant)}
            assert not strings & set(NAMES), path


def test_an_insight_that_is_named_is_seen():
    assert names_an_insight("SELECT * FROM insights.forecasts") == ["insights.forecasts"]
    assert names_an_insight('"history.domain_experts"') == ["history.domain_experts"]


def test_locks_hold_hashes_and_no_index():
    for lock in ROOT.glob("requirements*.lock"):
        text = lock.read_text()
        assert "--hash=sha256:" in text
        assert "://" not in text
