"""Rules files: what a rule says, the shipped set, and that every mistake is named by file, rule and key."""

from datetime import timedelta
from pathlib import Path

import pytest

from storage.errors import ConfigurationError
from tasks.alerts.rules import Rule, load_rules, read_rules

SHIPPED = {
    *("disk_almost_full", "disk_filling_fast", "memory_almost_full"),
    *("scan_probably_dead", "scan_running_long", "deployments_failing"),
}
PROJECT = Path(__file__).parents[3]


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
    assert set(rules) == SHIPPED | {"mine"}
    assert rules["disk_almost_full"] == Rule("disk_almost_full", "SELECT 1", warning=0.5)
    assert rules["mine"].pending_for == timedelta(days=1)


def test_without_an_own_file_the_shipped_set_counts() -> None:
    assert {rule.name for rule in load_rules(None)} == SHIPPED


RULE = '[[rule]]\nname = "mine"\nsql = "SELECT 1"\n'
MISTAKES = {
    "unknown key": (RULE + "warnin = 1", ("mine", "warnin", "warning")),
    "duration without a unit": (RULE + 'warning = 1\nfor = "5"', ("mine", "for", "5m")),
    "duration in words": (RULE + 'warning = 1\nno_data_for = "five minutes"', ("mine", "no_data_for", "five minutes")),
    "duration as a number": (RULE + "warning = 1\nkeep_firing_for = 300", ("mine", "keep_firing_for", "300")),
    "critical under warning": (RULE + "warning = 2\ncritical = 1", ("mine", "critical", "order")),
    "clear over warning": (RULE + "warning = 1\nclear = 2", ("mine", "clear", "order")),
    "order of below": (RULE + 'direction = "below"\nwarning = 1\ncritical = 2', ("mine", "critical", "order")),
    "no threshold": (RULE, ("mine", "warning", "critical")),
    "threshold as text": (RULE + 'warning = "0.8"', ("mine", "warning", "0.8")),
    "threshold as a truth": (RULE + "critical = true", ("mine", "critical", "True")),
    "threshold that is no number": (RULE + "warning = nan", ("mine", "warning", "nan")),
    "direction": (RULE + 'warning = 1\ndirection = "up"', ("mine", "direction", "up")),
    "sql as a number": ('[[rule]]\nname = "mine"\nsql = 1\nwarning = 1', ("mine", "sql")),
    "no sql": ('[[rule]]\nname = "mine"\nwarning = 1', ("mine", "sql")),
    "no name": ('[[rule]]\nsql = "SELECT 1"\nwarning = 1', ("number 1", "name")),
    "message with another field": (RULE + 'warning = 1\nmessage = "{host} is full"', ("mine", "message", "subject")),
    "message with an attribute": (RULE + 'warning = 1\nmessage = "{subject.name}"', ("mine", "message", "subject")),
    "message with an item": (RULE + 'warning = 1\nmessage = "{subject[name]}"', ("mine", "message", "subject")),
    "message that does not close": (RULE + 'warning = 1\nmessage = "{subject"', ("mine", "message")),
    "another table": (RULE + "warning = 1\n[alerts]\nx = 1", ("alerts", "[[rule]]")),
    "one bracket too few": ('[rule]\nname = "mine"\nsql = "SELECT 1"\nwarning = 1', ("[[rule]]",)),
    "the same name twice": ((RULE + "warning = 1\n") * 2, ("mine", "twice")),
    "no TOML": ("[[rule]\n", ("line 1",)),
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
    with pytest.raises(ConfigurationError, match="rule number 2"):
        read_rules(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"nowhere\.toml.*\[alerts\] rules"):
        load_rules(tmp_path / "nowhere.toml")


def test_a_file_in_another_encoding_is_named(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_bytes('[[rule]]\nname = "größe"\n'.encode("latin-1"))
    with pytest.raises(ConfigurationError, match=r"own\.toml"):
        load_rules(path)
