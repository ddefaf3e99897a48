"""How long the most hostile regular expressions take on the most hostile labels: those of silences, and those in a rule's SQL.

Run as `python -m benchmarks.matching`. An expression is compiled anew each time, and matched against a label of a megabyte, which
is cut to the length that alerts have. Times are of the CPU. Exits with 1 where a bar is broken.
"""

import argparse
import sys
import time
from collections.abc import Callable
from contextlib import suppress

import re2

from benchmarks.bars import Bar
from storage.errors import ConfigurationError
from storage.warehouse import connect
from tasks.alerts.expressions import check_expressions
from tasks.labels import LONGEST_LABEL, shortened
from tasks.matchers import Matcher
from tasks.patterns import compiled

MOST_MS = 10.0
TIMES = 10
FAMILIES: dict[str, Callable[[int], str]] = {
    "(a+)+b": lambda n: "(a+)+b" * n,
    "(a|aa)+c": lambda n: "(a|aa)+c" * n,
    "nested stars": lambda n: "(" * n + "a" + "*)" * n + "*c",
    "optional, then wanted": lambda n: f"(a?){{{n}}}" + "a" * n,
    "starred groups": lambda n: f"(a*){{{n}}}b",
    "many unknown": lambda n: f"(.*a){{{n}}}",
    "one of many states": lambda n: f".*a.{{{n}}}",
    "letters of all scripts": lambda n: r"(\pL*\d)*x" * n,
    "any case": lambda n: "(?i)" + "(.*k)" * n,
    "alternatives": lambda n: "|".join(f"host-{number}" for number in range(n)),
}
"""Each is tried as large as it is taken."""
WILDCARDS: dict[str, Callable[[int], str]] = {
    "LIKE": lambda n: f"label LIKE '{'%a' * n}b'",
    "LIKE with _": lambda n: f"label LIKE '{'%_a' * n}b'",
    "ILIKE": lambda n: f"label ILIKE '{'%a' * n}b'",
    "LIKE with ESCAPE": lambda n: f"label LIKE '{'%a' * n}b' ESCAPE '#'",
    "GLOB": lambda n: f"label GLOB '{'*a' * n}b'",
}
"""Conditions of a rule's SQL, each with as many wildcards as are taken."""
LABELS = {
    "a": "a" * 1_000_000,
    "ab": "ab" * 500_000,
    "aabab": "aabab" * 200_000,
    "four bytes": "\U0001f600" * 250_000,
    "letters": "aä字" * 300_000,
    "spaces": " " * 1_000_000,
}


def cpu_ms(what: Callable[[], object]) -> float:
    """The least of several: what others do with the processor's caches meanwhile counts, too."""
    return min(_once(what) for _ in range(TIMES))


def _once(what: Callable[[], object]) -> float:
    started = time.process_time()
    what()
    return (time.process_time() - started) * 1000


def silence_ms(pattern: str, label: str) -> float:
    """Of compiling it, and of one match."""
    matcher = Matcher("subject", "=~", pattern)
    return cpu_ms(lambda: (re2.purge(), compiled(pattern))) + cpu_ms(lambda: matcher.matches(label))


def largest(family: Callable[[int], str]) -> str:
    """The largest expression of a family that is taken."""
    pattern = family(1)
    for n in range(2, 500):
        try:
            compiled(family(n))
        except ValueError:
            break
        pattern = family(n)
    return pattern


def condition_ms(condition: str, label: str) -> float:
    """Of a whole SELECT of one row, as a rule may have it, which is parsed, too."""
    con, sql = connect(), f"SELECT {condition} FROM (VALUES ($label)) AS t (label)"
    check_expressions(sql)
    return cpu_ms(lambda: con.execute(sql, {"label": shortened(label)}).fetchall())


def most_wildcards(condition: Callable[[int], str]) -> str:
    """The condition with as many wildcards as are taken."""
    n = 1
    with suppress(ConfigurationError):
        while n < LONGEST_LABEL:
            check_expressions(f"SELECT {condition(n + 1)}")
            n += 1
    return condition(n)


def worst(what: str, measure: Callable[[str, str], float], of: dict[str, str], slower: float) -> Bar:
    """The slowest pair."""
    found = {(name, on): measure(text, label) for name, text in of.items() for on, label in LABELS.items()}
    (name, on), most = max(found.items(), key=lambda each: each[1])
    print(f"{what}: {len(found)} pairs, the worst {name!r} on {on!r}")
    return Bar(f"CPU ms of {what} on one label, at worst", most, MOST_MS * slower, is_most=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--slower", type=float, default=1.0, help="how much slower a machine may be than the one of the bars")
    slower = parser.parse_args().slower
    patterns = {name: largest(family) for name, family in FAMILIES.items()}
    conditions = {name: f"regexp_full_match(label, '{pattern}')" for name, pattern in patterns.items()}
    conditions |= {name: most_wildcards(condition) for name, condition in WILDCARDS.items()}
    bars = [
        worst("a silence's expression", silence_ms, patterns, slower),
        worst("a rule's SELECT with one", condition_ms, conditions, slower),
    ]
    print("", *bars, sep="\n")
    return 0 if all(bar.holds() for bar in bars) else 1


if __name__ == "__main__":
    sys.exit(main())
