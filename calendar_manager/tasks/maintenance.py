"""The doors that beat knocks at."""

from datetime import timedelta
from uuid import UUID

from calendar_manager.job_queue import HEARTBEAT_KEY, HEARTBEAT_SECONDS, ROLL_HORIZON
from calendar_manager.sync.cleanup import Retention, clean_up
from calendar_manager.sync.detect import find_users_to_examine, recheck_everybody
from calendar_manager.sync.dispatch import (
    claim_due_discoveries,
    claim_due_refreshes,
    dispatch_syncs,
)
from calendar_manager.sync.horizon import find_short_horizons, roll_horizon
from calendar_manager.tasks.application import app, context, services


@app.task(name="sync.dispatch", soft_time_limit=60, time_limit=90)
def dispatch_due_calendars() -> None:
    """Queue a run over every calendar that is due."""
    dispatch_syncs(context, services.queue.sync_due)


@app.task(name="tokens.dispatch", soft_time_limit=60, time_limit=90)
def dispatch_refreshes() -> None:
    """Have the access tokens that end soon replaced."""
    for connection_id in claim_due_refreshes(context):
        services.queue.refresh_tokens(connection_id)


@app.task(name="discovery.dispatch", soft_time_limit=60, time_limit=90)
def dispatch_discoveries() -> None:
    """Have the lists of calendars that are due looked at."""
    for connection_id in claim_due_discoveries(context):
        services.queue.discover_calendars(connection_id, urgent=False)


@app.task(name="conflicts.reconcile", soft_time_limit=60, time_limit=90)
def reconcile_conflicts() -> None:
    """Have the spans examined that a crash left unexamined."""
    for user_id in find_users_to_examine(services.store):
        services.queue.examine_conflicts(user_id)


@app.task(name="conflicts.recheck", soft_time_limit=60, time_limit=90)
def recheck_conflicts() -> None:
    """Have everybody's conflicts looked for from scratch; the next turns do it."""
    recheck_everybody(services.store)


@app.task(name="horizon.dispatch", soft_time_limit=60, time_limit=90)
def dispatch_horizons() -> None:
    """Have the series of calendars laid out further where time has moved on."""
    for calendar_id in find_short_horizons(context):
        services.queue.roll_horizon(calendar_id)


@app.task(name=ROLL_HORIZON, soft_time_limit=1200, time_limit=1260)
def roll(calendar_id: str) -> None:
    """Lay out one calendar's series in the horizon as it is today."""
    roll_horizon(context, UUID(calendar_id))


@app.task(name="cleanup.run", soft_time_limit=1200, time_limit=1260)
def clean() -> None:
    """Remove for good what has been kept long enough."""
    settings = services.settings
    clean_up(
        services.store,
        now=services.clock(),
        retention=Retention(
            sync_jobs=timedelta(days=settings.sync_job_retention_days),
            conflicts=timedelta(days=settings.conflict_retention_days),
            deleted=timedelta(days=settings.deleted_retention_days),
            oauth_states=timedelta(hours=settings.oauth_state_retention_hours),
            channels=timedelta(days=settings.channel_retention_days),
        ),
    )


@app.task(name="beat.heartbeat", soft_time_limit=10, time_limit=15)
def heartbeat() -> None:
    """Leave a sign that beat sends and a worker works."""
    services.redis.set(HEARTBEAT_KEY, services.clock().isoformat(), ex=HEARTBEAT_SECONDS)
