"""The doors to the channels on which providers call us."""

from uuid import UUID

from calendar_manager.job_queue import TEND_CHANNEL
from calendar_manager.sync.channels import claim_due_channels, tend_channel
from calendar_manager.tasks.application import app, context, services


@app.task(name="channels.dispatch", soft_time_limit=60, time_limit=90)
def dispatch_channels() -> None:
    """Have the channels that are due opened, renewed or closed."""
    for calendar_id in claim_due_channels(context):
        services.queue.tend_channel(calendar_id)


@app.task(name=TEND_CHANNEL, soft_time_limit=120, time_limit=150)
def tend(calendar_id: str) -> None:
    """See to one calendar's channels, and send the sync that has to come after it."""
    job_id = tend_channel(context, UUID(calendar_id))
    if job_id is not None:
        services.queue.sync_calendar(job_id, urgent=False)
