"""What the driver of MySQL is told of a URL: place, login, encryption, and what it is not told."""

import ssl
from pathlib import Path
from typing import Any

import pytest

from storage.errors import ConfigurationError
from tasks.sources.address import Address
from tasks.sources.database.mysql_address import arguments_of
from tests.tls_proxy import Authority

HOST = {"host": "h", "port": 3306, "database": "d", "user": "u", "password": "p", "connect_timeout": 10}


def told(url: str) -> dict[str, Any]:
    return arguments_of(Address("mysql", url))


@pytest.mark.parametrize(
    ("url", "arguments"),
    [
        ("mysql://u:p@h/d", HOST),
        ("mysql://u:p@h:3307/d", HOST | {"port": 3307}),
        ("mysql://u:p@[::1]:3307/d", HOST | {"host": "::1", "port": 3307}),
        ("mysql://u@h/d", HOST | {"password": ""}),
        ("mysql://a%40b:p%2F%3As@h/d", HOST | {"user": "a@b", "password": "p/:s"}),
        ("mysql://u:p@ss/w?rd@h/d", HOST | {"password": "p@ss/w?rd"}),
        ("mysql://u:p@h/d%20e", HOST | {"database": "d e"}),
        ("mysql://u:p@h/d?connect_timeout=5", HOST | {"connect_timeout": 5}),
        ("mysql://u:p@/d?unix_socket=/run/s", HOST | {"host": "localhost", "unix_socket": "/run/s"}),
        ("mysql://u:p@h/d?ssl_mode=DISABLED", HOST | {"ssl_disabled": True}),
        ("mysql://u:p@h/d?ssl_mode=preferred", HOST),
    ],
)
def test_place_login_and_time(url: str, arguments: dict[str, Any]) -> None:
    assert told(url) == arguments


@pytest.mark.parametrize(
    ("parameters", "mode", "is_named"),
    [
        ("ssl_mode=required", ssl.CERT_NONE, False),
        ("ssl_ca={ca}", ssl.CERT_REQUIRED, False),
        ("ssl_mode=verify_ca&ssl_ca={ca}", ssl.CERT_REQUIRED, False),
        ("ssl_mode=VERIFY_IDENTITY&ssl_ca={ca}", ssl.CERT_REQUIRED, True),
        ("ssl_mode=verify_identity", ssl.CERT_REQUIRED, True),
        ("ssl_cert={pair}", ssl.CERT_NONE, False),
    ],
)
def test_encryption(tmp_path: Path, parameters: str, mode: ssl.VerifyMode, is_named: bool) -> None:
    authority = Authority(tmp_path, "ours")
    context = told(f"mysql://u:p@h/d?{parameters.format(ca=authority.path, pair=authority.issue('127.0.0.1'))}")["ssl"]
    assert (context.verify_mode, context.check_hostname) == (mode, is_named)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("mysql://u:s3cret@h", "names no database"),
        ("mysql://u:s3cret@h/", "names no database"),
        ("mysql://u:s3cret@h:port/d", "names no database"),
        ("mysql://u:s3cret@h/d/e", "names no database"),
        ("mysql://u:s3cret@h/d?ssl-mode=required", "names no database"),
        ("mysql://u:s3cret@h/d?sslmode=require", "has a parameter that is not one of ssl_mode, ssl_ca"),
        ("mysql://u:s3cret@h/d?ssl_mode=require", "ssl_mode must be one of disabled, preferred, required"),
        ("mysql://u:s3cret@h/d?ssl_ca=/nowhere/s3cret.pem", "cannot be read as PEM"),
        ("mysql://u:s3cret@h/d?connect_timeout=0", "connect_timeout must be a number of seconds"),
        ("mysql://u:s3cret@h/d?connect_timeout=²", "connect_timeout must be a number of seconds"),
        ("postgresql://u:s3cret@h/d", "is no MySQL URL"),
    ],
)
def test_what_nobody_understands_is_refused_without_repeating_it(url: str, said: str) -> None:
    """A misspelt setting of TLS must not end in a connection without it."""
    with pytest.raises(ConfigurationError, match=said) as caught:
        told(url)
    assert "s3cret" not in str(caught.value)
