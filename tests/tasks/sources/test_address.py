"""Addresses: what tells one database from another, what a message shows of a URL, and what it never shows."""

import pytest

from storage.errors import ConfigurationError
from tasks.sources.address import Address
from tasks.sources.progress import name_source

URL = "postgresql://reader:s3cret-word@db.example:5432/platform"


def postgresql(url: str) -> Address:
    return Address("postgresql", url)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        (URL, "db.example:5432/platform"),
        ("postgres://reader@db.example/platform?sslmode=verify-full", "db.example/platform"),
        ("postgresql://db.example/platform?user=reader&password=s3cret-word", "db.example/platform"),
        ("postgresql://reader:s3@cret/word@db.example/platform", "db.example/platform"),
        ("postgresql://reader:s3?cret#word@db.example/platform?sslmode=require", "db.example/platform"),
        ("postgresql://reader:s3?a=b@db.example/platform", "db.example/platform"),
        ("postgresql://db.example/platform?user=me@corp.example&password=s3@cret", "db.example/platform"),
        ("postgresql://reader:pw@[::1]:5433/platform", "[::1]:5433/platform"),
        ("postgresql://reader:pw@a.example:1,b.example:2/platform?target_session_attrs=any", "a.example:1,b.example:2/platform"),
        ("postgresql:///platform?host=/run/postgresql", "/platform on /run/postgresql"),
        ("postgresql://db.example/platform?", "db.example/platform"),
    ],
)
def test_the_text_of_a_url_is_where_it_leads_without_user_password_and_parameters(url: str, shown: str) -> None:
    assert str(postgresql(url)) == shown


def test_the_repr_shows_the_kind_alone() -> None:
    assert repr(postgresql(URL)) == "Address(kind='postgresql')"


@pytest.mark.parametrize("given", ["folder/platform.sqlite", "sqlite:///folder/platform.sqlite"])
def test_a_sqlite_file_is_given_as_a_path_or_a_url(given: str) -> None:
    address = Address("sqlite", given)
    assert address.path == str(address) == "folder/platform.sqlite"


def test_an_absolute_sqlite_url_keeps_its_slash() -> None:
    assert Address("sqlite", "sqlite:////srv/platform.sqlite").path == "/srv/platform.sqlite"


@pytest.mark.parametrize("kind", ["sqlite", "files"])
def test_a_url_given_for_another_kind_of_source_shows_no_password_either(kind: str) -> None:
    assert str(Address(kind, URL)) == "postgresql://reader:***@db.example:5432/platform"


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://reader:another@db.example:5432/platform",
        "postgresql://db.example:5432/platform",
        "postgres://somebody@db.example:5432/platform",
        "postgresql://reader:pw@db.example:5432/platform?sslmode=verify-full&sslrootcert=/etc/ca.pem",
        "postgresql://db.example:5432/platform?user=reader&password=another&connect_timeout=5",
        "postgresql://reader:an@o?ther/word@db.example:5432/platform",
    ],
)
def test_a_new_password_user_or_tls_setting_makes_no_new_source(url: str) -> None:
    assert postgresql(url).identity == postgresql(URL).identity
    assert name_source("racine", postgresql(url)) == name_source("racine", postgresql(URL))


PLACES = (
    URL,
    "postgresql://reader:s3cret-word@db.example:5432/other",
    "postgresql://reader:s3cret-word@db.example:5433/platform",
    "postgresql://reader:s3cret-word@other.example:5432/platform",
    "postgresql:///platform?host=/run/a",
    "postgresql:///platform?host=/run/b",
    "postgresql:///platform?host=/run/b&port=5433",
    "postgresql:///platform?hostaddr=10.0.0.1",
    "postgresql://db.example?dbname=platform",
    "postgresql://db.example?dbname=other",
    "postgresql:///?service=production",
    "postgresql:///?service=staging",
)


def test_another_host_port_or_database_is_another_source_however_it_is_written() -> None:
    assert len({postgresql(url).identity for url in PLACES}) == len(PLACES)
    assert len({name_source("racine", postgresql(url)) for url in PLACES}) == len(PLACES)


def test_the_order_of_parameters_makes_no_new_source() -> None:
    one, other = ("postgresql:///platform?host=/run/a&port=5433", "postgresql:///platform?port=5433&host=/run/a")
    assert postgresql(one).identity == postgresql(other).identity


def test_a_name_tells_mappings_apart_and_names_no_place() -> None:
    assert name_source("racine", postgresql(URL)).startswith("racine-")
    assert name_source("some/where/mine", postgresql(URL)).startswith("mine-")
    assert "db.example" not in name_source("racine", postgresql(URL))
    assert len(name_source("racine", postgresql(URL))) == len("racine-") + 8


