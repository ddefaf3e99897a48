"""What docs/adding-an-insight.md says is enough, and all that is touched."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "adding-an-insight.md").read_text()
CASE = Path("tests/tasks/insights/cases/scan_volume/ended")
LISTS = (Path("storage/catalogue/insights/__init__.py"), Path("tasks/insights/registry.py"))
COPIED = ("flows", "tasks", "storage", "tests", "docs")


def blocks() -> list[str]:
    """The page's blocks of code, in its order."""
    return re.findall(r"```\w+\n(.*?)```", PAGE, re.DOTALL)


def add_to_list(path: Path, package: str) -> None:
    """The import and the name, as a line each."""
    text = path.read_text()
    imported = f"from {package}.scan_volume import SCAN_VOLUME\n"
    path.write_text(text.replace(f"from {package}.user_profiles", f"{imported}from {package}.user_profiles").replace(
        "    USER_PROFILES,\n", "    USER_PROFILES,\n    SCAN_VOLUME,\n"
    ))  # fmt: skip


def test_what_the_page_says_makes_an_insight(tmp_path: Path) -> None:
    for name in COPIED:
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    for path in ROOT.iterdir():
        if path.is_file():
            shutil.copy(path, tmp_path)
    table, select, code, given, parameters, expected = blocks()
    (tmp_path / CASE).mkdir(parents=True)
    for path, content in {
        "storage/catalogue/insights/scan_volume.py": table,
        "tasks/insights/scan_volume.sql": select,
        "tasks/insights/scan_volume.py": code,
        CASE / "input.csv": given,
        CASE / "parameters.toml": parameters,
        CASE / "expected.csv": expected,
    }.items():
        assert not (tmp_path / path).exists()
        (tmp_path / path).write_text(content)
    for path, package in zip(LISTS, ("storage.catalogue.insights", "tasks.insights"), strict=True):
        add_to_list(tmp_path / path, package)
    inside = {"cwd": tmp_path, "env": os.environ | {"PYTHONPATH": str(tmp_path)}, "capture_output": True, "text": True}
    made = subprocess.run([sys.executable, "docs/generate.py"], **inside)
    assert made.returncode == 0, made.stderr
    assert "insights.scan_volume" in (tmp_path / "docs" / "tables.md").read_text()
    tests = ["tests/tasks/insights/test_cases.py", "tests/tasks/insights/test_inputs.py", "tests/flows/test_insights.py"]
    tests += ["tests/storage/test_catalogue.py", "tests/test_docs.py"]
    chosen = ["-k", "scan_volume or test_insights or every_insight or catalogue", "-n0", "-p", "no:cacheprovider"]
    done = subprocess.run([sys.executable, "-m", "pytest", *tests, *chosen], **inside)
    assert done.returncode == 0, done.stdout[-3000:]
