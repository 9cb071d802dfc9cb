"""What a provider reports: a stream of changes in pages, ended by a cursor."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from calendar_manager.domain.events import Event


@dataclass(frozen=True, slots=True)
class Upserted:
    """An event that exists, new or changed, a cancelled override included."""

    event: Event


@dataclass(frozen=True, slots=True)
class Deleted:
    """An event that is gone.

    Attributes:
        provider_event_id: The provider's id. A gone master takes its overrides along.
    """

    provider_event_id: str


@dataclass(frozen=True, slots=True)
class Rejected:
    """An event that we could not read; it costs itself and never the sync.

    Attributes:
        provider_event_id: The provider's id, None when even that is missing.
        reason: Why, in words for a person.
    """

    provider_event_id: str | None
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesRead:
    """Everything that there is of one series, for providers that do not report its parts.

    Overrides of the series that are not in here are gone.

    Attributes:
        master: The master.
        overrides: All its overrides.
        instance_ids: The provider's ids of all its instances, by any of which the provider may
            later speak of the series.
        rejections: Overrides that could not be read; they are not gone.
    """

    master: Event
    overrides: tuple[Event, ...]
    instance_ids: frozenset[str]
    rejections: tuple[Rejected, ...] = ()


@dataclass(frozen=True, slots=True)
class GroupRead:
    """Everything that there is of one group of events, for what has no cursor of its own.

    Events whose provider id begins with the prefix and which are not in here are gone.

    Attributes:
        prefix: What the provider ids of the group begin with, and no other's do.
        events: All events of the group.
    """

    prefix: str
    events: tuple[Event, ...]


RemoteChange = Upserted | Deleted | Rejected | SeriesRead | GroupRead


FindSeries = Callable[[Collection[str]], Mapping[str, str]]
"""Tells to which series instances belong: their ids to the master's, unknown ones left out."""


def know_no_series(_: Collection[str]) -> Mapping[str, str]:
    """Stand in for a :data:`FindSeries` where nothing was read before."""
    return {}


@dataclass(frozen=True, slots=True)
class ChangePage:
    """One page of changes.

    Attributes:
        changes: In the provider's order; a page may be empty.
        cursor: Where to go on next time. Only the last page has it.
        position: Where a full read can be gone on with after this page, should it break off
            here; None when it cannot, and on the last page.
    """

    changes: tuple[RemoteChange, ...]
    cursor: str | None = None
    position: str | None = None
