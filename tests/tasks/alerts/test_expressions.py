"""Text patterns in a rule's SQL: what is ordinary is taken, what may take for ever is refused before it runs."""

import pytest

from storage.errors import ConfigurationError
from tasks.alerts.expressions import check_expressions

TAKEN = (
    "name ~ '^host-\\d+$'",
    "name SIMILAR TO '(a+)+b'",
    "name.regexp_matches('(?i)prod')",
    "NOT regexp_matches(name, '\\pL', 'i')",
    "regexp_extract(name, '^([^.]*)', 1) = 'db'",
    "name LIKE '%a%b%c%d%'",
    "name LIKE 'scan_of_%'",
    "name ILIKE '%prod%'",
    "name GLOB '*.parquet'",
    "name ~ NULL",
    "name = '((((('",
    "COLUMNS('.*_rate') > 0",
)
REFUSED = {
    "name ~ '(a?){424}'": "matches the expression '(a?){424}': it is too large",
    "name ~ '('": "matches the expression '('",
    "other.name.regexp_matches('x{1001}')": "invalid repetition size",
    "name ~ ('a' || 'b')": "not a literal",
    "regexp_matches(name, name)": "not a literal",
    "len(list_filter([name], lambda x: name ~ x)) > 0": "not a literal",
    "name LIKE other": "not a literal",
    "name IN (SELECT a FROM b WHERE a ~ repeat('a?', 999))": "not a literal",
    "name LIKE '%_a%_b%_c'": "more than 2 %",
    "name NOT ILIKE '%a%b%c'": "more than 2 %",
    "name LIKE '%a%b%c' ESCAPE '!'": "more than 2 %",
    "name GLOB '*a*b*c'": "more than 2 *",
    "glob(name, '*a*b*c')": "more than 2 *",
    "COLUMNS('(a?){424}') > 0": "too large",
    "len(columns(c -> c GLOB '*a*b*c')) > 0": "more than 2 *",
}


@pytest.mark.parametrize("condition", TAKEN)
def test_ordinary_patterns_are_taken(condition: str) -> None:
    check_expressions(f"SELECT name AS subject, 1 AS value FROM t WHERE {condition}")


@pytest.mark.parametrize("condition", REFUSED)
def test_what_may_take_long_is_refused_and_says_why(condition: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        check_expressions(f"SELECT name AS subject, 1 AS value FROM t WHERE {condition}")
    assert REFUSED[condition] in str(refused.value)
