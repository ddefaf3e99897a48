"""What a stranger looks at first says the same everywhere: version, changelog, make targets."""

import re
import tomllib
from pathlib import Path

import yaml

from tests.slow_tests import slow_tests

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_the_changelog_begins_with_this_version_and_older_ones_are_dated():
    newest, *older = re.findall(r"^## (.*)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert re.fullmatch(rf"{re.escape(PROJECT['version'])} (\(unreleased\)|- \d{{4}}-\d\d-\d\d)", newest)
    assert [title for title in older if not re.fullmatch(r"\d+\.\d+\.\d+ - \d{4}-\d\d-\d\d", title)] == []


def test_the_licence_is_what_the_project_says():
    assert PROJECT["license"] == "Apache-2.0"
    assert "Apache License\n                           Version 2.0" in (ROOT / PROJECT["license-files"][0]).read_text()


def test_the_tests_that_are_listed_as_slow_are_there():
    for name in slow_tests():
        file, _, function = name.partition("::")
        assert f"def {function.rpartition('::')[2]}(" in (ROOT / file).read_text() if function else (ROOT / file).exists(), name


def test_what_contributing_names_is_there():
    page = (ROOT / "CONTRIBUTING.md").read_text() + (ROOT / ".pre-commit-config.yaml").read_text()
    targets = set(re.findall(r"^([a-z][a-z0-9-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"(?:`|entry: )make ([a-z][a-z0-9-]*)", page))
    assert {"test", "lint"} <= named <= targets
    paths = [
        path
        for path in re.findall(r"`((?:flows|tasks|storage|tests|docs)/[^` ]*)`", page)
        if not re.search("queue_growing|scan_volume", path)
    ]
    assert paths
    assert [path for path in paths if not (ROOT / path).exists()] == []
    assert [target for target in re.findall(r"\]\(([^)#:]+)\)", page) if not (ROOT / target).exists()] == []


def test_the_site_has_an_entry_by_role():
    titles = re.findall(r"^## (.*)$", (ROOT / "docs" / "index.md").read_text(), re.MULTILINE)
    assert titles == ["Operator", "Analyst", "Platform engineer", "Contributor"]


def test_ci_runs_on_every_python_that_the_project_names():
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text())
    job = workflow["jobs"]["ci"]
    named = [line.rsplit(" :: ", 1)[1] for line in PROJECT["classifiers"] if re.search(r":: 3\.\d+$", line)]
    assert job["strategy"]["matrix"]["python"] == named
    assert PROJECT["requires-python"] == f">={named[0]}"
    assert job["steps"][-1] == {"run": ".ci/run"}
