"""Saying on the week page whom a meeting belongs to."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from calendar_manager.accounts.assigning import Assigning, Scope, Subject
from calendar_manager.accounts.errors import InvalidFieldsError
from calendar_manager.domain.events import EventKind, original_start_key
from calendar_manager.domain.users import User
from calendar_manager.store.agenda_entries import AgendaEntry
from calendar_manager.store.client_rows import Assignment, Origin
from calendar_manager.store.unit_of_work import UnitOfWork
from calendar_manager.web.client_form import check_project

BY_RULES: Final = "rules"
"""The choice of letting the rules say whom a meeting belongs to."""

NOBODY: Final = "nobody"
"""The choice of a meeting that belongs to nobody, whatever the rules say."""


@dataclass(frozen=True, slots=True)
class ClientForm:
    """What a person says of a meeting's client, as it was typed.

    Attributes:
        client: The id of a client, :data:`NOBODY` or :data:`BY_RULES`.
        project: Of which project it is; empty for none.
        scope: ``event`` for one occurrence, ``series`` for all of them.
    """

    client: str = BY_RULES
    project: str = ""
    scope: str = Scope.EVENT.value


def find_said(uow: UnitOfWork, user: User, copies: Sequence[AgendaEntry]) -> Assignment | None:
    """Return what is said of a meeting, by the first copy of which anything is.

    What a person said comes before what a rule says.
    """
    named = [(copy.event_id, copy) for copy in copies]
    masters = {
        event_id: found.master_id
        for event_id, copy in named
        if copy.event.kind is EventKind.OVERRIDE
        and (found := uow.assignments.find_event(user.id, event_id)) is not None
        and found.master_id is not None
    }
    said = uow.assignments.load({*(event_id for event_id, _ in named), *masters.values()})
    answers = [said[key] for _, copy in named for key in _keys_of(copy, masters) if key in said]
    by_hand = [answer for answer in answers if answer.origin is Origin.HAND]
    return next(iter([*by_hand, *answers]), None)


def fill_form(said: Assignment | None) -> ClientForm:
    """Return the form as it stands before anybody types."""
    if said is None or said.origin is not Origin.HAND:
        return ClientForm()
    client = NOBODY if said.client_id is None else str(said.client_id)
    return ClientForm(client, said.project or "")


def save_form(
    assigning: Assigning, user: User, copies: Sequence[AgendaEntry], form: ClientForm
) -> None:
    """Write down what a person says of a meeting, on all of its calendars.

    Args:
        assigning: The use cases.
        user: Whose meeting.
        copies: Its copies, the leading one first.
        form: What was typed.

    Raises:
        InvalidFieldsError: A field cannot be used.
        ClientNotFoundError: The user has no such client.
    """
    project = _read_project(form.project)
    client_id = _read_client(form.client)
    scope = _read_scope(form.scope)
    for position, copy in enumerate(copies):
        subject = _subject_of(copy, scope)
        try:
            if form.client == BY_RULES:
                assigning.forget(user, subject)
            else:
                assigning.assign(user, subject, client_id, project)
        except InvalidFieldsError:
            # A copy whose series is elsewhere is no reason to refuse what the leading one took.
            if position == 0:
                raise


def _keys_of(
    copy: AgendaEntry, masters: Mapping[UUID, UUID]
) -> Iterator[tuple[UUID, datetime | None]]:
    """Yield where it may be written whom an occurrence belongs to, the most exact first."""
    event = copy.event
    master = masters.get(copy.event_id)
    if event.kind is EventKind.MASTER:
        yield copy.event_id, copy.original_start
    if master is not None and event.original_start is not None:
        yield master, original_start_key(event.original_start)
    yield copy.event_id, None
    if master is not None:
        yield master, None


def _subject_of(copy: AgendaEntry, scope: Scope) -> Subject:
    kind = copy.event.kind
    if scope is Scope.SERIES and kind is not EventKind.SINGLE:
        return Subject(event_id=copy.event_id, scope=scope)
    named = copy.original_start if kind is EventKind.MASTER else None
    return Subject(event_id=copy.event_id, original_start=named)


def _read_client(value: str) -> UUID | None:
    if value in {BY_RULES, NOBODY}:
        return None
    try:
        return UUID(value)
    except ValueError:
        raise InvalidFieldsError({"client": "Choose somebody from the list."}) from None


def _read_scope(value: str) -> Scope:
    try:
        return Scope(value)
    except ValueError:
        raise InvalidFieldsError({"scope": "Choose one of the two."}) from None


def _read_project(value: str) -> str | None:
    try:
        return check_project(value)
    except ValueError as error:
        raise InvalidFieldsError({"project": str(error)}) from None
