"""A second place has what it takes to come back without the first: a folder on another disk, or a real S3 server."""

import shutil
import uuid

import pytest

from storage.backups import elsewhere
from storage.backups.elsewhere import copy_backups, fetch_backups, manifests_there
from storage.backups.manifest import manifests_in
from storage.changes import change
from storage.destination import open_destination, push, read, sizes_in, write
from storage.errors import GovpulseError
from storage.home import Home
from storage.intake.landing import land
from storage.intake.loading import load_landing
from storage.journal.elsewhere import copy_journal, fetch_journal
from storage.journal.files import segments
from storage.limits import Limits
from storage.people.forgetting import forget_user
from storage.transaction import transaction
from storage.warehouse import warehouse
from tasks.maintenance import copy_elsewhere, renew_backup
from tests.backups import NOW, back_up_now, everything, restore_now
from tests.homes import migrated_home


@pytest.fixture
def home(tmp_path, samples):
    home = migrated_home(tmp_path / "home")
    land(home, "system_metrics", samples(1_000))
    with warehouse(home) as con:
        load_landing(con, home)
    return home


@pytest.fixture(params=["folder", "bucket"])
def destination(request, tmp_path, monkeypatch):
    if request.param == "folder":
        (tmp_path / "disk").mkdir()
        return open_destination(str(tmp_path / "disk"))
    for name, value in request.getfixturevalue("s3_variables").items():
        monkeypatch.setenv(name, value)
    return open_destination(f"s3://backups/{uuid.uuid4().hex}")


def touch(home, value):
    with warehouse(home) as con, transaction(con):
        change(con, "raw.system_metrics", "UPDATE raw.system_metrics SET value = ?", [value])


def test_all_comes_back_though_the_volume_is_gone(home, destination):
    before = everything(home)
    back_up_now(home)
    assert copy_backups(home, destination, 7) > 0
    shutil.rmtree(home.root)
    other = Home(home.root.with_name("other"))
    other.create()
    assert fetch_backups(destination, other) > 0
    restore_now(other)
    assert everything(other) == before


def test_only_what_is_new_is_copied(home, destination):
    back_up_now(home)
    first = copy_backups(home, destination, 7)
    touch(home, 1.5)
    newest = back_up_now(home)
    assert copy_backups(home, destination, 7) < first
    assert list(manifests_there(destination)) == [path.name for path in manifests_in(home.backups)]
    assert copy_backups(home, destination, 7) == newest.path.stat().st_size


def test_the_newest_stay_and_no_file_that_none_of_them_needs(home, destination):
    for value in range(4):
        touch(home, float(value))
        back_up_now(home)
        copy_backups(home, destination, 2)
    assert [each.number for each in manifests_there(destination).values()] == [3, 4]
    needed = {f"backups/{file.path}" for each in manifests_there(destination).values() for file in each.files}
    assert set(sizes_in(destination, "backups/content")) == needed


def test_those_from_before_somebody_was_forgotten_go(home, destination):
    back_up_now(home)
    copy_backups(home, destination, 7)
    with warehouse(home) as con:
        forget_user(con, "ann@example.org", "root", NOW)
    back_up_now(home)
    copy_backups(home, destination, 7)
    assert [each.number for each in manifests_there(destination).values()] == [2]


def test_a_copy_that_does_not_come_back_as_it_was_drops_nothing(home, destination, monkeypatch):
    back_up_now(home)
    copy_backups(home, destination, 1)
    touch(home, 2.5)
    back_up_now(home)
    monkeypatch.setattr("storage.destination.read", lambda *_: b"something else")
    with pytest.raises(GovpulseError, match=r"backups/.* does not read back from .* as written"):
        copy_backups(home, destination, 1)
    monkeypatch.undo()
    assert [each.number for each in elsewhere.manifests_there(destination).values()] == [1]


