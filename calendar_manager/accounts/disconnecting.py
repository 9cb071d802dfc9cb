"""Leaving: one connected account, or everything."""

from collections.abc import Callable, Sequence
from datetime import datetime
from uuid import UUID

from calendar_manager.accounts.channels import close_all
from calendar_manager.accounts.errors import (
    ConnectionAmbiguousError,
    ConnectionNotFoundError,
    UserGoneError,
)
from calendar_manager.accounts.grants import Grants
from calendar_manager.accounts.jobs import Jobs
from calendar_manager.accounts.traces import Traces
from calendar_manager.domain.accounts import Connection, ProviderKind, Tokens
from calendar_manager.domain.channels import Channel
from calendar_manager.providers.registry import Registry
from calendar_manager.store.unit_of_work import Store, UnitOfWork


class Disconnecting:
    """The use cases of leaving.

    What is stored here goes first, in one transaction; then the channels are closed and the grant
    is given back at the provider, which may be slow or down and keeps nobody here.

    Args:
        store: The database.
        registry: The configured providers.
        jobs: Where the search for conflicts is asked for.
        clock: Tells the time.
        traces: What Redis remembers of people; None leaves it to end by itself.
    """

    def __init__(
        self,
        *,
        store: Store,
        registry: Registry,
        jobs: Jobs,
        clock: Callable[[], datetime],
        traces: Traces | None = None,
    ) -> None:
        self._store = store
        self._registry = registry
        self._clock = clock
        self._jobs = jobs
        self._traces = traces
        self._grants = Grants(store, registry)

    def disconnect(
        self, user_id: UUID, provider: ProviderKind, connection_id: UUID | None = None
    ) -> Connection:
        """Remove a connection with all that was read through it, and give its grant back.

        Args:
            user_id: Whose.
            provider: At which provider.
            connection_id: Which; may be left out when there is only one.

        Returns:
            The connection as it was.

        Raises:
            ConnectionNotFoundError: There is none, or not there.
            ConnectionAmbiguousError: There are several, and none was named.
        """
        with self._store.begin() as uow:
            connection = _choose(uow, user_id, provider, connection_id)
            tokens = self._grants.load(uow, connection.id)
            channels = uow.channels.list_of_connection(connection.id)
            calendar_ids = uow.calendars.list_ids(connection.id)
            if not uow.connections.delete(user_id, connection.id):
                raise ConnectionNotFoundError
            is_read = self._grants.is_read(uow, connection)
            uow.conflicts.forget_calendars(user_id, calendar_ids)
            uow.conflicts.request_check_all(user_id)
            uow.audit.record(
                "connection.disconnected",
                user_id=user_id,
                subject=connection.id,
                detail={"provider": provider.value},
            )
            uow.after_commit(lambda: self._jobs.examine_conflicts(user_id))
        self._leave(connection, tokens, channels)
        if self._traces is not None and not is_read:
            # Last, because giving the grant back may be counted.
            self._traces.remove_pauses([connection])
        return connection

    def erase(self, user_id: UUID) -> None:
        """Erase a user with everything of theirs; only lines of the audit log without names stay.

        Raises:
            UserGoneError: They were erased already.
        """
        with self._store.begin() as uow:
            # Nobody connects an account of theirs any more while this is held.
            user = uow.users.lock(user_id)
            if user is None:
                raise UserGoneError
            connections = uow.connections.list(user_id)
            tokens = [self._grants.load(uow, one.id) for one in connections]
            channels = [uow.channels.list_of_connection(one.id) for one in connections]
            uow.users.delete(user_id)
            unread = [one for one in connections if not self._grants.is_read(uow, one)]
            uow.audit.record(
                "user.erased", user_id=user_id, detail={"connections": len(connections)}
            )
        for left in zip(connections, tokens, channels, strict=True):
            self._leave(*left)
        if self._traces is not None:
            # Last, because giving the grants back may be counted.
            self._traces.remove(user, unread)

    def _leave(
        self,
        connection: Connection,
        tokens: Tokens | None,
        channels: Sequence[tuple[Channel, str]],
    ) -> None:
        """Close the channels while there is still a grant to do it with, then give it back."""
        if tokens is not None:
            tokens = close_all(
                self._registry, connection.provider, tokens, channels, now=self._clock()
            )
        self._grants.give_back(connection, tokens)


def _choose(
    uow: UnitOfWork, user_id: UUID, provider: ProviderKind, connection_id: UUID | None
) -> Connection:
    found = [
        connection
        for connection in uow.connections.list(user_id, provider)
        if connection_id in {None, connection.id}
    ]
    if not found:
        raise ConnectionNotFoundError
    if len(found) > 1:
        raise ConnectionAmbiguousError
    return found[0]
