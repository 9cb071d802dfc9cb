"""What the tour asks the API about the shown week."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from calendar_manager.launch.api_client import ApiClient, ApiError, Json, wait_for

ZONE: Final = ZoneInfo("Europe/Berlin")
"""The zone of the tour's user."""

NEXT_SYNC_SECONDS: Final = 30.0
CONFLICT_SECONDS: Final = 10.0

OVER: Final = frozenset({"succeeded", "failed", "held"})
"""States of a sync job that will not change any more."""


class Answers:
    """Reads a week, and what follows from it, through the API.

    Args:
        api: The API, logged in by the time of the first question.
        monday: First day of the shown week.
    """

    def __init__(self, api: ApiClient, monday: date) -> None:
        self._api = api
        self.monday = monday

    def load_week(self) -> list[Json]:
        """Load the occurrences of the shown week."""
        start, end = self._week()
        return self.load_events(start, end)

    def load_events(self, start: str, end: str) -> list[Json]:
        """Load the occurrences between two instants, of all pages."""
        return self._api.get_all("/api/events", start=start, end=end)

    def load_conflicts(self, *, expected: bool) -> list[Json]:
        """Load what is open in the shown week; a task finds it right after a sync.

        Raises:
            ApiError: None comes, although one is expected.
        """
        start, end = self._week()

        def look() -> list[Json] | None:
            query = {"status": "open", "start": start, "end": end}
            return self._api.get_all("/api/conflicts", **query) or None

        try:
            return wait_for(look, "Finding the double bookings", CONFLICT_SECONDS)
        except ApiError:
            if expected:
                raise
            return []

    def load_availability(self) -> Json:
        """Load the free time from now to the Wednesday after the shown week."""
        start, end = self._week()
        now = datetime.now(UTC).isoformat()  # noqa: TID251 - the tour happens at the present time.
        # Nothing in the past can be booked, and at the week's end there is little left of it.
        later = (datetime.fromisoformat(end) + timedelta(days=3)).isoformat()
        return self._api.get(
            "/api/availability", start=max(start, now), end=later, duration=30, tz=ZONE.key
        )

    def sync(self, calendar: Json) -> Json:
        """Ask for a sync of a calendar now, and return the job once it has succeeded.

        Raises:
            ApiError: It failed, or did not end in time.
        """
        queued = self._api.post(f"/api/calendars/{calendar['id']}/sync")

        def look() -> Json | None:
            job = self._api.get(f"/api/sync-jobs/{queued['id']}")
            return job if job["status"] in OVER else None

        job = wait_for(look, "The sync", NEXT_SYNC_SECONDS)
        if job["status"] != "succeeded":
            raise ApiError(f"The sync {job['status']}: {job['error']}")
        return job

    def wait_until_closed(self, conflict: Json) -> None:
        """Wait until a conflict is no longer open.

        Raises:
            ApiError: It stays open.
        """

        def look() -> Json | None:
            found = self._api.get(f"/api/conflicts/{conflict['id']}")
            return found if found["status"] != "open" else None

        wait_for(look, "The end of the double booking", NEXT_SYNC_SECONDS)

    def load_event(self, event_id: str) -> Json:
        """Load one event."""
        return self._api.get(f"/api/events/{event_id}")

    def _week(self) -> tuple[str, str]:
        """The shown week, from local midnight to local midnight."""
        days = (self.monday, self.monday + timedelta(days=7))
        start, end = (datetime.combine(day, time(), ZONE) for day in days)
        return start.astimezone(UTC).isoformat(), end.astimezone(UTC).isoformat()
