"""Connections and their encrypted tokens."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, String, cast, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import InstrumentedAttribute, Session

from calendar_manager.domain.accounts import Connection, ConnectionStatus, ProviderKind, Tokens
from calendar_manager.store.crypto import TokenCipher, UndecipherableError
from calendar_manager.store.execution import execute_count
from calendar_manager.store.tables import AuditRow, ConnectionRow

REFRESH_AHEAD = timedelta(minutes=10)
"""How long before its end an access token is replaced."""


@dataclass(frozen=True, slots=True)
class RefreshState:
    """What a refresh begins with.

    Attributes:
        connection: The account.
        tokens: Its tokens.
        failures: How many refreshes in a row have failed.
    """

    connection: Connection
    tokens: Tokens
    failures: int


@dataclass(frozen=True, slots=True)
class Consent:
    """The person's permission behind a connection.

    Attributes:
        provider: Where it was given.
        given_at: When it was last given.
    """

    provider: ProviderKind
    given_at: datetime


class ConnectionRepository:
    """Queries over connections.

    Args:
        session: The transaction's session.
        cipher: Opens and seals tokens.
    """

    def __init__(self, session: Session, cipher: TokenCipher) -> None:
        self._session = session
        self._cipher = cipher

    def save(
        self,
        *,
        user_id: UUID,
        provider: ProviderKind,
        provider_account_id: str,
        account: str,
        tokens: Tokens,
    ) -> Connection:
        """Store a fresh grant; the same account connected again is the same connection."""
        values = {
            "account": account,
            "status": ConnectionStatus.ACTIVE,
            "reason": None,
            "reason_code": None,
            "refresh_failures": 0,
            **self._token_values(tokens),
        }
        statement = (
            insert(ConnectionRow)
            .values(
                user_id=user_id,
                provider=provider,
                provider_account_id=provider_account_id,
                **values,
            )
            .on_conflict_do_update(
                index_elements=["user_id", "provider", "provider_account_id"],
                set_={**values, "updated_at": func.now()},
            )
            .returning(ConnectionRow)
        )
        row = self._session.scalars(statement, execution_options={"populate_existing": True}).one()
        return connection_from_row(row)

    def find(self, user_id: UUID, connection_id: UUID) -> Connection | None:
        """Return a user's connection, or None."""
        row = self._session.scalars(
            select(ConnectionRow).where(
                ConnectionRow.id == connection_id, ConnectionRow.user_id == user_id
            )
        ).one_or_none()
        return None if row is None else connection_from_row(row)

    def list(self, user_id: UUID, provider: ProviderKind | None = None) -> Sequence[Connection]:
        """List a user's connections, the oldest first."""
        query = select(ConnectionRow).where(ConnectionRow.user_id == user_id)
        if provider is not None:
            query = query.where(ConnectionRow.provider == provider)
        rows = self._session.scalars(query.order_by(ConnectionRow.created_at, ConnectionRow.id))
        return [connection_from_row(row) for row in rows]

    def delete(self, user_id: UUID, connection_id: UUID) -> bool:
        """Delete a user's connection with all that was read through it; tell if it was there."""
        statement = delete(ConnectionRow).where(
            ConnectionRow.id == connection_id, ConnectionRow.user_id == user_id
        )
        return execute_count(self._session, statement) > 0

    def load_tokens(self, connection_id: UUID) -> tuple[Connection, Tokens] | None:
        """Return a connection of whatever user with its tokens, for the work done in its name.

        None when it is gone or its tokens were removed.
        """
        row = self._session.get(ConnectionRow, connection_id, populate_existing=True)
        if row is None:
            return None
        tokens = self.open_tokens(row)
        return None if tokens is None else (connection_from_row(row), tokens)

    def open_tokens(self, row: ConnectionRow) -> Tokens | None:
        """Decrypt the tokens of a row; None when it has none."""
        if row.access_token is None:
            return None
        sealed = row.refresh_token
        return Tokens(
            access_token=self._cipher.decrypt(row.access_token),
            refresh_token=None if sealed is None else self._cipher.decrypt(sealed),
            expires_at=row.token_expires_at,
            scopes=frozenset(row.scopes),
        )

    def try_open_tokens(self, row: ConnectionRow) -> Tokens | None:
        """As :meth:`open_tokens`; None also when no key opens them."""
        try:
            return self.open_tokens(row)
        except UndecipherableError:
            return None

    def load_refresh_state(self, connection_id: UUID) -> RefreshState | None:
        """Return what a refresh begins with; None as :meth:`load_tokens` says."""
        row = self._session.get(ConnectionRow, connection_id, populate_existing=True)
        if row is None:
            return None
        tokens = self.open_tokens(row)
        if tokens is None:
            return None
        return RefreshState(connection_from_row(row), tokens, row.refresh_failures)

    def replace_tokens(self, connection_id: UUID, *, old: Tokens, fresh: Tokens) -> bool:
        """Store refreshed tokens in place of those that were refreshed.

        A refresh that worked proves the consent, so a connection that was condemned over the old
        tokens meanwhile is active again.

        Returns:
            False, and nothing is stored, when the connection is gone or has other tokens by now.
        """
        row = self._lock_with(connection_id, old)
        if row is None:
            return False
        values = {
            "status": ConnectionStatus.ACTIVE,
            "reason": None,
            "reason_code": None,
            "refresh_failures": 0,
            **self._token_values(fresh),
        }
        self._session.execute(
            update(ConnectionRow).where(ConnectionRow.id == connection_id).values(values)
        )
        return True

    def note_refresh_failure(self, connection_id: UUID, *, next_refresh_at: datetime) -> None:
        """Count a refresh that failed, and set when beat tries again."""
        self._session.execute(
            update(ConnectionRow)
            .where(
                ConnectionRow.id == connection_id, ConnectionRow.status == ConnectionStatus.ACTIVE
            )
            .values(
                refresh_failures=ConnectionRow.refresh_failures + 1,
                next_refresh_at=next_refresh_at,
            )
        )

    def load_consent(self, connection_id: UUID) -> Consent | None:
        """Return when the consent behind a connection was given; None when it is gone.

        The row tells only when the account was first connected; the audit log has every time.
        """
        connected_at = (
            select(func.max(AuditRow.created_at))
            .where(
                AuditRow.user_id == ConnectionRow.user_id,
                AuditRow.action == "connection.connected",
                AuditRow.subject == cast(ConnectionRow.id, String),
            )
            .scalar_subquery()
        )
        found = self._session.execute(
            select(
                ConnectionRow.provider, func.coalesce(connected_at, ConnectionRow.created_at)
            ).where(ConnectionRow.id == connection_id)
        ).one_or_none()
        return None if found is None else Consent(ProviderKind(found[0]), found[1])

    def mark_needs_reauth(
        self,
        connection_id: UUID,
        reason: str,
        *,
        reason_code: str = "unknown",
        refused: Tokens | None = None,
    ) -> bool:
        """Note that only the person can bring a connection back, and why.

        Args:
            connection_id: Which.
            reason: What happened, in a sentence.
            reason_code: The same for programs.
            refused: The tokens that the provider refused; None for whatever is stored.

        Returns:
            False, and nothing is noted, when the connection is gone or has other tokens by now.
        """
        if refused is not None and self._lock_with(connection_id, refused) is None:
            return False
        statement = (
            update(ConnectionRow)
            .where(ConnectionRow.id == connection_id)
            .values(
                status=ConnectionStatus.NEEDS_REAUTH,
                reason=reason,
                reason_code=reason_code,
                next_refresh_at=None,
            )
        )
        return execute_count(self._session, statement) > 0

    def hurry_discovery(self, connection_id: UUID, *, now: datetime) -> None:
        """Have a connection's list of calendars looked at with the next turn."""
        self._session.execute(
            update(ConnectionRow)
            .where(ConnectionRow.id == connection_id)
            .values(next_discovery_at=now)
        )

    def claim_due_refreshes(
        self, *, now: datetime, retry_after: timedelta, limit: int
    ) -> Sequence[UUID]:
        """Take the installation's connections whose access token ends soon.

        Each one taken comes up again after ``retry_after`` unless its tokens are saved first.
        """
        return self._claim(ConnectionRow.next_refresh_at, now, retry_after, limit)

    def claim_due_discoveries(
        self, *, now: datetime, interval: timedelta, limit: int
    ) -> Sequence[UUID]:
        """Take the installation's connections whose list of calendars is due for a look."""
        return self._claim(ConnectionRow.next_discovery_at, now, interval, limit)

    def _claim(
        self,
        due_at: InstrumentedAttribute[datetime] | InstrumentedAttribute[datetime | None],
        now: datetime,
        interval: timedelta,
        limit: int,
    ) -> Sequence[UUID]:
        active: ColumnElement[bool] = ConnectionRow.status == ConnectionStatus.ACTIVE
        due = (
            select(ConnectionRow.id)
            .where(due_at <= now, active)
            .order_by(due_at)
            .limit(limit)
            .with_for_update(skip_locked=True)
            .scalar_subquery()
        )
        return self._session.scalars(
            update(ConnectionRow)
            .where(ConnectionRow.id.in_(due))
            .values({due_at: now + interval})
            .returning(ConnectionRow.id)
        ).all()

    def _lock_with(self, connection_id: UUID, tokens: Tokens) -> ConnectionRow | None:
        """Lock a connection for this transaction; None unless these are its tokens."""
        row = self._session.get(
            ConnectionRow, connection_id, populate_existing=True, with_for_update=True
        )
        stored = None if row is None else self.open_tokens(row)
        if stored is None or (stored.access_token, stored.refresh_token) != (
            tokens.access_token,
            tokens.refresh_token,
        ):
            return None
        return row

    def _token_values(self, tokens: Tokens) -> dict[str, object]:
        refresh = tokens.refresh_token
        ends = tokens.expires_at
        return {
            "access_token": self._cipher.encrypt(tokens.access_token),
            "refresh_token": None if refresh is None else self._cipher.encrypt(refresh),
            "token_expires_at": ends,
            "scopes": sorted(tokens.scopes),
            "next_refresh_at": None if ends is None or refresh is None else ends - REFRESH_AHEAD,
        }


def connection_from_row(row: ConnectionRow) -> Connection:
    """Return the domain's view of a row."""
    return Connection(
        id=row.id,
        user_id=row.user_id,
        provider=ProviderKind(row.provider),
        provider_account_id=row.provider_account_id,
        account=row.account,
        status=ConnectionStatus(row.status),
        reason=row.reason,
        reason_code=row.reason_code,
        token_expires_at=row.token_expires_at,
        created_at=row.created_at,
    )
