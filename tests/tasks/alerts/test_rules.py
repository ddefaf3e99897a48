"""Rules files: what a rule says, the shipped set, and that every mistake is named by file, line, rule and key."""

import json
import tomllib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from storage.errors import ConfigurationError
from tasks.alerts.rule import Rule, evidence_query
from tasks.alerts.rule_mistakes import WrongValueError
from tasks.alerts.rules import SHIPPED, load_rules, load_with_sources, read_rules
from tasks.alerts.written_rule import ALL_KEYS, rule_of

SCHEMA = Draft202012Validator(json.loads((Path(__file__).parents[3] / "docs" / "alert-rules.schema.json").read_text()))
NAMES = {rule.name for rule in read_rules(SHIPPED)}


def rules_file(folder: Path, text: str) -> Path:
    path = folder / "own.toml"
    path.write_text(text)
    return path


def test_a_rule_with_everything(tmp_path: Path) -> None:
    text = """
        [[rule]]
        name = "slow"
        sql = "SELECT 'a' AS subject, 1 AS value"
        warning = 3
        critical = 2.5
        clear = 4
        clear_critical = 3.5
        timeout = "2m"
        inhibits = ["other", "third"]
        evidence = "SELECT {'a': {subject}}"
        direction = "below"
        for = "30s"
        keep_firing_for = "5m"
        no_data_for = "2h"
        unit = "s"
        message = "{subject} takes {value}"
        runbook = "docs/slow.md"
    """
    rule = Rule(
        name="slow",
        sql="SELECT 'a' AS subject, 1 AS value",
        warning=3.0,
        critical=2.5,
        clear=4.0,
        clear_critical=3.5,
        timeout=timedelta(minutes=2),
        inhibits=("other", "third"),
        evidence="SELECT {'a': {subject}}",
        direction="below",
        pending_for=timedelta(seconds=30),
        keep_firing_for=timedelta(minutes=5),
        no_data_for=timedelta(hours=2),
        unit="s",
        message="{subject} takes {value}",
        runbook="docs/slow.md",
    )
    assert read_rules(rules_file(tmp_path, text)) == [rule]


def test_own_rules_are_added_and_replace_those_of_the_same_name(tmp_path: Path) -> None:
    own = """
        [[rule]]
        name = "disk_almost_full"
        sql = "SELECT 1"
        warning = 0.5
        [[rule]]
        name = "mine"
        sql = "SELECT 2"
        critical = 1
        for = "1d"
    """
    rules = {rule.name: rule for rule in load_rules(rules_file(tmp_path, own))}
    assert set(rules) == NAMES | {"mine"}
    assert rules["disk_almost_full"] == Rule("disk_almost_full", "SELECT 1", warning=0.5)
    assert rules["mine"].pending_for == timedelta(days=1)


def test_each_rule_says_where_it_is_from(tmp_path: Path) -> None:
    own = rules_file(tmp_path, RULE + "warning = 1" + RULE.replace("mine", "cpu_spike") + "warning = 1")
    sources = {rule.name: source for rule, source in load_with_sources(own)}
    assert sources == dict.fromkeys(NAMES, "shipped") | dict.fromkeys(("mine", "cpu_spike"), str(own))


def test_without_an_own_file_the_shipped_set_counts() -> None:
    assert {rule.name for rule in load_rules(None)} == NAMES


@pytest.mark.parametrize("text", ["", "\n# nothing yet\n", "\ufeff", "rule = []"])
def test_an_empty_file_has_no_rules(tmp_path: Path, text: str) -> None:
    assert read_rules(rules_file(tmp_path, text)) == []


def test_evidence_is_about_the_subject_and_the_instant() -> None:
    rule = Rule("a", "SELECT 1", evidence=" SELECT {subject} AS s, {as_of} AS t, {'x': 1} AS d ")
    as_of = datetime(2026, 3, 10, 12, tzinfo=UTC)
    query = evidence_query(rule, "o'neil {as_of}", as_of)
    assert duckdb.sql(f"SELECT s, epoch(t) AS t FROM ({query})").fetchall() == [("o'neil {as_of}", as_of.timestamp())]
    assert evidence_query(Rule("a", "SELECT 1"), "x", as_of) == ""


