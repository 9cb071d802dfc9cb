"""What beat starts, and when. The work itself is found in PostgreSQL by each task."""

from typing import Any, Final

from celery.schedules import crontab

BEAT_SCHEDULE: Final[dict[str, dict[str, Any]]] = {
    "dispatch-due-calendars": {
        "task": "sync.dispatch",
        "schedule": 30.0,
        "options": {"queue": "maintenance", "expires": 30},
    },
    "refresh-tokens-ahead": {
        "task": "tokens.dispatch",
        "schedule": 60.0,
        "options": {"queue": "maintenance", "expires": 60},
    },
    "tend-channels": {
        "task": "channels.dispatch",
        "schedule": 15.0,
        "options": {"queue": "maintenance", "expires": 15},
    },
    "discover-calendars": {
        "task": "discovery.dispatch",
        "schedule": 60.0,
        "options": {"queue": "maintenance", "expires": 60},
    },
    "reconcile-conflicts": {
        "task": "conflicts.reconcile",
        "schedule": 60.0,
        "options": {"queue": "maintenance", "expires": 60},
    },
    "recheck-conflicts": {
        "task": "conflicts.recheck",
        "schedule": crontab(minute="23", hour="2"),
        "options": {"queue": "maintenance"},
    },
    "reconcile-clients": {
        "task": "clients.reconcile",
        "schedule": 60.0,
        "options": {"queue": "maintenance", "expires": 60},
    },
    "export-to-caldotcom": {
        "task": "export.dispatch",
        "schedule": 60.0,
        "options": {"queue": "maintenance", "expires": 60},
    },
    "roll-horizons": {
        "task": "horizon.dispatch",
        "schedule": crontab(minute="17", hour="*/6"),
        "options": {"queue": "maintenance"},
    },
    "clean-up": {
        "task": "cleanup.run",
        "schedule": crontab(minute="41", hour="3"),
        "options": {"queue": "maintenance"},
    },
    "heartbeat": {
        "task": "beat.heartbeat",
        "schedule": 15.0,
        "options": {"queue": "maintenance", "expires": 15},
    },
}
