"""`python -m flows` is `govpulse`."""

from flows.cli.app import main

main()
