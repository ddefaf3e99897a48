"""The documentation is complete and up to date."""

import importlib.util
import re
from pathlib import Path

import pytest
import typer

from flows.cli.app import app
from storage.catalogue import INSIGHTS, TABLES
from tasks.alerts.rules import SHIPPED, read_rules

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"


def load_generator():
    spec = importlib.util.spec_from_file_location("generate", DOCS / "generate.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("page", ["tables.md", "settings.md"])
def test_generated_page_is_up_to_date(page):
    assert (DOCS / page).read_text() == load_generator().PAGES[page](), "run `make docs`"


def test_every_table_and_column_is_described():
    page = (DOCS / "tables.md").read_text()
    for table in TABLES.values():
        section = page.split(f"### {table.full_name}\n")[1].split("\n### ")[0]
        for column in table.columns:
            assert f"| `{column.name}` |" in section
            assert column.description


def test_every_command_is_in_the_readme():
    readme = (ROOT / "README.md").read_text()
    for name in typer.main.get_command(app).commands:
        assert f"govpulse {name}" in readme, name


def test_every_make_target_is_described():
    targets = re.findall(r"^([a-z][a-z0-9-]*):(.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert {name for name, rest in targets if "## " not in rest} == set()
    readme = (ROOT / "README.md").read_text()
    assert "make run" in readme
    assert "make test" in readme


def test_every_shipped_rule_has_its_runbook():
    for rule in read_rules(SHIPPED):
        page = ROOT / rule.runbook
        assert page.is_file(), rule.name
        assert page.read_text().startswith(f"# {rule.name}\n")


def test_every_insight_has_its_files_and_its_line_in_the_flow():
    from flows.insights import InsightName

    assert set(InsightName.__args__) == set(INSIGHTS)
    for name in INSIGHTS:
        assert (ROOT / "tasks" / "insights" / f"{name}.py").is_file()
        assert (ROOT / "tasks" / "insights" / f"{name}.sql").is_file()


def test_links_in_the_docs_lead_somewhere():
    for page in [ROOT / "README.md", *DOCS.rglob("*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
