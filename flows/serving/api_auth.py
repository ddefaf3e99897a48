"""The secret of an installation for its Prefect API and its pages: `user:password`, made on first start, its owner's alone.

Worker, flow runs and the command line show it with each request; a browser gets it through the links that `up` prints.
"""

from collections.abc import Mapping
from pathlib import Path

from storage.errors import GovpulseError
from storage.home import Home
from storage.kept_secret import kept_secret

USER = "govpulse"


def api_auth_file(home: Home) -> Path:
    """Where it is kept."""
    return home.prefect / "api_auth"


def api_auth(home: Home, environment: Mapping[str, str]) -> str:
    """The secret: what the environment says our server asks for, else the installation's own, made where there is none.

    Raises:
        GovpulseError: the file cannot be read or written.
    """
    file = api_auth_file(home)
    given = environment.get("PREFECT_SERVER_API_AUTH_STRING")
    try:
        return given or kept_secret(file, USER)
    except OSError as error:
        raise GovpulseError(f"cannot write the secret of the Prefect API to {file}: {error.strerror or error}") from error
