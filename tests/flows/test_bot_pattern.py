"""Which ids say of themselves that they are no person's, by default."""

import duckdb
import pytest

from flows.settings import ExpertiseSettings
from tasks.patterns import compiled

BOTS = (
    *("system", "SYSTEM", "System", "system:serviceaccount:ci:runner", "sysadmin", "superuser"),
    *("admin", "ADMIN", "Administrator", "root", "Root"),
    *(
        "service-account",
        "service-account-x",
        "Service_Account_x",
        "serviceaccount-7",
        "svc_x",
        "SVC-sync",
        "sa-x",
        "sa_ci",
        "bot_7",
    ),
    *("x-bot", "x_bot", "X-Bot", "x[bot]", "dependabot[bot]", "renovate[Bot]"),
)
PEOPLE = (
    *("admin.jones", "jones.admin", "administrator2", "root.felix", "felix.root", "rooth", "systema", "ecosystem", "systems.ann"),
    *("abbot", "abbot.lee", "robot", "bottomley", "sabine", "sa", "sarah-x", "svcs", "bot", "service-desk.ann", "accountant"),
    *("u-0123456789abcdef", "u-b07b07b07b07b07b"),
)


@pytest.mark.parametrize(("user", "is_bot"), [*((user, True) for user in BOTS), *((user, False) for user in PEOPLE)])
def test_an_id_says_whether_it_is_a_persons(user: str, is_bot: bool) -> None:
    found = duckdb.execute("SELECT regexp_matches(?, ?)", [user, ExpertiseSettings().bot_pattern]).fetchall()
    assert found == [(is_bot,)]


def test_the_pattern_is_within_the_bounds_of_settings() -> None:
    compiled(ExpertiseSettings().bot_pattern)
