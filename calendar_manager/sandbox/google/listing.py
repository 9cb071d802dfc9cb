"""``events.list`` and ``events.instances``: which rows, in which order, with which token."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from calendar_manager.sandbox.google.calendar import Calendar, Row
from calendar_manager.sandbox.google.errors import GoogleApiError, invalid_value
from calendar_manager.sandbox.google.instances import (
    Window,
    expand,
    lost_instances,
    occurs_in,
    start_at,
)
from calendar_manager.sandbox.google.pages import Listing
from calendar_manager.sandbox.google.sync_tokens import make_token, read_token
from calendar_manager.sandbox.google.times import read_instant, read_zone

Json = dict[str, Any]

MAX_RESULTS = 2500
"""No page of events has more rows, whatever is asked."""

DEFAULT_RESULTS = 250
"""Rows on a page when nothing is asked."""

_BARE_FIELDS = (
    "kind",
    "etag",
    "id",
    "status",
    "start",
    "end",
    "recurrence",
    "recurringEventId",
    "originalStartTime",
    "iCalUID",
    "transparency",
    "eventType",
    "updated",
)
_SEARCHED = ("summary", "description", "location")
_WITHOUT_TOKEN = frozenset(
    {"orderBy", "q", "iCalUID", "updatedMin", "privateExtendedProperty", "sharedExtendedProperty"}
)


@dataclass(frozen=True)
class View:
    """How rows are shown: offsets' zone, most attendees, and whether only bare intervals."""

    shown_in: str
    max_attendees: int | None = None
    bare: bool = False

    def render(self, row: Row) -> Json:
        """Return the row as a list shows it."""
        return self.trim(row.render(self.shown_in))

    def trim(self, rendered: Json) -> Json:
        """Return a rendered event without what this view hides."""
        if self.bare and "start" in rendered:
            kept = {name: rendered[name] for name in _BARE_FIELDS if name in rendered}
            return {**kept, "visibility": "private"}
        attendees = rendered.get("attendees", ())
        if self.max_attendees is not None and len(attendees) > self.max_attendees:
            mine = [attendee for attendee in attendees if attendee.get("self")]
            return {**rendered, "attendees": mine, "attendeesOmitted": True}
        return rendered


def make_view(calendar: Calendar, query: Mapping[str, Any], *, bare: bool) -> View:
    """Return the view that a query asks for.

    Raises:
        GoogleApiError: 400, the zone is unknown.
    """
    zone = read_zone(str(query["timeZone"])).key if "timeZone" in query else calendar.time_zone
    return View(zone, query.get("maxAttendees"), bare)


def page_size_of(query: Mapping[str, Any]) -> int:
    """Return how many rows a page may have."""
    return min(int(query.get("maxResults", DEFAULT_RESULTS)), MAX_RESULTS)


def list_events(
    calendar: Calendar, query: Mapping[str, Any], view: View, access_role: str
) -> Listing:
    """Return the frozen answer of ``events.list`` to a first call.

    Raises:
        GoogleApiError: 400 for a wrong query, 410 for a sync token that is too old.
    """
    singles = bool(query.get("singleEvents", False))
    if "syncToken" in query:
        since = read_token(str(query["syncToken"]), calendar.id, calendar.sync_epoch, query)
        rows = _changed_rows(calendar, since, singles=singles)
        rows = [row for row in rows if _has_type(row, query)]
    else:
        rows = _full_rows(calendar, query, singles=singles)
    token = None
    if not _WITHOUT_TOKEN & query.keys():
        token = make_token(calendar.id, calendar.change, calendar.sync_epoch, query)
    head = list_head(calendar, view, access_role)
    return Listing(f"events {calendar.id}", page_query(query), rows, head, token, view.render)


def page_query(query: Mapping[str, Any]) -> dict[str, Any]:
    """Return the part of a query that must stay equal from page to page."""
    free = {"pageToken", "syncToken", "fields", "alt", "prettyPrint", "quotaUser", "key"}
    return {name: value for name, value in query.items() if name not in free}


def list_head(calendar: Calendar, view: View, access_role: str) -> Json:
    """Return the fields of an ``Events`` resource beside its items and tokens."""
    stamp = calendar.last_stamp or calendar.stamp
    return {
        "kind": "calendar#events",
        "etag": stamp.list_etag,
        "summary": calendar.summary,
        "description": calendar.description,
        "updated": stamp.updated,
        "timeZone": view.shown_in,
        "accessRole": access_role,
        "defaultReminders": [{"method": "popup", "minutes": 30}],
    }


