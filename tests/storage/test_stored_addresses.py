"""A warehouse that has addresses: they are hashed once, everywhere, as if they had come in hashed."""

import json
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from storage.catalogue import DATASETS, TABLES
from storage.fingerprints import fingerprint, row_id
from storage.home import Home
from storage.intake.landing import land
from storage.intake.loading import load_landing
from storage.journal.files import begin_segment, drop_segments_before
from storage.limits import Limits
from storage.people.columns import user_columns
from storage.people.forgetting import forget_user
from storage.people.pseudonyms import Pseudonyms
from storage.people.stored_addresses import read_pseudonyms, settle_addresses
from storage.verification.keys import verify_keys
from storage.warehouse import warehouse
from tasks.sources.pseudonyms import without_addresses
from tests.acts import act_rows, scores_now
from tests.homes import migrated_home
from tests.insight_rows import BLANK_AT, insert

ANN, BOB = "ann.lee@x.org", "bob@x.org"
NOW, AT = datetime(2026, 7, 1, 1, tzinfo=UTC), datetime(2026, 6, 28, tzinfo=UTC)
LIMITS = Limits()


def rows_of_platform() -> list[tuple[str, pl.DataFrame]]:
    """Ann and bob by their addresses, eve by an id; of each dataset with people something, and of two a row that is refused."""
    who = [ANN, BOB, "eve"]
    scan = {"data_source": "crm", "scan_type": "full", "status": "running", "triggered_by": who, "updated_at": AT}
    deployment = {"service": "api", "environment": "production", "status": "failed", "deployed_by": who, "updated_at": AT}
    acts = [{"activity_id": f"{user} {n}", "user_id": user} for n, user in enumerate(who * 2)]
    acts += [{"activity_id": "on ann", "user_id": "eve", "resource_type": "user", "resource_id": ANN}]
    acts += [{"activity_id": "no user", "user_id": "eve", "resource_type": "cell", "resource_id": "7@9"}]
    return [
        ("users", pl.DataFrame({"user_id": who, "role": "steward", "updated_at": AT})),
        ("users", pl.DataFrame({"user_id": [f"BAD-{ANN}"], "is_active": ["perhaps"], "updated_at": [AT]})),
        ("owners", pl.DataFrame({"domain": "sales", "user_id": who, "extracted_at": AT})),
        ("people", pl.DataFrame({"user_id": [ANN.upper(), "al"], "person_id": [ANN, BOB], "extracted_at": AT})),
        ("scans", pl.DataFrame({"scan_id": [f"scan-{user}" for user in who]} | scan)),
        ("scans", pl.DataFrame({"scan_id": ["bad"]} | scan | {"status": "odd", "triggered_by": [BOB]})),
        ("deployments", pl.DataFrame({"deployment_id": ["1", "2", "3"]} | deployment)),
        ("activity", act_rows(acts)),
    ]


def load(home: Home, pseudonyms: Pseudonyms | None = None) -> None:
    for dataset, rows in rows_of_platform():
        landed = without_addresses(rows.to_arrow(), dataset, pseudonyms) if pseudonyms else rows
        land(home, dataset, landed, metadata={"source": "mine"})
    with warehouse(home) as con:
        load_landing(con, home)


def contents(home: Home) -> dict[str, Any]:
    """What raw and the refused rows say."""
    with warehouse(home) as con:
        names = {f"raw.{name}": "*" for name in DATASETS}
        refused = "rejected_id, dataset, key, reason, CAST(row AS VARCHAR) AS row, source"
        return {
            name: sorted(con.sql(f"SELECT {columns} FROM {name}").fetchall(), key=repr)
            for name, columns in {**names, "ops.rejected_rows": refused}.items()
        }


@pytest.fixture
def stored(tmp_path: Path) -> Home:
    home = migrated_home(tmp_path / "stored")
    load(home)
    return home


def settle(home: Home) -> bool:
    return settle_addresses(home, LIMITS, "hash", NOW)


def test_what_was_stored_is_what_comes_in_hashed(stored: Home, tmp_path: Path) -> None:
    assert settle(stored)
    fresh = migrated_home(tmp_path / "fresh")
    fresh.person_secret.write_bytes(stored.person_secret.read_bytes())
    load(fresh, read_pseudonyms(fresh, LIMITS, "hash", NOW))
    assert contents(stored) == contents(fresh)
    load(stored, read_pseudonyms(stored, LIMITS, "hash", NOW))
    assert contents(stored) == contents(fresh), "read again it is the same"
    assert [check for check in verify_keys(stored, Limits(), NOW, deep=True) if not check.is_ok] == []


