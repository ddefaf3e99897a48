"""Another user of the machine reads the published file and the report and nothing else, writes nothing, locks no private file."""

import json
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.homes import migrated_file
from tests.other_users import READER, RUNNER, OtherUsers, folder_of, other_users, some_group

READS = {("list", "report"), ("list", "report/plots"), ("read", "report/plots/a.png"), ("lock", "report/plots/a.png")}
READS |= {("read", "govpulse.duckdb"), ("lock", "govpulse.duckdb"), ("lock", "report"), ("lock", "report/plots")}
"""What is for others; to hold a lock on it holds up nobody."""

IMPORTS = """
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
import polars as pl
import duckdb, pytz
from storage.publishing.audience import Audience
from storage.errors import GovpulseError
from storage.home import Home
from storage.intake.landing import land
from storage.intake.loading import load_landing
from storage.lock import fair_lock
from storage.backups.taking import back_up
from storage.maintenance import compact
from storage.publishing.publishing import publish
from storage.limits import Limits
from storage.warehouse import warehouse
"""
OPERATE = """
home, audience = Home(Path(sys.argv[1])), Audience(*json.loads(sys.argv[2]))
rows = pl.DataFrame({"host": "h", "metric": "system.cpu.utilization", "attributes": "", "unit": "1",
                     "observed_at": datetime.now(UTC), "value": 0.5, "status": "ok"})
home.create()
if not home.warehouse.exists():
    home.warehouse.write_bytes(Path(sys.argv[3]).read_bytes())
(home.landing / "activity").mkdir(exist_ok=True)
(home.landing / "activity" / "broken.parquet").write_bytes(b"no parquet")
land(home, "system_metrics", rows)
with warehouse(home) as con:
    load_landing(con, home)
    compact(con, home)
back_up(home, Limits(), datetime.now(UTC))
with warehouse(home) as con:
    audience.make_folder(home.report)
    audience.make_folder(home.plots)
    audience.write(home.plots / "a.png", b"png")
    publish(con, home, audience)
land(home, "system_metrics", rows)
for path in (home.sample, home.prefect / "logs" / "server.log"):
    path.parent.mkdir(exist_ok=True)
    path.touch()
with fair_lock(home.insights_lock, 1.0):
    home.create()
    print(json.dumps({str(p.relative_to(home.root)): p.stat().st_mode & 0o7777 for p in home.root.rglob("*")}))
"""
PUBLISH_WATCHED = """
home, runner, reader = Home(Path(sys.argv[1])), int(sys.argv[2]), int(sys.argv[3])
names = [home.published, home.published.with_name("govpulse.duckdb.wal"), home.publishing / "govpulse.duckdb"]
(ready, told), (going_on, end) = os.pipe(), os.pipe()
watcher = os.fork()
if watcher == 0:
    become(reader, [], 0)
    os.close(end)
    os.set_blocking(going_on, False)
    os.write(told, b".")
    while True:
        for name in names:
            try:
                os.close(os.open(name, os.O_RDONLY))
                os._exit(1)
            except OSError:
                pass
        try:
            os.read(going_on, 1)
            os._exit(0)
        except BlockingIOError:
            pass
os.read(ready, 1)
become(runner, [], 0)
with warehouse(home) as con:
    for _ in range(2):
        publish(con, home, Audience(sys.argv[4]))
os.close(end)
print(os.waitpid(watcher, 0)[1])
"""
CREATE = """
try:
    Home(Path(sys.argv[1])).create()
except GovpulseError as error:
    print(error)
"""


@pytest.fixture(scope="module")
def others() -> Iterator[OtherUsers]:
    with other_users(IMPORTS) as users:
        yield users


@pytest.fixture
def operate(own: Path, others: OtherUsers) -> Callable[..., dict[str, int]]:
    """Do what govpulse does in a home; the modes of all that is in it."""

    def run(home: Path, *audience: object, user: int = RUNNER, **options: Any) -> dict[str, int]:
        told = json.loads(others.run(user, OPERATE, home, json.dumps(audience), own.parent / "migrated.duckdb", **options))
        return {path: int(mode) for path, mode in told.items()}

    return run


@pytest.fixture
def refused(others: OtherUsers) -> Callable[..., str]:
    """What is said, in one line, of a home that will not do."""

    def run(home: Path, user: int = RUNNER) -> str:
        said = others.run(user, CREATE, home)
        assert said.count("\n") == 1, said
        return said

    return run


