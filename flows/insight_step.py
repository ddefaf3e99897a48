"""An insight as a step of a run, with what it takes from the settings."""

from datetime import datetime
from operator import attrgetter
from typing import Any

from flows.run import Run
from flows.settings import Settings
from tasks.insights.computation import compute_insight
from tasks.insights.insight import Insight


def taken(insight: Insight, settings: Settings) -> dict[str, Any]:
    """What an insight takes from the settings, by its own names."""
    return {name: attrgetter(path)(settings) for name, path in insight.takes.items()}


def compute_one(run: Run, insight: Insight, window_start: datetime | None = None) -> None:
    """Compute a table under its own name."""
    run.step(
        insight.name,
        compute_insight.with_options(name=insight.name),
        run.home,
        insight=insight,
        limits=run.settings.limits,
        as_of=run.as_of,
        window_start=window_start,
        given=taken(insight, run.settings),
    )
