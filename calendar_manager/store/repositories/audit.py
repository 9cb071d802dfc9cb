"""The audit log: who did what. It outlives the user, so nothing in it names a person."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session
from structlog.contextvars import get_contextvars

from calendar_manager.store.tables import AuditRow


class AuditRepository:
    """Writes the audit log.

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
