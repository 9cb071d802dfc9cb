"""The password, the signed-in devices, and what was done with an account."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from calendar_manager.api.schemas.accounts import NewPassword
from calendar_manager.api.schemas.inputs import Input
from calendar_manager.store.repositories.audit import AuditLine
from calendar_manager.store.repositories.login_sessions import LoginSession


class PasswordIn(Input):
    """A new password, and proof that it is the person themselves who wants it."""

    current_password: str = Field(
        max_length=1000,
        description="The password so far.",
        examples=["correct horse battery"],
        json_schema_extra={"format": "password"},
    )
    new_password: NewPassword


class SessionOut(BaseModel):
    """A signed-in device."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "id": "5e0a3f0c-6c1f-4b40-9d0b-1d0c55d4a2f1",
                "created_at": "2026-11-20T09:00:00Z",
                "refreshed_at": "2026-11-21T07:45:00Z",
                "expires_at": "2026-12-21T07:45:00Z",
                "current": True,
            }
        }
    )

    id: UUID
    created_at: datetime = Field(description="When somebody signed in.")
    refreshed_at: datetime = Field(description="When it last got new tokens.")
    expires_at: datetime = Field(description="When it ends, unless it gets new tokens before.")
    current: bool = Field(description="Whether it is the one that asks.")

    @classmethod
    def of(cls, session: LoginSession, *, current: UUID) -> "SessionOut":
        """Show a session to its owner, who asks in the session ``current``."""
        return cls(
            id=session.id,
            created_at=session.created_at,
            refreshed_at=session.refreshed_at,
            expires_at=session.expires_at,
            current=session.id == current,
        )


class AuditLineOut(BaseModel):
    """Something that was done with an account."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "id": "0b0d4f5e-3c1a-4e0c-8a8e-5b0f2f6d7c11",
                "at": "2026-11-20T09:03:12Z",
                "action": "connection.connected",
                "subject": "9f2c1c3e-55c7-4f0f-a3df-6f1b6f6b1c22",
                "detail": {"provider": "google", "calendars": 3},
                "request_id": "d9a7ce0e-5a2c-4c70-9d55-0e8ff0cf4a06",
            }
        }
    )

    id: UUID
    at: datetime
    action: str = Field(description="What, as a dotted name such as `session.signed_in`.")
    subject: str | None = Field(description="What it was done to: an id.")
    detail: dict[str, Any] = Field(description="More about it, without names or secrets.")
    request_id: str | None = Field(description="The `X-Request-ID` of the request that did it.")

    @classmethod
    def of(cls, line: AuditLine) -> "AuditLineOut":
        """Show a line to whom it is about."""
        return cls(
            id=line.id,
            at=line.at,
            action=line.action,
            subject=line.subject,
            detail=dict(line.detail),
            request_id=line.request_id,
        )
