"""The guided tour: the main job through the public HTTP API, and nothing but that.

A user registers, connects a Google account of the sandbox through the real redirects, waits for
the worker's first sync, and sees the week, its conflicts and the free time. Then somebody moves a
meeting at the provider, and the change arrives.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn

from calendar_manager.launch import tour_views
from calendar_manager.launch.api_client import ApiClient, ApiError, Json, wait_for
from calendar_manager.sandbox.control_client import ControlClient, approve_consent

ZONE: Final = "Europe/Berlin"
FIRST_SYNC_SECONDS: Final = 60.0
NEXT_SYNC_SECONDS: Final = 30.0
CONFLICT_SECONDS: Final = 10.0
BOOKED_TITLE: Final = "Helios Labs: urgent call"

OVER: Final = frozenset({"succeeded", "failed", "held"})
"""States of a sync job that will not change any more."""

WORKING_HOURS: Final[Json] = {
    "time_zone": ZONE,
    "weekly": [
        {"days": ["mon", "tue", "wed", "thu", "fri"], "start": "09:00", "end": "12:30"},
        {"days": ["mon", "tue", "wed", "thu", "fri"], "start": "13:30", "end": "17:30"},
    ],
    "buffer_before_minutes": 10,
    "buffer_after_minutes": 10,
    "minimum_notice_minutes": 120,
    "horizon_days": 60,
    "slot_step_minutes": 30,
    "slot_duration_minutes": 30,
}


@dataclass(frozen=True)
class TourUser:
    """The login that the tour makes."""

    email: str
    password: str = field(repr=False)


class Tour:
    """Walks through the main job; each method is one stop.

    Args:
        api: The API, not yet logged in.
        control: The sandbox's control, to change things at the provider.
        console: Where to show what happens.
        account: Address of the sandbox account to connect.
        monday: First day of the week to show.
        expect_conflicts: Whether a week without double bookings is a failure.
    """

    def __init__(
        self,
        api: ApiClient,
        control: ControlClient,
        console: Console,
        *,
        account: str,
        monday: date,
        expect_conflicts: bool,
    ) -> None:
        self._api = api
        self._control = control
        self._console = console
        self._account = account
        self._monday = monday
        self._expect_conflicts = expect_conflicts
        self._zone = ZoneInfo(ZONE)
        self._calendars: dict[str, Json] = {}
        self._names: dict[str, str] = {}
        self._conflicts: list[Json] = []

    def sign_up(self, user: TourUser) -> None:
        """Register the user, log in and set working hours."""
        self._headline("A new user")
        self._api.post(
            "/api/auth/register",
            {
                "email": user.email,
                "password": user.password,
                "name": "Mara Lind",
                "time_zone": ZONE,
            },
        )
        self._api.log_in(user.email, user.password)
        self._api.post("/api/availability/rules", WORKING_HOURS)
        me = self._api.get("/api/auth/me")
        self._say(
            f"{me['name']} works in {me['time_zone']}, Monday to Friday, 9:00 to 12:30 and 13:30"
            " to 17:30, and wants 10 minutes of air around meetings."
        )

    def connect_google(self) -> None:
        """Go through consent page and redirects as a browser does."""
        self._headline("Connecting a Google account")
        consent = self._api.get("/api/auth/connect/google")
        callback = approve_consent(self._api.session, consent["authorization_url"], self._account)
        self._api.get(callback)
        (connection,) = self._api.get_all("/api/connections")
        if connection["status"] != "active":
            raise ApiError(f"The connection is {connection['status']}: {connection['reason']}")
        self._say(f"{connection['account']} allowed access; its tokens are stored encrypted.")

    def watch_first_sync(self) -> None:
        """Wait for the worker, with a bar."""
        self._headline("The worker's first sync")
        columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn())
        with Progress(*columns, MofNCompleteColumn(), console=self._console) as progress:
            bar = progress.add_task("Calendars", total=None)

            def look() -> list[Json] | None:
                calendars = self._api.get_all("/api/calendars")
                wanted = [calendar for calendar in calendars if calendar["sync_enabled"]]
                done = [calendar for calendar in wanted if calendar["last_synced_at"]]
                progress.update(bar, total=len(wanted) or None, completed=len(done))
                _refuse_failures(wanted)
                return wanted if wanted and len(done) == len(wanted) else None

            calendars = wait_for(look, "The first sync", FIRST_SYNC_SECONDS)
        self._calendars = {calendar["id"]: calendar for calendar in calendars}
        self._names = {calendar["id"]: calendar["name"] for calendar in calendars}
        jobs = self._api.get_all("/api/sync-jobs")
        created = sum(job["counts"]["created"] for job in jobs)
        rejected = sum(job["counts"]["rejected"] for job in jobs)
        self._say(
            f"{created} events from {len(calendars)} calendars"
            + (f", {rejected} could not be read." if rejected else ", none left out.")
        )

    def show_week(self) -> None:
        """Show the week, its double bookings and the free time."""
        start, end = self._week()
        self._headline(f"The week from {self._monday:%d %B %Y}")
        events = self._api.get_all("/api/events", start=start, end=end)
        self._console.print(tour_views.week_table(events, self._names, self._zone))
        self._headline("Double bookings")
        self._conflicts = self._load_conflicts()
        if self._conflicts:
            self._console.print(tour_views.conflict_table(self._conflicts, self._zone))
        else:
            self._say("None.")
        self._headline("Free time")
        answer = self._load_availability()
        table = tour_views.free_table(answer["windows"], answer["slots"], self._zone)
        self._console.print(table)
        self._say("And how fresh this answer is:")
        self._console.print(tour_views.freshness_table(answer["freshness"], self._zone))

    def change_at_provider(self) -> None:
        """Change something at the provider and see it arrive."""
        self._headline("Something changes at Google")
        movable = [
            conflict
            for conflict in self._conflicts
            if conflict["move"]
            and conflict["move"]["alternatives"]
            and not conflict["meetings"][conflict["move"]["meeting"]]["recurring"]
        ]
        if movable:
            self._follow_advice(movable[0])
        else:
            self._book_free_time()

    def _follow_advice(self, conflict: Json) -> None:
        """Move the meeting that is cheaper to move to where there is room."""
        move = conflict["move"]
        title, place = move["title"], move["alternatives"][0]
        start = datetime.fromisoformat(place["start"]).astimezone(self._zone)
        self._say(f"Somebody follows the advice: '{title}' moves to {start:%A %d %B, %H:%M}.")
        (copy, *_) = conflict["meetings"][move["meeting"]]["occurrences"]
        event = self._api.get(f"/api/events/{copy['event_id']}")
        calendar = self._calendars[copy["calendar_id"]]
        rows = self._control.truth(self._account, calendar["provider_calendar_id"])
        (row,) = [row for row in rows if row["iCalUID"] == event["ical_uid"]]
        self._control.mutate(
            self._account,
            "edit",
            row["id"],
            calendar_id=calendar["provider_calendar_id"],
            changes={name: _google_time(place[name]) for name in ("start", "end")},
        )
        self._sync(calendar)
        self._show_arrival(title, place)

        def look() -> Json | None:
            found = self._api.get(f"/api/conflicts/{conflict['id']}")
            return found if found["status"] != "open" else None

        wait_for(look, "The end of the double booking", NEXT_SYNC_SECONDS)
        self._say("The double booking closed by itself.")

    def _book_free_time(self) -> None:
        """Add a meeting where there is room."""
        slots = self._load_availability()["slots"]
        if not slots:
            self._say("There is no free time left to book something into.")
            return
        place = slots[0]
        start = datetime.fromisoformat(place["start"]).astimezone(self._zone)
        self._say(f"Somebody books '{BOOKED_TITLE}': {start:%A %d %B, %H:%M}.")
        times = {name: _google_time(place[name]) for name in ("start", "end")}
        self._control.create_events(self._account, [{"summary": BOOKED_TITLE, **times}])
        self._sync(next(one for one in self._calendars.values() if one["primary"]))
        self._show_arrival(BOOKED_TITLE, place)

    def _show_arrival(self, title: str, place: Json) -> None:
        """Show the meeting at its new place, and that the time is no longer free."""
        found = self._api.get_all("/api/events", start=place["start"], end=place["end"])
        if not any(_is_at(event, title, place["start"]) for event in found):
            raise ApiError(f"'{title}' did not arrive at {place['start']}.")
        self._console.print(tour_views.week_table(found, self._names, self._zone))
        moment = datetime.fromisoformat(place["start"])
        offered = {
            datetime.fromisoformat(slot["start"]) for slot in self._load_availability()["slots"]
        }
        if moment in offered:
            raise ApiError(f"{place['start']} is still offered as free.")
        self._say(f"{moment.astimezone(self._zone):%H:%M} is no longer offered as free.")

    def _sync(self, calendar: Json) -> None:
        """Ask for a sync now, and wait for its end."""
        queued = self._api.post(f"/api/calendars/{calendar['id']}/sync")

        def look() -> Json | None:
            job = self._api.get(f"/api/sync-jobs/{queued['id']}")
            return job if job["status"] in OVER else None

        job = wait_for(look, "The sync", NEXT_SYNC_SECONDS)
        if job["status"] != "succeeded":
            raise ApiError(f"The sync {job['status']}: {job['error']}")
        counts = job["counts"]
        self._say(
            f"The next sync ({job['kind']}) finds {counts['created']} new, {counts['updated']}"
            f" changed, {counts['deleted']} removed."
        )

    def _load_conflicts(self) -> list[Json]:
        """Load what is open in the shown week; a task finds it right after the sync."""
        start, end = self._week()

        def look() -> list[Json] | None:
            query = {"status": "open", "start": start, "end": end}
            return self._api.get_all("/api/conflicts", **query) or None

        try:
            return wait_for(look, "Finding the double bookings", CONFLICT_SECONDS)
        except ApiError:
            if self._expect_conflicts:
                raise
            return []

    def _load_availability(self) -> Json:
        start, end = self._week()
        now = datetime.now(UTC).isoformat()  # noqa: TID251 - the tour happens at the present time.
        # Nothing in the past can be booked, and at the week's end there is little left of it.
        later = (datetime.fromisoformat(end) + timedelta(days=3)).isoformat()
        return self._api.get(
            "/api/availability", start=max(start, now), end=later, duration=30, tz=ZONE
        )

    def _week(self) -> tuple[str, str]:
        """The shown week, from local midnight to local midnight."""
        days = (self._monday, self._monday + timedelta(days=7))
        start, end = (datetime.combine(day, time(), self._zone) for day in days)
        return start.astimezone(UTC).isoformat(), end.astimezone(UTC).isoformat()

    def _headline(self, text: str) -> None:
        self._console.print()
        self._console.rule(f"[bold]{text}", align="left", style="dim")

    def _say(self, text: str) -> None:
        self._console.print(text, highlight=False)


def _google_time(instant: str) -> dict[str, str]:
    """Return an instant as Google's API takes it."""
    return {"dateTime": instant, "timeZone": ZONE}


def _is_at(event: Json, title: str, start: str) -> bool:
    """Whether an occurrence has this title and begins at this instant."""
    if event["title"] != title or event["all_day"]:
        return False
    return datetime.fromisoformat(event["start"]) == datetime.fromisoformat(start)


def _refuse_failures(calendars: Sequence[Json]) -> None:
    for calendar in calendars:
        if calendar["status"] in {"failing", "held"}:
            raise ApiError(f"{calendar['name']} cannot be read: {calendar['error']}")
