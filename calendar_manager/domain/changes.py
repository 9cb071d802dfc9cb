"""What a provider reports: a stream of changes in pages, ended by a cursor."""

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


RemoteChange = Upserted | Deleted | Rejected


@dataclass(frozen=True, slots=True)
class ChangePage:
    """One page of changes.

    Attributes:
        changes: In the provider's order; a page may be empty.
        cursor: Where to go on next time. Only the last page has it.
    """

    changes: tuple[RemoteChange, ...]
    cursor: str | None = None
