"""A user's own settings, and what follows from changing them."""

from dataclasses import dataclass, field, replace
from typing import TypedDict
from uuid import UUID

from calendar_manager.accounts.errors import UserGoneError
from calendar_manager.accounts.fields import check_name, check_time_zone
from calendar_manager.accounts.jobs import Jobs
from calendar_manager.accounts.registration import check_all
from calendar_manager.domain.conflicts import ConflictType
from calendar_manager.domain.users import User
from calendar_manager.store.unit_of_work import Store


class ConflictChanges(TypedDict, total=False):
    """New values of :class:`~calendar_manager.domain.conflicts.ConflictSettings`, by name."""

    types: frozenset[ConflictType]
    minimum_overlap_minutes: int
    buffer_minutes: int
    travel_minutes: int
    all_day_conflicts: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileChanges:
    """What is to change; None leaves things as they are.

    Attributes:
        name: What to call the user.
        time_zone: The IANA zone of their all-day events.
        tentative_blocks: Whether tentative and unanswered events make them busy.
        conflict_settings: How sensitive the search for conflicts is.
    """

    name: str | None = None
    time_zone: str | None = None
    tentative_blocks: bool | None = None
    conflict_settings: ConflictChanges = field(default_factory=ConflictChanges)


class Profile:
    """The use case of changing one's settings.

    Args:
        store: The database.
        jobs: Where the search for conflicts is asked for.
    """

    def __init__(self, *, store: Store, jobs: Jobs) -> None:
        self._store = store
        self._jobs = jobs

    def change(self, user_id: UUID, changes: ProfileChanges) -> User:
        """Change settings and return the user as they are then.

        A new zone moves the all-day events at once. A new zone and new conflict settings let all
        conflicts be looked for again, since old ones may end and new ones begin.

        Raises:
            InvalidFieldsError: Names every field that cannot be used.
            UserGoneError: The user was erased meanwhile.
        """
        checks = {"name": check_name, "time_zone": check_time_zone}
        entered = {"name": changes.name, "time_zone": changes.time_zone}
        values = check_all(
            **{name: (checks[name], value) for name, value in entered.items() if value is not None}
        )
        with self._store.begin() as uow:
            before = uow.users.lock(user_id)
            if before is None:
                raise UserGoneError
            after = _apply(before, changes, values)
            if after == before:
                return before
            uow.users.save(after)
            if after.time_zone != before.time_zone:
                uow.occurrences.move_all_day(user_id, after.time_zone)
            if replace(after, name=before.name) != before:
                uow.conflicts.request_check_all(user_id)
                uow.after_commit(lambda: self._jobs.examine_conflicts(user_id))
            uow.audit.record("user.changed", user_id=user_id)
        return after


def _apply(user: User, changes: ProfileChanges, values: dict[str, str]) -> User:
    blocks = changes.tentative_blocks
    return replace(
        user,
        name=values.get("name", user.name),
        time_zone=values.get("time_zone", user.time_zone),
        tentative_blocks=user.tentative_blocks if blocks is None else blocks,
        conflict_settings=replace(user.conflict_settings, **changes.conflict_settings),
    )
