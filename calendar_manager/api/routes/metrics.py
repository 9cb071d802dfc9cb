"""The numbers of the installation, for Prometheus."""

from typing import Any, Final

from fastapi import APIRouter, Response
from prometheus_client import generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from calendar_manager.api.deps import ServicesDep
from calendar_manager.api.measures import make_registry

router = APIRouter(tags=["health"])

_EXAMPLE: Final = """\
# HELP calendar_manager_connections Connected accounts; the reason code tells why one has to be \
connected again.
# TYPE calendar_manager_connections gauge
calendar_manager_connections{provider="google",reason_code="",status="active"} 3.0
"""
_ANSWER: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "Prometheus's text format.",
        "content": {"text/plain": {"schema": {"type": "string"}, "example": _EXAMPLE}},
    }
}


@router.get(
    "/metrics", summary="Numbers for Prometheus", response_class=Response, responses=_ANSWER
)
def get_metrics(services: ServicesDep) -> Response:
    """Count accounts, calendars, syncs, channels, conflicts and queues, as they are right now.

    Durations and errors of requests, tasks and calls to providers are what all processes counted.
    The numbers are the whole installation's, whichever process is asked, and name nobody. The
    answer is 200 even when PostgreSQL or Redis is away: `calendar_manager_up` tells.
    """
    return Response(generate_latest(make_registry(services)), media_type=CONTENT_TYPE_PLAIN_0_0_4)
