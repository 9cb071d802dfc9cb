"""Grants: who of the whole installation reads an account at a provider."""

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from calendar_manager.domain.accounts import ProviderKind
from calendar_manager.store.tables import ConnectionRow


class GrantRepository:
    """Queries over the connections of the whole installation.

    Args:
        session: The transaction's session.
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    def is_in_use(self, provider: ProviderKind, provider_account_id: str) -> bool:
        """Tell whether any user's connection reads an account.

        A provider counts one grant per account and application, so giving it back for one user
        would take it from the others.
        """
        found = exists().where(
            ConnectionRow.provider == provider,
            ConnectionRow.provider_account_id == provider_account_id,
        )
        return bool(self._session.scalar(select(found)))
