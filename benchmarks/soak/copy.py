"""What our database has: read from PostgreSQL itself, not through the program under test."""

from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from typing import Any, Final

import psycopg2

from benchmarks.soak.rows import Row
from benchmarks.soak.truth import ABSENCE
from calendar_manager.launch.external import to_libpq

OCCURRENCES: Final = """
    SELECT c.provider || ' ' || c.provider_calendar_id,
        coalesce(e.series_id, e.provider_event_id), o.original_start,
        o.start_at, o.end_at, o.start_on, o.end_on, e.title, o.busy
    FROM occurrences o
    JOIN events e ON e.id = o.event_id
    JOIN calendars c ON c.id = o.calendar_id
    WHERE e.deleted_at IS NULL
    ORDER BY o.start_at, o.id
"""

QUIET: Final = """
    SELECT
        (SELECT count(*) FROM sync_jobs WHERE status IN ('queued', 'running'))
        + (SELECT count(*) FROM conflict_checks)
        + (SELECT count(*) FROM full_reads)
        + (SELECT count(*) FROM calendars
           WHERE deleted_at IS NULL AND gone_at IS NULL AND sync_enabled
           AND (last_synced_at IS NULL OR last_synced_at < %s OR failures > 0))
"""

WITHOUT_CHANNEL: Final = """
    SELECT count(*) FROM calendars c WHERE sync_enabled AND 1 <> (
        SELECT count(*) FROM channels h WHERE h.calendar_id = c.id
        AND opened_at IS NOT NULL AND stopped_at IS NULL
        AND (expires_at IS NULL OR expires_at > now()))
"""

LEFTOVERS: Final = {
    "sync jobs that are queued or running": (
        "SELECT count(*) FROM sync_jobs WHERE status IN ('queued', 'running')"
    ),
    "calendars that are held": "SELECT count(*) FROM calendars WHERE held_at IS NOT NULL",
    "calendars that fail": "SELECT count(*) FROM calendars WHERE failures > 0",
    "connections that are not active": (
        "SELECT count(*) FROM connections WHERE status <> 'active'"
    ),
    "calendars without exactly one live channel": WITHOUT_CHANNEL,
    "rejected events": "SELECT coalesce(sum(rejected_count), 0) FROM sync_jobs",
}
"""What there must be none of in the end, each with the query that counts it."""


class Database:
    """The installation's PostgreSQL.

    Args:
        url: As SQLAlchemy takes it.
    """

    def __init__(self, url: str) -> None:
        self._dsn = to_libpq(url)

    def read_copy(self) -> Iterator[Row]:
        """Yield every occurrence."""
        for (
            calendar,
            event,
            original,
            start_at,
            end_at,
            start_on,
            end_on,
            title,
            busy,
        ) in self._rows(OCCURRENCES):
            shown = ABSENCE if event.startswith("ooo:") else title
            start, end = (start_at, end_at) if start_on is None else (start_on, end_on)
            yield Row(calendar, event, original, start, end, shown, busy)

    def count_events(self) -> int:
        """Return how many events there are."""
        return int(self._rows("SELECT count(*) FROM events WHERE deleted_at IS NULL")[0][0])

    def is_quiet(self, since: datetime) -> bool:
        """Tell whether everything was read after an instant, and nothing is left to do.

        Raises:
            psycopg2.Error: It does not answer.
        """
        return int(self._rows(QUIET, (since,))[0][0]) == 0

    def count_without_channel(self) -> int:
        """Return how many calendars have no live channel, or more than one."""
        return int(self._rows(WITHOUT_CHANNEL)[0][0])

    def find_leftovers(self) -> list[str]:
        """Say what there is that there must not be."""
        counted = {what: self._rows(query)[0][0] for what, query in LEFTOVERS.items()}
        return [f"{count} {what}" for what, count in counted.items() if count]

    def explain(self) -> list[str]:
        """Return the state of each calendar and of the latest failures, for whoever looks why."""
        calendars = self._rows(
            "SELECT provider, name, last_synced_at, next_sync_at, failures, held_at, error,"
            " channel_error FROM calendars ORDER BY 1, 2"
        )
        jobs = self._rows(
            "SELECT status, trigger, kind, queued_at, started_at, error FROM sync_jobs"
            " WHERE status IN ('queued', 'running') ORDER BY queued_at DESC LIMIT 20"
        )
        connections = self._rows("SELECT provider, status, reason FROM connections")
        return [" | ".join(map(str, row)) for row in (*calendars, *jobs, *connections)]

    def _rows(self, query: str, parameters: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        with closing(psycopg2.connect(self._dsn, connect_timeout=5)) as connection:
            connection.set_session(readonly=True)
            with connection.cursor() as cursor:
                cursor.execute("SET TIME ZONE 'UTC'")
                cursor.execute(query, parameters)
                return cursor.fetchall()
