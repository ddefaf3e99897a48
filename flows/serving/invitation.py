"""What `govpulse up` says once it is up: where the UI is, how to get in, and who else could."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, urlsplit

from flows.serving.prefect_server import is_loopback

SIGN_IN = "/sign-in"
"""The page of our server that takes the secret from a link."""


def invite(api_url: str, auth: str, auth_file: Path, host: str, *, is_private: bool) -> Iterator[str]:
    """For our own server: its address and the way in.

    Args:
        auth: its secret.
        host: where it listens.
        is_private: only a person sees this, on a terminal: no log keeps it.
    """
    ui = api_url.removesuffix("/api")
    if is_private:
        yield f"govpulse is up. Runs and forms: {ui}{SIGN_IN}#{quote(auth, safe='')}"
        yield "The link signs your browser in; anybody who has it can do what you can."
    else:
        yield f"govpulse is up. Runs and forms: {ui} (sign in with the line in {auth_file})"
    if not is_loopback(host):
        yield (
            f"Warning: it listens on {host} without encryption: anybody who sees the traffic learns the secret."
            " Put a TLS proxy in front of it."
        )


def invite_to_pages(url: str, auth: str, auth_file: Path, *, is_private: bool) -> str:
    """For our own pages, which the same secret opens."""
    if is_private:
        return f"Alerts: {url}{SIGN_IN}#{quote(auth, safe='')}"
    return f"Alerts: {url} (sign in with the same line, in {auth_file})"


def invite_elsewhere(api_url: str) -> Iterator[str]:
    """For a server of others: what is theirs to protect."""
    yield f"govpulse is up. Runs and forms: {api_url.removesuffix('/api')}"
    yield (
        "That Prefect server is not govpulse's: its operator decides who may see results and start runs. Our worker runs"
        " only what prefect.yaml registers."
    )
    parts = urlsplit(api_url)
    if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
        yield "Warning: the connection to it is not encrypted."
