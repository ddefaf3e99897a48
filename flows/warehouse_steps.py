"""Steps of a run that open the warehouse: landing files into it, the published file out of it. Apart from `run.py`, for a run that
only lands needs no database."""

from typing import Any

from flows.run import Run
from flows.settings import Settings
from storage.intake.load_result import LoadResult
from tasks.loading import load_landed, publish_tables


def load(run: Run, name: str = "load") -> None:
    """Load what has landed; a file that could not be read is a failure of the run."""
    before = run.results.get(name, LoadResult())
    done = run.step(name, load_landed, run.home, **loading_options(run.settings))
    if done is not None:
        note_loaded(run, name, before + done)


def loading_options(settings: Settings) -> dict[str, Any]:
    """How landing files are loaded."""
    return {"limits": settings.limits, "zero_days": settings.zero_instants, "addresses": settings.people.addresses}


def note_loaded(run: Run, name: str, result: LoadResult) -> None:
    """Put a load into the report."""
    run.results[name] = result
    run.failures |= {f"{name} {number}": line for number, line in enumerate(result.quarantined, 1)}
    run.failures |= {f"extract {dataset}": why for dataset, why in result.doubts.items()}


def publish(run: Run) -> bool:
    """Replace the file that users open; returns whether that was done."""
    settings = run.settings
    options = loading_options(settings) | {"audience": settings.publish.audience}
    return run.step("publish", publish_tables, run.home, **options) is not None
