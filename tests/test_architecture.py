"""The layers hold, and the tool that watches them bites."""

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("flows", "tasks", "storage")


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
        ("storage/landing.py", "import tasks.loading"),
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


def test_sql_lives_in_sql_files():
    """A string of SQL in Python stays under ten lines; the write verbs, which the catalogue drives, excepted."""
    for path in [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]:
        if path.parent.name == "storage":
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and "SELECT " in node.value and "FROM " in node.value:
                assert node.value.count("\n") < 10, f"{path}:{node.lineno}"


def test_locks_hold_hashes_and_no_index():
    for lock in ROOT.glob("requirements*.lock"):
        text = lock.read_text()
        assert "--hash=sha256:" in text
        assert "://" not in text