def list_instances(
    calendar: Calendar, master: Row, query: Mapping[str, Any], view: View, access_role: str
) -> Listing:
    """Return the frozen answer of ``events.instances``.

    Raises:
        GoogleApiError: 400 for a wrong query.
    """
    with_cancelled = bool(query.get("showDeleted", False))
    rows = expand(calendar, master, _read_window(query), with_cancelled=with_cancelled)
    if "originalStart" in query:
        wanted = read_instant(str(query["originalStart"]), "originalStart")
        rows = [row for row in rows if _starts_originally(row, wanted.timestamp(), calendar)]
    head = list_head(calendar, view, access_role)
    resource = f"instances {calendar.id} {master.id}"
    return Listing(resource, page_query(query), rows, head, None, view.render)


def _starts_originally(row: Row, timestamp: float, calendar: Calendar) -> bool:
    original = Row(
        row.ordinal,
        row.change,
        row.stamp,
        {**row.body, "start": row.body["originalStartTime"]},
        row.shown_in,
    )
    return start_at(original, calendar).timestamp() == timestamp


def _read_window(query: Mapping[str, Any]) -> Window:
    lower = read_instant(str(query["timeMin"]), "timeMin") if "timeMin" in query else None
    upper = read_instant(str(query["timeMax"]), "timeMax") if "timeMax" in query else None
    if lower is not None and upper is not None and lower >= upper:
        raise GoogleApiError(400, "timeRangeEmpty", "The specified time range is empty.")
    return Window(lower, upper)


def _changed_rows(calendar: Calendar, since: int, *, singles: bool) -> list[Row]:
    """Return what changed after ``since``; with ``singles`` every instance of a touched series."""
    changed = [row for row in calendar.rows.values() if row.change > since]
    changed.sort(key=lambda row: (row.change, row.ordinal))
    if not singles:
        return changed
    rows: list[Row] = []
    for row in changed:
        if "recurrence" in row.body:
            rows += [] if row.gone else expand(calendar, row, Window(), with_cancelled=True)
            rows += lost_instances(calendar, row, since)
        elif row.gone or not row.master_id:
            rows.append(row)
    return list({row.id: row for row in rows}.values())


def _full_rows(calendar: Calendar, query: Mapping[str, Any], *, singles: bool) -> list[Row]:
    window = _read_window(query)
    updated_min = None
    if "updatedMin" in query:
        updated_min = read_instant(str(query["updatedMin"]), "updatedMin").timestamp() * 1e6
    # Asking by update time brings deletions along, whatever showDeleted says.
    deleted = bool(query.get("showDeleted", False)) or updated_min is not None
    rows: list[Row] = []
    for row in sorted(calendar.rows.values(), key=lambda row: row.ordinal):
        if updated_min is not None and row.stamp.microseconds < updated_min:
            continue
        if not _has_type(row, query) or not _matches(row, query):
            continue
        rows += _rows_of(calendar, row, window, singles=singles, deleted=deleted)
    return _order(rows, query, calendar, singles=singles)


def _rows_of(
    calendar: Calendar, row: Row, window: Window, *, singles: bool, deleted: bool
) -> list[Row]:
    """Return what one stored row adds to a full list.

    A full list carries no tombstones, yet cancelled exceptions belong to a list of series.
    """
    if row.gone:
        return [row] if deleted else []
    if "recurrence" in row.body:
        if singles:
            return expand(calendar, row, window, with_cancelled=deleted)
        unbounded = window.lower is None and window.upper is None
        return [row] if unbounded or occurs_in(calendar, row, window) else []
    if singles and row.master_id:
        return []
    return [row] if window.holds(row, calendar.time_zone) else []


def _order(
    rows: list[Row], query: Mapping[str, Any], calendar: Calendar, *, singles: bool
) -> list[Row]:
    order = query.get("orderBy")
    if order == "updated":
        return sorted(rows, key=lambda row: row.stamp)
    if order == "startTime":
        if not singles:
            raise invalid_value(
                "The requested ordering is not available for the particular query.", "orderBy"
            )
        return sorted(rows, key=lambda row: start_at(row, calendar))
    return rows


def _has_type(row: Row, query: Mapping[str, Any]) -> bool:
    types = query.get("eventTypes")
    return not types or row.body.get("eventType", "default") in types


def _matches(row: Row, query: Mapping[str, Any]) -> bool:
    body = row.body
    if "iCalUID" in query and body.get("iCalUID") != query["iCalUID"]:
        return False
    for kind in ("private", "shared"):
        properties = body.get("extendedProperties", {}).get(kind, {})
        for wanted in query.get(f"{kind}ExtendedProperty", ()):
            name, _, value = str(wanted).partition("=")
            if properties.get(name) != value:
                return False
    if "q" in query:
        people = [str(one.get("email", "")) for one in body.get("attendees", ())]
        text = " ".join([str(body.get(name, "")) for name in _SEARCHED] + people).casefold()
        return all(word in text for word in str(query["q"]).casefold().split())
    return True
