"""Registering, signing in, and one's own settings."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from calendar_manager.accounts.fields import (
    MINUTES_MAXIMUM,
    NAME_MAXIMUM,
    PASSWORD_MAXIMUM,
    PASSWORD_MINIMUM,
    check_email,
    check_name,
    check_password,
    check_time_zone,
)
from calendar_manager.accounts.profile import ConflictChanges, ProfileChanges
from calendar_manager.accounts.sessions import IssuedTokens
from calendar_manager.api.schemas.inputs import Input, Patch
from calendar_manager.domain.conflicts import ConflictType
from calendar_manager.domain.users import User

Email = Annotated[
    str,
    AfterValidator(check_email),
    Field(
        description="What the person signs in with; its case does not matter.",
        examples=["mara@example.com"],
        json_schema_extra={"format": "email"},
    ),
]
Name = Annotated[
    str,
    AfterValidator(check_name),
    Field(
        description="What to call the person.",
        examples=["Mara Lind"],
        json_schema_extra={"minLength": 1, "maxLength": NAME_MAXIMUM},
    ),
]
NewPassword = Annotated[
    str,
    AfterValidator(check_password),
    Field(
        description="Kept as an argon2id hash only.",
        examples=["correct horse battery"],
        json_schema_extra={
            "format": "password",
            "minLength": PASSWORD_MINIMUM,
            "maxLength": PASSWORD_MAXIMUM,
        },
    ),
]
TimeZone = Annotated[
    str,
    AfterValidator(check_time_zone),
    Field(
        description="The IANA zone in which the person's all-day events lie.",
        examples=["Europe/Berlin"],
    ),
]
Minutes = Annotated[int, Field(ge=0, le=MINUTES_MAXIMUM)]


class RegisterIn(Input):
    """A new user."""

    email: Email
    password: NewPassword
    name: Name
    time_zone: TimeZone


class LoginIn(Input):
    """Who signs in."""

    email: Email
    password: str = Field(
        max_length=1000,
        examples=["correct horse battery"],
        json_schema_extra={"format": "password"},
    )


class RefreshIn(Input):
    """The refresh token to exchange."""

    refresh_token: str = Field(
        max_length=4000,
        description="As it was last handed out.",
        examples=["eyJhbGciOiJIUzI1NiJ9.eyJ0eXAiOiJyZWZyZXNoIn0.c2lnbmF0dXJl"],
    )


class TokensOut(BaseModel):
    """The tokens of a session."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "access_token": "eyJhbGciOiJIUzI1NiJ9.eyJ0eXBlIjoiYWNjZXNzIn0.c2lnbmF0dXJl",
                "refresh_token": "eyJhbGciOiJIUzI1NiJ9.eyJ0eXBlIjoicmVmcmVzaCJ9.c2lnbmF0dXJl",
                "token_type": "bearer",
                "expires_in": 900,
            }
        }
    )

    access_token: str = Field(description="Send it as `Authorization: Bearer …`.")
    refresh_token: str = Field(description="Gets the next pair, once.")
    token_type: Literal["bearer"] = "bearer"  # noqa: S105 - the name of a scheme.
    expires_in: int = Field(description="Life of the access token, in seconds.")

    @classmethod
    def of(cls, tokens: IssuedTokens) -> "TokensOut":
        """Show tokens."""
        return cls(
            access_token=tokens.access_token,
            refresh_token=tokens.refresh_token,
            token_type="bearer",  # noqa: S106 - as above.
            expires_in=int(tokens.expires_in.total_seconds()),
        )


class SettingsOut(BaseModel):
    """What the person decided about busy time and conflicts."""

    tentative_blocks: bool = Field(
        description="Whether tentative and unanswered events make them busy."
    )
    conflict_types: list[ConflictType] = Field(description="The conflicts that are looked for.")
    minimum_overlap_minutes: int = Field(description="Shorter overlaps are no conflict.")
    conflict_buffer_minutes: int = Field(description="A gap shorter than this is back-to-back.")
    travel_minutes: int = Field(description="The time between two different places.")
    all_day_conflicts: bool = Field(description="Whether all-day events can be in conflict.")


class MeOut(BaseModel):
    """The signed-in user."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "id": "0192f0c1-6f0e-7c2b-9d6e-3f1f5a3f9b10",
                "email": "mara@example.com",
                "name": "Mara Lind",
                "time_zone": "Europe/Berlin",
                "settings": {
                    "tentative_blocks": True,
                    "conflict_types": ["back_to_back", "overlap", "travel"],
                    "minimum_overlap_minutes": 0,
                    "conflict_buffer_minutes": 10,
                    "travel_minutes": 30,
                    "all_day_conflicts": False,
                },
                "created_at": "2026-11-20T09:00:00Z",
            }
        }
    )

    id: UUID
    email: str
    name: str
    time_zone: str
    settings: SettingsOut
    created_at: datetime

    @classmethod
    def of(cls, user: User) -> "MeOut":
        """Show a user to themselves."""
        conflicts = user.conflict_settings
        return cls(
            id=user.id,
            email=user.email,
            name=user.name,
            time_zone=user.time_zone,
            settings=SettingsOut(
                tentative_blocks=user.tentative_blocks,
                conflict_types=sorted(conflicts.types),
                minimum_overlap_minutes=conflicts.minimum_overlap_minutes,
                conflict_buffer_minutes=conflicts.buffer_minutes,
                travel_minutes=conflicts.travel_minutes,
                all_day_conflicts=conflicts.all_day_conflicts,
            ),
            created_at=user.created_at,
        )


class SettingsPatch(Patch):
    """New settings; what is left out stays as it is."""

    tentative_blocks: bool | None = None
    conflict_types: frozenset[ConflictType] | None = None
    minimum_overlap_minutes: Minutes | None = None
    conflict_buffer_minutes: Minutes | None = None
    travel_minutes: Minutes | None = None
    all_day_conflicts: bool | None = None

    def conflict_changes(self) -> ConflictChanges:
        """Return the part that is about conflicts."""
        changes = ConflictChanges()
        if self.conflict_types is not None:
            changes["types"] = self.conflict_types
        if self.minimum_overlap_minutes is not None:
            changes["minimum_overlap_minutes"] = self.minimum_overlap_minutes
        if self.conflict_buffer_minutes is not None:
            changes["buffer_minutes"] = self.conflict_buffer_minutes
        if self.travel_minutes is not None:
            changes["travel_minutes"] = self.travel_minutes
        if self.all_day_conflicts is not None:
            changes["all_day_conflicts"] = self.all_day_conflicts
        return changes


class MePatch(Patch):
    """What to change; what is left out stays as it is."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {"time_zone": "Europe/Lisbon", "settings": {"travel_minutes": 45}}
        }
    )

    name: Name | None = None
    time_zone: TimeZone | None = None
    settings: SettingsPatch = Field(default_factory=SettingsPatch)

    def changes(self) -> ProfileChanges:
        """Return the changes as the use case takes them."""
        return ProfileChanges(
            name=self.name,
            time_zone=self.time_zone,
            tentative_blocks=self.settings.tentative_blocks,
            conflict_settings=self.settings.conflict_changes(),
        )
