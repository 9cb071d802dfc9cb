"""An Outlook item at one point of its history: a single event, or a whole series."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from typing import Any

from calendar_manager.sandbox.graph.recurrence import Series
from calendar_manager.sandbox.graph.times import Moment, name_original

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Stamp:
    """One change: its number in the sandbox and its instant."""

    number: int
    at: datetime

    @property
    def change_key(self) -> str:
        """The version of what changed, as ``changeKey`` shows it."""
        return base64.b64encode(f"sandbox-change-{self.number:08d}".encode()).decode()

    @property
    def etag(self) -> str:
        """The version as ``@odata.etag`` and ``If-Match`` carry it."""
        return f'W/"{self.change_key}"'


@dataclass(frozen=True, slots=True)
class Override:
    """One occurrence that differs from its series.

    Attributes:
        original: Where the occurrence first stood.
        start: Where it begins now.
        end: Where it ends now, exclusive.
        fields: Only the properties that differ from the master's.
        stamp: Its own last change.
    """

    original: Moment
    start: Moment
    end: Moment
    fields: Json
    stamp: Stamp


@dataclass(frozen=True, slots=True)
class Item:
    """A single event or a series; never changed, only replaced.

    Attributes:
        key: Names the item for ever; its ids are made of it.
        change: The calendar's change counter when this version was written.
        created_at: When the item was made.
        stamp: The last change of the single event, or of the master itself.
        start: Date or aware datetime in the item's own zone; the first occurrence's for a series.
        end: Exclusive.
        fields: The properties that are not times, as Graph writes them.
        recurrence: ``patternedRecurrence``, checked; None for a single event.
        overrides: Exceptions by ``name_original``.
        deleted: ``name_original`` of occurrences that were deleted.
        gone: The item was deleted.
    """

    key: str
    change: int
    created_at: datetime
    stamp: Stamp
    start: Moment
    end: Moment
    fields: Json
    recurrence: Json | None = None
    overrides: Mapping[str, Override] = field(default_factory=dict)
    deleted: frozenset[str] = frozenset()
    gone: bool = False

    @property
    def all_day(self) -> bool:
        """Whether the item has dates rather than times."""
        return not isinstance(self.start, datetime)

    @property
    def zone(self) -> tzinfo:
        """The zone in which wall-clock times of the item are meant; UTC for dates."""
        own = self.start.tzinfo if isinstance(self.start, datetime) else None
        return own or UTC

    def series(self) -> Series:
        """Return the occurrences' original starts; only for a series."""
        assert self.recurrence is not None  # noqa: S101 - A programming error otherwise.
        return Series(self.start, self.recurrence)


@dataclass(frozen=True, slots=True)
class Instance:
    """What stands on the calendar at one place: a single event, an occurrence or an exception."""

    item: Item
    start: Moment
    end: Moment
    original: Moment | None = None
    override: Override | None = None

    @property
    def kind(self) -> str:
        """Graph's ``type``."""
        if self.original is None:
            return "singleInstance"
        return "occurrence" if self.override is None else "exception"

    @property
    def name(self) -> str:
        """What tells it apart within its item; empty for a single event."""
        return "" if self.original is None else name_original(self.original)

    @property
    def stamp(self) -> Stamp:
        """Its last change; an occurrence changes with its master."""
        return self.item.stamp if self.override is None else self.override.stamp

    @property
    def fields(self) -> Json:
        """Its properties that are not times."""
        own = {} if self.override is None else self.override.fields
        return {**self.item.fields, **own}
