"""A long extraction, as it goes on: in the run's log, which the terminal shows too, and as a progress artifact."""

from uuid import UUID

from prefect import get_run_logger
from prefect.artifacts import create_progress_artifact, update_progress_artifact

from tasks.sources.pace import OnPace, Pace


def show_pace() -> OnPace:
    """What to tell of each dataset's pace; the artifact is only made where the end can be told."""
    logger, artifacts = get_run_logger(), dict[str, UUID]()

    def show(pace: Pace) -> None:
        logger.info("%s", pace)
        if pace.share is None:
            return
        percent, said = round(100 * pace.share, 1), str(pace)
        if pace.dataset in artifacts:
            update_progress_artifact(artifacts[pace.dataset], percent, description=said)
        else:
            key = f"extraction-{pace.dataset}".replace("_", "-")
            artifacts[pace.dataset] = UUID(str(create_progress_artifact(percent, key=key, description=said)))

    return show
