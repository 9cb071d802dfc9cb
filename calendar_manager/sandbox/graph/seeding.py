"""Putting the events of an iCalendar feed on an Outlook calendar."""

import hashlib
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from calendar_manager.sandbox.graph.bodies import new_item
from calendar_manager.sandbox.graph.calendar import Calendar
from calendar_manager.sandbox.graph.errors import GraphApiError
from calendar_manager.sandbox.graph.instances import find_instance
from calendar_manager.sandbox.graph.items import Item
from calendar_manager.sandbox.graph.patterns import PatternError, read_pattern
from calendar_manager.sandbox.graph.series import change_instance, delete_instance
from calendar_manager.sandbox.graph.state import GraphState
from calendar_manager.sandbox.graph.times import Moment, name_original
from calendar_manager.sandbox.graph.zones import name_zone
from calendar_manager.sandbox.ics_seed import IcsEvent, IcsFeed

Json = dict[str, Any]

_ANSWERS = {
    "ACCEPTED": "accepted",
    "DECLINED": "declined",
    "TENTATIVE": "tentativelyAccepted",
    "NEEDS-ACTION": "notResponded",
}
_SENSITIVITIES = {"PRIVATE": "private", "CONFIDENTIAL": "confidential"}


@dataclass(frozen=True)
class SeedResult:
    """How many events were loaded and rejected, and why, one line each."""

    loaded: int
    rejected: int
    problems: list[str]


def seed_calendar(state: GraphState, calendar: Calendar, feed: IcsFeed) -> SeedResult:
    """Load a feed into a calendar as one change; loading it again replaces the same events."""
    loader = _Loader(state, calendar, list(feed.problems), feed.rejected)
    for event in sorted(feed.events, key=lambda one: (one.recurrence_id is not None, one.sequence)):
        loader.add(event)
    if loader.items:
        state.commit(calendar, *loader.items.values())
    return SeedResult(loader.loaded, loader.rejected, loader.problems)


class _Loader:
    """Collects the items of one seeding."""

    def __init__(
        self, state: GraphState, calendar: Calendar, problems: list[str], rejected: int
    ) -> None:
        self.state = state
        self.calendar = calendar
        self.stamp = state.next_stamp()
        self.items: dict[str, Item] = {}
        self.problems = problems
        self.rejected = rejected
        self.loaded = 0

    def add(self, event: IcsEvent) -> None:
        """Take one event in, or note why not; a cancelled event is nothing to take in."""
        try:
            item = self._make(event)
        except (GraphApiError, PatternError, ValueError, OverflowError) as error:
            self.rejected += 1
            self.problems.append(f"{event.summary or event.uid or 'An event'}: {error}")
            return
        if item is not None:
            self.loaded += 1
            self.items[item.key] = item

    def _make(self, event: IcsEvent) -> Item | None:
        master = self.items.get(self._key(event))
        if event.recurrence_id is not None and master is not None and master.recurrence is not None:
            return self._override(event, master, event.recurrence_id)
        if event.status == "CANCELLED":
            return None
        # An override that no series has a place for stands for itself, under a key of its own.
        key = self._key(event, str(event.recurrence_id or ""))
        given = _write_fields(event, self.calendar)
        recurrence, excluded = _read_recurrence(event)
        item = new_item({**given, "recurrence": recurrence}, key, self.calendar, self.stamp)
        self.state.claim_key(self.calendar, key)
        return replace(item, deleted=excluded)

    def _override(self, event: IcsEvent, master: Item, recurrence_id: Moment) -> Item:
        original = _match_kind(recurrence_id, master)
        instance = find_instance(master, name_original(original))
        if instance is None:
            raise PatternError(f"the series has no occurrence at {original}")
        if event.status == "CANCELLED":
            return delete_instance(instance, self.stamp)
        given = _write_fields(event, self.calendar)
        return change_instance(instance, given, self.calendar, self.stamp)

    def _key(self, event: IcsEvent, suffix: str = "") -> str:
        text = event.uid or f"{event.summary}|{event.start}|{event.end}"
        digest = hashlib.sha256(f"{self.calendar.id}|{text}|{suffix}".encode()).hexdigest()
        return f"ics-{digest[:24]}"


