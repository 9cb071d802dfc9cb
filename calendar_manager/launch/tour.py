"""The guided tour: the main job through the public HTTP API, and nothing but that.

A user registers, connects a Google, a Microsoft 365 and a Cal.com account of the sandbox through
the real redirects, waits for the worker's first syncs, and sees the merged week, its conflicts and
the free time. Then somebody changes something at each provider, and each change arrives.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from time import monotonic
from typing import Final

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn

from calendar_manager.launch import tour_changes, tour_views
from calendar_manager.launch.api_client import ApiClient, ApiError, Json, wait_for
from calendar_manager.launch.tour_answers import ZONE, Answers
from calendar_manager.launch.tour_changes import Move
from calendar_manager.sandbox.control_client import ControlClient, approve_consent
from calendar_manager.sandbox.default_accounts import (
    CALDOTCOM_ACCOUNT,
    GOOGLE_ACCOUNT,
    MICROSOFT_ACCOUNT,
)

FIRST_SYNC_SECONDS: Final = 60.0

ARRIVAL_SECONDS: Final = 5.0
"""How long to wait for a change to arrive by itself before a sync is asked for."""

ACCOUNTS: Final = {
    "google": GOOGLE_ACCOUNT,
    "microsoft": MICROSOFT_ACCOUNT,
    "caldotcom": CALDOTCOM_ACCOUNT,
}
"""The account to connect at each provider."""

WORKING_HOURS: Final[Json] = {
    "time_zone": ZONE.key,
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
        control: The sandbox's control, to change things at the providers.
        console: Where to show what happens.
        monday: First day of the week to show.
        expect_conflicts: Whether a week without double bookings is a failure.
    """

    def __init__(
        self,
        api: ApiClient,
        control: ControlClient,
        console: Console,
        *,
        monday: date,
        expect_conflicts: bool,
    ) -> None:
        self._api = api
        self._control = control
        self._console = console
        self._answers = Answers(api, monday)
        self._expect_conflicts = expect_conflicts
        self._calendars: dict[str, Json] = {}
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
                "time_zone": ZONE.key,
            },
        )
        self._api.log_in(user.email, user.password)
        self._api.post("/api/availability/rules", WORKING_HOURS)
        me = self._api.get("/api/auth/me")
        self._say(
            f"{me['name']} works in {me['time_zone']}, Monday to Friday, 9:00 to 12:30 and 13:30"
            " to 17:30, and wants 10 minutes of air around meetings."
        )

    def connect(self) -> None:
        """Go through each provider's consent page and redirects as a browser does."""
        self._headline("Connecting Google, Microsoft 365 and Cal.com")
        for provider, account in ACCOUNTS.items():
            consent = self._api.get(f"/api/auth/connect/{provider}")
            url = consent["authorization_url"]
            self._api.get(approve_consent(self._api.session, url, account))
            connections = self._api.get_all("/api/connections")
            (made,) = [one for one in connections if one["provider"] == provider]
            if made["status"] != "active":
                raise ApiError(f"{made['account']} is {made['status']}: {made['reason']}")
            self._say(
                f"[green]✓[/] {tour_views.PROVIDERS[provider]}: {made['account']} allowed access."
            )
        self._say("Their tokens are stored encrypted.")

    def watch_first_sync(self) -> None:
        """Wait for the workers, with a bar for each account."""
        self._headline("The first syncs, in workers")
        columns = (SpinnerColumn(finished_text="[green]✓[/]"), TextColumn("{task.description}"))
        counts = (BarColumn(bar_width=24), MofNCompleteColumn(), TextColumn("calendars"))
        with Progress(*columns, *counts, console=self._console) as progress:
            bars = {
                provider: progress.add_task(tour_views.PROVIDERS[provider], total=None)
                for provider in ACCOUNTS
            }

            def look() -> list[Json] | None:
                calendars = self._load_calendars()
                missing = False
                for provider, bar in bars.items():
                    mine = [one for one in calendars if one["provider"] == provider]
                    done = sum(one["last_synced_at"] is not None for one in mine)
                    progress.update(bar, total=len(mine) or None, completed=done)
                    missing |= not mine or done < len(mine)
                return None if missing else calendars

            calendars = wait_for(look, "The first sync", FIRST_SYNC_SECONDS)
        self._calendars = {calendar["id"]: calendar for calendar in calendars}
        jobs = self._api.get_all("/api/sync-jobs")
        created = sum(job["counts"]["created"] for job in jobs)
        rejected = sum(job["counts"]["rejected"] for job in jobs)
        self._say(
            f"{created} events from {len(calendars)} calendars"
            + (f", {rejected} could not be read." if rejected else ", none left out.")
        )

    def show_week(self) -> None:
        """Show the merged week, its double bookings and the free time."""
        self._headline(f"The week from {self._answers.monday:%d %B %Y}, all calendars in one")
        events = self._answers.load_week()
        self._print_events(events)
        if any(len(copies) > 1 for copies in tour_views.merge_copies(events)):
            self._say(f"2{tour_views.TIMES}: one meeting on two calendars. It counts once.")
        self._headline("Double bookings, within and across accounts")
        self._conflicts = self._answers.load_conflicts(expected=self._expect_conflicts)
        if self._conflicts:
            table = tour_views.conflict_table(self._conflicts, self._calendars, ZONE)
            self._console.print(table)
        else:
            self._say("None.")
        self._headline("Free time")
        answer = self._answers.load_availability()
        table = tour_views.free_table(answer["windows"], answer["slots"], ZONE)
        self._console.print(table)
        self._say("And how fresh this answer is:")
        fresh = tour_views.freshness_table(answer["freshness"], self._calendars, ZONE)
        self._console.print(fresh)

    def change_at_google(self) -> None:
        """Follow the advice on a double booking in Google, or book something new there."""
        self._headline("Something changes in Google")
        for conflict in self._conflicts:
            found = self._find_movable(conflict)
            if found is None:
                continue
            calendar, event, place = found
            self._say("Somebody follows the advice.")
            move = tour_changes.move_google_meeting(self._control, calendar, event, place)
            self._show_arrival(calendar, move)
            self._answers.wait_until_closed(conflict)
            self._say("The double booking closed by itself.")
            return
        free = self._find_place()
        if free is not None:
            calendar = self._find_calendar("google")
            self._show_arrival(calendar, tour_changes.book_in_google(self._control, free))

    def change_in_outlook(self) -> None:
        """Move one occurrence of a series in the client's tenant."""
        self._headline("One occurrence of a series moves in Outlook")
        slots = self._answers.load_availability()["slots"]
        move = tour_changes.move_outlook_occurrence(self._control, _read_clock(), slots)
        self._show_arrival(self._find_calendar("microsoft"), move)

    def change_at_caldotcom(self) -> None:
        """Let a guest reschedule a booking."""
        self._headline("A guest reschedules a booking at Cal.com")
        place = self._find_place()
        if place is None:
            return
        own = self._find_calendar("caldotcom")
        elsewhere = [
            event["ical_uid"]
            for event in self._answers.load_week()
            if event["ical_uid"] and event["calendar_id"] != own["id"]
        ]
        move = tour_changes.reschedule_booking(self._control, _read_clock(), place, elsewhere)
        self._show_arrival(own, move)

    def _find_movable(self, conflict: Json) -> tuple[Json, Json, Mapping[str, str]] | None:
        """Return calendar, event and place if the advice is to move a single Google event."""
        advice = conflict["move"]
        if not advice or not advice["alternatives"]:
            return None
        meeting = conflict["meetings"][advice["meeting"]]
        (copy, *more) = meeting["occurrences"]
        calendar = self._calendars.get(copy["calendar_id"])
        if more or meeting["recurring"] or calendar is None or calendar["provider"] != "google":
            return None
        return calendar, self._answers.load_event(copy["event_id"]), advice["alternatives"][0]

    def _find_calendar(self, provider: str) -> Json:
        """Return the main calendar of a provider's account."""
        mine = [one for one in self._calendars.values() if one["provider"] == provider]
        return next((one for one in mine if one["primary"]), mine[0])

    def _find_place(self) -> Mapping[str, str] | None:
        """Return the next free half hour, or say that there is none."""
        slots: Sequence[Mapping[str, str]] = self._answers.load_availability()["slots"]
        if not slots:
            self._say("There is no free time left to put anything into.")
            return None
        return slots[0]

    def _show_arrival(self, calendar: Json, move: Move | None) -> None:
        """Wait for the meeting at its new place, show it, and that the place is no longer free.

        Raises:
            ApiError: It is not there, still at its old place, or the place still counts as free.
        """
        if move is None:
            self._say("There is nothing to move in the coming days.")
            return
        title, place = move.title, move.place
        start = datetime.fromisoformat(place["start"]).astimezone(ZONE)
        self._say(f"'{escape(title)}' {_describe_way(move)}.")
        self._await(calendar, move)
        found = self._answers.load_events(place["start"], place["end"])
        if not self._is_at(title, place):
            raise ApiError(f"'{title}' did not arrive at {place['start']}.")
        if move.left is not None and self._is_at(title, move.left):
            raise ApiError(f"'{title}' is still at {move.left['start']}.")
        self._print_events(found)
        slots = self._answers.load_availability()["slots"]
        if start in {datetime.fromisoformat(slot["start"]) for slot in slots}:
            raise ApiError(f"{place['start']} is still offered as free.")
        self._say(f"{start:%H:%M} is no longer offered as free.")

    def _await(self, calendar: Json, move: Move) -> None:
        """Wait until a change arrives by itself, or sync, and say which way it came."""
        began = monotonic()

        def look() -> bool | None:
            has_left = move.left is None or not self._is_at(move.title, move.left)
            return (has_left and self._is_at(move.title, move.place)) or None

        try:
            wait_for(look, "The arrival", ARRIVAL_SECONDS)
        except ApiError:
            counts = self._answers.sync(calendar)["counts"]
            self._say(
                f"The next sync finds {counts['created']} new, {counts['updated']} changed,"
                f" {counts['deleted']} removed."
            )
            return
        seconds = monotonic() - began
        freshness = self._answers.load_availability()["freshness"]
        via = next((one["via"] for one in freshness if one["calendar_id"] == calendar["id"]), None)
        provider = tour_views.PROVIDERS[calendar["provider"]]
        how = f"{provider} told us of it" if via == "push" else "A poll found it"
        self._say(f"{how}: it is here after {seconds:.1f} s. Nobody asked for a sync.")

    def _is_at(self, title: str, place: Mapping[str, str]) -> bool:
        """Whether our answers have an occurrence of this title that begins at this place."""
        found = self._answers.load_events(place["start"], place["end"])
        return any(_begins_at(event, title, place["start"]) for event in found)

    def _load_calendars(self) -> list[Json]:
        """Load the calendars that are synced.

        Raises:
            ApiError: One of them cannot be read.
        """
        calendars = self._api.get_all("/api/calendars")
        wanted = [calendar for calendar in calendars if calendar["sync_enabled"]]
        for calendar in wanted:
            if calendar["status"] in {"failing", "held"}:
                raise ApiError(f"{calendar['name']} cannot be read: {calendar['error']}")
        return wanted

    def _print_events(self, events: Sequence[Json]) -> None:
        self._console.print(tour_views.week_table(events, self._calendars, ZONE))

    def _headline(self, text: str) -> None:
        self._console.print()
        self._console.rule(f"[bold]{text}", align="left", style="dim")

    def _say(self, text: str) -> None:
        self._console.print(text, highlight=False)


def _read_clock() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - the tour happens at the present time.


def _describe_way(move: Move) -> str:
    """Say from where to where, by the user's wall clock."""
    start = datetime.fromisoformat(move.place["start"]).astimezone(ZONE)
    if move.left is None:
        return f"is booked for {start:%a %d %b %H:%M}"
    left = datetime.fromisoformat(move.left["start"]).astimezone(ZONE)
    return f"moves from {left:%a %d %b %H:%M} to {start:%a %d %b %H:%M}"


def _begins_at(event: Json, title: str, start: str) -> bool:
    """Whether an occurrence has this title and begins at this instant."""
    if event["title"] != title or event["all_day"]:
        return False
    return datetime.fromisoformat(event["start"]) == datetime.fromisoformat(start)
