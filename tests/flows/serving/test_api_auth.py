"""The secret of an installation."""

import os
from collections.abc import Iterator

import pytest

from flows.serving.api_auth import api_auth, api_auth_file
from storage.errors import GovpulseError
from storage.home import Home


@pytest.fixture(params=[0o000, 0o022, 0o077])
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


@pytest.mark.usefixtures("umask")
def test_it_is_made_once_and_readable_by_its_owner_alone(home: Home) -> None:
    first = api_auth(home, {})
    assert api_auth(home, {}) == first
    file = api_auth_file(home)
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)


def test_every_installation_has_its_own_and_it_is_long(home: Home) -> None:
    secrets = {api_auth(Home(home.root / name), {}) for name in "abc"}
    assert len(secrets) == 3
    assert all(len(secret.partition(":")[2]) >= 43 for secret in secrets)  # 32 random bytes


def test_one_that_others_could_read_is_no_secret_any_more(home: Home) -> None:
    known = api_auth(home, {})
    api_auth_file(home).chmod(0o644)
    fresh = api_auth(home, {})
    assert fresh != known
    assert api_auth_file(home).stat().st_mode & 0o777 == 0o600


def test_what_the_user_says_goes_before(home: Home) -> None:
    assert api_auth(home, {"PREFECT_SERVER_API_AUTH_STRING": "ops:mine"}) == "ops:mine"
    assert not api_auth_file(home).exists()


def test_planted_link_is_not_followed(home: Home) -> None:
    home.prefect.mkdir(parents=True)
    (home.root / "target").write_text("known")
    api_auth_file(home).symlink_to(home.root / "target")
    with pytest.raises(GovpulseError, match="cannot write the secret"):
        api_auth(home, {})
