"""Availability rules: one document for each user."""

from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from calendar_manager.domain.rules import AvailabilityRules, default_rules
from calendar_manager.domain.rules_document import rules_from_document, rules_to_document
from calendar_manager.store.tables import AvailabilityRulesRow


class RulesRepository:
    """Queries over availability rules.

    Args:
        session: The transaction's session.
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    def load(self, user_id: UUID, *, time_zone: str) -> AvailabilityRules:
        """Return a user's rules.

        Args:
            user_id: Whose.
            time_zone: The user's IANA zone, in which the default rules hold while the user has
                not said any.
        """
        document = self._session.scalars(
            select(AvailabilityRulesRow.document).where(AvailabilityRulesRow.user_id == user_id)
        ).one_or_none()
        return default_rules(time_zone) if document is None else rules_from_document(document)

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
