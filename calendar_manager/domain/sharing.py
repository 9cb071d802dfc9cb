"""Grants: who may ask when somebody is free."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID


class Direction(StrEnum):
    """From which side a grant is looked at."""

    GIVEN = "given"
    RECEIVED = "received"


@dataclass(frozen=True, slots=True, kw_only=True)
class AvailabilityGrant:
    """That one person may ask when another one is free, as one of the two sees it.

    The giver sees the address that they wrote and nothing more, so that nobody learns by giving
    who has an account here. The receiver sees who gave.

    Attributes:
        id: Ours.
        direction: From which side it is seen.
        email: The other one's address; to the giver in small letters.
        person_id: The other one's id; None to the giver.
        name: The other one's name; None to the giver.
        created_at: When it was first given.
    """

    id: UUID
    direction: Direction
    email: str
    person_id: UUID | None = None
    name: str | None = None
    created_at: datetime
