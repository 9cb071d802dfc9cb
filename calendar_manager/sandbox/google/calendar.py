"""One Google calendar: its event rows, the families of recurring events, its change counter.

Recorded answers show that a series is one thing to Google: whenever its master or an exception
changes, the master and all its exceptions get the same ``etag`` and ``updated`` and are delivered
together by the next incremental list. A deleted series is delivered as its master alone.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from calendar_manager.sandbox.google.stamps import Stamp
from calendar_manager.sandbox.google.times import reshow_moment

Json = dict[str, Any]

_MOMENT_FIELDS = ("start", "end", "originalStartTime")
_KEPT_VERSIONS = 50


@dataclass(frozen=True, slots=True)
class Row:
    """One event row at one point of the calendar's history; never changed, only replaced.

    Attributes:
        ordinal: Place in the calendar's stable order.
        change: The calendar's change counter when the row last changed.
        stamp: Source of ``etag`` and ``updated``.
        body: The Event resource without ``kind``, ``etag`` and ``updated``.
        shown_in: IANA zone in which the body's offsets are written.
        gone: Deleted, or an exception outside its series: only the id is left to list.
    """

    ordinal: int
    change: int
    stamp: Stamp
    body: Json
    shown_in: str
    gone: bool = False

    @property
    def id(self) -> str:
        """The event's id."""
        return str(self.body["id"])

    @property
    def master_id(self) -> str | None:
        """The series' id when the row is an exception."""
        return self.body.get("recurringEventId")

    @property
    def cancelled(self) -> bool:
        """Whether the row is listed with status ``cancelled``."""
        return self.gone or self.body["status"] == "cancelled"

    def render(self, shown_in: str) -> Json:
        """Return the resource as lists carry it, offsets shown in a zone.

        Cancelled rows are as bare as recorded ones: an exception keeps ``recurringEventId`` and
        ``originalStartTime``, any other only its id.
        """
        head = {"kind": "calendar#event", "etag": self.stamp.etag, "id": self.id}
        if self.cancelled:
            head["status"] = "cancelled"
            if self.master_id and not self.gone:
                original = reshow_moment(self.body["originalStartTime"], shown_in)
                return {**head, "recurringEventId": self.master_id, "originalStartTime": original}
            return head
        return self._render_body(head, shown_in)

    def render_whole(self, shown_in: str) -> Json:
        """Return the resource as ``events.get`` does: deleted rows keep their fields."""
        head = {"kind": "calendar#event", "etag": self.stamp.etag, "id": self.id}
        rendered = self._render_body(head, shown_in)
        return {**rendered, "status": "cancelled"} if self.cancelled else rendered

    def _render_body(self, head: Json, shown_in: str) -> Json:
        rendered = {**head, **self.body, "updated": self.stamp.updated}
        if shown_in != self.shown_in:
            for name in _MOMENT_FIELDS:
                if name in rendered:
                    rendered[name] = reshow_moment(rendered[name], shown_in)
        return rendered


@dataclass(frozen=True, slots=True)
class Version:
    """When a series last looked like this: for telling which instances it lost."""

    change: int
    body: Json


@dataclass
class Calendar:
    """A calendar and everything on it.

    Attributes:
        id: The calendar's id; a primary calendar's is its owner's address.
        owner_email: The account that owns it.
        summary: Title.
        time_zone: IANA zone.
        description: Free text.
        location: Free text.
        stamp: Last change of the calendar's own fields.
        own_addresses: Lower-case addresses whose attendee entry is ``self``.
        made_by_client: The OAuth client that created it, for ``calendar.app.created``.
        change: Counts changes to rows; a sync token remembers it.
        sync_epoch: Raised to make older sync tokens invalid.
    """

    id: str
    owner_email: str
    summary: str
    time_zone: str
    stamp: Stamp
    description: str = ""
    location: str = ""
    own_addresses: set[str] = field(default_factory=set)
    made_by_client: str | None = None
    change: int = 0
    sync_epoch: int = 0
    rows: dict[str, Row] = field(default_factory=dict)
    exceptions: dict[str, set[str]] = field(default_factory=dict)
    versions: dict[str, list[Version]] = field(default_factory=dict)
    uids: dict[str, str] = field(default_factory=dict)
    last_stamp: Stamp | None = None

    def family(self, event_id: str) -> Iterator[Row]:
        """Yield the master of the series that the event belongs to and its exceptions."""
        row = self.rows[event_id]
        master_id = row.master_id or event_id
        for member_id in (master_id, *sorted(self.exceptions.get(master_id, ()))):
            if member_id in self.rows:
                yield self.rows[member_id]

    def exceptions_of(self, master_id: str) -> list[Row]:
        """Return the exceptions of a series that still belong to it, by id."""
        return [self.rows[one] for one in sorted(self.exceptions.get(master_id, ()))]

    def commit(
        self, stamp: Stamp, bodies: Mapping[str, Json], gone: frozenset[str] = frozenset()
    ) -> list[Row]:
        """Write rows as one change and return the rows that an incremental list then delivers.

        Args:
            stamp: The change.
            bodies: New bodies by id, complete.
            gone: Ids, known or in ``bodies``, that are deleted by this change. Deleting a master
                silently takes its exceptions along.
        """
        self.change += 1
        self.last_stamp = stamp
        touched: dict[str, None] = {}
        for event_id in (*bodies, *gone):
            if event_id in bodies:
                self._store(stamp, event_id, bodies[event_id])
            touched[event_id] = None
        for event_id in gone:
            self._bury(stamp, event_id)
        for event_id in list(touched):
            for member in self.family(event_id):
                touched[member.id] = None
        for event_id in touched:
            self.rows[event_id] = replace(self.rows[event_id], stamp=stamp, change=self.change)
        self._remember_versions(touched)
        delivered = [self.rows[event_id] for event_id in touched]
        return sorted(delivered, key=lambda row: row.ordinal)

    def _store(self, stamp: Stamp, event_id: str, body: Json) -> None:
        known = self.rows.get(event_id)
        ordinal = known.ordinal if known else len(self.rows)
        self.rows[event_id] = Row(ordinal, self.change, stamp, body, self.time_zone)
        master_id = body.get("recurringEventId")
        if master_id:
            self.exceptions.setdefault(master_id, set()).add(event_id)
        else:
            self.uids[body["iCalUID"]] = event_id

    def _bury(self, stamp: Stamp, event_id: str) -> None:
        row = self.rows[event_id]
        self.rows[event_id] = replace(row, gone=True, stamp=stamp)
        if row.master_id:
            self.exceptions.get(row.master_id, set()).discard(event_id)
        for exception_id in self.exceptions.pop(event_id, set()):
            self.rows[exception_id] = replace(self.rows[exception_id], gone=True)

    def _remember_versions(self, touched: Mapping[str, None]) -> None:
        for event_id in touched:
            body = self.rows[event_id].body
            if "recurrence" in body:
                versions = self.versions.setdefault(event_id, [])
                shape = (body["start"], body["end"], body["recurrence"])
                last = versions[-1].body if versions else None
                if last is None or (last["start"], last["end"], last["recurrence"]) != shape:
                    versions.append(Version(self.change, body))
                    del versions[:-_KEPT_VERSIONS]
