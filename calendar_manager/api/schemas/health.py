"""How the installation is doing."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field


class CheckOut(BaseModel):
    """How one part is doing."""

    ok: bool = Field(description="Whether it is as it should be.", examples=[True])
    detail: str = Field(description="What was found, for a person.", examples=["It answers."])


class LiveOut(BaseModel):
    """The process is alive."""

    status: Literal["alive"]


class ReadyOut(BaseModel):
    """Whether requests can be served."""

    status: Literal["ready", "not_ready"]
    checks: dict[str, CheckOut] = Field(
        description="`database`, `migrations` and `redis`.",
        examples=[{"database": {"ok": True, "detail": "It answers."}}],
    )


class DetailedOut(BaseModel):
    """How every part is doing."""

    status: Literal["healthy", "degraded"]
    checks: dict[str, CheckOut] = Field(
        description="`database`, `migrations`, `redis`, `worker`, `beat`,"
        " `heartbeat` (a worker does what beat sends) and `dispatch`.",
        examples=[{"worker": {"ok": True, "detail": "1 answering."}}],
    )
    queues: dict[str, int] = Field(
        description="Messages that wait, by queue.", examples=[{"sync.urgent": 0, "sync": 2}]
    )
    queue_waits: dict[str, float] = Field(
        description="For how many seconds the next message of each queue has waited.",
        examples=[{"sync.urgent": 0.0, "sync": 1.5}],
    )
    providers: dict[str, dict[str, int]] = Field(
        description="How many calendars of each provider are read, by how their copies are doing.",
        examples=[{"google": {"ok": 3, "failing": 1}}],
    )
    accounts_to_reconnect: int | None = Field(
        description="How many accounts their people have to connect again; null when the database"
        " does not answer.",
        examples=[0],
    )
    oldest_due_at: datetime | None = Field(
        description="When the calendar that comes next is or was due.",
        examples=["2026-11-20T09:15:00Z"],
    )
