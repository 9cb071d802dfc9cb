"""Everything that is stored encrypted, so that its key can be replaced."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from calendar_manager.store.crypto import TokenCipher, UndecipherableError
from calendar_manager.store.tables import ChannelRow, ConnectionRow, OAuthStateRow

SealedRow = ChannelRow | ConnectionRow | OAuthStateRow


class SealedPlace(StrEnum):
    """A table with encrypted columns."""

    CONNECTIONS = "connections"
    CHANNELS = "channels"
    OAUTH_STATES = "oauth_states"


_COLUMNS: Final[
    dict[
        SealedPlace,
        tuple[
            type[SealedRow],
            tuple[InstrumentedAttribute[str] | InstrumentedAttribute[str | None], ...],
        ],
    ]
] = {
    SealedPlace.CONNECTIONS: (
        ConnectionRow,
        (ConnectionRow.access_token, ConnectionRow.refresh_token),
    ),
    SealedPlace.CHANNELS: (ChannelRow, (ChannelRow.token,)),
    SealedPlace.OAUTH_STATES: (OAuthStateRow, (OAuthStateRow.memory,)),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ResealedBatch:
    """What became of some rows.

    Attributes:
        last_id: The row to go on behind; None when there was none left.
        rows: How many were looked at.
        renewed: How many secrets were encrypted anew.
        unreadable: How many secrets none of the keys opens; they stay as they are.
    """

    last_id: UUID | None
    rows: int
    renewed: int
    unreadable: int


class SealedRepository:
    """Queries over the encrypted columns of the whole installation.

    Args:
        session: The transaction's session.
        cipher: Opens and seals.
    """

    def __init__(self, session: Session, cipher: TokenCipher) -> None:
        self._session = session
        self._cipher = cipher

    def count(self) -> int:
        """Return how many rows have encrypted columns."""
        counts = (
            self._session.scalar(select(func.count()).select_from(table))
            for table, _ in _COLUMNS.values()
        )
        return sum(count or 0 for count in counts)

    def reseal(self, place: SealedPlace, *, after: UUID | None, limit: int) -> ResealedBatch:
        """Encrypt the secrets of some rows with the first key, where they are not yet.

        The rows are locked, so that a token which is refreshed meanwhile is not overwritten by
        the one before it.

        Args:
            place: In which table.
            after: Rows up to this id were looked at before; None at the beginning.
            limit: How many rows at most, in the order of their ids.
        """
        table, columns = _COLUMNS[place]
        query = select(table.id, *columns).order_by(table.id).limit(limit)
        query = query.with_for_update(key_share=True)
        if after is not None:
            query = query.where(table.id > after)
        rows = self._session.execute(query).all()
        renewed = unreadable = 0
        for row_id, *secrets in rows:
            fresh: dict[str, str] = {}
            for column, sealed in zip(columns, secrets, strict=True):
                try:
                    secret = None if sealed is None else self._cipher.renew(sealed)
                except UndecipherableError:
                    unreadable += 1
                    continue
                if secret is not None:
                    fresh[column.key] = secret
            if fresh:
                self._session.execute(update(table).where(table.id == row_id).values(**fresh))
                renewed += len(fresh)
        return ResealedBatch(
            last_id=rows[-1].id if rows else None,
            rows=len(rows),
            renewed=renewed,
            unreadable=unreadable,
        )
