"""Between the rows of clients and what their reads return."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple
from uuid import UUID

from calendar_manager.domain.busy import Busy
from calendar_manager.domain.clients import Client, ClientRule, RuleKind
from calendar_manager.domain.events import Event
from calendar_manager.domain.timespan import Span
from calendar_manager.store.tables import ClientRow, ClientRuleRow


class Origin(StrEnum):
    """Who assigned an event."""

    HAND = "hand"
    RULE = "rule"


@dataclass(frozen=True, slots=True)
class Assignment:
    """What was said of an event or of one of its occurrences.

    Attributes:
        client_id: To whom it was assigned; None for nobody.
        project: To which project.
        origin: By whom.
    """

    client_id: UUID | None
    project: str | None
    origin: Origin


NOT_SAID: Final = 6
"""The rank of an owner when nobody, no rule and no calendar says whom an occurrence belongs to."""


class Owner(NamedTuple):
    """Whom an occurrence belongs to.

    Attributes:
        client_id: None for nobody.
        project: Of which project it is.
        rank: How strongly that is said: 0 is the strongest, 6 is not at all.
    """

    client_id: UUID | None
    project: str | None
    rank: int


def find_strongest(owners: Iterable[Owner]) -> Owner:
    """Return whom a meeting belongs to: the strongest answer among its copies.

    Args:
        owners: Of the copies, the firmest first; of equally strong answers the first counts.
            There has to be at least one.
    """
    return min(owners, key=lambda owner: owner.rank)


class OwnedOccurrence(NamedTuple):
    """An occurrence that takes time, and whom it belongs to.

    Attributes:
        occurrence_id: Ours.
        event_id: Ours.
        calendar_id: On which calendar.
        span: When.
        all_day: Whether its event has dates instead of instants.
        busy: How firmly it takes its time.
        ical_uid: The iCalendar UID, None when there is none.
        owner: Whom it belongs to.
    """

    occurrence_id: UUID
    event_id: UUID
    calendar_id: UUID
    span: Span
    all_day: bool
    busy: Busy
    ical_uid: str | None
    owner: Owner


@dataclass(frozen=True, slots=True)
class AssignableEvent:
    """What has to be known of an event before a person assigns it.

    Attributes:
        event_id: Ours.
        calendar_id: On which calendar.
        event: As the provider has it.
        master_id: Of an override: our id of the master, None when it has not been read.
    """

    event_id: UUID
    calendar_id: UUID
    event: Event
    master_id: UUID | None


def client_from_row(row: ClientRow, rules: Iterable[ClientRuleRow]) -> Client:
    """Return the domain's view of a client.

    Args:
        row: The client.
        rules: Its rules in their order.
    """
    return Client(
        id=row.id,
        user_id=row.user_id,
        name=row.name,
        color=row.color,
        rate=row.rate,
        currency=row.currency,
        time_zone=row.time_zone,
        notes=row.notes,
        weekly_budget_minutes=row.weekly_budget_minutes,
        rules=tuple(rule_from_row(rule) for rule in rules),
        created_at=row.created_at,
    )


def rule_from_row(row: ClientRuleRow) -> ClientRule:
    """Return the domain's view of a rule."""
    return ClientRule(kind=RuleKind(row.kind), pattern=row.pattern, project=row.project)
