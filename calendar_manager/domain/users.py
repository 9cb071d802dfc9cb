"""Users: people with a login, a time zone and settings of their own."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from calendar_manager.domain.conflicts import ConflictSettings


class Role(StrEnum):
    """What a person may do beside looking after their own things."""

    USER = "user"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A person with a login.

    Attributes:
        id: Ours.
        email: The address they sign in with, as they wrote it; unique whatever its case.
        name: What to call them.
        time_zone: The IANA zone in which their all-day events become spans.
        tentative_blocks: Whether tentative and unanswered events make them busy.
        conflict_settings: How sensitive the search for conflicts is.
        created_at: When they registered.
        role: Whether they run the installation.
    """

    id: UUID
    email: str
    name: str
    time_zone: str
    tentative_blocks: bool
    conflict_settings: ConflictSettings
    created_at: datetime
    role: Role = Role.USER

    @property
    def is_admin(self) -> bool:
        """Whether the person runs the installation."""
        return self.role is Role.ADMIN
