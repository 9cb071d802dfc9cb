"""Giving grants back to providers, which may fail and must not keep anybody from leaving."""

from uuid import UUID

import structlog

from calendar_manager.domain.accounts import Connection, ProviderKind, Tokens
from calendar_manager.providers.base import Grant
from calendar_manager.providers.errors import ProviderError
from calendar_manager.providers.registry import Registry
from calendar_manager.store.crypto import UndecipherableError
from calendar_manager.store.repositories.grants import GrantRepository
from calendar_manager.store.unit_of_work import Store, UnitOfWork

log = structlog.get_logger(__name__)


class Grants:
    """Gives grants back.

    A provider counts one grant per account and application, whoever of our users asked for it.
    So it is kept as long as any connection of this installation still reads the account.

    Args:
        store: The database.
        registry: The configured providers.
    """

    def __init__(self, store: Store, registry: Registry) -> None:
        self._store = store
        self._registry = registry

    def load(self, uow: UnitOfWork, connection_id: UUID) -> Tokens | None:
        """Return the tokens of a connection, or None when there are none that can be read."""
        try:
            loaded = uow.connections.load_tokens(connection_id)
        except UndecipherableError:
            return None
        return None if loaded is None else loaded[1]

    def give_back(self, connection: Connection, tokens: Tokens | None) -> None:
        """Give back the grant of a connection that was removed, unless another one needs it."""
        if tokens is not None:
            self._give_back(connection.provider, connection.provider_account_id, tokens)

    def give_back_unused(self, provider: ProviderKind, grant: Grant) -> None:
        """Give back a grant that was not stored, unless a connection needs it."""
        self._give_back(provider, grant.provider_account_id, grant.tokens)

    def is_read(self, uow: UnitOfWork, connection: Connection) -> bool:
        """Tell whether any connection still reads the account of one that was removed."""
        return self._is_in_use(uow, connection.provider, connection.provider_account_id)

    def _is_in_use(self, uow: UnitOfWork, provider: ProviderKind, account_id: str) -> bool:
        return GrantRepository(uow.session).is_in_use(provider, account_id)

    def _give_back(self, provider: ProviderKind, provider_account_id: str, tokens: Tokens) -> None:
        with self._store.begin() as uow:
            if self._is_in_use(uow, provider, provider_account_id):
                return
        try:
            self._registry.get(provider).auth.revoke(tokens)
        except ProviderError as error:
            log.warning("grant_not_given_back", provider=provider.value, reason=error.reason)