@pytest.mark.parametrize(
    ("url", "text", "hidden"),
    [
        (URL, "user reader, password s3cret-word.", "user reader, password ***."),
        ("postgresql://u:p%40ss%2Fword@h/d", 'in "p%40ss%2Fword" and p@ss/word', 'in "***" and ***'),
        ("postgresql://u:p@ss/word@h/d", 'host name "ss/word", then word', 'host name "ss/***", then ***'),
        ("postgresql://u:alpha@beta:gamma/delta@h/d", "alpha beta gamma delta", "*** *** *** ***"),
        ("postgresql://u:al?ph#a%b[et]a@h/d", 'token "al?ph#a%b[et]a"', 'token "***"'),
        ("postgresql://h/d?password=s3cret&sslpassword=k3y", "s3cret k3y", "*** ***"),
        ("postgresql://h/d?password=s3%26cret", "s3%26cret s3&cret", "*** ***"),
        ("postgresql://h/d?password=first&second&sslmode=require", "first&second; second; require", "***; ***; require"),
        ("postgresql://h/d?password=s3+cret", "s3+cret", "***"),
        ("postgresql://h/d?passwort=s3cret&oauth_client_secret=t0ken", "s3cret t0ken", "*** ***"),
        ("postgresql://u:ab@h/d", "ab ok", "*** ok"),
        ("postgresql://u:a@h/d", "a bad case", "*** b***d c***se"),
        ("postgresql://u:ab@cd@h/d", "ab@cd; cd is short", "***; cd is short"),
        ("postgresql://u@h/d", "nothing to hide", "nothing to hide"),
        ("postgresql://u:@h/d", "nothing to hide", "nothing to hide"),
        ("platform.sqlite", "nothing to hide", "nothing to hide"),
    ],
)
def test_passwords_are_hidden_as_written_as_meant_and_in_pieces(url: str, text: str, hidden: str) -> None:
    assert postgresql(url).without_secrets(text) == hidden


MYSQL = "mysql://reader:s3cret-word@db.example:3306/platform"


@pytest.mark.parametrize(
    "url",
    [
        "mysql://reader:another@db.example:3306/platform",
        "mysql://somebody@db.example:3306/platform",
        "mysql://reader:an@o?ther/word@db.example:3306/platform",
        "mysql://reader:pw@db.example:3306/platform?ssl_mode=verify_identity&ssl_ca=/etc/ca.pem&connect_timeout=5",
    ],
)
def test_a_new_password_user_or_tls_setting_makes_no_new_source_of_mysql(url: str) -> None:
    assert Address("mysql", url).identity == Address("mysql", MYSQL).identity == "mysql://db.example:3306/platform"
    assert name_source("racine", Address("mysql", url)) == name_source("racine", Address("mysql", MYSQL))
    assert str(Address("mysql", url)) == "db.example:3306/platform"


def test_another_place_is_another_source_of_mysql() -> None:
    urls = (MYSQL, MYSQL.replace("platform", "other"), MYSQL.replace("3306", "3307"), "mysql:///platform?unix_socket=/run/a")
    urls += ("mysql:///platform?unix_socket=/run/b",)
    assert len({name_source("racine", Address("mysql", url)) for url in urls}) == len(urls)


def test_a_password_of_mysql_is_hidden_as_any() -> None:
    assert Address("mysql", "mysql://u:p%40ss%2Fword@h/d").without_secrets("p%40ss%2Fword, p@ss/word") == "***, ***"
    assert repr(Address("mysql", MYSQL)) == "Address(kind='mysql')"


@pytest.mark.parametrize(
    "url", ["", "reader:s3cret@h/d", "postgresql://u:s3cret@h/d", "mysql:s3cret@h/d", "MYSQL+x://u:s3cret@h/d"]
)
def test_what_is_no_mysql_url_is_refused_without_repeating_it(url: str) -> None:
    address = Address("mysql", url)
    with pytest.raises(
        ConfigurationError, match="is no MySQL URL; write it like mysql://user:password@host:3306/database"
    ) as caught:
        address.check()
    assert "s3cret" not in str(caught.value)
    assert "s3cret" not in address.without_secrets(f"url = {url}")


@pytest.mark.parametrize("url", ["reader:s3cret@h/d", "postgresql:s3cret@h/d", "host=h password=s3cret", "mysql://u:s3cret@h/d"])
def test_what_is_no_postgresql_url_is_hidden_whole(url: str) -> None:
    assert postgresql(url).without_secrets(f"url = {url}") == "url = ***"


@pytest.mark.parametrize(
    "url", ["", "reader:s3cret@h/d", "postgresql:s3cret@h/d", "host=h password=s3cret", "mysql://u:s3cret@h/d"]
)
def test_what_is_no_postgresql_url_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(ConfigurationError, match="is no PostgreSQL URL; write it like postgresql://") as caught:
        postgresql(url).check()
    assert "s3cret" not in str(caught.value)
    assert caught.value.__context__ is None


@pytest.mark.parametrize("url", [URL, "postgres://db.example", "postgresql:///platform", "postgresql://u:p[w@h/d"])
def test_what_postgresql_takes_passes(url: str) -> None:
    postgresql(url).check()
