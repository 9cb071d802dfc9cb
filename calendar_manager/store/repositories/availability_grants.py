"""Grants of availability: who may ask when somebody is free."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, func, insert, or_, select, tuple_
from sqlalchemy.orm import Session

from calendar_manager.domain.sharing import AvailabilityGrant, Direction
from calendar_manager.domain.users import User
from calendar_manager.store.repositories.users import user_from_row
from calendar_manager.store.tables import AvailabilityGrantRow, UserRow


class AvailabilityGrantRepository:
    """Queries over grants of availability, each scoped to one of the two people.

    Args:
        session: The transaction's session.
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    def lock_giver(self, user_id: UUID) -> bool:
        """Let a user give one grant at a time; tell if the user is there.

        The lock is the weakest one that excludes itself, so that two people who give to each
        other at the same moment do not wait for one another.
        """
        found = select(UserRow.id).where(UserRow.id == user_id).with_for_update(key_share=True)
        return self._session.scalars(found).one_or_none() is not None

    def find_grantee(self, email: str) -> UUID | None:
        """Return who has an address, whatever its case, and keep them until the end."""
        return self._session.scalars(
            select(UserRow.id)
            .where(func.lower(UserRow.email) == func.lower(email))
            .with_for_update(read=True, key_share=True)
        ).one_or_none()

    def give(
        self, user_id: UUID, email: str, grantee_id: UUID | None
    ) -> tuple[AvailabilityGrant, bool]:
        """Let the user of an address ask; return the grant, and whether anything changed.

        Args:
            user_id: Who gives; :meth:`lock_giver` keeps others from giving the same.
            email: To which address.
            grantee_id: Who has the address, as :meth:`find_grantee` says.
        """
        row = self._session.scalars(
            select(AvailabilityGrantRow)
            .where(
                AvailabilityGrantRow.user_id == user_id,
                AvailabilityGrantRow.grantee_email == func.lower(email),
            )
            .with_for_update()
        ).one_or_none()
        if row is not None and row.grantee_id == grantee_id:
            return _given(row), False
        if row is not None:
            row.grantee_id = grantee_id
            self._session.flush()
            return _given(row), True
        statement = insert(AvailabilityGrantRow).values(
            user_id=user_id, grantee_email=func.lower(email), grantee_id=grantee_id
        )
        return _given(self._session.scalars(statement.returning(AvailabilityGrantRow)).one()), True

    def count_given(self, user_id: UUID) -> int:
        """Return how many grants a user has given."""
        query = select(func.count()).where(AvailabilityGrantRow.user_id == user_id)
        return self._session.scalars(query).one()

    def list(
        self,
        user_id: UUID,
        direction: Direction,
        *,
        after: tuple[datetime, UUID] | None = None,
        limit: int,
    ) -> Sequence[AvailabilityGrant]:
        """List what a user gave or received, the oldest first.

        Args:
            user_id: Whose.
            direction: Which of the two.
            after: Instant of entry and id of the last one already seen.
            limit: How many at most.
        """
        given = direction is Direction.GIVEN
        mine = AvailabilityGrantRow.user_id if given else AvailabilityGrantRow.grantee_id
        query = (
            select(AvailabilityGrantRow, UserRow)
            .join(UserRow, UserRow.id == AvailabilityGrantRow.user_id)
            .where(mine == user_id)
            .order_by(AvailabilityGrantRow.created_at, AvailabilityGrantRow.id)
            .limit(limit)
        )
        if after is not None:
            key = tuple_(AvailabilityGrantRow.created_at, AvailabilityGrantRow.id)
            query = query.where(key > after)
        return [
            _given(row) if given else _received(row, giver)
            for row, giver in self._session.execute(query)
        ]

    def remove(self, user_id: UUID, grant_id: UUID) -> Direction | None:
        """Remove a grant of which a user is the giver or the receiver.

        Returns:
            Which of the two the user was; None when there is no such grant of theirs.
        """
        givers = self._session.scalars(
            delete(AvailabilityGrantRow)
            .where(
                AvailabilityGrantRow.id == grant_id,
                or_(
                    AvailabilityGrantRow.user_id == user_id,
                    AvailabilityGrantRow.grantee_id == user_id,
                ),
            )
            .returning(AvailabilityGrantRow.user_id)
        ).all()
        if not givers:
            return None
        return Direction.GIVEN if givers[0] == user_id else Direction.RECEIVED

    def find_people(self, asker_id: UUID, people: Sequence[UUID]) -> Sequence[User]:
        """Return those among some people whom a user may ask when they are free.

        Args:
            asker_id: Who asks; may always ask about themselves.
            people: Ids, of users or of nobody.

        Returns:
            In the order of the ids.
        """
        may_be_asked = select(AvailabilityGrantRow.user_id).where(
            AvailabilityGrantRow.grantee_id == asker_id
        )
        rows = self._session.scalars(
            select(UserRow).where(
                UserRow.id.in_(people),
                or_(UserRow.id == asker_id, UserRow.id.in_(may_be_asked)),
            )
        )
        found = {row.id: user_from_row(row) for row in rows}
        return [found[person] for person in people if person in found]


def _given(row: AvailabilityGrantRow) -> AvailabilityGrant:
    return AvailabilityGrant(
        id=row.id,
        direction=Direction.GIVEN,
        email=row.grantee_email,
        created_at=row.created_at,
    )


def _received(row: AvailabilityGrantRow, giver: UserRow) -> AvailabilityGrant:
    return AvailabilityGrant(
        id=row.id,
        direction=Direction.RECEIVED,
        email=giver.email,
        person_id=giver.id,
        name=giver.name,
        created_at=row.created_at,
    )
