"""Calendars and their settings."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from calendar_manager.accounts.calendars import CalendarChanges, ClientChoice
from calendar_manager.api.schemas.inputs import Patch
from calendar_manager.domain.accounts import (
    AccessRole,
    Calendar,
    CalendarStatus,
    ProviderKind,
    ReadVia,
    UnreadablePolicy,
)
from calendar_manager.domain.channels import Push, PushStatus

CALENDAR_EXAMPLE: JsonDict = {
    "id": "0192f0c1-8b20-7e31-9c44-0d6f0d1b2a22",
    "connection_id": "0192f0c1-7a10-7d10-8a55-d2a0c4f5e011",
    "provider": "google",
    "provider_calendar_id": "mara.lind@gmail.com",
    "name": "Mara",
    "time_zone": "Europe/Berlin",
    "color": "#9fe1e7",
    "primary": True,
    "access_role": "owner",
    "sync_enabled": True,
    "blocks_availability": True,
    "all_day_blocks": True,
    "unreadable_policy": "warn",
    "client_id": None,
    "last_synced_at": "2026-11-20T09:00:07Z",
    "last_synced_via": "poll",
    "status": "ok",
    "error": None,
    "held": None,
    "push": {
        "status": "live",
        "expires_at": "2026-11-27T08:59:58Z",
        "last_message_at": "2026-11-20T09:00:05Z",
        "error": None,
    },
}


class PushOut(BaseModel):
    """Whether the provider tells us when a calendar changes; if not, it is asked more often."""

    status: PushStatus = Field(
        description="`live`; `opening` while that is being arranged; `doubtful` when changes were"
        " found that it did not tell of; `unavailable` when the provider opens no channel; `off`"
        " when the calendar is not read or providers cannot reach this installation."
    )
    expires_at: datetime | None = Field(
        description="When the promise ends; it is renewed before. Null when it has no end."
    )
    last_message_at: datetime | None = Field(description="When the provider last called.")
    error: str | None = Field(description="Why there is no channel.")

    @classmethod
    def of(cls, push: Push) -> "PushOut":
        """Show how a channel is doing."""
        return cls(
            status=push.status,
            expires_at=push.expires_at,
            last_message_at=push.last_message_at,
            error=push.error,
        )


class HeldOut(BaseModel):
    """A run that would have deleted suspiciously much."""

    since: datetime = Field(description="When the first such run was stopped.")
    deletions: int = Field(description="How many events it would have deleted.")


class CalendarOut(BaseModel):
    """One calendar inside a connection."""

    model_config = ConfigDict(json_schema_extra={"example": CALENDAR_EXAMPLE})

    id: UUID
    connection_id: UUID
    provider: ProviderKind
    provider_calendar_id: str
    name: str
    time_zone: str | None
    color: str | None
    primary: bool
    access_role: AccessRole
    sync_enabled: bool = Field(description="Whether it is read.")
    blocks_availability: bool = Field(description="Whether its events ever make the user busy.")
    all_day_blocks: bool = Field(description="Whether its busy all-day events do.")
    unreadable_policy: UnreadablePolicy = Field(
        description="What availability does when it cannot be read."
    )
    client_id: UUID | None = Field(
        description="Whom its events belong to where neither a rule nor you say otherwise."
    )
    last_synced_at: datetime | None = Field(description="When it was last read completely.")
    last_synced_via: ReadVia | None = Field(description="By which way.")
    status: CalendarStatus = Field(description="How the copy is doing.")
    error: str | None = Field(description="Why it is failing or held.")
    held: HeldOut | None = Field(
        description="What the circuit breaker stopped and waits for your word; null as a rule."
    )
    push: PushOut = Field(description="Whether its provider tells us of changes.")

    @classmethod
    def of(
        cls,
        calendar: Calendar,
        status: CalendarStatus,
        *,
        push: Push,
        client_id: UUID | None,
        error: str | None = None,
    ) -> "CalendarOut":
        """Show a calendar as it is doing at this moment.

        Args:
            calendar: The calendar.
            status: How the copy is doing.
            push: How its channel is doing.
            client_id: Its client, None when that is deleted.
            error: Why it is failing, if not for a reason of its own.
        """
        return cls(
            id=calendar.id,
            connection_id=calendar.connection_id,
            provider=calendar.provider,
            provider_calendar_id=calendar.provider_calendar_id,
            name=calendar.name,
            time_zone=calendar.time_zone,
            color=calendar.color,
            primary=calendar.primary,
            access_role=calendar.access_role,
            sync_enabled=calendar.sync_enabled,
            blocks_availability=calendar.blocks_availability,
            all_day_blocks=calendar.all_day_blocks,
            unreadable_policy=calendar.unreadable_policy,
            client_id=client_id,
            last_synced_at=calendar.last_synced_at,
            last_synced_via=calendar.last_synced_via,
            status=status,
            error=error or calendar.error,
            held=None
            if calendar.held_at is None
            else HeldOut(since=calendar.held_at, deletions=calendar.held_deletions or 0),
            push=PushOut.of(push),
        )


class CalendarPatch(Patch):
    """New settings; what is left out stays as it is."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"blocks_availability": False, "unreadable_policy": "block"}}
    )
    may_be_null = frozenset({"client_id"})

    sync_enabled: bool | None = None
    blocks_availability: bool | None = None
    all_day_blocks: bool | None = None
    unreadable_policy: UnreadablePolicy | None = None
    color: Annotated[str, Field(pattern=r"^#[0-9A-Fa-f]{6}$")] | None = None
    client_id: UUID | None = Field(
        None,
        description="Whom its events belong to where neither a rule nor you say otherwise;"
        " null for nobody.",
    )

    def changes(self) -> CalendarChanges:
        """Return the changes as the use case takes them."""
        return CalendarChanges(
            sync_enabled=self.sync_enabled,
            blocks_availability=self.blocks_availability,
            all_day_blocks=self.all_day_blocks,
            unreadable_policy=self.unreadable_policy,
            color=self.color,
            client=ClientChoice(self.client_id) if "client_id" in self.model_fields_set else None,
        )
