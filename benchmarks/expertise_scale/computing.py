"""One step of the scale benchmark in a process of its own: `STEP HOME`."""

import sys
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from benchmarks.measuring import report
from flows.settings import ExpertiseSettings
from storage.home import Home
from storage.limits import Limits
from storage.warehouse import warehouse
from tasks.insights.expertise_scores import EXPERTISE_SCORES
from tests.insights import compute_table

AS_OF = datetime(2026, 9, 27, tzinfo=UTC)
NEXT_HOUR = AS_OF + timedelta(hours=1)
BARE = Path(__file__).with_name("bare.sql").read_text()
READ = "count(*), sum(knowledge_share + availability_share), max(knowledge_rank + availability_rank)"
VIEW = f"SELECT {READ} FROM insights.expertise_scores"


def ask(home: str, sql: str) -> int:
    """What the first column of the answer counts."""
    with warehouse(Home(Path(home))) as con:
        return int(con.execute(sql).fetchall()[0][0])


def compute(home: str, as_of: datetime) -> int:
    return compute_table(EXPERTISE_SCORES, home, limits=Limits(), as_of=as_of, rules=ExpertiseSettings().rules).rows


STEPS = {
    "bare": partial(ask, sql=BARE),
    "from scratch": partial(compute, as_of=AS_OF),
    "an hour later": partial(compute, as_of=NEXT_HOUR),
    "the view, read whole": partial(ask, sql=VIEW),
}


def main() -> None:
    step, home = sys.argv[1:]
    report(partial(STEPS[step], home))


if __name__ == "__main__":
    main()
