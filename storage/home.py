"""Where everything lies: the folder that GOVPULSE_HOME names."""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from storage.access import close, close_contents, close_folder, make_root
from storage.errors import GovpulseError

OURS = ("landing", "quarantine", "private", "backups", "journal", "sample", "prefect", "report", "metrics", "govpulse.toml")
"""What may lie in the folder of an installation, beside files whose names begin with that of the published one or INSTALLATION."""
PUBLISHED = "govpulse.duckdb"
INSTALLATION = "installation"
"""The file that says whose the home, or a folder of it, is."""


@dataclass(frozen=True)
class Home:
    """The folder of one govpulse installation; a value, it touches the disk only in `create`."""

    root: Path

    @property
    def landing(self) -> Path:
        return self.root / "landing"

    @property
    def quarantine(self) -> Path:
        return self.root / "quarantine"

    @property
    def private(self) -> Path:
        return self.root / "private"

    @property
    def warehouse(self) -> Path:
        return self.private / "warehouse.duckdb"

    @property
    def spill(self) -> Path:
        """What does not fit into memory, for as long as it is needed."""
        return self.private / "spill"

    @property
    def reserve(self) -> Path:
        """Room that is kept for the time when the disk is full."""
        return self.private / "reserve"

    @property
    def set_aside(self) -> Path:
        """Damaged warehouses, of which a salvage made a new one."""
        return self.private / "set-aside"

    @property
    def models(self) -> Path:
        """What was learned of each host, as files."""
        return self.private / "models"

    @property
    def insights_lock(self) -> Path:
        """Whoever computes insights, or changes what they are computed from, holds it."""
        return self.private / "insights.lock"

    @property
    def listing_lock(self) -> Path:
        """Whoever lists the keys of a source into `private/` holds it."""
        return self.private / "listing.lock"

    @property
    def published(self) -> Path:
        return self.root / PUBLISHED

    @property
    def publishing(self) -> Path:
        """Where the published file is written before it gets its name; made for it, and removed."""
        return self.root / f".{PUBLISHED}.publishing"

    @property
    def report(self) -> Path:
        """What is to be looked at, for those who may read the published file; made when there is something."""
        return self.root / "report"

    @property
    def plots(self) -> Path:
        """Pictures for the report, as the last run drew them."""
        return self.report / "plots"

    @property
    def backups(self) -> Path:
        return self.root / "backups"

    @property
    def journal(self) -> Path:
        """What nobody can make anew, and landing files that were loaded: all that is not in the backups yet."""
        return self.root / "journal"

    @property
    def person_secret(self) -> Path:
        """What addresses of people are hashed with; a copy lies beside the backups."""
        return self.private / "person-secret"

    @property
    def kept_person_secret(self) -> Path:
        return self.backups / "person-secret"

    @property
    def sample(self) -> Path:
        return self.root / "sample" / "governance.sqlite"

    @property
    def prefect(self) -> Path:
        return self.root / "prefect"

    def has_warehouse(self) -> bool:
        """Whether there is one yet.

        Raises:
            GovpulseError: that is not ours to know, or there was one: a new one beside what is left of it would publish emptiness.
        """
        try:
            if self.warehouse.exists():
                return True
        except PermissionError:
            self.make_folders()  # says whose it is
            return True
        made = [*self.backups.glob("warehouse-*.duckdb"), *self.backups.glob("manifest-*.json")]
        entries = [path for path in sorted(self.journal.glob("*/entries.ndjson")) if path.stat().st_size]
        left = [str(path) for path in (self.published, *sorted(made)[:1], *entries[-1:]) if path.is_file()]
        if left:
            raise GovpulseError(
                f"the warehouse {self.warehouse} is missing, but {' and '.join(left)} is there: mount its disk, or restore"
                " a backup with `govpulse restore`. To start over, move these files away"
            )
        return False

    @property
    def closed(self) -> tuple[Path, ...]:
        """The folders that nobody else may enter."""
        made = (self.landing, self.quarantine, self.private, self.backups, self.journal, self.prefect)
        return (*made, self.sample.parent) if self.sample.parent.exists() else made

    def create(self) -> None:
        """Make the folders, and close to others what they could reach in them, were it by an older govpulse or somebody's chmod.

        Raises:
            GovpulseError: the folder cannot be made or written to, or is somebody else's.
        """
        self.make_folders()
        for folder in self.closed:
            close_contents(folder)
        with suppress(FileNotFoundError):
            close(self.root / INSTALLATION)

    def make_folders(self) -> None:
        """Make the folders, and close them: cheap, however much is in them.

        Raises:
            GovpulseError: as in `create`.
        """
        folder = self.root
        try:
            make_root(folder, _is_ours)
            for folder in self.closed:
                close_folder(folder)
        except OSError as error:
            raise GovpulseError(
                f"cannot write to {folder}: {error.strerror or error}; set GOVPULSE_HOME to a folder you can write to"
            ) from error


def _is_ours(name: str) -> bool:
    return name in OURS or name.removeprefix(".").startswith((PUBLISHED, INSTALLATION))
