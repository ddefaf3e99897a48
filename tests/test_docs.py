"""The documentation is complete and up to date."""

import importlib.util
import json
import re
import tomllib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
import typer
from jsonschema import Draft202012Validator

from flows.cli.app import app
from storage.asking.reader import asking_on
from storage.catalogue import INSIGHTS, TABLES
from storage.catalogue.alerts import REASON_CODES
from storage.migrations import migrate
from storage.warehouse import connect
from tasks.alerts.observing import observe
from tasks.alerts.rule import evidence_query
from tasks.alerts.rules import SHIPPED, load_rules, read_rules
from tasks.alerts.states import MOST_NOTICES, STEADY
from tasks.alerts.written_rule import ALL_KEYS
from tasks.notifications.digests import FEW, MOST_ALONE
from tasks.notifications.dispatch import BEHIND
from tasks.notifications.outbox import DIED, REFUSED
from tasks.notifications.retries import FIRST, GIVE_UP, MOST
from tasks.sources.address import Address
from tasks.sources.database.opening import Source, open_session
from tasks.sources.examination import examine
from tasks.sources.mapping import SHIPPED as MAPPINGS

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"


def load_generator():
    spec = importlib.util.spec_from_file_location("generate", DOCS / "generate.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("page", ["tables.md", "settings.md", "alert-rules.schema.json"])
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
    rules = read_rules(SHIPPED)
    for rule in rules:
        page = ROOT / rule.runbook
        assert page.is_file(), rule.name
        assert page.read_text().startswith(f"# {rule.name}\n\nYou come here from the alert: ")
    assert {page.stem for page in (DOCS / "runbooks").iterdir()} == {rule.name for rule in rules}


@pytest.fixture(scope="module")
def empty_warehouse():
    con = connect()
    migrate(con, datetime(2026, 1, 1, tzinfo=UTC))
    yield con
    con.close()


PAGES_WITH_COMMANDS = sorted([*(DOCS / "runbooks").iterdir(), DOCS / "rules.md"])


@pytest.mark.parametrize("page", PAGES_WITH_COMMANDS, ids=lambda page: page.stem)
def test_the_queries_of_a_runbook_run(empty_warehouse, page):
    """And those without --private ask for nothing that is not published."""
    commands = re.findall(r'`govpulse query( --private)? "(.*?)"`', page.read_text())
    assert commands
    private = [name for name, table in TABLES.items() if not table.is_published]
    for is_private, sql in commands:
        asking_on(empty_warehouse)(sql, {}, 10.0)
        assert is_private or not [name for name in private if re.search(rf"\b{re.escape(name)}\b", sql)], sql
        assert not is_private or [name for name in private if name in sql], sql


def test_every_key_and_every_shipped_rule_is_on_the_page_of_rules():
    page = (DOCS / "rules.md").read_text()
    tables = "\n".join(line.split("|")[1] for line in page.splitlines() if line.startswith("|"))
    assert [key for key in ALL_KEYS if f"`{key}`" not in tables] == []
    for rule in read_rules(SHIPPED):
        row = re.search(rf"^\| \[`{rule.name}`\]\({rule.runbook.removeprefix('docs/')}\) \| \S.* \| (.*)\|$", page, re.MULTILINE)
        assert row, rule.name
        assert re.findall("`(.*?)`", row[1]) == list(rule.inhibits)


def test_the_examples_of_rules_run(empty_warehouse, tmp_path):
    examples = re.findall(r"```toml\n(\[\[rule\]\].*?)```", (DOCS / "rules.md").read_text(), re.DOTALL)
    own = tmp_path / "own.toml"
    own.write_text("\n".join(examples))
    load_rules(own)
    rules, as_of = read_rules(own), datetime(2026, 1, 1, tzinfo=UTC)
    assert {"sql", "metric", "finding"} <= {key for example in tomllib.loads(own.read_text())["rule"] for key in example}
    for rule in rules:
        assert observe(asking_on(empty_warehouse), rule, as_of) == []
        if rule.evidence:
            asking_on(empty_warehouse)(evidence_query(rule, "x", as_of), {}, 10.0)


def test_the_schema_of_rules_knows_every_key_and_takes_what_is_shipped_and_shown():
    schema = json.loads((DOCS / "alert-rules.schema.json").read_text())
    Draft202012Validator.check_schema(schema)
    described = schema["properties"]["rule"]["items"]["properties"]
    assert set(described) == set(ALL_KEYS)
    assert [key for key, field in described.items() if not field["description"]] == []
    examples = re.findall(r"```toml\n(\[\[rule\]\].*?)```", (DOCS / "rules.md").read_text(), re.DOTALL)
    for text in (SHIPPED.read_text(), *examples):
        Draft202012Validator(schema).validate(tomllib.loads(text))


def test_the_shipped_rules_name_their_schema():
    named = re.match(r"#:schema (\S+)\n", SHIPPED.read_text())[1]
    assert (SHIPPED.parent / named).resolve() == DOCS / "alert-rules.schema.json"


def test_what_the_outbox_says_and_its_numbers_are_on_the_page_of_notifications():
    page = (DOCS / "notifications.md").read_text()
    for reason in (BEHIND, DIED, f"given up after {GIVE_UP / timedelta(hours=1):g} h: ", REFUSED):
        assert f"`{reason}`" in page
    for code in REASON_CODES:
        assert f"| `{code}` |" in page
    assert f"If more than {MOST_ALONE} notifications" in page
    assert f"no more than {FEW} of its alerts" in page
    assert f"at most {MOST_NOTICES} notifications" in page
    assert f"for {STEADY / timedelta(hours=1):g} hours" in page
    assert (
        f"{FIRST.total_seconds():g} seconds, and after each further failure twice as long, up to {MOST / timedelta(minutes=1):g}"
        in page
    )


def test_every_insight_has_its_files_and_its_line_in_the_flow():
    from tasks.insights.registry import REGISTERED

    assert {insight.name for insight in REGISTERED} == set(INSIGHTS)
    for name in INSIGHTS:
        assert (ROOT / "tasks" / "insights" / f"{name}.py").is_file()
    for name in INSIGHTS.keys() - {"performance_insights"}:  # its SELECTs are those of its kinds
        assert (ROOT / "tasks" / "insights" / f"{name}.sql").is_file()


def test_links_in_the_docs_lead_somewhere():
    for page in [ROOT / "README.md", *DOCS.rglob("*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_the_example_of_a_mapping_runs(postgres, tmp_path):
    """The SELECT of the page on mapping, on tables like those that it speaks of."""
    page = (DOCS / "mapping-your-platform.md").read_text()
    (tmp_path / "scans.sql").write_text(re.search(r"```sql\n(-- mapping/scans\.sql.*?)```", page, re.DOTALL).group(1))
    with psycopg.connect(postgres.create_database("documented"), autocommit=True) as con:
        con.execute("CREATE TABLE source (id int, name text)")
        con.execute(
            "CREATE TABLE scan_job (id uuid, title text, source_id int, kind text, state text, asset_count int, requested_by text,"
            " error text, created_at timestamp, started_at timestamp, ended_at timestamp, updated_at timestamptz)"
        )
        con.execute("INSERT INTO scan_job (id, kind, state, updated_at) VALUES (gen_random_uuid(), 'full', 'DONE', now())")
    source = Source("documented", Address("postgresql", postgres.url("documented")), str(tmp_path))
    with open_session(source) as session:
        found = examine(session, source.load_mapping(), "scans", datetime.now(UTC))
    assert (found.problems, found.notices, found.looked_at) == ((), (), 1)
    assert found.rows["data_source"].to_list() == ["unknown"]


def test_the_example_of_owners_runs_with_the_grant_that_it_names(postgres, tmp_path):
    page = (DOCS / "mapping-your-platform.md").read_text()
    (tmp_path / "owners.sql").write_text(re.search(r"```sql\n(-- mapping/owners\.sql.*?)```", page, re.DOTALL).group(1))
    with psycopg.connect(postgres.create_database("documented_owners"), autocommit=True) as con:
        con.execute("CREATE TABLE domain (id int, key text)")
        con.execute("CREATE TABLE domain_steward (domain_id int, user_id uuid, revoked_at timestamp)")
        con.execute("INSERT INTO domain VALUES (1, 'finance')")
        con.execute("INSERT INTO domain_steward VALUES (1, gen_random_uuid(), NULL), (1, gen_random_uuid(), now())")
        con.execute("CREATE ROLE govpulse LOGIN")
        con.execute(re.search(r"`(GRANT SELECT ON domain, .*?)`", page).group(1))
        source = Source("documented", Address("postgresql", postgres.url("documented_owners", "govpulse")), str(tmp_path))
        with open_session(source) as session:
            found = examine(session, source.load_mapping(), "owners", datetime.now(UTC))
        con.execute("DROP OWNED BY govpulse")
        con.execute("DROP ROLE govpulse")
    assert (found.problems, found.notices, found.looked_at) == ((), (), 1)
    assert found.rows["domain"].to_list() == ["finance"]


def test_the_grants_of_the_page_on_mapping_are_postgresqls(postgres):
    page = (DOCS / "mapping-your-platform.md").read_text()
    script = re.search(r"```sql\n(CREATE ROLE.*?)```", page, re.DOTALL).group(1)
    with psycopg.connect(postgres.create_database("platform"), autocommit=True) as con:
        con.execute("CREATE TABLE scan (); CREATE TABLE scanresult (); CREATE TABLE datasource ();")
        con.execute(script)
        assert con.execute("SELECT has_table_privilege('govpulse', 'scan', 'SELECT, INSERT')").fetchone() == (True,)
        assert con.execute("SELECT has_table_privilege('govpulse', 'scan', 'INSERT')").fetchone() == (False,)
        con.execute("DROP OWNED BY govpulse")
        con.execute("DROP ROLE govpulse")


def test_every_shipped_mapping_is_in_the_docs():
    page = (DOCS / "mapping-your-platform.md").read_text()
    for folder in MAPPINGS.iterdir():
        assert f"| `{folder.name}` |" in page
