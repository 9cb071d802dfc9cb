"""Letting others ask when one is free, and taking that back."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from calendar_manager.accounts.errors import InvalidFieldsError, UserGoneError
from calendar_manager.accounts.fields import check_email
from calendar_manager.accounts.registration import check_all
from calendar_manager.domain.sharing import AvailabilityGrant, Direction
from calendar_manager.scheduling.errors import UnknownSubjectError
from calendar_manager.store.unit_of_work import Store

MANY_GRANTS: Final = 200
"""How many people one user may let ask."""


class Sharing:
    """The use cases of sharing one's availability.

    A grant is for the account that has an address at the moment of giving. Addresses are not
    verified here, so one that nobody has yet must not open a door for whoever registers it next;
    and since the giver sees the same answer in both cases, nobody learns who has an account.

    Args:
        store: The database.
    """

    def __init__(self, *, store: Store) -> None:
        self._store = store

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
        with self._store.begin() as uow:
            return uow.availability_grants.list(user_id, direction, after=after, limit=limit)

    def give(self, user_id: UUID, email: str) -> AvailabilityGrant:
        """Let the user of an address ask when one is free.

        Repeating it is harmless. It has to be repeated for somebody who registers later.

        Raises:
            InvalidFieldsError: It is no address or one's own, or too many were given.
            UserGoneError: The giver was erased meanwhile.
        """
        address = check_all(email=(check_email, email))["email"]
        with self._store.begin() as uow:
            grants = uow.availability_grants
            if not grants.lock_giver(user_id):
                raise UserGoneError
            grantee_id = grants.find_grantee(address)
            if grantee_id == user_id:
                raise InvalidFieldsError({"email": "You may always ask about yourself."})
            grant, changed = grants.give(user_id, address, grantee_id)
            if changed and grants.count_given(user_id) > MANY_GRANTS:
                raise InvalidFieldsError({"email": f"{MANY_GRANTS} people are the most."})
            if changed:
                uow.audit.record("availability.granted", user_id=user_id, subject=grant.id)
            return grant

    def revoke(self, user_id: UUID, grant_id: UUID) -> None:
        """Take back a grant that one gave, or decline one that one received.

        Raises:
            UnknownSubjectError: The user has neither given nor received it.
        """
        with self._store.begin() as uow:
            direction = uow.availability_grants.remove(user_id, grant_id)
            if direction is None:
                raise UnknownSubjectError("grant")
            uow.audit.record(
                "availability.grant_removed",
                user_id=user_id,
                subject=grant_id,
                detail={"direction": direction},
            )
