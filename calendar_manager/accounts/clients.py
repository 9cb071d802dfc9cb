"""A user's clients and their rules."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, Protocol
from uuid import UUID

from calendar_manager.accounts.errors import ClientNotFoundError, InvalidFieldsError
from calendar_manager.domain.clients import Client, ClientRule, RuleKind, normalize_rule
from calendar_manager.domain.errors import InvalidPatternError
from calendar_manager.store.unit_of_work import Store, UnitOfWork

MANY_RULES: Final = 200
"""How many rules one client may have."""

MANY_CLIENTS: Final = 2_000
"""How many clients one user may have."""


class Jobs(Protocol):
    """Sends work to the workers; to be called after the commit."""

    def reassign_clients(self, user_id: UUID) -> None:
        """Let the rules tell anew whom a user's events belong to."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientFields:
    """What a person says of a client; see :class:`~calendar_manager.domain.clients.Client`.

    Attributes:
        name: What the user calls them.
        color: ``#rrggbb``.
        rate: What an hour costs.
        currency: Of the rate.
        time_zone: In which their days begin.
        notes: Whatever the user wants to remember.
        weekly_budget_minutes: How much of a week they may take.
    """

    name: str
    color: str | None = None
    rate: Decimal | None = None
    currency: str | None = None
    time_zone: str | None = None
    notes: str | None = None
    weekly_budget_minutes: int | None = None


class Clients:
    """The use cases of clients.

    Args:
        store: The database.
        jobs: Where applying the rules anew is asked for.
        clock: Tells the time.
    """

    def __init__(self, *, store: Store, jobs: Jobs, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._jobs = jobs
        self._clock = clock

    def add(self, user_id: UUID, entered: ClientFields, rules: Sequence[ClientRule]) -> Client:
        """Store a new client and return it; its rules are applied to all events soon after.

        Raises:
            InvalidFieldsError: A rule or the price cannot be used.
        """
        _check_price(entered)
        with self._store.begin() as uow:
            uow.clients.lock(user_id)
            if len(uow.clients.list_living(user_id)) >= MANY_CLIENTS:
                raise InvalidFieldsError({"name": f"{MANY_CLIENTS} clients are the most."})
            usable = _check_rules(uow, user_id, rules)
            client_id = uow.clients.add(user_id, usable, **asdict(entered))
            if usable:
                self._reassign(uow, user_id)
            return _expect(uow.clients.find(user_id, client_id))

    def find(self, user_id: UUID, client_id: UUID) -> Client:
        """Return a user's client.

        Raises:
            ClientNotFoundError: The user has no such client.
        """
        with self._store.begin() as uow:
            return _expect(uow.clients.find(user_id, client_id))

    def change(
        self,
        user_id: UUID,
        client_id: UUID,
        changes: dict[str, Any],
        rules: Sequence[ClientRule] | None = None,
    ) -> Client:
        """Change a client and return it as it is then.

        Args:
            user_id: Whose.
            client_id: Which.
            changes: New values of :class:`ClientFields` by name; what is missing stays.
            rules: The new rules, in place of all the old ones; None keeps them.

        Raises:
            ClientNotFoundError: The user has no such client.
            InvalidFieldsError: A rule or the price cannot be used.
        """
        with self._store.begin() as uow:
            uow.clients.lock(user_id)
            before = _expect(uow.clients.find(user_id, client_id))
            kept = {one.name: getattr(before, one.name) for one in fields(ClientFields)}
            _check_price(ClientFields(**kept | changes))
            if changes:
                uow.clients.change(user_id, client_id, **changes)
            if rules is not None:
                usable = _check_rules(uow, user_id, rules)
                if tuple(usable) != before.rules:
                    uow.clients.replace_rules(user_id, client_id, usable)
                    self._reassign(uow, user_id)
            return _expect(uow.clients.find(user_id, client_id))

    def delete(self, user_id: UUID, client_id: UUID) -> None:
        """Put a client aside: it is shown nowhere and its rules rest, until it is restored.

        What was assigned to it by hand belongs to nobody meanwhile.

        Raises:
            ClientNotFoundError: The user has no such client.
        """
        with self._store.begin() as uow:
            uow.clients.lock(user_id)
            _expect(uow.clients.find(user_id, client_id))
            uow.clients.change(user_id, client_id, deleted_at=self._clock())
            uow.audit.record("client.deleted", user_id=user_id, subject=client_id)
            self._reassign(uow, user_id)

    def restore(self, user_id: UUID, client_id: UUID) -> Client:
        """Take a client back that was put aside, with all that was assigned to it.

        Raises:
            ClientNotFoundError: The user has put no such client aside.
        """
        with self._store.begin() as uow:
            uow.clients.lock(user_id)
            _expect(uow.clients.find(user_id, client_id, deleted=True))
            uow.clients.change(user_id, client_id, deleted_at=None)
            uow.audit.record("client.restored", user_id=user_id, subject=client_id)
            self._reassign(uow, user_id)
            return _expect(uow.clients.find(user_id, client_id))

    def _reassign(self, uow: UnitOfWork, user_id: UUID) -> None:
        uow.clients.request_reassign(user_id)
        uow.after_commit(lambda: self._jobs.reassign_clients(user_id))


def _expect(client: Client | None) -> Client:
    if client is None:
        raise ClientNotFoundError
    return client


def _check_price(entered: ClientFields) -> None:
    if entered.rate is not None and entered.currency is None:
        raise InvalidFieldsError({"currency": "A rate needs its currency."})
    if entered.rate is None and entered.currency is not None:
        raise InvalidFieldsError({"rate": "A currency needs a rate."})


def _check_rules(
    uow: UnitOfWork, user_id: UUID, rules: Sequence[ClientRule]
) -> Sequence[ClientRule]:
    """Return rules as they are stored.

    Raises:
        InvalidFieldsError: Some cannot be used.
    """
    problems: dict[str, str] = {}
    usable: list[ClientRule] = []
    seen: set[tuple[RuleKind, str]] = set()
    for place, rule in enumerate(rules):
        field = f"rules.{place}.pattern"
        try:
            normal = normalize_rule(rule)
        except InvalidPatternError as error:
            problems[field] = str(error)
            continue
        if (normal.kind, normal.pattern) in seen:
            problems[field] = "This client has the same rule already."
        elif normal.kind is RuleKind.CALENDAR and not _has_calendar(uow, user_id, normal):
            problems[field] = "There is no such calendar."
        seen.add((normal.kind, normal.pattern))
        usable.append(normal)
    if len(rules) > MANY_RULES:
        problems["rules"] = f"A client has at most {MANY_RULES} rules."
    if problems:
        raise InvalidFieldsError(problems)
    return usable


def _has_calendar(uow: UnitOfWork, user_id: UUID, rule: ClientRule) -> bool:
    return uow.calendars.find(user_id, UUID(rule.pattern)) is not None
