"""What a stranger looks at first says the same everywhere: version, changelog, make targets."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_the_changelog_begins_with_this_version_and_older_ones_are_dated():
    newest, *older = re.findall(r"^## (.*)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert re.fullmatch(rf"{re.escape(PROJECT['version'])} (\(unreleased\)|- \d{{4}}-\d\d-\d\d)", newest)
    assert [title for title in older if not re.fullmatch(r"\d+\.\d+\.\d+ - \d{4}-\d\d-\d\d", title)] == []


def test_the_licence_is_what_the_project_says():
    assert PROJECT["license"] == "Apache-2.0"
    assert "Apache License\n                           Version 2.0" in (ROOT / PROJECT["license-files"][0]).read_text()
