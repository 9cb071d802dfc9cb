"""What Cal.com sends, in Cal.com's own names.

Every field may be missing: what stands here is what the documentation promises, and
:mod:`calendar_manager.providers.caldotcom.normalize` takes none of it for granted.

* Bookings: https://cal.com/docs/api-reference/v2/bookings/get-all-bookings
* Out of office: https://cal.com/docs/api-reference/v2/out-of-office
* Webhooks: https://cal.com/docs/api-reference/v2/webhooks/get-all-webhooks
* Profile: https://cal.com/docs/api-reference/v2/me/get-my-profile
"""

from typing import Literal, TypedDict


class CalDotComProfile(TypedDict, total=False):
    """The account behind a token."""

    id: int
    username: str
    email: str
    name: str | None
    timeZone: str
    defaultScheduleId: int | None
    organizationId: int | None


class CalDotComHost(TypedDict, total=False):
    """Who holds a meeting; every field is ``unknown`` when the account is gone.

    ``displayEmail`` is the address without the mark that platforms put into it.
    """

    id: int | str
    name: str
    email: str
    displayEmail: str
    username: str
    timeZone: str


class CalDotComAttendee(TypedDict, total=False):
    """Who booked, or was added later; with seats each has a ``seatUid``."""

    name: str
    email: str
    displayEmail: str
    timeZone: str
    language: str
    absent: bool
    phoneNumber: str
    seatUid: str


class CalDotComEventType(TypedDict, total=False):
    """What was booked."""

    id: int
    slug: str


class CalDotComBooking(TypedDict, total=False):
    """One booking: a single one, one occurrence of a recurring one, or one with many seats."""

    id: int
    uid: str
    title: str
    description: str
    hosts: list[CalDotComHost]
    status: Literal["accepted", "pending", "cancelled", "rejected"]
    cancellationReason: str
    reschedulingReason: str
    rescheduledFromUid: str
    rescheduledToUid: str
    recurringBookingUid: str
    start: str
    end: str
    duration: int
    eventType: CalDotComEventType
    location: str
    meetingUrl: str
    absentHost: bool
    createdAt: str
    updatedAt: str
    icsUid: str
    attendees: list[CalDotComAttendee]
    guests: list[str]


class CalDotComOutOfOffice(TypedDict, total=False):
    """One absence, from the first instant of a day to the last of another, both in UTC."""

    id: int
    uuid: str
    userId: int
    toUserId: int | None
    start: str
    end: str
    notes: str | None
    reason: Literal["unspecified", "vacation", "travel", "sick", "public_holiday"]


class CalDotComWebhook(TypedDict, total=False):
    """Where Cal.com calls when one of the triggers is pulled; some builds have texts for ids."""

    id: int | str
    userId: int
    subscriberUrl: str
    triggers: list[str]
    active: bool
    secret: str
    payloadTemplate: str


class CalDotComOffsetPages(TypedDict, total=False):
    """Where a page stands among pages that are counted."""

    totalItems: int
    remainingItems: int
    returnedItems: int
    itemsPerPage: int
    currentPage: int
    totalPages: int
    hasNextPage: bool
    hasPreviousPage: bool


class CalDotComCursorPages(TypedDict, total=False):
    """What leads on from a page in versions from 2026-05-01 on."""

    nextCursor: str | None
    hasMore: bool
