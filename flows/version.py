"""Which govpulse this is, told without loading what it takes to run."""

from importlib.metadata import version


def version_line() -> str:
    """What `govpulse --version` prints."""
    return f"govpulse {version('govpulse')}"
