"""Text patterns in a rule's SQL: written out, and such that one of them on one label takes no time that anybody notices.

Others wait while rules are evaluated. DuckDB's regular expressions are linear in the text, but may be of any size. Its LIKE and
GLOB go back and try again, for as long as the text to the power of the wildcards: three `*` on 200 letters take 300 ms, four 17 s.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from storage.asking.permission import parsed
from storage.errors import ConfigurationError
from tasks.patterns import compiled

EXPRESSIONS = frozenset({
    "regexp_extract", "regexp_extract_all", "regexp_full_match", "regexp_matches", "regexp_replace", "regexp_split_to_array",
    "regexp_split_to_table", "str_split_regex", "string_split_regex", "~",
})  # fmt: skip
WILDCARDS = {
    "~~": "%", "!~~": "%", "~~*": "%", "!~~*": "%", "like_escape": "%", "not_like_escape": "%", "ilike_escape": "%",
    "not_ilike_escape": "%", "~~~": "*", "glob": "*",
}  # fmt: skip
"""What DuckDB's parser makes of LIKE, ILIKE and GLOB."""
LINEAR = ("~~", "!~~")
"""Without a `_`, DuckDB looks for one part of such a pattern after the other."""
MOST_WILDCARDS = 2
SCHEMAS = ("", "main", "pg_catalog", "system")
"""Where functions are; any other schema is the column of `name.regexp_matches('a')`, which is the text."""


def check_expressions(sql: str) -> None:
    """Whether each pattern in one SELECT is a literal that costs little.

    Raises:
        ConfigurationError: one is not; says `matches ...`, to be put behind its name.
    """
    for node in _nodes(parsed(sql)):
        name = str(node.get("function_name", "")).lower()
        if name in EXPRESSIONS:
            _check_expression(_pattern(node))
        elif name in WILDCARDS:
            _check_wildcards(name, _pattern(node))
        elif node.get("class") == "STAR" and isinstance(node["expr"], dict) and node["expr"]["class"] == "CONSTANT":
            _check_expression(_text(node["expr"]))


def _nodes(tree: Any) -> Iterator[Mapping[str, Any]]:
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            yield node
            waiting.extend(node.values())
        elif isinstance(node, list):
            waiting.extend(node)


def _pattern(call: Mapping[str, Any]) -> str:
    is_method = call["schema"].lower() not in SCHEMAS
    arguments = _arguments(call)[0 if is_method else 1 :]
    if not arguments or arguments[0].get("class") != "CONSTANT":
        raise ConfigurationError("matches a pattern that is not a literal, so its cost cannot be known; write it out")
    return _text(arguments[0])


def _arguments(call: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """In their order; DuckDB 2 has them under another name, and none where they are called by names."""
    if "children" in call:
        return list(call["children"])
    return [each["expression"] if not each["name"] else {} for each in call["arguments"]]


def _text(constant: Mapping[str, Any]) -> str:
    if "literal" in constant:  # DuckDB 2
        return str(constant["literal"]["text"])
    return "" if constant["value"]["is_null"] else str(constant["value"]["value"])


def _check_expression(pattern: str) -> None:
    try:
        compiled(pattern)
    except ValueError as error:
        raise ConfigurationError(f"matches the expression {_shown(pattern)}: {error}") from error


def _check_wildcards(name: str, pattern: str) -> None:
    wildcard = WILDCARDS[name]
    if pattern.count(wildcard) > MOST_WILDCARDS and not (name in LINEAR and "_" not in pattern):
        said = f"matches {_shown(pattern)}, which has more than {MOST_WILDCARDS} {wildcard} and may take forever"
        raise ConfigurationError(f"{said}; use regexp_matches, whose time is bounded")


def _shown(pattern: str) -> str:
    return repr(pattern if len(pattern) <= 40 else f"{pattern[:40]}...")