def test_no_column_for_users_has_an_address_and_the_rest_stays(stored: Home) -> None:
    settle(stored)
    with warehouse(stored) as con:
        for name, table in DATASETS.items():
            for column in user_columns(table):
                where = "activity_id <> 'no user'" if name == "activity" else "true"
                assert con.sql(f"SELECT 1 FROM raw.{name} WHERE contains({column.name}, '@') AND {where}").fetchall() == []
        assert con.sql("SELECT resource_id FROM raw.activity WHERE activity_id = 'no user'").fetchall() == [("7@9",)]
        assert con.sql(f"SELECT count(*) FROM raw.scans WHERE scan_id = 'scan-{ANN}'").fetchall() == [(1,)], "no id of a person"
        assert con.sql("SELECT count(*) FROM raw.users WHERE user_id = 'eve'").fetchall() == [(1,)]


def test_the_addresses_are_in_no_byte_of_the_file(tmp_path: Path) -> None:
    home = migrated_home(tmp_path / "home")
    land(home, "users", pl.DataFrame({"user_id": [ANN, BOB], "updated_at": AT}))
    with warehouse(home) as con:
        load_landing(con, home)
        con.execute("CHECKPOINT")
    assert b"x.org" in home.warehouse.read_bytes()
    settle(home)
    drop_segments_before(home, begin_segment(home))  # as when no backup needs them any more
    assert [path for path in home.root.rglob("*") if path.is_file() and b"x.org" in path.read_bytes()] == []


def test_two_spellings_become_one_row_the_newest(tmp_path: Path) -> None:
    home = migrated_home(tmp_path / "home")
    rows = {"user_id": [ANN, ANN.upper(), f" {ANN}"], "role": ["a", "b", "c"]}
    times = [AT, AT + timedelta(hours=2), AT + timedelta(hours=1)]
    land(home, "users", pl.DataFrame({**rows, "updated_at": times, "extracted_at": times}))
    with warehouse(home) as con:
        load_landing(con, home)
        assert con.sql("SELECT count(*) FROM raw.users").fetchall() == [(3,)]
    settle(home)
    with warehouse(home) as con:
        assert con.sql("SELECT role FROM raw.users").fetchall() == [("b",)]


def test_what_was_computed_and_told_goes_on_under_the_new_name(stored: Home) -> None:
    labels = {"expert": ANN}
    old = fingerprint("knowledge_at_risk", ANN, list(labels.items()))
    said = {"fingerprint": old, "subject": ANN, "statement": f"sales rests on {ANN}."}
    with warehouse(stored) as con:
        scores_now(con)
        alert = {"fingerprint": old, "rule": "knowledge_at_risk", "subject": ANN, "labels": json.dumps(labels)}
        insert(con, TABLES["alerts.alerts"], alert)
        insert(con, TABLES["alerts.transitions"], {"fingerprint": old, "subject": ANN, "reason": f"rests on {ANN}"})
        insert(con, TABLES["alerts.notifications"], {"fingerprint": old, "message": json.dumps(said)})
        matchers = [["subject", "=", ANN], ["expert", "=~", r"ann\.lee@x\.org|eve"]]
        insert(con, TABLES["alerts.silences"], {"fingerprint": old, "matchers": json.dumps(matchers)})
        finding = {"insight_id": row_id("expert_left", ANN, "{}", BLANK_AT), "kind": "expert_left", "subject": ANN, "labels": "{}"}
        insert(con, TABLES["insights.performance_insights"], {**finding, "started_at": BLANK_AT, "statement": f"{ANN} left"})
        insert(con, TABLES["insights.user_profiles"], {"user_id": BOB, "recent_acts": json.dumps([{"resource_id": ANN}])})
    settle(stored)
    ann, bob = (read_pseudonyms(stored, LIMITS, "hash", NOW).of(user) for user in (ANN, BOB))
    new = fingerprint("knowledge_at_risk", ann, [("expert", ann)])
    with warehouse(stored) as con:
        assert con.sql("SELECT fingerprint, subject, labels ->> 'expert' FROM alerts.alerts").fetchall() == [(new, ann, ann)]
        assert con.sql("SELECT fingerprint, subject, reason FROM alerts.transitions").fetchall() == [(new, ann, f"rests on {ann}")]
        ((print_, message),) = con.sql("SELECT fingerprint, message FROM alerts.notifications").fetchall()
        assert print_ == new
        assert json.loads(message) == {"fingerprint": new, "subject": ann, "statement": f"sales rests on {ann}."}
        ((print_, silenced),) = con.sql("SELECT fingerprint, matchers FROM alerts.silences").fetchall()
        assert (print_, json.loads(silenced)) == (new, [["subject", "=", ann], ["expert", "=~", f"{ann}|eve"]])
        found = "SELECT insight_id, subject, statement FROM insights.performance_insights"
        assert con.sql(found).fetchall() == [(row_id("expert_left", ann, "{}", BLANK_AT), ann, f"{ann} left")]
        profile = "SELECT user_id, recent_acts -> 0 ->> 'resource_id' FROM insights.user_profiles"
        assert con.sql(profile).fetchall() == [(bob, ann)]
        assert set(scores_now(con)["user_id"]) == {ann, bob, "eve"}, "what was carried is made anew"


