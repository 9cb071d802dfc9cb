"""Reading a provider in the name of a connection."""

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import TypeVar

from structlog.contextvars import bound_contextvars

from calendar_manager.domain.accounts import Calendar, Connection, ConnectionStatus, Tokens
from calendar_manager.domain.changes import ChangePage
from calendar_manager.providers.base import CalendarProvider, Gate, always_open
from calendar_manager.providers.errors import (
    AccessTokenRejectedError,
    ConsentLostError,
    RetryLaterError,
)
from calendar_manager.sync.context import SyncContext
from calendar_manager.sync.quota import HeldBackError, make_gate, note_pause
from calendar_manager.sync.seats import seat
from calendar_manager.sync.tokens import condemn, fresh_tokens, lives_on

Result = TypeVar("Result")


@contextmanager
def opened(
    context: SyncContext,
    connection: Connection,
    tokens: Tokens,
    *,
    urgent: bool = False,
    before_request: Gate = always_open,
) -> Iterator[CalendarProvider]:
    """Open an account for reading, and let go of it afterwards.

    Every request is counted against the budgets of the account and the application. A pause
    that the provider asks for is noted, so that no worker asks it before.

    Args:
        context: The parts of the write path.
        connection: The account.
        tokens: Of the account.
        urgent: Whether somebody waits for the outcome.
        before_request: What else has to be passed before each request.

    Raises:
        RetryLaterError: The account is open as often as the provider bears.
    """
    factory = context.registry.get(connection.provider)
    with seat(context, connection, factory.accounts_open_at_once) as keep_seat:
        count = make_gate(context, connection, urgent=urgent)

        def gate() -> None:
            before_request()
            keep_seat()
            count()

        provider = factory.open(tokens, gate=gate)
        try:
            yield provider
        except HeldBackError:
            raise
        except RetryLaterError as error:
            if error.retry_after is not None:
                note_pause(context, connection, error.retry_after)
            raise
        finally:
            provider.close()


def with_account(
    context: SyncContext,
    connection: Connection,
    action: Callable[[CalendarProvider], Result],
    *,
    tokens: Tokens | None = None,
    urgent: bool = False,
    before_request: Gate = always_open,
) -> Result:
    """Run an action on an open account.

    An access token that is refused although it has not ended, because it was revoked or the
    clocks differ, is replaced once, and the action starts over; it must bear that.

    Args:
        context: The parts of the write path.
        connection: The account.
        action: What to do.
        tokens: The account's tokens as just loaded, to spare loading them again.
        urgent: Whether somebody waits for the outcome, so that no part of the budget is kept back.
        before_request: What else has to be passed before each request.

    Raises:
        ConsentLostError: The person has to connect again; the connection says so by now.
        ProviderError: Whatever else the action raises.
    """
    with bound_contextvars(
        user_id=str(connection.user_id),
        connection_id=str(connection.id),
        provider=connection.provider.value,
    ):
        return _with_account(
            context, connection, action, tokens=tokens, urgent=urgent, before_request=before_request
        )


def _with_account(
    context: SyncContext,
    connection: Connection,
    action: Callable[[CalendarProvider], Result],
    *,
    tokens: Tokens | None,
    urgent: bool,
    before_request: Gate,
) -> Result:
    active = connection.status is ConnectionStatus.ACTIVE
    if tokens is None or not active or not lives_on(context, tokens):
        tokens = fresh_tokens(context, connection.id)
    try:
        with opened(
            context, connection, tokens, urgent=urgent, before_request=before_request
        ) as provider:
            return action(provider)
    except AccessTokenRejectedError:
        tokens = fresh_tokens(context, connection.id, rejected=tokens.access_token)
    except ConsentLostError as error:
        condemn(context, connection.id, error, refused=tokens)
        raise
    try:
        with opened(
            context, connection, tokens, urgent=urgent, before_request=before_request
        ) as provider:
            return action(provider)
    except AccessTokenRejectedError as error:
        lost = ConsentLostError(
            "The provider refuses even a new access token. Connect the account again.",
            reason=error.reason,
            request_id=error.request_id,
        )
        condemn(context, connection.id, lost, refused=tokens)
        raise lost from error
    except ConsentLostError as error:
        condemn(context, connection.id, error, refused=tokens)
        raise


def pull_pages(
    context: SyncContext,
    provider: CalendarProvider,
    calendar: Calendar,
    cursor: str | None,
    *,
    position: str | None = None,
) -> Iterator[ChangePage]:
    """Read what changed in a calendar, page by page, and make sure that the end is an end.

    Args:
        context: The parts of the write path.
        provider: The calendar's account, opened.
        calendar: Which calendar.
        cursor: Where the last complete read ended; None reads everything.
        position: Where a full read that broke off is to be gone on with.

    Raises:
        PositionExpiredError: It cannot be gone on with.
        RetryLaterError: The provider ended without a cursor, so the read is incomplete.
    """
    page = ChangePage(())

    def find_series(instance_ids: Collection[str]) -> Mapping[str, str]:
        with context.store.begin() as uow:
            return uow.events.find_series(calendar.id, instance_ids)

    for page in provider.pull_changes(
        calendar.provider_calendar_id,
        cursor=cursor,
        window=context.horizon(),
        find_series=find_series,
        position=position,
    ):
        yield page
    if page.cursor is None:
        raise RetryLaterError("The provider ended its answer half-way.", reason="incomplete")
