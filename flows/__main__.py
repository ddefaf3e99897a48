"""The program: `python -m flows` is `govpulse`."""

import sys

from flows.collecting import collect_seldom
from flows.version import version_line


def main() -> None:
    """Run the command line; asked for the version alone, answer before anything is loaded."""
    if sys.argv[1:] == ["--version"]:
        print(version_line())  # noqa: T201 - flows/printing.py loads what this does without
        return
    collect_seldom()
    from flows.cli.app import main

    main()


if __name__ == "__main__":
    main()
