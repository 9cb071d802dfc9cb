"""Availability rules: one document for each user."""

from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from calendar_manager.domain.rules import AvailabilityRules, default_rules
from calendar_manager.domain.rules_document import rules_from_document, rules_to_document
from calendar_manager.domain.users import User
from calendar_manager.store.tables import AvailabilityRulesRow


class RulesRepository:
    """Queries over availability rules.

    Args:
        session: The transaction's session.
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    def load_each(self, users: Collection[User]) -> Mapping[UUID, AvailabilityRules]:
        """Return the rules of each of several users, in one statement."""
        rows = self._session.execute(
            select(AvailabilityRulesRow.user_id, AvailabilityRulesRow.document).where(
                AvailabilityRulesRow.user_id.in_([user.id for user in users])
            )
        )
        documents: dict[UUID, dict[str, Any]] = {row.user_id: row.document for row in rows}
        return {
            user.id: default_rules(user.time_zone)
            if user.id not in documents
            else rules_from_document(documents[user.id])
            for user in users
        }

    def save(self, user_id: UUID, rules: AvailabilityRules) -> None:
        """Replace a user's rules as a whole."""
        statement = insert(AvailabilityRulesRow).values(
            user_id=user_id, document=rules_to_document(rules)
        )
        self._session.execute(
            statement.on_conflict_do_update(
                index_elements=[AvailabilityRulesRow.user_id],
                set_={"document": statement.excluded.document, "updated_at": func.now()},
            )
        )
