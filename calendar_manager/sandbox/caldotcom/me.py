"""``/v2/me``: whose key or token it is."""

from typing import Annotated

from fastapi import APIRouter, Request
from starlette.responses import Response

from calendar_manager.sandbox.caldotcom.call import Call, begin_call, success
from calendar_manager.sandbox.caldotcom.fields import Query

router = APIRouter()


@router.get("/me")
async def read_me(
    request: Request, call: Annotated[Call, begin_call(scope="PROFILE_READ")]
) -> Response:
    """Return the caller's profile."""
    Query(request, ())
    account = call.account
    profile = {
        "id": account.id,
        "username": account.username,
        "email": account.email,
        "name": account.name,
        "avatarUrl": None,
        "bio": None,
        "timeFormat": 24,
        "defaultScheduleId": account.default_schedule_id,
        "weekStart": "Monday",
        "timeZone": account.time_zone,
        "organizationId": None,
    }
    return success(profile)
