"""What was booked: bookings with their guests and seats."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

Json = dict[str, Any]
Status = Literal["accepted", "pending", "cancelled", "rejected"]

OVER = frozenset({"cancelled", "rejected"})
"""The statuses of bookings that do not take place."""


@dataclass
class Attendee:
    """A guest; in a seated booking with a seat of their own."""

    email: str
    name: str
    time_zone: str
    language: str = "en"
    phone_number: str | None = None
    absent: bool = False
    seat_uid: str | None = None
    responses: Json = field(default_factory=dict)


@dataclass
class Booking:
    """One booking; ``start_at`` and ``end_at`` in UTC.

    Attributes:
        host_id: The account that was booked.
        seated: Whether every guest has a seat.
        recurring_uid: What the recurrences of one recurring booking share.
        rescheduled_from_uid: The booking in whose place this one came.
        rescheduled: Whether another one comes in its place, or was asked to.
        rescheduled_by: Who made this one of another.
    """

    id: int
    uid: str
    host_id: int
    event_type_id: int
    title: str
    description: str
    start_at: datetime
    end_at: datetime
    status: Status
    location: str
    ics_uid: str
    created_at: datetime
    updated_at: datetime
    attendees: list[Attendee]
    guests: list[str]
    seated: bool = False
    recurring_uid: str | None = None
    rescheduled_from_uid: str | None = None
    rescheduled: bool = False
    rescheduled_by: str | None = None
    rescheduling_reason: str | None = None
    cancellation_reason: str | None = None
    cancelled_by: str | None = None
    absent_host: bool = False
    metadata: Json = field(default_factory=dict)
    responses: Json = field(default_factory=dict)

    @property
    def over(self) -> bool:
        """Whether it does not take place."""
        return self.status in OVER

    def find_seat(self, seat_uid: str) -> Attendee | None:
        """Return the guest on a seat."""
        return next((one for one in self.attendees if one.seat_uid == seat_uid), None)
