"""Clients, and the rules that tell whom an event belongs to."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final, assert_never
from uuid import UUID

from calendar_manager.domain.client_patterns import (
    TitlePattern,
    normalize_address,
    normalize_domain,
)
from calendar_manager.domain.errors import InvalidPatternError
from calendar_manager.domain.events import Attendee, Person

PATTERN_MAXIMUM: Final = 254
"""Characters in a pattern: as many as an address may have (RFC 5321, section 4.5.3.1.3)."""


class RuleKind(StrEnum):
    """What a rule looks at, in the order in which rules go before others."""

    CALENDAR = "calendar"
    ADDRESS = "address"
    ATTENDEE_DOMAIN = "attendee_domain"
    TITLE = "title"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientRule:
    """How events of a client are recognised.

    Attributes:
        kind: What it looks at.
        pattern: ``calendar``: our id of a calendar. ``address``: somebody invited or inviting.
            ``attendee_domain``: a domain, which stands for its subdomains too. ``title``: see
            :class:`~calendar_manager.domain.client_patterns.TitlePattern`.
        project: Of which of the client's projects these events are; None when of none.
    """

    kind: RuleKind
    pattern: str
    project: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """Somebody whom hours belong to.

    Attributes:
        id: Ours.
        user_id: Whose client.
        name: What the user calls them.
        color: ``#rrggbb``, or None.
        rate: What an hour costs; None when that is not known.
        currency: Of the rate, ISO 4217; there exactly when the rate is.
        time_zone: The IANA zone in which their days begin; None for the user's.
        notes: Whatever the user wants to remember.
        weekly_budget_minutes: How much of a week they may take; None for any amount.
        rules: How their events are recognised, in the user's order.
        created_at: When the user entered them.
    """

    id: UUID
    user_id: UUID
    name: str
    color: str | None = None
    rate: Decimal | None = None
    currency: str | None = None
    time_zone: str | None = None
    notes: str | None = None
    weekly_budget_minutes: int | None = None
    rules: tuple[ClientRule, ...] = ()
    created_at: datetime


@dataclass(frozen=True, slots=True)
class OwnedRule:
    """A rule, and the client whom it leads to."""

    client_id: UUID
    rule: ClientRule


@dataclass(frozen=True, slots=True)
class ClientMatch:
    """What a rule says of an event.

    Attributes:
        client_id: Whom it belongs to.
        project: Of which project it is.
    """

    client_id: UUID
    project: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EventTraits:
    """What rules look at.

    Attributes:
        calendar_id: On which calendar the event is.
        title: Its title.
        people: The addresses of its organizer and attendees, in the normal form.
        myself: The ones among them that the provider says are the user.
    """

    calendar_id: UUID
    title: str
    people: frozenset[str] = frozenset()
    myself: frozenset[str] = frozenset()


def traits_of(
    calendar_id: UUID, title: str, organizer: Person | None, attendees: Iterable[Attendee]
) -> EventTraits:
    """Return what rules look at in an event."""
    invited = [(normalize_address(one.email), one.is_self) for one in attendees if one.email]
    people = {address for address, _ in invited}
    if organizer is not None and organizer.email:
        people.add(normalize_address(organizer.email))
    return EventTraits(
        calendar_id=calendar_id,
        title=title,
        people=frozenset(people),
        myself=frozenset(address for address, is_self in invited if is_self),
    )


def normalize_rule(rule: ClientRule) -> ClientRule:
    """Return a rule as it is stored.

    Raises:
        InvalidPatternError: Its pattern cannot be used.
    """
    pattern = rule.pattern.strip()
    if not pattern:
        raise InvalidPatternError("Enter a pattern.")
    if len(pattern) > PATTERN_MAXIMUM:
        raise InvalidPatternError(f"Use at most {PATTERN_MAXIMUM} characters.")
    match rule.kind:
        case RuleKind.CALENDAR:
            pattern = _calendar_id(pattern)
        case RuleKind.ADDRESS:
            pattern = _address(pattern)
        case RuleKind.ATTENDEE_DOMAIN:
            pattern = _domain(pattern)
        case RuleKind.TITLE:
            TitlePattern(pattern)
        case _:
            assert_never(rule.kind)
    return ClientRule(kind=rule.kind, pattern=pattern, project=rule.project)


class ClientMatcher:
    """The rules of one user, ready to be asked about many events.

    Of several rules that fit, the first kind in :class:`RuleKind` decides: a calendar is the
    user's own statement about everything on it, an address names a person, a domain a house, and
    a title is only words. Of two domains the longer one decides. Then it is the rule that comes
    first in the given order.

    The user is at home in several domains, so the user's own addresses say nothing about a
    domain; a rule that names one of them is meant.

    Args:
        rules: Oldest client first, and each client's in the user's order.
        own_addresses: Of the user's accounts.
    """

    def __init__(self, rules: Sequence[OwnedRule], own_addresses: Iterable[str] = ()) -> None:
        self._own = frozenset(normalize_address(address) for address in own_addresses)
        self._named: dict[RuleKind, dict[str, tuple[int, ClientMatch]]] = {
            kind: {} for kind in RuleKind
        }
        self._titles: list[tuple[TitlePattern, ClientMatch]] = []
        self._empty = not rules
        for place, owned in enumerate(rules):
            rule, match = owned.rule, ClientMatch(owned.client_id, owned.rule.project)
            if rule.kind is RuleKind.TITLE:
                self._titles.append((TitlePattern(rule.pattern), match))
            else:
                self._named[rule.kind].setdefault(rule.pattern, (place, match))

    def __bool__(self) -> bool:
        return not self._empty

    def find(self, traits: EventTraits) -> ClientMatch | None:
        """Return what the rules say of an event, or None when none of them fits."""
        return (
            self._find_first(RuleKind.CALENDAR, [str(traits.calendar_id)])
            or self._find_first(RuleKind.ADDRESS, traits.people)
            or self._find_domain(traits.people - traits.myself - self._own)
            or next((match for title, match in self._titles if title.fits(traits.title)), None)
        )

    def _find_first(self, kind: RuleKind, keys: Iterable[str]) -> ClientMatch | None:
        named = self._named[kind]
        found = [named[key] for key in keys if key in named]
        return min(found, key=lambda one: one[0])[1] if found else None

    def _find_domain(self, people: Iterable[str]) -> ClientMatch | None:
        named = self._named[RuleKind.ATTENDEE_DOMAIN]
        if not named:
            return None
        found = {key for address in people for key in _domains_of(address) if key in named}
        if not found:
            return None
        return named[min(found, key=lambda key: (-key.count("."), named[key][0]))][1]


def _domains_of(address: str) -> Iterator[str]:
    """Yield the domain of an address and the domains around it."""
    domain = address.rpartition("@")[2]
    while domain:
        yield domain
        domain = domain.partition(".")[2]


def _calendar_id(pattern: str) -> str:
    try:
        return str(UUID(pattern))
    except ValueError:
        raise InvalidPatternError("This is not the id of a calendar.") from None


def _address(pattern: str) -> str:
    local, at, domain = pattern.rpartition("@")
    known = normalize_domain(domain)
    if not (local and at) or known is None or any(sign.isspace() for sign in local):
        raise InvalidPatternError("This is not an e-mail address. Write it as jo@client.example.")
    return normalize_address(pattern)


def _domain(pattern: str) -> str:
    domain = normalize_domain(pattern.removeprefix("*.").removeprefix("@"))
    if domain is None or "." not in domain:
        raise InvalidPatternError("This is not a domain. Write it as client.example.")
    return domain
