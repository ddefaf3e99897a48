"""The rows of one run between sampling and landing, and what the run reports of them."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from polars.exceptions import PolarsError

from storage.errors import GovpulseError
from storage.home import Home
from storage.intake.landing import land
from tasks.sources.host.rows import Sample, build_frame
from tasks.wording import counted

logger = logging.getLogger(__name__)

DATASET = "system_metrics"
SOURCE = "host"


@dataclass(frozen=True)
class CollectResult:
    """What a run took: `rows` of all samples, `unreadable` those of them without a value, the names of landed `files`."""

    samples: int
    rows: int
    unreadable: int
    files: tuple[str, ...]
    first_at: datetime | None
    last_at: datetime | None

    def __str__(self) -> str:
        unread = f", {counted(self.unreadable, 'unreadable value')}: NULL, with the reason" if self.unreadable else ""
        return f"{counted(self.samples, 'sample')} of this host, {counted(self.rows, 'row')}{unread}"


@dataclass
class Batch:
    """Rows that wait for landing. Rows that cannot be landed go on waiting."""

    home: Home
    waiting: list[Sample] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    observed: list[datetime] = field(default_factory=list)
    rows: int = 0
    unreadable: int = 0

    def add(self, observed_at: datetime, rows: Sequence[Sample]) -> None:
        """Take the rows of one sample."""
        self.waiting.extend(rows)
        self.observed.append(observed_at)
        self.rows += len(rows)
        self.unreadable += sum(row.value is None for row in rows)

    def land(self) -> None:
        """Write what waits as one file.

        A signal between the write and the clearing lands the same rows again; the loader merges them by key.

        Raises:
            GovpulseError: it could not be written; the rows still wait.
        """
        if not self.waiting:
            return
        try:
            path = land(self.home, DATASET, build_frame(self.waiting), metadata={"source": SOURCE})
        except (OSError, PolarsError) as error:  # a full disk reaches us as an error of Polars, not of the system
            raise GovpulseError(f"cannot land {DATASET} in {self.home.landing}: {error}; free the disk") from error
        self.waiting.clear()
        self.files.append(path.name)

    def try_to_land(self) -> None:
        """Land, or log why not and keep the rows for the next time."""
        try:
            self.land()
        except GovpulseError as error:
            logger.warning("%s; %d rows wait for the next landing", error, len(self.waiting))

    def report(self) -> CollectResult:
        """The totals so far."""
        first_at, last_at = (self.observed[0], self.observed[-1]) if self.observed else (None, None)
        return CollectResult(len(self.observed), self.rows, self.unreadable, tuple(self.files), first_at, last_at)
