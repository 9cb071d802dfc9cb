"""What those who run an installation see of it; never a title, an attendee or a token."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from calendar_manager.api.schemas.account_security import AuditLineOut
from calendar_manager.domain.accounts import ConnectionStatus, ProviderKind
from calendar_manager.domain.sync_jobs import SyncKind, SyncTrigger
from calendar_manager.domain.users import Role
from calendar_manager.store.repositories.administration import (
    AuditEntry,
    ConnectionEntry,
    FailureEntry,
    UserEntry,
)
from calendar_manager.web.installation import Overview, SignsOfLife

_USER = "1c7d44ce-6b0f-4d8e-9d53-7b6a3a6d2f10"
_CONNECTION = "9f2c1c3e-55c7-4f0f-a3df-6f1b6f6b1c22"
_FAILURE: JsonDict = {
    "id": "7a5e5d2c-1f0e-4bb3-9d0a-3c1d2b0a9f11",
    "user_id": _USER,
    "calendar_id": "3b9f1c52-8f5a-4a55-8f0b-0a4a1c9de001",
    "connection_id": _CONNECTION,
    "provider": "google",
    "kind": "incremental",
    "trigger": "beat",
    "reason": "rateLimitExceeded",
    "queued_at": "2026-11-21T07:40:00Z",
    "failed_at": "2026-11-21T07:41:10Z",
}


class AdminUserOut(BaseModel):
    """A person with a login."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "id": _USER,
                "email": "mara@example.com",
                "name": "Mara Lind",
                "role": "user",
                "created_at": "2026-11-02T08:00:00Z",
                "connections": 3,
                "last_sign_in_at": "2026-11-21T07:45:00Z",
            }
        }
    )

    id: UUID
    email: str
    name: str
    role: Role
    created_at: datetime = Field(description="When they registered.")
    connections: int = Field(description="How many accounts they have connected.")
    last_sign_in_at: datetime | None = Field(description="Null when they never signed in.")

    @classmethod
    def of(cls, user: UserEntry) -> "AdminUserOut":
        """Show a person to an administrator."""
        return cls(
            id=user.id,
            email=user.email,
            name=user.name,
            role=user.role,
            created_at=user.created_at,
            connections=user.connections,
            last_sign_in_at=user.signed_in_at,
        )


class AdminConnectionOut(BaseModel):
    """An account at a provider, without its address."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "id": _CONNECTION,
                "user_id": _USER,
                "provider": "google",
                "status": "needs_reauth",
                "reason_code": "revoked",
                "created_at": "2026-11-02T08:05:00Z",
                "last_synced_at": "2026-11-21T07:30:00Z",
                "token_expires_at": None,
            }
        }
    )

    id: UUID
    user_id: UUID = Field(description="Whose it is.")
    provider: ProviderKind
    status: ConnectionStatus
    reason_code: str | None = Field(description="Why it cannot be read; null when it can.")
    created_at: datetime = Field(description="When it was connected.")
    last_synced_at: datetime | None = Field(
        description="When the last of its calendars was read completely."
    )
    token_expires_at: datetime | None = Field(description="When the access token ends.")

    @classmethod
    def of(cls, connection: ConnectionEntry) -> "AdminConnectionOut":
        """Show a connection to an administrator."""
        return cls(
            id=connection.id,
            user_id=connection.user_id,
            provider=connection.provider,
            status=connection.status,
            reason_code=connection.reason_code,
            created_at=connection.created_at,
            last_synced_at=connection.last_synced_at,
            token_expires_at=connection.token_expires_at,
        )


class AdminFailureOut(BaseModel):
    """A sync that failed. The sentence about it is the owner's, in `GET /api/sync-jobs`."""

    model_config = ConfigDict(json_schema_extra={"example": _FAILURE})

    id: UUID = Field(description="The sync job's; it stands in the log lines as well.")
    user_id: UUID
    calendar_id: UUID
    connection_id: UUID
    provider: ProviderKind
    kind: SyncKind
    trigger: SyncTrigger
    reason: str = Field(description="Why, for programs: ours or the provider's own code.")
    queued_at: datetime
    failed_at: datetime

    @classmethod
    def of(cls, failure: FailureEntry) -> "AdminFailureOut":
        """Show a failure to an administrator."""
        return cls(
            id=failure.id,
            user_id=failure.user_id,
            calendar_id=failure.calendar_id,
            connection_id=failure.connection_id,
            provider=failure.provider,
            kind=failure.kind,
            trigger=failure.trigger,
            reason=failure.reason,
            queued_at=failure.queued_at,
            failed_at=failure.failed_at,
        )


