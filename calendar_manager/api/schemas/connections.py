"""Connected accounts."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from calendar_manager.api.schemas.inputs import Input
from calendar_manager.domain.accounts import Connection, ConnectionStatus, ProviderKind

CONNECTION_EXAMPLE: JsonDict = {
    "id": "0192f0c1-7a10-7d10-8a55-d2a0c4f5e011",
    "provider": "google",
    "account": "mara.lind@gmail.com",
    "status": "active",
    "reason": None,
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
    reason: str | None = Field(description="Why not, when the status is not `active`.")
    token_expires_at: datetime | None = Field(
        description="When the access token ends; it is replaced ahead of that."
    )
    created_at: datetime

    @classmethod
    def of(cls, connection: Connection, status: ConnectionStatus | None = None) -> "ConnectionOut":
        """Show a connection, with another status when it has changed since."""
        return cls(
            id=connection.id,
            provider=connection.provider,
            account=connection.account,
            status=status or connection.status,
            reason=connection.reason,
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
        None, description="May be left out when only one account is connected there."
    )
