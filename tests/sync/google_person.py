"""Somebody who works in their Google calendar, at random but repeatably."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from typing import Any

from calendar_manager.sandbox.control_client import ControlClient, ControlError

JsonObject = dict[str, Any]

ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata")
RULES = (
    "RRULE:FREQ=DAILY;COUNT=12",
    "RRULE:FREQ=DAILY",
    "RRULE:FREQ=WEEKLY;BYDAY=MO,WE",
    "RRULE:FREQ=WEEKLY;INTERVAL=2",
    "RRULE:FREQ=MONTHLY;BYDAY=-1FR",
    "RRULE:FREQ=MONTHLY;BYMONTHDAY=31",
)
MONDAY = date(2026, 3, 2)


@dataclass
class GooglePerson:
    """Makes one random change after another in one calendar.

    Attributes:
        control: The sandbox.
        email: Whose calendar.
        calendar_id: Which calendar.
        random: Where the choices come from.
        done: How often each kind of change was made.
    """

    control: ControlClient
    email: str
    random: Random
    calendar_id: str = "primary"
    done: dict[str, int] = field(default_factory=dict)

    def change_something(self) -> None:
        """Make one change, of whatever kind fits what is there."""
        events = self.control.truth(self.email, self.calendar_id)
        masters = [event for event in events if event.get("recurrence")]
        singles = [
            event
            for event in events
            if not event.get("recurrence") and not event.get("recurringEventId")
        ]
        kinds = ["create", "create_series"]
        kinds += ["edit", "respond", "delete"] if len(singles) > 3 else []
        kinds += [
            *("edit_one", "edit_one", "delete_one", "delete_one", "cancel_and_restore"),
            *("edit_following", "delete_following", "edit_all", "retime_all"),
        ] * bool(masters)
        kinds += ["delete_series"] if len(masters) > 4 else []
        kind = self.random.choice(kinds)
        try:
            getattr(self, f"_{kind}")(singles, masters)
        except ControlError:
            # The instance chosen may be gone already; the sandbox says so, as Google would.
            kind = "refused"
        self.done[kind] = self.done.get(kind, 0) + 1

    def _mutate(self, kind: Any, event: JsonObject, **more: Any) -> None:
        self.control.mutate(
            self.email, kind, event.get("id", ""), calendar_id=self.calendar_id, **more
        )

    def _create(self, *_: object) -> None:
        self._mutate("create", {}, changes=self._body())

    def _create_series(self, *_: object) -> None:
        body = self._body() | {"recurrence": [self.random.choice(RULES)]}
        self._mutate("create", {}, changes=body)

    def _edit(self, singles: list[JsonObject], _: object) -> None:
        self._mutate("edit", self.random.choice(singles), changes=self._body())

    def _respond(self, singles: list[JsonObject], _: object) -> None:
        answer = self.random.choice(("accepted", "declined", "tentative", "needsAction"))
        attendees = [
            {"email": "boss@client.test", "organizer": True, "responseStatus": "accepted"},
            {"email": self.email, "self": True, "responseStatus": answer},
        ]
        self._mutate("edit", self.random.choice(singles), changes={"attendees": attendees})

    def _delete(self, singles: list[JsonObject], _: object) -> None:
        self._mutate("delete", self.random.choice(singles))

    def _delete_series(self, _: object, masters: list[JsonObject]) -> None:
        self._mutate("delete", self.random.choice(masters))

    def _edit_one(self, _: object, masters: list[JsonObject]) -> None:
        master, start = self._instance(masters)
        changes = {"summary": self._title()}
        if self.random.random() < 0.6:
            changes |= {key: self._body(master)[key] for key in ("start", "end")}
        self._mutate("edit_one", master, original_start=start, changes=changes)

    def _delete_one(self, _: object, masters: list[JsonObject]) -> None:
        master, start = self._instance(masters)
        self._mutate("delete_one", master, original_start=start)

    def _cancel_and_restore(self, _: object, masters: list[JsonObject]) -> None:
        master, start = self._instance(masters)
        self._mutate("delete_one", master, original_start=start)
        self._mutate("edit_one", master, original_start=start, changes={"status": "confirmed"})

    def _edit_following(self, _: object, masters: list[JsonObject]) -> None:
        master, start = self._instance(masters)
        self._mutate(
            "edit_following", master, original_start=start, changes={"summary": self._title()}
        )

    def _delete_following(self, _: object, masters: list[JsonObject]) -> None:
        master, start = self._instance(masters)
        self._mutate("delete_following", master, original_start=start)

    def _edit_all(self, _: object, masters: list[JsonObject]) -> None:
        self._mutate("edit_all", self.random.choice(masters), changes={"summary": self._title()})

    def _retime_all(self, _: object, masters: list[JsonObject]) -> None:
        master = self.random.choice(masters)
        body = self._body(master)
        self._mutate("edit_all", master, changes={key: body[key] for key in ("start", "end")})

    def _instance(self, masters: list[JsonObject]) -> tuple[JsonObject, str]:
        """Choose a master and the start of one of its live instances."""
        master = self.random.choice(masters)
        window = datetime(2026, 2, 1, tzinfo=UTC), datetime(2026, 7, 1, tzinfo=UTC)
        instances = [
            instance
            for instance in self.control.truth_instances(self.email, *window, self.calendar_id)
            if instance.get("recurringEventId") == master["id"]
        ]
        if not instances:
            raise ControlError("no instance is left")
        original = self.random.choice(instances[:20])["originalStartTime"]
        return master, original.get("dateTime") or original["date"]

    def _title(self) -> str:
        return f"Meeting {self.random.randrange(10_000)}"

    def _body(self, like: JsonObject | None = None) -> JsonObject:
        all_day = "date" in like["start"] if like is not None else self.random.random() < 0.15
        day = MONDAY + timedelta(days=self.random.randrange(60))
        body: JsonObject = {"summary": self._title()}
        body["transparency"] = self.random.choice(("opaque", "opaque", "transparent"))
        if all_day:
            end = day + timedelta(days=self.random.randint(1, 3))
            return body | {"start": {"date": str(day)}, "end": {"date": str(end)}}
        zone = like["start"].get("timeZone") if like is not None else None
        zone = zone or self.random.choice(ZONES)
        start = datetime.combine(day, time(self.random.randrange(6, 20)))
        end_at = start + timedelta(minutes=self.random.choice((15, 30, 60, 90, 600)))
        return body | {
            "start": {"dateTime": start.isoformat(), "timeZone": zone},
            "end": {"dateTime": end_at.isoformat(), "timeZone": zone},
        }