class AdminAuditLineOut(AuditLineOut):
    """Something that was done, and by or for whom."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "id": "0b0d4f5e-3c1a-4e0c-8a8e-5b0f2f6d7c11",
                "at": "2026-11-20T09:03:12Z",
                "action": "connection.connected",
                "subject": _CONNECTION,
                "detail": {"provider": "google", "calendars": 3},
                "request_id": "d9a7ce0e-5a2c-4c70-9d55-0e8ff0cf4a06",
                "user_id": _USER,
            }
        }
    )

    user_id: UUID | None = Field(
        description="Who did it, or whom it was done for; they may be erased since."
    )

    @classmethod
    def of_entry(cls, entry: AuditEntry) -> "AdminAuditLineOut":
        """Show a line to an administrator."""
        shown: dict[str, Any] = AuditLineOut.of(entry.line).model_dump()
        return cls(**shown, user_id=entry.user_id)


class ConnectionCountOut(BaseModel):
    """Connections of one kind."""

    provider: str
    status: str
    reason_code: str | None
    count: int
    soonest_token_end: datetime | None = Field(
        description="When the first of their access tokens ends."
    )


class ProviderStateOut(BaseModel):
    """How one provider's calendars are doing."""

    provider: str
    connections: int
    accounts_to_reconnect: int
    calendars: dict[str, int] = Field(description="Calendars that are read, by their state.")
    lag_seconds: float = Field(
        description="For how long the calendar that waits longest has been due."
    )


class QueueOut(BaseModel):
    """One queue of work."""

    length: int = Field(description="How many messages wait.")
    oldest_wait_seconds: float = Field(description="For how long the next one has waited.")


class ProcessesOut(BaseModel):
    """Which of the processes behind the API are at work."""

    redis: bool
    workers: int = Field(description="How many workers answer.")
    beat: bool = Field(description="Whether a beat is running.")
    heartbeat: bool = Field(
        description="Whether a worker did within the last minute what beat sends."
    )

    @classmethod
    def of(cls, signs: SignsOfLife) -> "ProcessesOut":
        """Show signs of life."""
        return cls(
            redis=signs.redis, workers=signs.workers, beat=signs.beat, heartbeat=signs.heartbeat
        )


class FailureReasonOut(BaseModel):
    """How often syncs failed for one reason."""

    provider: ProviderKind
    reason: str
    count: int


class OverviewOut(BaseModel):
    """How the whole installation is doing."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "users": 12,
                "connections": [
                    {
                        "provider": "google",
                        "status": "active",
                        "reason_code": None,
                        "count": 12,
                        "soonest_token_end": "2026-11-21T08:10:00Z",
                    }
                ],
                "providers": [
                    {
                        "provider": "google",
                        "connections": 12,
                        "accounts_to_reconnect": 0,
                        "calendars": {"ok": 29, "stale": 1},
                        "lag_seconds": 2.5,
                    }
                ],
                "open_conflicts": 4,
                "processes": {"redis": True, "workers": 2, "beat": True, "heartbeat": True},
                "queues": {"urgent": {"length": 1, "oldest_wait_seconds": 0.2}},
                "failure_reasons": [
                    {"provider": "google", "reason": "rateLimitExceeded", "count": 1}
                ],
                "recent_failures": [_FAILURE],
            }
        }
    )

    users: int
    connections: list[ConnectionCountOut]
    providers: list[ProviderStateOut]
    open_conflicts: int
    processes: ProcessesOut
    queues: dict[str, QueueOut] = Field(description="Empty while Redis does not answer.")
    failure_reasons: list[FailureReasonOut] = Field(
        description="Why syncs failed within the last 24 hours, the most frequent first."
    )
    recent_failures: list[AdminFailureOut] = Field(description="The latest ten, however old.")

    @classmethod
    def of(cls, overview: Overview) -> "OverviewOut":
        """Show one look at the installation."""
        return cls(
            users=overview.users,
            connections=[
                ConnectionCountOut(
                    provider=one.provider,
                    status=one.status,
                    reason_code=one.reason_code or None,
                    count=one.count,
                    soonest_token_end=one.soonest_token_end,
                )
                for one in overview.connections
            ],
            providers=[
                ProviderStateOut(
                    provider=one.provider,
                    connections=one.connections,
                    accounts_to_reconnect=one.to_reconnect,
                    calendars=dict(one.calendars),
                    lag_seconds=round(one.lag, 1),
                )
                for one in overview.providers
            ],
            open_conflicts=overview.open_conflicts,
            processes=ProcessesOut.of(overview.signs),
            queues={
                name: QueueOut(length=one.length, oldest_wait_seconds=round(one.oldest_wait, 1))
                for name, one in overview.signs.queues.items()
            },
            failure_reasons=[
                FailureReasonOut(provider=one.provider, reason=one.reason, count=one.count)
                for one in overview.failure_reasons
            ],
            recent_failures=[AdminFailureOut.of(one) for one in overview.failures],
        )


class SyncRequestedOut(BaseModel):
    """The runs that were asked for."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"job_ids": ["7a5e5d2c-1f0e-4bb3-9d0a-3c1d2b0a9f11"]}}
    )

    job_ids: list[UUID] = Field(description="One per calendar; their owner sees how they do.")
