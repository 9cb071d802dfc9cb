"""Events and calendars as Graph writes them."""

import hashlib
import html
import re
from typing import Any
from urllib.parse import quote

from calendar_manager.sandbox.graph.calendar import Calendar
from calendar_manager.sandbox.graph.ids import make_id
from calendar_manager.sandbox.graph.items import Instance, Item
from calendar_manager.sandbox.graph.prefer import Preferences
from calendar_manager.sandbox.graph.times import write_moment, write_original, write_stamp

Json = dict[str, Any]

_WEB = "https://outlook.office365.com/owa/"
_NO_DATE = "0001-01-01"
_PREVIEW_LENGTH = 255
_TAGS = re.compile(r"<[^>]*>")
_COLORS = {
    "lightBlue": "#a6d1f5",
    "lightGreen": "#87d28e",
    "lightOrange": "#fcab73",
    "lightGray": "#c0c0c0",
    "lightYellow": "#f5e496",
    "lightTeal": "#51d8d0",
    "lightPink": "#f08cc0",
    "lightBrown": "#cba287",
    "lightRed": "#ff9a9f",
}


class EventRenderer:
    """Writes events in the way of one request.

    Args:
        preferences: The request's zone and id type.
        uid_per_occurrence: Whether each occurrence has an ``iCalUId`` of its own.
    """

    def __init__(self, preferences: Preferences, *, uid_per_occurrence: bool = False) -> None:
        self._preferences = preferences
        self._uid_per_occurrence = uid_per_occurrence

    def id_of(self, item: Item, name: str = "") -> str:
        """Return the id of an item, or of one of its occurrences."""
        return make_id(item.key, name, immutable=self._preferences.immutable_ids)

    def master(self, item: Item) -> Json:
        """Return a series' master."""
        assert item.recurrence is not None  # noqa: S101 - A programming error otherwise.
        instance = Instance(item, item.start, item.end)
        recurrence = _write_recurrence(item.recurrence)
        return {**self._whole(instance), "type": "seriesMaster", "recurrence": recurrence}

    def instance(self, instance: Instance) -> Json:
        """Return a single event, an occurrence or an exception with all its properties."""
        whole = self._whole(instance)
        if instance.original is None:
            return whole
        item = instance.item
        whole["seriesMasterId"] = self.id_of(item)
        whole["originalStart"] = write_original(instance.original, item.zone)
        if self._uid_per_occurrence:
            digest = hashlib.sha256(f"{whole['iCalUId']}{instance.name}".encode()).hexdigest()
            whole["iCalUId"] = digest.upper()
        return whole

    def item(self, item: Item) -> Json:
        """Return a single event or a series' master."""
        if item.recurrence is not None:
            return self.master(item)
        return self.instance(Instance(item, item.start, item.end))

    def bare(self, instance: Instance) -> Json:
        """Return an occurrence as a delta carries it: nothing but where it stands."""
        return {
            "@odata.type": "#microsoft.graph.event",
            "@odata.etag": instance.stamp.etag,
            "id": self.id_of(instance.item, instance.name),
            "seriesMasterId": self.id_of(instance.item),
            "type": "occurrence",
            "start": write_moment(instance.start, self._preferences.shown),
            "end": write_moment(instance.end, self._preferences.shown),
        }

    def removed(self, item: Item, name: str) -> Json:
        """Return the tombstone of an item, or of one of its occurrences."""
        return {
            "@odata.type": "#microsoft.graph.event",
            "id": self.id_of(item, name),
            "@removed": {"reason": "deleted"},
        }

    def _whole(self, instance: Instance) -> Json:
        item, stamp, fields = instance.item, instance.stamp, dict(instance.fields)
        event_id = self.id_of(item, instance.name)
        fields.pop("singleValueExtendedProperties", None)
        body = fields["body"]
        preview = html.unescape(_TAGS.sub("", body["content"])).strip()[:_PREVIEW_LENGTH]
        if self._preferences.text_bodies and body["contentType"] == "html":
            fields["body"] = {"contentType": "text", "content": preview}
        return {
            "@odata.etag": stamp.etag,
            "id": event_id,
            "createdDateTime": write_stamp(item.created_at),
            "lastModifiedDateTime": write_stamp(stamp.at),
            "changeKey": stamp.change_key,
            **fields,
            "bodyPreview": preview,
            "hasAttachments": False,
            "isAllDay": item.all_day,
            "isDraft": False,
            "onlineMeetingUrl": None,
            "seriesMasterId": None,
            "type": instance.kind,
            "webLink": f"{_WEB}?itemid={quote(event_id)}&exvsurl=1&path=/calendar/item",
            "recurrence": None,
            "start": write_moment(instance.start, self._preferences.shown),
            "end": write_moment(instance.end, self._preferences.shown),
        }


def _write_recurrence(recurrence: Json) -> Json:
    """Return the recurrence with every property that Graph answers, needed or not."""
    pattern, bounds = recurrence["pattern"], recurrence["range"]
    return {
        "pattern": {name: value for name, value in pattern.items() if value != []},
        "range": {**bounds, "endDate": bounds.get("endDate") or _NO_DATE},
    }


def render_calendar(calendar: Calendar) -> Json:
    """Return a calendar."""
    own = calendar.owner == calendar.mailbox
    return {
        "id": calendar.id,
        "name": calendar.name,
        "color": calendar.color,
        "hexColor": _COLORS.get(calendar.color, ""),
        "isDefaultCalendar": calendar.default,
        "changeKey": calendar.stamp.change_key,
        "canShare": own,
        "canViewPrivateItems": own,
        "canEdit": calendar.can_edit,
        "allowedOnlineMeetingProviders": ["teamsForBusiness"],
        "defaultOnlineMeetingProvider": "teamsForBusiness",
        "isTallyingResponses": calendar.default,
        "isRemovable": not calendar.default,
        "owner": {"name": calendar.owner_name, "address": calendar.owner},
    }
