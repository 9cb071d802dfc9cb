"""Somebody who works in their Outlook calendar, at random but repeatably."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from typing import Any

from calendar_manager.sandbox.control_client import ControlError, GraphControl

JsonObject = dict[str, Any]

ZONES = (
    "W. Europe Standard Time",
    "Eastern Standard Time",
    "Lord Howe Standard Time",
    "India Standard Time",
)
WORKDAYS = ["monday", "tuesday", "wednesday", "thursday", "friday"]
PATTERNS: tuple[JsonObject, ...] = (
    {"type": "daily", "interval": 1},
    {"type": "daily", "interval": 3},
    {"type": "weekly", "interval": 1, "daysOfWeek": ["monday", "thursday"]},
    {"type": "weekly", "interval": 2, "daysOfWeek": ["sunday"], "firstDayOfWeek": "monday"},
    {"type": "absoluteMonthly", "interval": 1, "dayOfMonth": 31},
    {"type": "relativeMonthly", "interval": 1, "daysOfWeek": WORKDAYS, "index": "last"},
    {"type": "absoluteYearly", "interval": 1, "month": 4, "dayOfMonth": 2},
    {"type": "relativeYearly", "interval": 1, "month": 3, "daysOfWeek": ["friday"]},
)
SHOWN_AS = ("busy", "busy", "free", "tentative", "oof", "workingElsewhere", "unknown")
ANSWERS = ("accepted", "tentativelyAccepted", "declined")
LENGTHS = (0, 15, 60, 90, 600)
MONDAY = date(2026, 3, 2)
AROUND = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 9, 1, tzinfo=UTC)
REFUSALS = ("ErrorPropertyValidationFailure", "ErrorRecurrenceHasNoOccurrence")

FOR_ONE_EVENT = ("edit", "move", "respond", "show", "cancel", "repeat", "delete")
FOR_A_SERIES = (
    *("edit_one", "move_one", "move_one", "show_one", "respond_one", "cancel_one", "delete_one"),
    *("delete_one", "edit_following", "delete_following", "edit_all", "retime_all", "repattern"),
    *("respond_all", "cancel_all", "unrepeat"),
)
KINDS = frozenset({"create", "create_series", "delete_series", *FOR_ONE_EVENT, *FOR_A_SERIES})


@dataclass
class GraphPerson:
    """Makes one random change after another in one calendar.

    Some of what they do lies far from ``MONDAY``, outside of what anybody reads, and some of it
    comes back from there.

    Attributes:
        graph: The sandbox's Microsoft.
        email: Whose calendar.
        random: Where the choices come from.
        calendar_id: Which calendar.
        done: How often each kind of change was made; Outlook's refusals are not among them.
    """

    graph: GraphControl
    email: str
    random: Random
    calendar_id: str = "primary"
    done: Counter[str] = field(default_factory=Counter)

    def change_something(self) -> None:
        """Make one change, of whatever kind fits what is there."""
        events = self.graph.truth(self.email, self.calendar_id)
        masters = [event for event in events if event["type"] == "seriesMaster"]
        singles = [event for event in events if event["type"] == "singleInstance"]
        kinds = ["create"] * 2 + ["create_series"] * (3 if len(masters) < 8 else 1)
        kinds += FOR_ONE_EVENT * (len(singles) > 3)
        kinds += FOR_A_SERIES * (len(masters) > 2)
        kinds += ["delete_series"] * max(1, len(masters) - 8) * (len(masters) > 2)
        kind = self.random.choice(kinds)
        among = singles if kind in FOR_ONE_EVENT else masters
        if kind.startswith("respond"):
            # Who called a meeting has nothing to answer.
            among = [event for event in among if not event["isOrganizer"]]
        if not (among or kind.startswith("create")):
            return
        try:
            if kind in FOR_ONE_EVENT:
                self._change_event(kind, self.random.choice(among))
            elif kind.startswith("create"):
                self._mutate("create", changes=self._body(repeats=kind == "create_series"))
            else:
                self._change_series(kind, self.random.choice(among))
        except ControlError as error:
            # No series may begin after its own end or be without any occurrence.
            assert any(code in str(error) for code in REFUSALS), error  # noqa: PT017 - Some succeed.
            return
        self.done[kind] += 1

    def _change_event(self, kind: str, event: JsonObject) -> None:
        match kind:
            case "delete" | "cancel":
                self._mutate(kind, event)
            case "respond":
                self._mutate("respond", event, changes={"response": self.random.choice(ANSWERS)})
            case "repeat":
                times = self._times()
                changes = times | {"recurrence": self._recurrence(times)}
                self._mutate("edit", event, changes=changes)
            case _:
                self._mutate("edit", event, changes=self._changes(kind))

    def _change_series(self, kind: str, master: JsonObject) -> None:
        if kind.endswith(("_one", "_following")):
            self._change_from(kind, master)
            return
        match kind:
            case "delete_series":
                self._mutate("delete", master)
            case "cancel_all":
                self._mutate("cancel", master)
            case "respond_all":
                self._mutate("respond", master, changes={"response": self.random.choice(ANSWERS)})
            case "unrepeat":
                self._mutate("edit", master, changes={"recurrence": None})
            case "retime_all":
                self._mutate("edit_all", master, changes=self._times(like=master))
            case "repattern":
                times = self._times(like=master)
                changes = times | {"recurrence": self._recurrence(times)}
                self._mutate("edit", master, changes=changes)
            case _:
                self._mutate("edit_all", master, changes=self._changes("edit"))

    def _change_from(self, kind: str, master: JsonObject) -> None:
        """Change one occurrence, or it and what follows."""
        occurrences = [
            one
            for one in self.graph.truth_instances(self.email, *AROUND, self.calendar_id)
            if one["seriesMasterId"] == master["id"]
        ]
        if not occurrences:
            return
        chosen = self.random.choice(occurrences[:25])
        edit = {"move_one": "edit_one", "show_one": "edit_one"}.get(kind, kind)
        edit = {"respond_one": "respond", "cancel_one": "cancel"}.get(edit, edit)
        changes: JsonObject | None = None
        if edit == "respond":
            changes = {"response": self.random.choice(ANSWERS)}
        elif kind == "move_one":
            changes = self._times(like=chosen)
        elif edit.startswith("edit"):
            changes = self._changes(kind.partition("_")[0])
        self._mutate(edit, master, original_start=chosen["originalStart"], changes=changes)

    def _mutate(self, kind: Any, event: JsonObject | None = None, **more: Any) -> None:
        event_id = event["id"] if event else ""
        self.graph.mutate(self.email, kind, event_id, calendar_id=self.calendar_id, **more)

    def _changes(self, kind: str) -> JsonObject:
        if kind == "move":
            return self._times()
        if kind == "show":
            return {"showAs": self.random.choice(SHOWN_AS)}
        return {"subject": self._title(), "location": {"displayName": self._title()}}

    def _title(self) -> str:
        return f"Meeting {self.random.randrange(10_000)}"

    def _body(self, *, repeats: bool) -> JsonObject:
        times = self._times()
        body = times | {"subject": self._title(), "showAs": self.random.choice(SHOWN_AS)}
        if self.random.random() < 0.3:
            organizer = {"emailAddress": {"address": "boss@client.example", "name": "Boss"}}
            guest = {"emailAddress": {"address": self.email, "name": "Me"}}
            body |= {"organizer": organizer, "attendees": [guest]}
        return body | ({"recurrence": self._recurrence(times)} if repeats else {})

    def _times(self, like: JsonObject | None = None) -> JsonObject:
        """Return new times; those of a member of a series last all day if it does."""
        all_day = self.random.random() < 0.2 if like is None else like["isAllDay"]
        zone = self.random.choice(ZONES)
        start = datetime.combine(self._day(), time(self.random.randrange(24)))
        end = start + timedelta(minutes=self.random.choice(LENGTHS))
        if all_day:
            start = datetime.combine(start, time())
            end = start + timedelta(days=self.random.randint(1, 3))
        return {
            "isAllDay": all_day,
            "start": {"dateTime": start.isoformat(), "timeZone": zone},
            "end": {"dateTime": end.isoformat(), "timeZone": zone},
        }

    def _day(self) -> date:
        if self.random.random() < 0.2:
            away = self.random.choice((-300, -45, 135, 400))
            return MONDAY + timedelta(days=away + self.random.randrange(30))
        return MONDAY + timedelta(days=self.random.randrange(-20, 110))

    def _recurrence(self, times: JsonObject) -> JsonObject:
        start = datetime.fromisoformat(times["start"]["dateTime"]).date()
        ends: dict[str, JsonObject] = {
            "noEnd": {},
            "numbered": {"numberOfOccurrences": self.random.randint(1, 20)},
            "endDate": {"endDate": str(start + timedelta(days=self.random.randrange(120)))},
        }
        kind = self.random.choice(list(ends))
        zone = times["start"]["timeZone"]
        bounds = {"type": kind, "startDate": str(start), "recurrenceTimeZone": zone, **ends[kind]}
        return {"pattern": self.random.choice(PATTERNS), "range": bounds}
