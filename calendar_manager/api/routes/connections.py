"""Connected accounts."""

from fastapi import APIRouter

from calendar_manager.api.deps import CurrentUser, ServicesDep
from calendar_manager.api.paging import Page, PageParamsDep, cut_page
from calendar_manager.api.schemas.connections import ConnectionOut

router = APIRouter(prefix="/api/connections", tags=["connections"])


@router.get("", summary="List my connected accounts")
def list_connections(
    user: CurrentUser, services: ServicesDep, page: PageParamsDep
) -> Page[ConnectionOut]:
    """List the accounts, the first connected first, each with whether we may read it."""
    with services.store.begin() as uow:
        connections = uow.connections.list(user.id)
    return cut_page(
        connections, page, key=lambda found: (found.created_at, found.id), show=ConnectionOut.of
    )
