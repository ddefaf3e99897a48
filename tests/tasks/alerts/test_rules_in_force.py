"""The rules in force: what alerts.rules holds, and that a rules file that cannot be read changes nothing."""

from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.transaction import transaction
from tasks.alerts.in_force import definition_of, read_definition, rules_in_force
from tasks.alerts.rule import Rule
from tasks.alerts.rules import load_rules
from tasks.alerts.written_rule import rule_of

MINE = '[[rule]]\nname = "mine"\nsql = "SELECT 1 AS value -- \'ü\'"\nwarning = 1\nfor = "5m"\n'


@pytest.fixture
def own(tmp_path: Path) -> Path:
    path = tmp_path / "own.toml"
    path.write_text(MINE)
    return path


def stored(con) -> dict[str, tuple]:
    rows = con.sql("SELECT name, definition, source, in_force_since FROM alerts.rules").fetchall()
    assert len({name for name, *_ in rows}) == len(rows)
    return {name: tuple(rest) for name, *rest in rows}


def test_the_rules_of_the_files_are_in_force_and_entered(con, at, own: Path) -> None:
    in_force = rules_in_force(con, own, at(0))
    assert (in_force.rules, in_force.problem) == (load_rules(own), None)
    rows = stored(con)
    assert {name: read_definition(definition) for name, (definition, *_) in rows.items()} == {r.name: r for r in in_force.rules}
    assert rows["mine"][1:] == (str(own), at(0))
    assert rows["cpu_spike"][1:] == ("shipped", at(0))
    assert con.sql("SELECT definition->>'sql', definition->>'for' FROM alerts.rules WHERE name = 'mine'").fetchall() == [
        ("SELECT 1 AS value -- 'ü'", "300s")
    ]


def test_only_what_changes_is_in_force_anew(con, at, own: Path) -> None:
    rules_in_force(con, own, at(0))
    own.write_text(MINE.replace("5m", "6m") + MINE.replace("mine", "cpu_spike"))
    assert rules_in_force(con, own, at(5)).rules == load_rules(own)
    changed = {name: row[1:] for name, row in stored(con).items() if row[2] != at(0)}
    assert changed == {"mine": (str(own), at(5)), "cpu_spike": (str(own), at(5))}
    rules_in_force(con, None, at(10))
    rows = stored(con)
    assert "mine" not in rows
    assert rows["cpu_spike"][1:] == ("shipped", at(10))


def test_the_same_rule_from_another_file_is_as_it_was(con, at, own: Path, tmp_path: Path) -> None:
    rules_in_force(con, own, at(0))
    moved = own.rename(tmp_path / "moved.toml")
    rules_in_force(con, moved, at(5))
    assert stored(con)["mine"][1:] == (str(moved), at(0))


def test_nothing_is_written_where_nothing_changed(con, at, own: Path) -> None:
    first = rules_in_force(con, own, at(0))
    con.execute("BEGIN TRANSACTION READ ONLY")
    assert rules_in_force(con, own, at(5)) == first
    con.execute("ROLLBACK")


BROKEN = {
    "no TOML": b"[[rule]",
    "a mistake": MINE.replace("warning = 1", "warnin = 1").encode(),
    "another encoding": MINE.encode("latin-1"),
    "half a file": MINE[:40].encode(),
}


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN)
def test_a_broken_file_leaves_the_rules_in_force(con, at, own: Path, content: bytes) -> None:
    before = rules_in_force(con, own, at(0))
    rows = stored(con)
    own.write_bytes(content)
    after = rules_in_force(con, own, at(5))
    assert set(after.rules) == set(before.rules)
    assert str(own) in after.problem
    assert "the previous rules stay in force" in after.problem
    assert "\n" not in after.problem
    assert stored(con) == rows
    own.write_text(MINE)
    assert rules_in_force(con, own, at(10)) == before
    assert stored(con) == rows


def test_a_file_that_is_gone_leaves_the_rules_in_force(con, at, own: Path) -> None:
    before = rules_in_force(con, own, at(0))
    own.unlink()
    after = rules_in_force(con, own, at(5))
    assert set(after.rules) == set(before.rules)
    assert "No such file" in after.problem


def test_an_empty_file_takes_the_own_rules_away(con, at, own: Path) -> None:
    rules_in_force(con, own, at(0))
    own.write_text("")
    assert rules_in_force(con, own, at(5)) == rules_in_force(con, None, at(5))
    assert "mine" not in stored(con)


def test_before_there_were_any_the_shipped_ones_are_in_force(con, at, tmp_path: Path) -> None:
    in_force = rules_in_force(con, tmp_path / "nowhere.toml", at(0))
    assert in_force.rules == load_rules(None)
    assert "only the shipped rules are in force" in in_force.problem
    assert stored(con) == {}


def test_a_definition_that_nobody_can_read_is_named(con, at, own: Path) -> None:
    """Another govpulse wrote it."""
    rules_in_force(con, own, at(0))
    con.execute("""UPDATE alerts.rules SET definition = '{"name": "mine", "sql": "SELECT 1", "newer": 1}' WHERE name = 'mine'""")
    con.execute("UPDATE alerts.rules SET definition = '[]' WHERE name = 'anomaly'")
    own.unlink()
    in_force = rules_in_force(con, own, at(5))
    assert {rule.name for rule in load_rules(None)} - {rule.name for rule in in_force.rules} == {"anomaly"}
    assert "without anomaly, mine" in in_force.problem


def test_in_a_transaction_of_the_callers_it_is_part_of_that(con, at, own: Path) -> None:
    def enter_and_fail() -> None:
        with transaction(con):
            rules_in_force(con, own, at(0))
            raise InterruptedError

    with pytest.raises(InterruptedError):
        enter_and_fail()
    assert stored(con) == {}
    with transaction(con):
        rules_in_force(con, own, at(0))
    assert "mine" in stored(con)


SPANS = st.integers(0, 86_400 * 3650)
NUMBERS = st.integers(-3, 3) | st.floats(-1e300, 1e300)


@given(st.lists(NUMBERS, min_size=3, max_size=3).map(sorted), st.lists(SPANS, min_size=4, max_size=4), st.text(), st.booleans())
def test_a_definition_reads_back_as_the_rule(thresholds: list[float], spans: list[int], text: str, has_no_data: bool) -> None:
    clear, warning, critical = thresholds
    told = text.replace("{", "").replace("}", "") + "{value}"
    values = {"name": "a", "sql": "SELECT '\"\\'", "clear": clear, "warning": warning, "critical": critical, "message": told}
    names = ("for", "keep_firing_for", "timeout", "no_data_for")[: 4 if has_no_data else 3]
    durations = {name: f"{seconds + (name == 'timeout')}s" for name, seconds in zip(names, spans, strict=False)}
    durations["timeout"] = "30s" if spans[2] == 86_400 * 3650 else durations["timeout"]
    rule = rule_of(values | durations | {"unit": text, "inhibits": ["b", text]})
    assert read_definition(definition_of(rule)) == rule
    assert rule.pending_for == timedelta(seconds=spans[0])


def test_a_definition_has_what_a_rule_by_hand_leaves_out() -> None:
    rule = Rule("a", "SELECT 1", warning=1.0)
    assert read_definition(definition_of(rule)) == rule
