"""Where everything lies: the folder that GOVPULSE_HOME names."""

from dataclasses import dataclass
from pathlib import Path

from storage.errors import GovpulseError


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
        return self.root / "govpulse.duckdb"

    @property
    def plots(self) -> Path:
        """Pictures for the report, as the last run drew them; made when the first one is."""
        return self.root / "report" / "plots"

    @property
    def backups(self) -> Path:
        return self.root / "backups"

    @property
    def sample(self) -> Path:
        return self.root / "sample" / "governance.sqlite"

    @property
    def prefect(self) -> Path:
        return self.root / "prefect"

    def create(self) -> None:
        """Make the folders.

        Raises:
            GovpulseError: the folder cannot be made or written to.
        """
        for folder in (self.landing, self.quarantine, self.private, self.backups):
            try:
                folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise GovpulseError(
                    f"cannot write to {folder}: {error.strerror or error}; set GOVPULSE_HOME to a folder you may write"
                ) from error
