"""The URL of a MySQL or MariaDB database -> what its driver is told."""

import ssl
from typing import Any
from urllib.parse import unquote, urlsplit

from storage.errors import ConfigurationError
from tasks.sources.address import Address

TLS_MODES = ("disabled", "preferred", "required", "verify_ca", "verify_identity")
PARAMETERS = ("ssl_mode", "ssl_ca", "ssl_cert", "ssl_key", "connect_timeout", "unix_socket")
PORT = 3306
CONNECT_SECONDS = 10


def arguments_of(address: Address) -> dict[str, Any]:
    """Where the database is, as whom to log in, and how to encrypt.

    Raises:
        ConfigurationError: the URL is none, or says what nobody understands. No part of it that may be secret is repeated.
    """
    address.check()
    userinfo, place, parameters = address.parts()
    user, _, password = userinfo.partition(":")
    unknown = sorted(set(parameters) - {*PARAMETERS, ""})
    if unknown:
        raise ConfigurationError(f"[source] url has a parameter that is not one of {', '.join(PARAMETERS)}")
    login = {"user": unquote(user), "password": unquote(password)}
    return _place(place, parameters) | login | _timeout(parameters) | _encryption(parameters)


def _place(place: str, parameters: dict[str, str]) -> dict[str, Any]:
    try:
        parts = urlsplit(f"//{place}")
        host, port, database = parts.hostname, parts.port, unquote(parts.path.removeprefix("/"))
    except ValueError:
        host, port, database = None, None, ""
    if not database or "/" in database or parts.query or parts.fragment:
        raise ConfigurationError("[source] url names no database; write it like mysql://user:password@host:3306/database")
    socket = {"unix_socket": unquote(parameters["unix_socket"])} if parameters.get("unix_socket") else {}
    return {"host": host or "localhost", "port": port or PORT, "database": database} | socket


def _timeout(parameters: dict[str, str]) -> dict[str, Any]:
    seconds = parameters.get("connect_timeout", str(CONNECT_SECONDS))
    if not seconds.isascii() or not seconds.isdigit() or not int(seconds):
        raise ConfigurationError("[source] url: connect_timeout must be a number of seconds")
    return {"connect_timeout": int(seconds)}


def _encryption(parameters: dict[str, str]) -> dict[str, Any]:
    """`preferred`, which the driver does by itself, is what MySQL's own clients do where nothing is said; with an authority, its
    certificates are asked for."""
    files = {name: unquote(parameters[name]) for name in ("ssl_ca", "ssl_cert", "ssl_key") if parameters.get(name)}
    mode = parameters.get("ssl_mode", "verify_ca" if "ssl_ca" in files else "required" if files else "preferred").lower()
    if mode not in TLS_MODES:
        raise ConfigurationError(f"[source] url: ssl_mode must be one of {', '.join(TLS_MODES)}")
    if mode == "disabled":
        return {"ssl_disabled": True}
    if mode == "preferred":
        return {}
    return {"ssl": _context(mode, files)}


def _context(mode: str, files: dict[str, str]) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=files.get("ssl_ca"))
        # The certificates that MySQL makes for itself lack what Python asks for since 3.13.
        context.verify_flags &= ~getattr(ssl, "VERIFY_X509_STRICT", 0)
        context.check_hostname = mode == "verify_identity"
        context.verify_mode = ssl.CERT_NONE if mode == "required" else ssl.CERT_REQUIRED
        if "ssl_cert" in files:
            context.load_cert_chain(files["ssl_cert"], files.get("ssl_key"))
    except (OSError, ValueError) as error:
        raise ConfigurationError("[source] url: a file of ssl_ca, ssl_cert or ssl_key cannot be read as PEM") from error
    return context
