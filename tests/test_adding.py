"""What the docs say is enough to add an insight, a finding, a rule and a channel, and all that is touched."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from tests.toys import CHANNEL, CHANNEL_LINES, FINDING, FINDING_LINES, RULE, RULE_LINES, before

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "adding-an-insight.md").read_text()
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text()
CASE = "tests/tasks/insights/cases/scan_volume/ended"
COPIED = ("flows", "tasks", "storage", "tests", "docs")
pytestmark = pytest.mark.campaign
Lines = Mapping[str, Sequence[tuple[str, str]]]


class Copy:
    """The project in another folder, to which something is added."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in COPIED:
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        for path in ROOT.iterdir():
            if path.is_file():
                shutil.copy(path, folder)
        self.touched: set[str] = set()

    def add(self, files: Mapping[str, str], lines: Lines) -> None:
        """Make these files, change these lines, and write the generated pages anew."""
        for name, content in files.items():
            path = self.folder / name
            assert not path.exists()
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
        for name, changes in lines.items():
            path = self.folder / name
            text = path.read_text()
            for there, after in changes:
                assert there in text, f"{name} has no {there!r}"
                text = text.replace(there, after, 1)
            path.write_text(text)
        self.touched |= files.keys() | lines.keys()
        self.run("docs/generate.py")

    def run(self, *arguments: str) -> None:
        inside = os.environ | {"PYTHONPATH": str(self.folder)}
        done = subprocess.run([sys.executable, *arguments], cwd=self.folder, env=inside, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]

    def test(self, *tests: str, chosen: str = "") -> None:
        self.run("-m", "pytest", *tests, *(["-k", chosen] if chosen else []), "-n0", "-p", "no:cacheprovider")


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    return Copy(tmp_path)


def named(heading: str, name: str) -> list[str]:
    """The files and folders that a chapter of CONTRIBUTING.md says, of what is called `name`."""
    chapter = re.search(rf"\n## {heading}\n(.*?)(?=\n## |\Z)", CONTRIBUTING, re.DOTALL)[1]
    paths = re.findall(r"`([\w.]+(?:/[\w.]*)+)`", chapter)
    said = re.search(r"say it is called `(\w+)`", chapter)
    return [path.replace(said[1], name) for path in paths] if said else paths


def unnamed(touched: set[str], places: Sequence[str]) -> list[str]:
    """The files touched that are neither named nor in a folder that is."""
    return sorted(
        path for path in touched if not any(path == each or (each.endswith("/") and path.startswith(each)) for each in places)
    )


def test_an_insight(copy: Copy) -> None:
    table, select, code, given, parameters, expected = re.findall(r"```\w+\n(.*?)```", PAGE, re.DOTALL)
    files = {
        "storage/catalogue/insights/scan_volume.py": table,
        "tasks/insights/scan_volume.sql": select,
        "tasks/insights/scan_volume.py": code,
        f"{CASE}/input.csv": given,
        f"{CASE}/parameters.toml": parameters,
        f"{CASE}/expected.csv": expected,
    }
    lists = {
        f"{folder}/{module}.py": [
            before(
                f"from {folder.replace('/', '.')}.user_profiles",
                f"from {folder.replace('/', '.')}.scan_volume import SCAN_VOLUME\n",
            ),
            before("    USER_PROFILES,\n", "    SCAN_VOLUME,\n"),
        ]
        for folder, module in (("storage/catalogue/insights", "__init__"), ("tasks/insights", "registry"))
    }
    copy.add(files, lists)
    assert unnamed(copy.touched, named("An insight", "scan_volume")) == []
    assert "insights.scan_volume" in (copy.folder / "docs" / "tables.md").read_text()
    tests = ["tests/tasks/insights/test_cases.py", "tests/tasks/insights/test_inputs.py", "tests/flows/test_insights.py"]
    tests += ["tests/storage/test_catalogue.py", "tests/test_docs.py"]
    copy.test(*tests, chosen="scan_volume or test_insights or every_insight or catalogue")


def test_a_finding_and_its_rule(copy: Copy) -> None:
    copy.add(FINDING, FINDING_LINES)
    assert unnamed(copy.touched, named("A finding", "queue_growing") + named("An alert rule", "queue_growing")) == []
    copy.test("tests/tasks/insights/findings/test_queue_growing.py", "tests/tasks/insights/test_performance_insights.py")
    copy.test(
        "tests/tasks/alerts/test_shipped_rules.py", "tests/test_docs.py", chosen="queue_growing or every_shipped or every_kind"
    )


def test_a_rule(copy: Copy) -> None:
    copy.add(RULE, RULE_LINES)
    assert unnamed(copy.touched, named("An alert rule", "user_idle")) == []
    copy.test("tests/tasks/alerts/test_shipped_rules.py", "tests/test_docs.py", chosen="user_idle or every_shipped")


def test_a_channel(copy: Copy) -> None:
    copy.add(CHANNEL, CHANNEL_LINES)
    assert unnamed(copy.touched, named("A channel", "syslog")) == []
    copy.test(
        "tests/tasks/notifications/senders",
        "tests/flows/test_settings.py",
        "tests/test_docs.py",
        chosen="syslog or kind or settings",
    )