def is_published(path: Path) -> bool:
    return path.name == "govpulse.duckdb" or "report" in path.parts


@pytest.fixture
def own():
    with folder_of(RUNNER) as folder:
        (folder.parent / "migrated.duckdb").write_bytes(migrated_file())
        yield folder


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077], ids=oct)
def test_whatever_the_umask_only_what_is_published_is_open(own: Path, umask: int, others: OtherUsers, operate) -> None:
    home = own / "on" / "the way"
    modes = operate(home, umask=umask)
    assert {
        "private/warehouse.lock",
        "private/insights.lock.queue",
        "landing/system_metrics",
        "sample",
        "prefect/logs",
    } <= modes.keys()
    assert any(path.startswith("backups/content/raw.system_metrics/") for path in modes)
    assert "quarantine/activity/broken.parquet" in modes
    assert stat.S_IMODE(home.stat().st_mode) == 0o711
    open_to_others = {path: mode for path, mode in modes.items() if mode & 0o077}
    published = {"govpulse.duckdb": 0o644, "report": 0o755, "report/plots": 0o755}
    assert open_to_others == published | {"report/plots/a.png": 0o644}
    assert all(mode in (0o600, 0o700) for path, mode in modes.items() if path not in open_to_others)
    assert others.can(home) == READS


