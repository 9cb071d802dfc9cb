"""Who may ask when somebody is free, as the API tells of it."""

from datetime import datetime
from typing import Final
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from calendar_manager.api.schemas.accounts import Email
from calendar_manager.api.schemas.inputs import Input
from calendar_manager.domain.sharing import AvailabilityGrant, Direction

_EXAMPLE: Final[JsonDict] = {
    "id": "0192f0c1-8b20-7e31-9c44-0d6f0d1b2a33",
    "user": {
        "id": "0192f0c1-8b20-7e31-9c44-0d6f0d1b2a44",
        "name": "Otto Berg",
        "email": "otto@example.com",
    },
    "direction": "received",
    "created_at": "2026-11-21T08:00:00Z",
}


class GrantIn(Input):
    """Whom to let ask when you are free."""

    email: Email


class OtherPersonOut(BaseModel):
    """The other one of the two."""

    id: UUID | None = Field(
        description="For `user_id` of `GET /api/availability`; null for what you gave."
    )
    name: str | None = Field(description="What to call them; null for what you gave.")
    email: str = Field(description="Their address; for what you gave, the one that you wrote.")


class GrantOut(BaseModel):
    """That one person may ask when another one is free."""

    model_config = ConfigDict(json_schema_extra={"example": _EXAMPLE})

    id: UUID
    user: OtherPersonOut
    direction: Direction = Field(
        description="`given`: they may ask about you. `received`: you may ask about them."
    )
    created_at: datetime = Field(description="When it was first given.")

    @classmethod
    def of(cls, grant: AvailabilityGrant) -> "GrantOut":
        """Return how a grant is shown to the one of the two who sees it."""
        return cls(
            id=grant.id,
            user=OtherPersonOut(id=grant.person_id, name=grant.name, email=grant.email),
            direction=grant.direction,
            created_at=grant.created_at,
        )
