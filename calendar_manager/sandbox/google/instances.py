"""Expanding a series into instance rows, exceptions in their places."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from calendar_manager.sandbox.google.calendar import Calendar, Row
from calendar_manager.sandbox.google.recurrence import MAX_INSTANCES, Recurrence, read_recurrence
from calendar_manager.sandbox.google.times import (
    Moment,
    add_length,
    instance_suffix,
    instant_of,
    length_between,
    moment_of,
    read_instance_suffix,
    write_moment,
    zone_name_of,
)

Json = dict[str, Any]

_TWO_DAYS = timedelta(days=2)


@dataclass(frozen=True)
class Window:
    """A range of instants: events ending after ``lower`` and starting before ``upper``."""

    lower: datetime | None = None
    upper: datetime | None = None

    def holds(self, row: Row, zone_name: str) -> bool:
        """Tell whether the row's own span lies in the range."""
        start, end = moment_of(row.body["start"]), moment_of(row.body["end"])
        return self._holds(instant_of(start, zone_name), instant_of(end, zone_name))

    def _holds(self, start_at: datetime, end_at: datetime) -> bool:
        late_enough = self.lower is None or end_at > self.lower
        return late_enough and (self.upper is None or start_at < self.upper)


def recurrence_of(body: Json) -> Recurrence:
    """Return the recurrence of a master's body."""
    start = moment_of(body["start"])
    zone_name = zone_name_of(start) if isinstance(start, datetime) else None
    return read_recurrence(start, zone_name or "", tuple(body["recurrence"]))


def instance_body(master: Json, original_start: Moment, shown_in: str) -> Json:
    """Return the body of the instance that starts at this moment, as the series has it."""
    length = length_between(moment_of(master["start"]), moment_of(master["end"]))
    body = {name: value for name, value in master.items() if name != "recurrence"}
    start = write_moment(original_start, shown_in)
    return {
        **body,
        "id": f"{master['id']}_{instance_suffix(original_start)}",
        "start": start,
        "end": write_moment(add_length(original_start, length), shown_in),
        "recurringEventId": master["id"],
        "originalStartTime": start,
    }


def find_instance(calendar: Calendar, event_id: str) -> Row | None:
    """Return the exception, or the instance that its series would have, by id.

    Returns:
        None when the id is not an instance's, or no instance of the series starts then.
    """
    if event_id in calendar.rows:
        return calendar.rows[event_id]
    master_id, _, suffix = event_id.rpartition("_")
    master = calendar.rows.get(master_id)
    if master is None or master.gone or "recurrence" not in master.body:
        return None
    start = moment_of(master.body["start"])
    zone_name = zone_name_of(start) if isinstance(start, datetime) else None
    original_start = read_instance_suffix(suffix, zone_name)
    if original_start is None or not recurrence_of(master.body).contains(original_start):
        return None
    body = instance_body(master.body, original_start, calendar.time_zone)
    return Row(master.ordinal, master.change, master.stamp, body, calendar.time_zone)


def expand(
    calendar: Calendar, master: Row, window: Window, *, with_cancelled: bool = False
) -> list[Row]:
    """Return the instances of a series that lie in the window, by original start."""
    exceptions = {row.id: row for row in calendar.exceptions_of(master.id)}
    rows = [
        row
        for row in exceptions.values()
        if (with_cancelled or not row.cancelled) and window.holds(row, calendar.time_zone)
    ]
    for row in _generate(calendar, master, window):
        if window.upper is None and len(rows) >= MAX_INSTANCES:
            break
        if row.id not in exceptions:
            rows.append(row)
    return sorted(rows, key=lambda row: _start_at(row, calendar, "originalStartTime"))


def _generate(calendar: Calendar, master: Row, window: Window) -> Iterator[Row]:
    upper = window.upper
    before: Moment | None = None
    recurrence = recurrence_of(master.body)
    if upper is not None:
        # Two days more than asked, so that no zone's dates are cut off; the window has the say.
        edge = upper + _TWO_DAYS
        before = edge if recurrence.zone is not None else edge.date()
    for original_start in recurrence.starts(before):
        body = instance_body(master.body, original_start, calendar.time_zone)
        row = Row(master.ordinal, master.change, master.stamp, body, calendar.time_zone)
        if window.holds(row, calendar.time_zone):
            yield row


def live_instances(calendar: Calendar, window: Window) -> list[Row]:
    """Return every live instance and single event in the window, by start."""
    rows: list[Row] = []
    for row in calendar.rows.values():
        if row.cancelled:
            continue
        if "recurrence" in row.body:
            rows += expand(calendar, row, window)
        elif not row.master_id and window.holds(row, calendar.time_zone):
            rows.append(row)
    return sorted(rows, key=lambda row: (start_at(row, calendar), row.id))


def occurs_in(calendar: Calendar, master: Row, window: Window) -> bool:
    """Tell whether the series has an instance of its own in the window."""
    return next(_generate(calendar, master, window), None) is not None


def start_at(row: Row, calendar: Calendar) -> datetime:
    """Return the instant at which the row starts."""
    return _start_at(row, calendar, "start")


def _start_at(row: Row, calendar: Calendar, name: str) -> datetime:
    return instant_of(moment_of(row.body[name]), calendar.time_zone)


def lost_instances(calendar: Calendar, master: Row, since: int) -> list[Row]:
    """Return cancelled rows for the instances that a series had after ``since`` and has no more.

    ``since`` is the calendar's change counter that the asking sync token remembers.
    """
    versions = calendar.versions.get(master.id, [])
    known = [v for v in versions if v.change <= since][-1:] + [
        v for v in versions if since < v.change < master.change or master.gone
    ]
    kept = set() if master.gone else {r.id for r in expand(calendar, master, Window())}
    kept |= {row.id for row in calendar.exceptions_of(master.id)} if not master.gone else set()
    lost: dict[str, Row] = {}
    for version in known:
        old = Row(master.ordinal, master.change, master.stamp, version.body, master.shown_in)
        for count, row in enumerate(_generate(calendar, old, Window())):
            if count >= MAX_INSTANCES:
                break
            if row.id not in kept:
                bare = Row(row.ordinal, row.change, row.stamp, row.body, row.shown_in, gone=True)
                lost[row.id] = bare
    return list(lost.values())
