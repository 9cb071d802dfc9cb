"""Sharing availability: who may ask when I am free, and whom I may ask."""

from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from calendar_manager.api.deps import AccountsDep, CurrentUser
from calendar_manager.api.paging import Page, PageParamsDep, make_page
from calendar_manager.api.problems import describe_problem
from calendar_manager.api.questions import refusals
from calendar_manager.api.schemas.sharing import GrantIn, GrantOut
from calendar_manager.domain.sharing import Direction

router = APIRouter(prefix="/api/availability/grants", tags=["availability"])

DirectionQuery = Annotated[
    Direction, Query(description="What you gave, or what others gave to you.")
]


@router.get("", summary="List who may ask when I am free, or whom I may ask")
def list_grants(
    user: CurrentUser,
    accounts: AccountsDep,
    params: PageParamsDep,
    direction: DirectionQuery = Direction.GIVEN,
) -> Page[GrantOut]:
    """Show the oldest first."""
    grants = accounts.sharing.list(user.id, direction, after=params.after, limit=params.fetch)
    return make_page(
        grants, params, key=lambda grant: (grant.created_at, grant.id), show=GrantOut.of
    )


@router.post("", status_code=HTTPStatus.CREATED, summary="Let somebody ask when I am free")
def give_grant(body: GrantIn, user: CurrentUser, accounts: AccountsDep) -> GrantOut:
    """Let the user of an address ask `GET /api/availability` about you.

    They learn when you are free and how fresh that is, and nothing else. The answer is the same
    whether anybody has an account with the address. When nobody has, the grant has no effect:
    repeat it once they have registered. Repeating it otherwise changes nothing.
    """
    return GrantOut.of(accounts.sharing.give(user.id, body.email))


@router.delete(
    "/{grant_id}",
    status_code=HTTPStatus.NO_CONTENT,
    summary="Take back a grant, or decline one",
    responses={404: describe_problem(404, "grant_not_found", "There is no such grant.")},
)
def remove_grant(grant_id: UUID, user: CurrentUser, accounts: AccountsDep) -> None:
    """Either of the two ends it, at once."""
    with refusals():
        accounts.sharing.revoke(user.id, grant_id)
