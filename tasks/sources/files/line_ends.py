"""Where lines end: at a line feed, a carriage return, or both."""

import re

LINE_END = re.compile(rb"\r?\n|\r(?=[^\n])")


def end_of_lines(read: bytes) -> int:
    """Behind the last line end in `read`. A carriage return at its end may be half of one."""
    return max(read.rfind(b"\n"), read.rfind(b"\r", 0, -1)) + 1


def end_of_first_line(read: bytes) -> int:
    """Behind the first line end; 0 where there is none."""
    found = LINE_END.search(read)
    return found.end() if found else 0