def test_what_is_written_is_read(destination, tmp_path):
    write(destination, "a/b", b"content")
    assert read(destination, "a/b") == b"content"
    assert sizes_in(destination, "a") == {"a/b": 7}
    (tmp_path / "c").write_bytes(b"more")
    assert push(destination, {"a/c": tmp_path / "c", "a/d": tmp_path / "gone"}) == 4
    with pytest.raises(GovpulseError, match=r"the second destination .* fails: "):
        read(destination, "a/d")


def test_a_disk_that_is_not_mounted_is_no_empty_one(tmp_path):
    with pytest.raises(GovpulseError, match="does not exist: mount its disk, or create the folder"):
        open_destination(str(tmp_path / "disk"))
    with pytest.raises(GovpulseError, match="use a folder or s3://bucket/prefix"):
        open_destination("ftp://host/path")


def test_the_journal_that_older_backups_there_need_stays_until_it_is_there(home, destination):
    """The volume is gone between a backup here and its copy: what somebody did since the last copy of both comes back."""
    to = destination.name
    renew_backup(home, Limits(), 1, to=to)
    copy_elsewhere(home, Limits(), to, 1)
    with warehouse(home) as con:
        forget_user(con, "ann@example.org", "root", NOW)
        forgotten = con.sql("FROM ops.forgotten ORDER BY ALL").fetchall()
    renew_backup(home, Limits(), 1, to=to)
    other = Home(home.root.with_name("other"))
    other.create()
    fetch_backups(destination, other)
    fetch_journal(destination, other)
    assert restore_now(other).replayed.lost == []
    with warehouse(other) as con:
        assert con.sql("FROM ops.forgotten ORDER BY ALL").fetchall() == forgotten != []


def test_where_it_does_not_get_there_it_is_kept_here(home, tmp_path):
    (tmp_path / "disk").mkdir()
    renew_backup(home, Limits(), 1)
    with warehouse(home) as con:
        forget_user(con, "ann@example.org", "root", NOW)
    said = renew_backup(home, Limits(), 1, to=str(tmp_path / "gone")).said
    assert "the journal is kept: the second destination" in said
    kept = segments(home)
    assert "the journal is kept" not in renew_backup(home, Limits(), 1, to=str(tmp_path / "disk")).said
    assert len(kept) > len(segments(home)) == 1


def test_what_was_fetched_can_be_gone_on_with(home, destination, samples):
    """A place that has no folders has no empty ones."""
    renew_backup(home, Limits(), 1)
    with warehouse(home) as con:
        forget_user(con, "ann@example.org", "root", NOW)
    copy_elsewhere(home, Limits(), destination.name, 1)
    other = Home(home.root.with_name("other"))
    other.create()
    fetch_backups(destination, other)
    fetch_journal(destination, other)
    restore_now(other)
    land(other, "system_metrics", samples(5, host="h2"))
    with warehouse(other) as con:
        assert load_landing(con, other).files == 1


def test_a_file_that_is_in_all_backups_goes_with_them_when_it_comes_back(home, tmp_path, samples):
    """It lies in the second place until the next copy, and may name somebody who was forgotten since."""
    (tmp_path / "disk").mkdir()
    destination = open_destination(str(tmp_path / "disk"))
    copy_journal(home, destination)
    renew_backup(home, Limits(), 9)
    land(home, "system_metrics", samples(5, host="h2"))
    with warehouse(home) as con:
        load_landing(con, home)
    kept = [path.name for path in home.journal.glob("*/landed/*/*")]
    for is_with_entries in (True, False):
        assert fetch_journal(destination, home) > 0
        if not is_with_entries:
            shutil.rmtree(home.journal / "000001")
        with warehouse(home) as con:
            assert load_landing(con, home).files == 0
        renew_backup(home, Limits(), 9)
        assert [path.name for path in home.journal.glob("*/landed/*/*")] == kept
        assert list(home.landing.glob("*/*.parquet")) == []