def _match_kind(recurrence_id: Moment, master: Item) -> Moment:
    """Return the original start in the master's kind; feeds mix dates and times."""
    if master.all_day:
        return recurrence_id.date() if isinstance(recurrence_id, datetime) else recurrence_id
    if isinstance(recurrence_id, datetime):
        return recurrence_id.astimezone(UTC)
    start = master.start
    clock_time = start.time() if isinstance(start, datetime) else time()
    return datetime.combine(recurrence_id, clock_time, master.zone)


def _read_recurrence(event: IcsEvent) -> tuple[Json | None, frozenset[str]]:
    """Return the pattern and the original starts that EXDATE lines leave out.

    Raises:
        PatternError: Graph has no pattern for it.
    """
    rules = [line for line in event.recurrence if line.startswith("RRULE:")]
    unknown = [line for line in event.recurrence if line.startswith(("RDATE", "EXRULE"))]
    if unknown or len(rules) > 1:
        raise PatternError("Outlook knows one rule for each series, and neither RDATE nor EXRULE")
    if not rules:
        return None, frozenset()
    excluded: set[str] = set()
    for line in event.recurrence:
        if line.startswith("EXDATE"):
            excluded |= _read_excluded(line, event.start)
    zone = event.start.tzinfo if isinstance(event.start, datetime) else None
    return read_pattern(rules[0].removeprefix("RRULE:"), event.start, zone), frozenset(excluded)


def _read_excluded(line: str, start: Moment) -> set[str]:
    head, _, value = line.partition(":")
    zone_name = head.partition("TZID=")[2].partition(";")[0]
    names = set()
    for text in value.split(","):
        if not isinstance(start, datetime):
            names.add(text[:8])
            continue
        if "T" not in text:
            day = date.fromisoformat(text[:8])
            at = datetime.combine(day, start.time(), start.tzinfo)
        else:
            zone = UTC if text.endswith("Z") else ZoneInfo(zone_name) if zone_name else start.tzinfo
            at = datetime.fromisoformat(text[:15]).replace(tzinfo=zone)
        names.add(name_original(at))
    return names


def _write_fields(event: IcsEvent, calendar: Calendar) -> Json:
    all_day = not isinstance(event.start, datetime)
    given: Json = {
        "subject": event.summary,
        "start": _write_moment(event.start),
        "end": _write_moment(
            max(event.end, event.start + timedelta(days=1)) if all_day else event.end
        ),
        "isAllDay": all_day,
        "showAs": "free" if event.transparent else "busy",
        "sensitivity": _SENSITIVITIES.get(event.classification, "normal"),
    }
    if event.description:
        given["body"] = {"contentType": "text", "content": event.description}
    if event.location:
        given["location"] = {"displayName": event.location}
    if event.uid:
        given["iCalUId"] = event.uid
    if event.status == "TENTATIVE" and not event.transparent:
        given["showAs"] = "tentative"
    if event.attendees:
        given["attendees"] = [
            {
                "type": "required",
                "status": {"response": _ANSWERS.get(one.answer, "none")},
                "emailAddress": {"address": one.email, "name": one.name or one.email},
            }
            for one in event.attendees
        ]
    if event.organizer:
        given |= _write_organizer(event, calendar)
    return given


def _write_organizer(event: IcsEvent, calendar: Calendar) -> Json:
    organizer = {"emailAddress": {"address": event.organizer, "name": event.organizer}}
    if event.organizer.lower() == calendar.owner:
        return {"organizer": organizer}
    answers = [one.answer for one in event.attendees if one.email.lower() == calendar.owner]
    response = _ANSWERS.get(answers[0] if answers else "", "notResponded")
    return {"organizer": organizer, "responseStatus": {"response": response}}


def _write_moment(moment: Moment) -> Json:
    if not isinstance(moment, datetime):
        return {"dateTime": f"{moment.isoformat()}T00:00:00", "timeZone": "UTC"}
    wall = moment.replace(tzinfo=None).isoformat()
    return {"dateTime": wall, "timeZone": name_zone(moment.tzinfo)}