RULE = '\n[[rule]]\nname = "mine"\nsql = "SELECT 1"\n'
METRIC = '[[rule]]\nname = "mine"\nmetric = "system.uptime"\nwarning = 1\n'
MISTAKES = {
    "unknown key": (RULE + "warnin = 1", ("line 5", "mine", "warnin", "warning")),
    "unknown quoted key": (RULE + 'warning = 1\n"warn=in" = 1', ("line 2", "mine", "warn=in")),
    "duration without a unit": (RULE + 'warning = 1\nfor = "5"', ("line 6", "mine", "for", "5m")),
    "duration in words": (RULE + 'warning = 1\nno_data_for = "five minutes"', ("line 6", "mine", "no_data_for", "five minutes")),
    "duration as a number": (RULE + "warning = 1\nkeep_firing_for = 300", ("line 6", "mine", "keep_firing_for", "300")),
    "endless duration": (RULE + 'warning = 1\nfor = "999999999d"', ("line 6", "mine", "for", "3650d")),
    "no time": (RULE + 'warning = 1\ntimeout = "0s"', ("line 6", "mine", "timeout")),
    "critical under warning": (RULE + "warning = 2\ncritical = 1", ("line 6", "mine", "critical", "order")),
    "clear over warning": (RULE + "warning = 1\nclear = 2", ("line 6", "mine", "clear", "order")),
    "clear_critical over critical": (RULE + "critical = 1\nclear_critical = 2", ("line 6", "mine", "clear_critical", "order")),
    "clear_critical under clear": (
        RULE + "warning = 4\nclear = 3\ncritical = 5\nclear_critical = 2",
        ("line 6", "mine", "clear_critical", "order"),
    ),
    "clear_critical alone": (RULE + "warning = 1\nclear_critical = 1", ("line 6", "mine", "clear_critical", "critical")),
    "order of below": (RULE + 'direction = "below"\nwarning = 1\ncritical = 2', ("line 7", "mine", "critical", "order")),
    "no threshold": (RULE, ("line 2", "mine", "warning", "critical")),
    "threshold as text": (RULE + 'warning = "0.8"', ("line 5", "mine", "warning", "0.8")),
    "threshold as a truth": (RULE + "critical = true", ("line 5", "mine", "critical", "True")),
    "threshold that is no number": (RULE + "warning = nan", ("line 5", "mine", "warning", "nan")),
    "endless threshold": (RULE + "warning = inf", ("line 5", "mine", "warning", "inf")),
    "huge threshold": (RULE + "warning = 1" + 400 * "0", ("line 5", "mine", "warning", "1000")),
    "direction": (RULE + 'warning = 1\ndirection = "up"', ("line 6", "mine", "direction", "up")),
    "sql as a number": ('[[rule]]\nname = "mine"\nsql = 1\nwarning = 1', ("line 3", "mine", "sql")),
    "no sql": ('[[rule]]\nname = "mine"\nwarning = 1', ("line 1", "mine", "sql", "metric", "finding")),
    "sql that is none": ('[[rule]]\nname = "mine"\nsql = "SELEC 1"\nwarning = 1', ("line 3", "mine", "sql", "SELEC")),
    "two statements": (RULE.replace("SELECT 1", "SELECT 1; SELECT 2") + "warning = 1", ("line 4", "mine", "one SELECT")),
    "a statement that writes": (RULE.replace("SELECT 1", "DELETE FROM x") + "warning = 1", ("line 4", "mine", "one SELECT")),
    "no statement": (RULE.replace("SELECT 1", " ") + "warning = 1", ("line 4", "mine", "one SELECT")),
    "nothing to select from": (RULE.replace("SELECT 1", "SELECT 1; -- so") + "warning = 1", ("line 4", "mine", "semicolon")),
    "another parameter": (RULE.replace("SELECT 1", "SELECT $now") + "warning = 1", ("line 4", "mine", "$now", "$as_of")),
    "evidence that writes": (RULE + 'warning = 1\nevidence = "DROP TABLE x"', ("line 6", "mine", "evidence", "one SELECT")),
    "evidence with quotes": (RULE + "warning = 1\nevidence = \"SELECT '{subject}'\"", ("line 6", "mine", "evidence")),
    "evidence with a parameter": (RULE + 'warning = 1\nevidence = "SELECT $as_of"', ("line 6", "mine", "evidence", "$as_of")),
    "sql and metric": (METRIC + 'sql = "SELECT 1"', ("line 3", "mine", "exactly one of sql, metric and finding")),
    "unknown statistic": (METRIC + 'statistic = "median"', ("line 5", "mine", "statistic", "median", "mean")),
    "no span": (METRIC + 'over = "0m"', ("line 5", "mine", "over")),
    "no metric": (METRIC.replace("system.uptime", " "), ("line 3", "mine", "metric")),
    "statistic of sql": (RULE + 'warning = 1\nstatistic = "max"', ("line 6", "mine", "statistic", "metric")),
    "unknown finding": ('[[rule]]\nname = "mine"\nfinding = "leak"', ("line 3", "mine", "leak", "memory_leak")),
    "unknown inhibited rule": (RULE + 'warning = 1\ninhibits = ["cpu_spike", "nobody"]', ("line 6", "mine", "inhibits", "nobody")),
    "inhibits itself": (RULE + 'warning = 1\ninhibits = ["mine"]', ("line 6", "mine", "circle")),
    "inhibits its inhibitor": (
        RULE.replace("mine", "anomaly") + 'warning = 1\ninhibits = ["host_silent"]',
        ("line 6", "anomaly", "circle", "host_silent"),
    ),
    "inhibits in one word": (RULE + 'warning = 1\ninhibits = "cpu_spike"', ("line 6", "mine", "inhibits", "list")),
    "inhibits numbers": (RULE + "warning = 1\ninhibits = [1]", ("line 6", "mine", "inhibits", "list")),
    "no name": ('[[rule]]\nsql = "SELECT 1"\nwarning = 1', ("line 1", "number 1", "name")),
    "a name in words": (RULE.replace("mine", "my rule") + "warning = 1", ("line 3", "number 1", "name", "my rule")),
    "a name of two lines": (RULE.replace("mine", "a\\nb") + "warning = 1", ("line 3", "number 1", "name")),
    "message with another field": (RULE + 'warning = 1\nmessage = "{host} is full"', ("line 6", "mine", "message", "subject")),
    "message with an attribute": (RULE + 'warning = 1\nmessage = "{subject.name}"', ("line 6", "mine", "message", "subject")),
    "message with an item": (RULE + 'warning = 1\nmessage = "{subject[name]}"', ("line 6", "mine", "message", "subject")),
    "message within a field": (RULE + 'warning = 1\nmessage = "{subject:{detail}}"', ("line 6", "mine", "message", "subject")),
    "message without a field": (RULE + 'warning = 1\nmessage = "{}"', ("line 6", "mine", "message", "subject")),
    "message that does not close": (RULE + 'warning = 1\nmessage = "{subject"', ("line 6", "mine", "message")),
    "a table within": (RULE + "warning = 1\n[rule.message]\nx = 1", ("line 6", "mine", "message", "text")),
    "another table": (RULE + "warning = 1\n[alerts]\nx = 1", ("line 6", "alerts", "[[rule]]")),
    "one bracket too few": ('[rule]\nname = "mine"\nsql = "SELECT 1"\nwarning = 1', ("line 1", "[[rule]]")),
    "rules that are none": ("\nrule = [1]", ("line 2", "[[rule]]")),
    "rules in a list": ('\nrule = [{name = "mine", sql = "SELECT 1"}]', ("line 2", "mine", "warning")),
    "the same name twice": ((RULE + "warning = 1\n") * 2, ("line 8", "mine", "twice")),
    "no TOML": ("[[rule]\n", ("line 1",)),
    "no end": (RULE + 'message = """', ("line 5",)),
    "no end of it": ("a.b = 1\na.b = 2", ("line 2",)),
    "lists within lists": ("a = " + "[" * 5000, ("lists",)),
}


