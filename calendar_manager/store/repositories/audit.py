"""The audit log: who did what. It outlives the user, so nothing in it names a person."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select, tuple_
from sqlalchemy.orm import Session
from structlog.contextvars import get_contextvars

from calendar_manager.store.tables import AuditRow


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditLine:
    """Something that was done.

    Attributes:
        id: Ours.
        at: When.
        action: What, as a dotted name.
        subject: What it was done to.
        detail: More about it.
        request_id: The request that it was done by; None for what nobody asked for.
    """

    id: UUID
    at: datetime
    action: str
    subject: str | None
    detail: Mapping[str, Any]
    request_id: str | None


class AuditRepository:
    """Reads and writes the audit log.

    Args:
        session: The transaction's session.
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    def record(
        self,
        action: str,
        *,
        user_id: UUID | None,
        subject: UUID | str | None = None,
        detail: Mapping[str, Any] | None = None,
    ) -> None:
        """Add a line in the transaction of what it tells, so that both or none are stored.

        The id of the request is the one that the log lines of the same context carry.

        Args:
            action: What was done, as a dotted name such as ``connection.connected``.
            user_id: Who did it, or whom it was done for.
            subject: What it was done to.
            detail: More about it, without names, addresses or secrets.
        """
        request_id = get_contextvars().get("request_id")
        self._session.add(
            AuditRow(
                user_id=user_id,
                action=action,
                subject=None if subject is None else str(subject),
                detail=dict(detail or {}),
                request_id=None if request_id is None else str(request_id),
            )
        )
        self._session.flush()

    def list(
        self, user_id: UUID, *, after: tuple[datetime, UUID] | None, limit: int
    ) -> Sequence[AuditLine]:
        """List what was done by a user or for them, the latest first.

        Args:
            user_id: Whose lines.
            after: The instant and the id of the last one already seen.
            limit: How many at most.
        """
        query = select(AuditRow).where(AuditRow.user_id == user_id)
        if after is not None:
            query = query.where(tuple_(AuditRow.created_at, AuditRow.id) < after)
        rows = self._session.scalars(
            query.order_by(AuditRow.created_at.desc(), AuditRow.id.desc()).limit(limit)
        )
        return [line_from_row(row) for row in rows]


def line_from_row(row: AuditRow) -> AuditLine:
    """Return the domain's view of a row."""
    return AuditLine(
        id=row.id,
        at=row.created_at,
        action=row.action,
        subject=row.subject,
        detail=row.detail,
        request_id=row.request_id,
    )
