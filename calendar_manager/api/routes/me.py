"""The signed-in user."""

from fastapi import APIRouter, Request, Response, status

from calendar_manager.api.deps import AccountsDep, CurrentUser, ServicesDep
from calendar_manager.api.schemas.accounts import MeOut, MePatch
from calendar_manager.web.addresses import is_secure
from calendar_manager.web.cookies import clear_session

router = APIRouter(prefix="/api/auth/me", tags=["account"])


@router.get("", summary="Who am I?")
def get_me(user: CurrentUser) -> MeOut:
    """Return the signed-in user with their settings."""
    return MeOut.of(user)


@router.patch("", summary="Change my settings")
def change_me(body: MePatch, user: CurrentUser, accounts: AccountsDep) -> MeOut:
    """Change the name, the time zone, or what counts as busy and as a conflict.

    A new zone moves all-day events, and conflicts are looked for again.
    """
    return MeOut.of(accounts.profile.change(user.id, body.changes()))


@router.delete("", status_code=status.HTTP_204_NO_CONTENT, summary="Erase everything of mine")
def delete_me(
    request: Request,
    response: Response,
    user: CurrentUser,
    accounts: AccountsDep,
    services: ServicesDep,
) -> None:
    """Erase the user with all that belongs to them, and give back every grant at the providers."""
    accounts.disconnecting.erase(user.id)
    clear_session(response, secure=is_secure(request, services.settings))