@pytest.mark.parametrize(("text", "named"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_named_in_one_line(tmp_path: Path, text: str, named: tuple[str, ...]) -> None:
    path = rules_file(tmp_path, text)
    with pytest.raises(ConfigurationError) as caught:
        load_rules(path)
    said = str(caught.value)
    assert "\n" not in said
    assert [word for word in (str(path), *named) if word not in said] == []


def test_a_mistake_in_the_second_rule_is_counted(tmp_path: Path) -> None:
    path = rules_file(tmp_path, RULE + 'warning = 1\n[[rule]]\nsql = "SELECT 1"\n')
    with pytest.raises(ConfigurationError, match="line 6: rule number 2"):
        read_rules(path)


TRICKY = r"""# [[rule]]
[[rule]] # [[rule]]
name = 'first' # "
sql = QQQ
SELECT 1 AS value /* \\" \" "" ' '
[[rule]]
warning = "high"
*/ -- ""QQQ
warning = 1
message = '[[rule]]'
[[ rule ]]
"name" = "second"
sql = AAA
SELECT 2 -- \
/*
[[rule]]
warning = "high" */ -- 'AAA
inhibits = [
  "[[rule]]", # [[rule]]
]
  "warning" = "high"
"""


def test_what_stands_in_strings_and_comments_is_no_key(tmp_path: Path) -> None:
    text = TRICKY.replace("QQQ", 3 * '"').replace("AAA", 3 * "'")
    assert tomllib.loads(text)["rule"][0]["sql"].endswith('""')
    with pytest.raises(ConfigurationError, match="line 21: rule second: warning must be a number"):
        read_rules(rules_file(tmp_path, text))


def test_line_breaks_of_windows_count_once(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_bytes((RULE + "warnin = 1").replace("\n", "\r\n").encode())
    with pytest.raises(ConfigurationError, match="line 5: rule mine: unknown key 'warnin'"):
        read_rules(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"nowhere\.toml.*\[alerts\] rules"):
        load_rules(tmp_path / "nowhere.toml")


def test_a_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"directory.*\[alerts\] rules"):
        load_rules(tmp_path)


def test_a_file_in_another_encoding_is_named(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_bytes('[[rule]]\nname = "größe"\n'.encode("latin-1"))
    with pytest.raises(ConfigurationError, match=r"own\.toml, line 2: not UTF-8"):
        load_rules(path)


def as_toml(value: object) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(as_toml, value))}]"
    if isinstance(value, str):
        return '"' + "".join(f"\\U{ord(each):08x}" if each in '"\\' or not each.isprintable() else each for each in value) + '"'
    return str(value).lower() if isinstance(value, bool) else str(value)


