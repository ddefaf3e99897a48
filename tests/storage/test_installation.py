"""Whose a home is: what is not mounted or another installation's is refused in one line, and all else goes on by itself."""

import shutil

import pytest

from storage.errors import GovpulseError
from storage.home import Home
from storage.installation import has_own_warehouse, new_timeline
from storage.warehouse import warehouse
from tests.backups import restore_now
from tests.homes import migrated_home

FOLDERS = ("private", "backups", "journal")


@pytest.fixture
def ours(tmp_path):
    return opened(Home(tmp_path / "ours"))


@pytest.fixture
def theirs(tmp_path):
    return opened(Home(tmp_path / "theirs"))


def opened(home):
    with warehouse(home):
        return home


def ids(home):
    """What the folders and the warehouse say, each once."""
    with warehouse(home) as con:
        said = {row[0] for row in con.sql("SELECT installation FROM ops.installation").fetchall()}
    return said | {(home.root / name / "installation").read_text().split("\n")[0] for name in ("", *FOLDERS)}


def refusal(home):
    with pytest.raises(GovpulseError) as refused, warehouse(home):
        pass
    assert "\n" not in str(refused.value)
    return str(refused.value)


def contents(home):
    return {path: path.read_bytes() for path in home.root.rglob("*") if path.is_file() and "lock" not in str(path)}


def test_a_new_home_gets_one_id_everywhere_and_keeps_it(ours, theirs):
    first = ids(ours)
    assert len(first) == 1
    assert ids(opened(ours)) == first != ids(theirs)
    assert all((ours.root / name / "installation").stat().st_mode & 0o077 == 0 for name in ("", *FOLDERS))


def test_an_old_home_gets_one_without_a_word(ours):
    with warehouse(ours) as con:
        con.execute("DELETE FROM ops.installation")
    for name in ("", *FOLDERS):
        (ours.root / name / "installation").unlink()
    assert len(ids(ours)) == 1


def test_a_home_that_was_copied_whole_goes_on(ours, tmp_path):
    shutil.copytree(ours.root, tmp_path / "copy")
    assert ids(Home(tmp_path / "copy")) == ids(ours)


@pytest.mark.parametrize("name", FOLDERS)
@pytest.mark.parametrize("is_missing", [True, False])
def test_a_folder_that_is_not_mounted_is_refused_and_taken_when_it_is_back(ours, tmp_path, name, is_missing):
    was = ids(ours)
    (ours.root / name).rename(tmp_path / "unmounted")
    if not is_missing:
        (ours.root / name).mkdir(0o700)
    said = refusal(ours)
    assert str(ours.root / name) in said
    assert "mount its disk" in said
    assert not ours.warehouse.exists() or name != "private"
    with pytest.raises(GovpulseError, match="mount its disk"):
        has_own_warehouse(ours)
    shutil.rmtree(ours.root / name)
    (tmp_path / "unmounted").rename(ours.root / name)
    assert ids(ours) == was


@pytest.mark.parametrize("name", FOLDERS)
def test_what_is_gone_for_good_is_given_up_as_the_refusal_says(ours, name):
    was = ids(ours)
    shutil.rmtree(ours.root / name)
    assert f"delete {ours.root / 'installation'}" in refusal(ours)
    (ours.root / "installation").unlink()
    assert ids(ours) == was


@pytest.mark.parametrize("name", FOLDERS)
def test_the_volume_of_somebody_else_is_refused_and_stays_as_it_is(ours, theirs, name):
    shutil.rmtree(ours.root / name)
    shutil.copytree(theirs.root / name, ours.root / name)
    before = contents(ours)
    said = refusal(ours)
    assert str(ours.root / name) in said
    assert "belongs to a different installation" in said
    assert contents(ours) == before
    for path in (ours.root, *map(ours.root.joinpath, FOLDERS)):
        (path / "installation").unlink()
    assert len(ids(ours)) == 1, "the way on that the refusal names"


def test_somebody_elses_warehouse_in_our_folder_is_refused(ours, theirs):
    shutil.copy(theirs.warehouse, ours.warehouse)
    (ours.private / "warehouse.mark").unlink()
    assert "warehouse.duckdb belongs to a different installation" in refusal(ours)
    for name in ("", *FOLDERS):
        (ours.root / name / "installation").unlink()
    assert ids(ours) == ids(theirs), "then it is that one's home"


def test_folders_that_are_mounted_into_a_new_root_make_it_their_own(ours, tmp_path):
    was, fresh = ids(ours), Home(tmp_path / "fresh")
    fresh.root.mkdir()
    ours.private.rename(fresh.private)
    assert ids(fresh) == was


def test_folders_of_two_installations_in_a_new_root_are_refused(ours, theirs, tmp_path):
    fresh = Home(tmp_path / "fresh")
    fresh.root.mkdir()
    ours.private.rename(fresh.private)
    theirs.backups.rename(fresh.backups)
    assert f"{fresh.backups} belongs to a different installation than {fresh.private}" in refusal(fresh)


def test_backups_mounted_into_a_new_root_are_not_begun_over(ours, tmp_path):
    fresh = Home(tmp_path / "fresh")
    fresh.root.mkdir()
    (ours.backups / "warehouse-00000001-20260301T000000Z.duckdb").write_bytes(ours.warehouse.read_bytes())
    ours.backups.rename(fresh.backups)
    assert "restore a backup with `govpulse restore`" in refusal(fresh)
    assert not (fresh.root / "installation").exists()


def test_a_restore_onto_a_new_disk_gives_the_folder_its_id_again(ours):
    was = ids(ours)
    (ours.backups / "warehouse-00000001-20260301T000000Z.duckdb").write_bytes(ours.warehouse.read_bytes())
    shutil.rmtree(ours.private)
    refusal(ours)
    restore_now(ours)
    assert ids(ours) == was


@pytest.mark.parametrize("left", [("private",), ("private", "backups")])
def test_killed_while_the_ids_are_first_written_the_next_goes_on(tmp_path, left):
    home = opened(Home(tmp_path / "home"))
    was = ids(home)
    with warehouse(home) as con:
        con.execute("DELETE FROM ops.installation")
    for name in {"", *FOLDERS} - set(left):
        (home.root / name / "installation").unlink()
    (home.root / ".installation.tmp").write_text("12")
    assert ids(home) == was
    (home.root / "private" / "installation").unlink()
    assert ids(home) == was, "of a file that is lost alone"
    assert not (home.root / ".installation.tmp").exists()


@pytest.mark.parametrize("content", ["", "12\n", "zz" * 16 + "\n", "ab" * 16])
def test_half_an_id_is_none_and_said(ours, content):
    (ours.private / "installation").write_text(content)
    said = refusal(ours)
    assert str(ours.private / "installation") in said
    (ours.private / "installation").unlink()
    assert len(ids(ours)) == 1


def test_a_timeline_is_renewed_and_the_installation_stays(tmp_path):
    home = migrated_home(tmp_path / "home")
    was = ids(home)
    with warehouse(home) as con:
        before = con.sql("SELECT timeline FROM ops.installation").fetchall()
        assert [(new_timeline(con),)] == con.sql("SELECT timeline FROM ops.installation").fetchall() != before
    assert ids(home) == was
