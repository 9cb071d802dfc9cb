"""A worker's right to write one calendar."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from calendar_manager.domain.accounts import Calendar, Connection, Tokens
from calendar_manager.domain.errors import CalendarManagerError
from calendar_manager.domain.sync_jobs import SyncKind, SyncTrigger
from calendar_manager.domain.timespan import Span


class LeaseLostError(CalendarManagerError):
    """Another worker took over the calendar; this one must stop writing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """A worker's right to write one calendar, and all that it needs for that.

    Attributes:
        token: Proves the right.
        job_id: The job that it runs.
        kind: What the job reads.
        trigger: Why it was asked for.
        queued_at: When it was first asked for; by somebody else than beat, if anybody did.
        attempts: How often it was started without coming further, this time included.
        pages: How many pages earlier attempts have applied.
        calendar: The calendar.
        connection: The account that the calendar belongs to.
        tokens: The account's tokens; None when they were removed, or no key opens them.
        cursor: Where the last complete read ended.
        cursor_version: The normalizer that was at work then.
        failures: How many runs in a row have failed.
        materialized: The span in which series are laid out; None before the first time.
        held: Whether the circuit breaker stopped the run before.
        accepted_deletions: How many deletions the user agreed to then; None when not asked.
    """

    token: UUID
    job_id: UUID
    kind: SyncKind
    trigger: SyncTrigger
    queued_at: datetime
    attempts: int
    pages: int
    calendar: Calendar
    connection: Connection
    tokens: Tokens | None
    cursor: str | None
    cursor_version: int | None
    failures: int
    materialized: Span | None
    held: bool
    accepted_deletions: int | None

    def usable_cursor(self, normalizer_version: int) -> str | None:
        """Return the cursor if the job may go on from it.

        It may not when everything is to be read anew, or when another normalizer wrote what we
        have, since unchanged events would keep the older one's reading. What a breaker stopped is
        read anew as well, because only a complete read tells whether the source is back.
        """
        if self.held or self.kind is SyncKind.FULL or self.cursor_version != normalizer_version:
            return None
        return self.cursor