WORDS = st.sampled_from(
    ["mine", "cpu_spike", "5m", "mean", "memory_leak", "SELECT 1", "SELECT $x", "{subject}", "{", "below", "\0"]
)
TEXTS = WORDS | st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
VALUES = TEXTS | st.integers(-3, 3) | st.floats() | st.booleans() | st.lists(WORDS, max_size=2)
ENTRIES = st.dictionaries(st.sampled_from(ALL_KEYS), VALUES, max_size=8)
WRITTEN = st.lists(ENTRIES, max_size=3).map(
    lambda entries: "".join("[[rule]]\n" + "".join(f"{key} = {as_toml(entry[key])}\n" for key in entry) for entry in entries)
)
MANGLED = st.tuples(st.just(SHIPPED.read_text()), st.integers(0, 4000), st.integers(0, 60), TEXTS).map(
    lambda cut: cut[0][: cut[1]] + cut[3] + cut[0][cut[1] + cut[2] :]
)


RULES = st.fixed_dictionaries({"name": st.just("mine"), "sql": st.just("SELECT 1"), "warning": st.integers(0, 3)})


@given(st.builds(lambda rule, more: rule | more, RULES, ENTRIES) | ENTRIES)
@example({"name": "a", "finding": "anomaly", "clear_critical": 1.5})
@example({"name": "ü", "metric": "m", "over": "1d12h", "critical": 1, "inhibits": []})
def test_the_schema_for_editors_takes_every_rule(entry: dict[str, object]) -> None:
    try:
        rule_of(entry)
    except WrongValueError:
        return
    SCHEMA.validate({"rule": [entry]})


@pytest.mark.parametrize(
    "kind",
    [
        "unknown key", "duration without a unit", "duration as a number", "no threshold", "threshold as text", "direction",
        "sql as a number", "no sql", "sql and metric", "unknown statistic", "statistic of sql", "unknown finding",
        "inhibits in one word", "inhibits numbers", "no name", "a table within", "another table", "one bracket too few",
    ],
)  # fmt: skip
def test_the_schema_for_editors_sees_mistakes_of_form(kind: str) -> None:
    assert not SCHEMA.is_valid(tomllib.loads(MISTAKES[kind][0]))


@pytest.mark.parametrize("key", ALL_KEYS)
def test_null_is_no_value(key: str) -> None:
    """TOML has none, but JSON has."""
    with pytest.raises(WrongValueError, match=key):
        rule_of({"name": "mine", "sql": "SELECT 1", "warning": 1, key: None})


def test_a_metric_that_cannot_stand_in_sql_is_refused_by_its_name() -> None:
    with pytest.raises(WrongValueError, match="metric is not SQL"):
        rule_of({"name": "mine", "metric": "a\0b", "warning": 1})


@given(st.one_of(TEXTS, WRITTEN, MANGLED, st.binary(max_size=30)))
@example("x = 1979-13-01")
@example("rule = [[]]")
@example(b"\xef\xbb\xbf[[rule]]")
def test_any_text_gives_rules_or_one_line(tmp_path_factory: pytest.TempPathFactory, text: str | bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    said, rules = "", ()
    try:
        rules = load_rules(path)
    except ConfigurationError as error:
        said = str(error)
    assert {rule.name for rule in rules} >= NAMES or (str(path) in said and len(said.splitlines()) == 1)


def test_what_is_written_in_these_tests_is_toml() -> None:
    values = ["\\", '"', "\0", "ü", True, 1.5]
    assert tomllib.loads(f"a = {as_toml(values)}") == {"a": values}
