"""The private busy feed: its address, and what is to be read there."""

from datetime import timedelta
from http import HTTPStatus
from typing import Any, Final

from fastapi import APIRouter, Request, Response

from calendar_manager.api.deps import AccountsDep, AnswersDep, CurrentUser, ServicesDep
from calendar_manager.api.feed_text import MEDIA_TYPE, tag_feed, write_feed
from calendar_manager.api.problems import TOO_MANY, describe_problem
from calendar_manager.api.schemas.feeds import FeedMadeOut, FeedOut
from calendar_manager.scheduling.busy_feed import find_busy_blocks
from calendar_manager.web.addresses import find_public_url
from calendar_manager.web.callers import find_address

router = APIRouter(tags=["availability"])

KEPT: Final = timedelta(minutes=1)
"""How long a reader may show a feed without asking again, and so after it was revoked."""

_PATH: Final = "/api/availability/feed"
_NOT_FOUND: Final = describe_problem(
    404, "feed_not_found", "There is no such feed. Its owner may have revoked this address."
)
_EXAMPLE: Final = (
    "BEGIN:VCALENDAR\r\n"
    "VERSION:2.0\r\n"
    "PRODID:-//Calendar Manager//Busy feed//EN\r\n"
    "NAME:Busy\r\n"
    "X-WR-CALNAME:Busy\r\n"
    "REFRESH-INTERVAL;VALUE=DURATION:PT15M\r\n"
    "X-PUBLISHED-TTL:PT15M\r\n"
    "BEGIN:VEVENT\r\n"
    "SUMMARY:Busy\r\n"
    "DTSTART:20261123T090000Z\r\n"
    "DTEND:20261123T103000Z\r\n"
    "DTSTAMP:20261121T080000Z\r\n"
    "UID:6b1f2f0c-4a55-5c0e-9d3e-0a7d2f1c8b11\r\n"
    "TRANSP:OPAQUE\r\n"
    "END:VEVENT\r\n"
    "END:VCALENDAR\r\n"
)
_RESPONSES: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "The busy blocks.",
        "content": {"text/calendar": {"schema": {"type": "string"}, "example": _EXAMPLE}},
    },
    304: {"description": "Nothing has changed since the feed with the tag of `If-None-Match`."},
    404: _NOT_FOUND,
    429: TOO_MANY,
}


@router.get(_PATH, summary="Ask whether my busy time can be read at a private address")
def get_feed(user: CurrentUser, accounts: AccountsDep) -> FeedOut:
    """Show when the address was made and last asked for; the address itself is not kept."""
    return FeedOut.of(accounts.feeds.find(user.id))


@router.post(
    _PATH,
    status_code=HTTPStatus.CREATED,
    summary="Make a private address for my busy time",
)
def create_feed(user: CurrentUser, accounts: AccountsDep, services: ServicesDep) -> FeedMadeOut:
    """Make an address that calendars can subscribe to, and show it this once.

    The one before it leads nowhere from then on.
    """
    feed = accounts.feeds.create(user.id)
    url = f"{find_public_url(services.settings)}/feeds/{feed.token}.ics"
    return FeedMadeOut(url=url, created_at=feed.created_at)


@router.delete(_PATH, status_code=HTTPStatus.NO_CONTENT, summary="Revoke the private address")
def revoke_feed(user: CurrentUser, accounts: AccountsDep) -> None:
    """Let the address lead nowhere. What readers have copied is theirs."""
    accounts.feeds.revoke(user.id)


@router.head("/feeds/{token}.ics", include_in_schema=False)
@router.get(
    "/feeds/{token}.ics",
    summary="Read somebody's busy time",
    response_class=Response,
    responses=_RESPONSES,
)
def read_feed(
    token: str,
    request: Request,
    accounts: AccountsDep,
    services: ServicesDep,
    answers: AnswersDep,
) -> Response:
    """Show when the owner of the address is busy, as iCalendar, without who, what or where.

    From yesterday to the horizon of the owner's rules, which counts as at least 60 and at most
    180 days. Blocks are merged, in UTC, and keep their UIDs. When a calendar cannot be read whose
    policy is `block`, all of that time is busy, as in `GET /api/availability`.
    """
    user, feed = accounts.feeds.open(token, address=find_address(request))
    blocks = find_busy_blocks(
        services.store,
        user,
        now=services.clock(),
        maximum_age=services.settings.stale_after,
        answers=answers,
    )
    tag = tag_feed(user.id, blocks, made_at=feed.created_at)
    headers = {
        "ETag": tag,
        "Cache-Control": f"private, max-age={KEPT // timedelta(seconds=1)}",
        "X-Robots-Tag": "noindex",
    }
    if _is_known(tag, request.headers.getlist("if-none-match")):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    content = write_feed(user.id, blocks, made_at=feed.created_at)
    return Response(content, media_type=MEDIA_TYPE, headers=headers)


def _is_known(tag: str, conditions: list[str]) -> bool:
    """Tell whether ``If-None-Match`` names a tag, by weak comparison (RFC 9110 section 13.1.2)."""
    named = {one.strip().removeprefix("W/") for line in conditions for one in line.split(",")}
    return tag in named or "*" in named
