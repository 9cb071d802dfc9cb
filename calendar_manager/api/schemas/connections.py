"""Connected accounts."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from calendar_manager.api.schemas.inputs import Input
from calendar_manager.domain.accounts import Connection, ConnectionStatus, ProviderKind
from calendar_manager.domain.reauth import ReauthCode, find_advice

CONNECTION_EXAMPLE: JsonDict = {
    "id": "0192f0c1-7a10-7d10-8a55-d2a0c4f5e011",
    "provider": "google",
    "account": "mara.lind@gmail.com",
    "status": "active",
    "reason": None,
    "reason_code": None,
    "advice": None,
    "reconnect_url": None,
    "token_expires_at": "2026-11-20T10:00:00Z",
    "created_at": "2026-11-20T09:00:00Z",
}


class ConnectionOut(BaseModel):
    """One account at one provider."""

    model_config = ConfigDict(json_schema_extra={"example": CONNECTION_EXAMPLE})

    id: UUID
    provider: ProviderKind
    account: str = Field(description="What the person recognises the account by.")
    status: ConnectionStatus = Field(description="Whether we may read it.")
    reason: str | None = Field(
        description="Why not, when the status is `needs_reauth`: what happened, for a person.",
        examples=["Google ended our access to this account: it was withdrawn."],
    )
    reason_code: str | None = Field(
        description="The same for programs: "
        + ", ".join(f"`{code.value}`" for code in ReauthCode)
        + ". More may come.",
        examples=[ReauthCode.REVOKED.value],
    )
    advice: str | None = Field(
        description="What the person can do about it, when the status is `needs_reauth`.",
        examples=["Connect the account again."],
    )
    reconnect_url: str | None = Field(
        description="The path at which connecting the account again starts, when the status is"
        " `needs_reauth`. The calendars go on from where they were.",
        examples=["/api/auth/connect/google"],
    )
    token_expires_at: datetime | None = Field(
        description="When the access token ends; it is replaced ahead of that."
    )
    created_at: datetime

    @classmethod
    def of(cls, connection: Connection, status: ConnectionStatus | None = None) -> "ConnectionOut":
        """Show a connection, with another status when it has changed since."""
        shown = status or connection.status
        lost = shown is ConnectionStatus.NEEDS_REAUTH
        code = connection.reason_code or ReauthCode.UNKNOWN
        return cls(
            id=connection.id,
            provider=connection.provider,
            account=connection.account,
            status=shown,
            reason=connection.reason if lost else None,
            reason_code=code if lost else None,
            advice=find_advice(connection.provider, code) if lost else None,
            reconnect_url=f"/api/auth/connect/{connection.provider.value}" if lost else None,
            token_expires_at=connection.token_expires_at,
            created_at=connection.created_at,
        )


class AuthorizationOut(BaseModel):
    """Where to send the person."""

    authorization_url: str = Field(
        description="The provider's consent page. Open it in the browser that has the cookie of"
        " this answer, within ten minutes.",
        examples=["https://accounts.google.com/o/oauth2/v2/auth?client_id=…&state=…"],
    )


class ConnectedOut(BaseModel):
    """An account that is connected; its first sync is on its way."""

    outcome: Literal["connected"] = "connected"
    connection: ConnectionOut


class ApiKeyIn(Input):
    """A key instead of OAuth."""

    api_key: str | None = Field(
        None,
        min_length=1,
        max_length=500,
        description="As Cal.com shows it once; empty for the installation's own key.",
        examples=["cal_live_0123456789abcdef"],
        json_schema_extra={"writeOnly": True},
    )


class DisconnectIn(Input):
    """Which account to leave."""

    connection_id: UUID | None = Field(
        None,
        description="May be left out when only one account is connected there.",
        examples=[CONNECTION_EXAMPLE["id"]],
    )