def test_it_is_done_once_and_again_only_when_addresses_came_in_unhashed(stored: Home) -> None:
    assert settle(stored)
    assert not settle(stored)
    load(stored, read_pseudonyms(stored, LIMITS, "hash", NOW))
    assert not settle(stored)
    land(stored, "users", pl.DataFrame({"user_id": ["new@x.org"], "updated_at": [AT]}))
    with warehouse(stored) as con:
        load_landing(con, stored)
    assert settle(stored), "a file from before was waiting"
    with warehouse(stored) as con:
        assert con.sql("SELECT 1 FROM raw.users WHERE contains(user_id, '@')").fetchall() == []


def test_without_addresses_nothing_is_written_anew(tmp_path: Path) -> None:
    home = migrated_home(tmp_path / "home")
    before = home.warehouse.stat().st_ino
    assert not settle(home)
    assert home.warehouse.stat().st_ino == before


@pytest.mark.parametrize("rule", ["keep", "refuse"])
def test_only_hashing_touches_what_is_stored(stored: Home, rule: Any) -> None:
    before = contents(stored)
    assert not settle_addresses(stored, LIMITS, rule, NOW)
    assert contents(stored) == before


KILLED = """
import os, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from storage.people import stored_addresses
from storage.home import Home
from storage.limits import Limits

def kill(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

setattr(stored_addresses, sys.argv[2], kill)
stored_addresses.settle_addresses(Home(Path(sys.argv[1])), Limits(), "hash", datetime(2026, 7, 1, tzinfo=UTC))
"""


@pytest.mark.parametrize("where", ["_put_in_refused", "rename_rows", "_drop_doubles", "compact"])
def test_killed_anywhere_it_is_whole_or_not_at_all_and_the_next_time_finishes_it(stored: Home, where: str) -> None:
    before = contents(stored)
    killed = subprocess.run([sys.executable, "-c", KILLED, str(stored.root), where], check=False)
    assert killed.returncode == -signal.SIGKILL
    is_committed = where == "compact"
    assert (contents(stored) != before) == is_committed
    assert settle(stored), "the file is written anew, too"
    with warehouse(stored) as con:
        assert con.sql("SELECT count(*) FROM raw.users WHERE contains(user_id, '@')").fetchall() == [(0,)]
        assert con.sql("SELECT count(*) FROM ops.person_secret WHERE rewritten_at IS NOT NULL").fetchall() == [(1,)]


def test_who_was_forgotten_stays_so(stored: Home) -> None:
    """Before addresses were hashed they were forgotten by their address: the loader knows them by that alone."""
    with warehouse(stored) as con:
        forget_user(con, ANN, "root", NOW)
    settle(stored)
    pseudonyms = read_pseudonyms(stored, LIMITS, "hash", NOW)
    assert pseudonyms.of(ANN) == ANN
    load(stored, pseudonyms)
    with warehouse(stored) as con:
        assert {row[0] for row in con.sql("SELECT user_id FROM raw.users").fetchall()} == {pseudonyms.of(BOB), "eve"}
    assert not settle(stored), "they are no reason to look again"
