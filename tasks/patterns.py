"""Regular expressions that people write: those of RE2, whose time grows with the text and the expression, and no faster.

docs/decisions/regular-expressions.md has why, and why these bounds.
"""

import re2

LONGEST_PATTERN = 1000
"""In characters."""
MOST_INSTRUCTIONS = 1250
"""Of the compiled expression: `x{1000}` has a thousand, a letter of any script 1,200. They and the longest label bound the time."""
MOST_STEPS = 8000
"""From one letter to the next, over all places in it: `(a?){424}` can go on in 424 ways from its beginning, 130,000 in all."""
MOST_BYTES = 2**20
"""Of memory, for one expression."""


def compiled(pattern: str) -> "re2._Regexp":
    """The expression, in which `.` is any character, a line break too.

    Raises:
        ValueError: it is none that RE2 knows, or it is too large.
    """
    if len(pattern) > LONGEST_PATTERN:
        raise ValueError(f"it has {len(pattern):,} characters; at most {LONGEST_PATTERN:,} are allowed")
    options = re2.Options()
    options.dot_nl, options.never_capture, options.log_errors, options.max_mem = True, True, False, MOST_BYTES
    try:
        expression = re2.compile(pattern, options)
    except re2.error as error:
        said = error.args[0].decode(errors="replace")
        raise ValueError("it is too large" if "too large" in said else said) from error
    if expression.programsize > MOST_INSTRUCTIONS or _steps(expression) > MOST_STEPS:
        raise ValueError("it is too large; use fewer repetitions, or split it")
    return expression


def _steps(expression: "re2._Regexp") -> int:
    """RE2 counts the instructions by how many follow them: one or fewer, up to 2, 4, 8, and so on."""
    return sum(count << power for power, count in enumerate(expression.programfanout))


def is_whole(expression: "re2._Regexp", text: str) -> bool:
    """Whether it describes `text` from its beginning to its end."""
    return expression.fullmatch(text.encode(errors="replace")) is not None
