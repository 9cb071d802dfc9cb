"""The doors to the export of free time to Cal.com."""

from uuid import UUID

from calendar_manager.accounts.exporting import Exporting
from calendar_manager.job_queue import EXPORT_TO_CALDOTCOM
from calendar_manager.tasks.application import app, context, services

exporting = Exporting(context, maximum_age=services.settings.stale_after)


@app.task(name="export.dispatch", soft_time_limit=60, time_limit=90)
def dispatch_exports() -> None:
    """Have the schedules looked at whose turn has come, or behind which something changed."""
    for connection_id in exporting.claim_due():
        services.queue.export_to_caldotcom(connection_id)


@app.task(name=EXPORT_TO_CALDOTCOM, soft_time_limit=240, time_limit=270)
def export(connection_id: str) -> None:
    """Bring one schedule at Cal.com up to date."""
    exporting.catch_up(UUID(connection_id))
