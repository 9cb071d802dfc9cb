"""Putting the events of an iCalendar feed on a Google calendar."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from calendar_manager.sandbox.google.bodies import new_body
from calendar_manager.sandbox.google.calendar import Calendar
from calendar_manager.sandbox.google.errors import GoogleApiError
from calendar_manager.sandbox.google.instances import instance_body, recurrence_of
from calendar_manager.sandbox.google.state import GoogleState
from calendar_manager.sandbox.google.times import Moment, instance_suffix, moment_of
from calendar_manager.sandbox.ics_seed import IcsEvent, IcsFeed

Json = dict[str, Any]

_ANSWERS = {"ACCEPTED": "accepted", "DECLINED": "declined", "TENTATIVE": "tentative"}
_VISIBILITIES = {"PRIVATE": "private", "CONFIDENTIAL": "confidential", "PUBLIC": "public"}
_ID_LENGTH = 26


@dataclass(frozen=True)
class SeedResult:
    """How many events were loaded and rejected, and why, one line each."""

    loaded: int
    rejected: int
    problems: list[str]


def seed_calendar(state: GoogleState, calendar: Calendar, feed: IcsFeed) -> SeedResult:
    """Load a feed into a calendar as one change; loading it again updates the same events.

    A calendar name that is an address counts as the owner's own, as in Google's exports.
    """
    if "@" in feed.name:
        calendar.own_addresses.add(feed.name.lower())
    loader = _Loader(state, calendar, list(feed.problems), feed.rejected)
    for event in _newest(event for event in feed.events if event.recurrence_id is None):
        loader.add(event)
    for event in _newest(event for event in feed.events if event.recurrence_id is not None):
        loader.add(event)
    if loader.bodies:
        calendar.commit(loader.stamp, loader.bodies)
    return SeedResult(len(loader.bodies), loader.rejected, loader.problems)


def _newest(events: Any) -> list[IcsEvent]:  # noqa: ANN401 - An iterable, written by a generator.
    """Return one event for each UID and recurrence id: the last of the highest SEQUENCE."""
    chosen: dict[object, IcsEvent] = {}
    for number, event in enumerate(events):
        key = (event.uid, str(event.recurrence_id)) if event.uid else number
        if key not in chosen or event.sequence >= chosen[key].sequence:
            chosen[key] = event
    return list(chosen.values())


class _Loader:
    """Collects the bodies of one seeding."""

    def __init__(
        self, state: GoogleState, calendar: Calendar, problems: list[str], rejected: int
    ) -> None:
        self.calendar = calendar
        self.stamp = state.stamps.next()
        self.bodies: dict[str, Json] = {}
        self.problems = problems
        self.rejected = rejected

    def add(self, event: IcsEvent) -> None:
        """Take one event in, or note why not; a cancelled event is nothing to take in."""
        try:
            body = self._make(event)
            if body is not None:
                self.bodies[str(body["id"])] = body
        except (GoogleApiError, ValueError, OverflowError) as error:
            self.rejected += 1
            reason = error.__cause__ or error
            self.problems.append(f"{event.summary or event.uid or 'An event'}: {reason}")

    def _make(self, event: IcsEvent) -> Json | None:
        instance = self._find_instance(event) if event.recurrence_id is not None else None
        fields = _write_fields(event)
        foreign: Json = {"sequence": event.sequence}
        if event.organizer:
            own = event.organizer.lower() in self.calendar.own_addresses
            foreign["organizer"] = {"email": event.organizer, **({"self": True} if own else {})}
        if instance is None and event.status == "CANCELLED":
            return None
        if instance is None:
            # An override that no series has a place for stands for itself, under its own id.
            suffix = instance_suffix(event.recurrence_id) if event.recurrence_id else ""
            event_id = make_seed_id(event, suffix)
            return new_body(fields, event_id, self.calendar, self.stamp, foreign)
        if event.status == "CANCELLED":
            return {**instance, "status": "cancelled"}
        body = new_body(fields, str(instance["id"]), self.calendar, self.stamp, foreign)
        kept = ("recurringEventId", "originalStartTime", "iCalUID")
        return {**body, **{name: instance[name] for name in kept}}

    def _find_instance(self, event: IcsEvent) -> Json | None:
        """Return the instance that an override replaces, if its series has one there."""
        master = self.bodies.get(make_seed_id(event))
        if master is None or "recurrence" not in master or event.recurrence_id is None:
            return None
        original_start = _match_kind(event.recurrence_id, moment_of(master["start"]))
        if not recurrence_of(master).contains(original_start):
            return None
        return instance_body(master, original_start, self.calendar.time_zone)


def make_seed_id(event: IcsEvent, suffix: str = "") -> str:
    """Return the id of an event: the same for the same UID, so that seeding twice updates."""
    key = event.uid or f"{event.summary}|{event.start}|{event.end}"
    # Hexadecimal digits are part of the base32hex alphabet that ids are made of.
    return hashlib.sha256(f"{key}{suffix}".encode()).hexdigest()[:_ID_LENGTH]


def _match_kind(recurrence_id: Moment, start: Moment) -> Moment:
    """Return the original start in the master's kind and zone; feeds mix dates and times."""
    if isinstance(start, datetime):
        if isinstance(recurrence_id, datetime):
            return recurrence_id.astimezone(start.tzinfo)
        return datetime.combine(recurrence_id, start.time(), start.tzinfo)
    return recurrence_id.date() if isinstance(recurrence_id, datetime) else recurrence_id


def _write_moment(moment: Moment) -> Json:
    if not isinstance(moment, datetime):
        return {"date": moment.isoformat()}
    return {"dateTime": moment.isoformat(), "timeZone": str(moment.tzinfo)}


def _write_fields(event: IcsEvent) -> Json:
    fields: Json = {
        "iCalUID": event.uid or None,
        "start": _write_moment(event.start),
        "end": _write_moment(event.end),
        "summary": event.summary or None,
        "description": event.description or None,
        "location": event.location or None,
        "recurrence": list(event.recurrence) or None,
        "transparency": "transparent" if event.transparent else None,
        "visibility": _VISIBILITIES.get(event.classification),
        "status": "tentative" if event.status == "TENTATIVE" else "confirmed",
    }
    if event.attendees:
        fields["attendees"] = [
            {
                "email": one.email,
                **({"displayName": one.name} if one.name else {}),
                "responseStatus": _ANSWERS.get(one.answer, "needsAction"),
            }
            for one in event.attendees
        ]
    return fields