def test_what_an_older_govpulse_left_open_is_closed_by_the_next_command(own: Path, others: OtherUsers, operate) -> None:
    home = own / "data"
    operate(home)
    for path in (home, *home.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    before = others.can(home)
    assert {("list", "private"), ("read", "private/warehouse.duckdb"), ("lock", "private/warehouse.lock")} <= before
    assert others.run(RUNNER, CREATE, home) == ""
    assert others.can(home) == READS
    assert [path for path in home.rglob("*") if path.stat().st_mode & 0o077 and not is_published(path)] == []


def test_what_somebody_opened_is_closed_again(own: Path, others: OtherUsers, operate) -> None:
    home = own / "data"
    operate(home)
    opened = [home / path for path in ("private/warehouse.duckdb", "private/warehouse.lock", "backups", "landing/system_metrics")]
    for path in opened:
        path.chmod(0o777)
    assert others.run(RUNNER, CREATE, home) == ""
    assert [stat.S_IMODE(path.stat().st_mode) for path in opened] == [0o700] * 4


def test_to_open_the_warehouse_closes_the_folders_and_what_it_opens(own: Path, others: OtherUsers, operate) -> None:
    home = own / "data"
    operate(home)
    opened = [home / path for path in ("private", "private/warehouse.duckdb", "private/warehouse.lock", "landing")]
    for path in opened:
        path.chmod(0o777)
    others.run(RUNNER, "with warehouse(Home(Path(sys.argv[1]))): pass", home)
    assert [stat.S_IMODE(path.stat().st_mode) for path in opened] == [0o700] * 4


def test_a_group_reads_and_nobody_else(own: Path, others: OtherUsers, operate) -> None:
    name, group = some_group()
    home = own / "data"
    modes = operate(home, "group", name, groups=(group,), umask=0)
    assert modes["govpulse.duckdb"], modes["report"] == (0o640, 0o750)
    assert others.can(home) == set()
    members = others.can(home, groups=(group,))
    assert members == READS


def test_nobody_else_reads_and_what_was_published_before_is_closed(own: Path, others: OtherUsers, operate) -> None:
    home = own / "data"
    operate(home, "all")
    assert others.can(home)
    operate(home, "owner", umask=0)
    assert others.can(home) == set()
    operate(home, "all", umask=0o077)
    assert others.can(home) >= READS


def test_the_file_is_never_open_to_whom_it_is_not_for(own: Path, others: OtherUsers, operate) -> None:
    """Somebody looks all the time, while it is written with the widest umask."""
    home = own / "data"
    operate(home, "owner")
    assert others.run(0, PUBLISH_WATCHED, home, RUNNER, READER, "owner") == "0\n"
    assert others.run(0, PUBLISH_WATCHED, home, RUNNER, READER, "all") == "256\n", "or it would not see anything"


@pytest.mark.parametrize(
    ("audience", "said"),
    [
        (("group", "no such group"), "publish.group: there is no group 'no such group' on this machine"),
        (("group", some_group()[0]), f"publish.group: this account is not in the group '{some_group()[0]}'"),
    ],
)
def test_a_group_that_cannot_be_is_said_and_nothing_published(
    own: Path, others: OtherUsers, audience: tuple[str, str], said: str
) -> None:
    script = """
home = Home(Path(sys.argv[1]))
try:
    with warehouse(home) as con:
        publish(con, home, Audience(*json.loads(sys.argv[2])))
except GovpulseError as error:
    print(error)
"""
    told = others.run(RUNNER, script, own / "data", json.dumps(audience))
    assert said in told
    assert told.count("\n") == 1
    assert sorted(path.name for path in (own / "data").iterdir() if "govpulse" in path.name) == []


@pytest.mark.parametrize("user", [RUNNER, 0], ids=["us", "root"])
def test_a_folder_that_somebody_else_made_in_its_place_is_refused(own: Path, user: int, refused) -> None:
    home = own / "data"
    home.mkdir()
    os.chown(home, user, user)
    home.chmod(0o777)
    (home / "private").mkdir(mode=0o777)
    os.chown(home / "private", READER, READER)
    assert refused(home, user).startswith(f"{home / 'private'} belongs to nobody; run govpulse as nobody, or set GOVPULSE_HOME")
    assert list((home / "private").iterdir()) == []


def test_a_link_that_somebody_else_planted_leads_us_nowhere(own: Path, refused) -> None:
    home, elsewhere = own / "data", own / "elsewhere"
    home.mkdir()
    elsewhere.mkdir(mode=0o755)
    for folder in (home, elsewhere):
        os.chown(folder, RUNNER, RUNNER)
    (home / "private").symlink_to(elsewhere)
    os.lchown(home / "private", READER, READER)
    assert "private belongs to nobody" in refused(home)
    assert (stat.S_IMODE(elsewhere.stat().st_mode), list(elsewhere.iterdir())) == (0o755, [])


def test_a_link_of_our_own_to_a_greater_disk_is_followed_and_closed(own: Path, operate) -> None:
    home, disk = own / "data", own / "disk"
    for folder in (home, disk):
        folder.mkdir()
        os.chown(folder, RUNNER, RUNNER)
    (home / "backups").symlink_to(disk)
    os.lchown(home / "backups", RUNNER, RUNNER)
    operate(home)
    assert stat.S_IMODE(disk.stat().st_mode) == 0o700
    assert sorted(path.name[:8] for path in disk.iterdir()) == ["content", "installa", "manifest"]


def test_a_home_of_somebody_else_is_refused_also_for_root(own: Path, operate, refused) -> None:
    home = own / "data"
    operate(home)
    for user in (READER, 0):
        assert refused(home, user).startswith(
            f"{home} belongs to user {RUNNER}; run govpulse as user {RUNNER}, or set GOVPULSE_HOME"
        )


def test_a_folder_that_many_share_is_refused_and_stays_as_it_is(own: Path, refused) -> None:
    for user, mode in ((RUNNER, 0o1777), (0, 0o1777)):
        shared = own / f"of-{user}"
        shared.mkdir()
        os.chown(shared, user, user)
        shared.chmod(mode)
        assert f"{shared} is a shared folder; set GOVPULSE_HOME to a folder of its own" in refused(shared)
        assert (stat.S_IMODE(shared.stat().st_mode), list(shared.iterdir())) == (mode, [])


def test_a_folder_with_other_things_keeps_its_mode_and_is_refused_where_all_may_write(own: Path, operate, refused) -> None:
    home = own / "mine"
    home.mkdir()
    os.chown(home, RUNNER, RUNNER)
    (home / "notes.txt").touch()
    home.chmod(0o755)
    operate(home)
    assert stat.S_IMODE(home.stat().st_mode) == 0o755
    home.chmod(0o757)
    assert f"everybody can write to {home}; close it with `chmod o-w {home}`" in refused(home)


def test_a_folder_closed_to_all_by_its_owner_is_not_opened(own: Path, others: OtherUsers, operate) -> None:
    home = own / "data"
    home.mkdir()
    os.chown(home, RUNNER, RUNNER)
    home.chmod(0o700)
    operate(home)
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert others.can(home) == set()


def test_a_folder_that_root_made_for_us_will_do(own: Path, others: OtherUsers, operate) -> None:
    """As an administrator makes one below /var/lib: root's, and for our group."""
    home = own / "made"
    home.mkdir()
    os.chown(home, 0, RUNNER)
    home.chmod(0o771)
    operate(home)
    assert others.can(home) >= READS
