"""The daily upkeep: retention, compaction, backup, verification."""

from datetime import datetime

from prefect import flow

from flows.report import Report
from flows.run import begin, finish
from flows.settings_files import settings_files
from flows.warehouse_steps import publish
from tasks.maintenance import back_up_warehouse, compact_warehouse, copy_backups_elsewhere, delete_expired, verify_home


@flow(name="maintain_warehouse", timeout_seconds=7200)
def maintain_warehouse(as_of: datetime | None = None) -> Report:
    """Delete rows past their retention, compact the warehouse, back it up and verify it.

    Args:
        as_of: the instant that retention counts back from; default: now.
    """
    run = begin("maintain_warehouse", as_of)
    limits, retention = run.settings.limits, run.settings.retention
    run.step("retention", delete_expired, run.home, limits=limits, days=retention.days, as_of=run.as_of)
    run.step("compaction", compact_warehouse, run.home, limits=limits)
    to, sources = run.settings.backups.to or "", settings_files(run.settings)
    run.step("backup", back_up_warehouse, run.home, limits=limits, keep=retention.backups, sources=sources, to=to)
    if to:
        run.step("second copy", copy_backups_elsewhere, run.home, limits=limits, to=to, keep=retention.backups)
    run.step("verification", verify_home, run.home, limits=limits)
    return finish(run, publish=publish)
