"""Which govpulse this is, told without loading what it takes to run."""


def version_line() -> str:
    """What `govpulse --version` prints."""
    from importlib.metadata import version

    return f"govpulse {version('govpulse')}"
