"""Users, found by id or by the address that they sign in with."""

from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row, delete, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from calendar_manager.domain.conflicts import ConflictSettings, ConflictType
from calendar_manager.domain.users import Role, User
from calendar_manager.store.execution import execute_count
from calendar_manager.store.tables import UserRow


@dataclass(frozen=True, slots=True)
class Credentials:
    """A user and what their password is checked against.

    Attributes:
        user: Who signs in.
        password_hash: The argon2id hash in its encoded form.
    """

    user: User
    password_hash: str = field(repr=False)


class UserRepository:
    """Queries over users.

    Args:
        session: The transaction's session.
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, *, email: str, name: str, password_hash: str, time_zone: str) -> User | None:
        """Store a new user; return None when the address is taken, whatever its case."""
        row = self._session.scalars(
            insert(UserRow)
            .values(email=email, name=name, password_hash=password_hash, time_zone=time_zone)
            .on_conflict_do_nothing(index_elements=[text("lower(email)")])
            .returning(UserRow)
        ).one_or_none()
        return None if row is None else user_from_row(row)

    def find(self, user_id: UUID) -> User | None:
        """Return a user, or None."""
        row = self._session.get(UserRow, user_id, populate_existing=True)
        return None if row is None else user_from_row(row)

    def find_credentials(self, email: str) -> Credentials | None:
        """Return who signs in with an address, whatever its case, or None."""
        row = self._session.scalars(
            select(UserRow).where(func.lower(UserRow.email) == func.lower(email))
        ).one_or_none()
        return None if row is None else Credentials(user_from_row(row), row.password_hash)

    def lock(self, user_id: UUID) -> User | None:
        """Return a user, or None, and keep others from changing them in this transaction."""
        row = self._session.scalars(
            select(UserRow).where(UserRow.id == user_id).with_for_update(),
            execution_options={"populate_existing": True},
        ).one_or_none()
        return None if row is None else user_from_row(row)

    def lock_credentials(self, user_id: UUID) -> Credentials | None:
        """As :meth:`lock`, with what the user's password is checked against."""
        row = self._session.scalars(
            select(UserRow).where(UserRow.id == user_id).with_for_update(),
            execution_options={"populate_existing": True},
        ).one_or_none()
        return None if row is None else Credentials(user_from_row(row), row.password_hash)

    def save(self, user: User) -> None:
        """Store the name, the time zone and the settings of a user."""
        settings = user.conflict_settings
        self._session.execute(
            update(UserRow)
            .where(UserRow.id == user.id)
            .values(
                name=user.name,
                time_zone=user.time_zone,
                tentative_blocks=user.tentative_blocks,
                conflict_types=sorted(settings.types),
                minimum_overlap_minutes=settings.minimum_overlap_minutes,
                conflict_buffer_minutes=settings.buffer_minutes,
                travel_minutes=settings.travel_minutes,
                all_day_conflicts=settings.all_day_conflicts,
            )
        )

    def save_password_hash(self, user_id: UUID, password_hash: str) -> None:
        """Store a new hash of a user's password."""
        self._session.execute(
            update(UserRow).where(UserRow.id == user_id).values(password_hash=password_hash)
        )

    def save_role(self, user_id: UUID, role: Role) -> None:
        """Store what a user may do."""
        self._session.execute(update(UserRow).where(UserRow.id == user_id).values(role=role))

    def is_alone(self, user_id: UUID) -> bool:
        """Tell whether the installation has this user and no other."""
        ids = self._session.scalars(select(UserRow.id).limit(2)).all()
        return list(ids) == [user_id]

    def delete(self, user_id: UUID) -> bool:
        """Erase a user with all that belongs to them; tell if they were there.

        The audit log stays, because it refers to nobody by a foreign key.
        """
        return execute_count(self._session, delete(UserRow).where(UserRow.id == user_id)) > 0


USER_COLUMNS: Final = (
    UserRow.id,
    UserRow.email,
    UserRow.name,
    UserRow.time_zone,
    UserRow.tentative_blocks,
    UserRow.conflict_types,
    UserRow.minimum_overlap_minutes,
    UserRow.conflict_buffer_minutes,
    UserRow.travel_minutes,
    UserRow.all_day_conflicts,
    UserRow.created_at,
    UserRow.role,
)
"""What :func:`user_from_row` needs."""


def user_from_row(row: UserRow | Row[Any]) -> User:
    """Return the domain's view of a row, or of at least :data:`USER_COLUMNS`."""
    return User(
        id=row.id,
        email=row.email,
        name=row.name,
        time_zone=row.time_zone,
        tentative_blocks=row.tentative_blocks,
        conflict_settings=ConflictSettings(
            types=frozenset(ConflictType(name) for name in row.conflict_types),
            minimum_overlap_minutes=row.minimum_overlap_minutes,
            buffer_minutes=row.conflict_buffer_minutes,
            travel_minutes=row.travel_minutes,
            all_day_conflicts=row.all_day_conflicts,
        ),
        created_at=row.created_at,
        role=Role(row.role),
    )
