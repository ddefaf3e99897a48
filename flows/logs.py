"""What is logged is text: a name in a message neither begins a line of its own nor commands the terminal that shows the log."""

import logging
import textwrap
import traceback
from typing import Any

from storage.printable import printable, printable_lines


class PrintableRecord(logging.LogRecord):
    """A record whose message is one line. Tracebacks keep their lines, set in so that none looks like a record."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        if self.exc_info and self.exc_info[0]:
            self.exc_text = textwrap.indent(printable_lines("".join(traceback.format_exception(*self.exc_info)).rstrip("\n")), "  ")

    def getMessage(self) -> str:  # noqa: N802 - of logging
        return printable(super().getMessage())


def keep_logs_printable() -> None:
    """From now on in this process, whoever logs, and wherever to."""
    logging.setLogRecordFactory(PrintableRecord)
