"""Why a start cannot be booked: the kinds of reasons, each with the thing behind it."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from calendar_manager.domain.busy import Busy
from calendar_manager.domain.rules import DaysOff, WallWindow
from calendar_manager.domain.timespan import Span


class ReasonCode(StrEnum):
    """The kinds of reasons; ``docs/semantics.md`` says what each means."""

    OUTSIDE_HOURS = "outside_hours"
    OVERRIDE = "override"
    DAY_OFF = "day_off"
    HOLIDAY = "holiday"
    DOES_NOT_FIT = "does_not_fit"
    BEFORE_NOTICE = "before_notice"
    BEYOND_HORIZON = "beyond_horizon"
    MEETING = "meeting"
    BUFFER_BEFORE = "buffer_before"
    BUFFER_AFTER = "buffer_after"
    OFF_GRID = "off_grid"
    MAX_MEETINGS = "max_meetings"
    MAX_MINUTES = "max_minutes"
    CALENDAR_UNREADABLE = "calendar_unreadable"
    DOES_NOT_EXIST = "does_not_exist"


class BlockingCause(StrEnum):
    """What makes an event take its time."""

    BUSY = "busy"
    TENTATIVE = "tentative"
    OUT_OF_OFFICE = "out_of_office"
    ALL_DAY = "all_day"


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockingMeeting:
    """An occurrence that makes the user busy, with what a person knows it by.

    Attributes:
        occurrence_id: Ours.
        calendar_id: On which calendar.
        calendar_name: What the person calls that.
        title: May be empty.
        span: When, without buffers.
        busy: How firmly it takes its time.
        all_day: Whether its event has dates instead of instants.
        out_of_office: Whether the person is away.
        ical_uid: The iCalendar UID; None or empty makes it a meeting of its own.
    """

    occurrence_id: UUID
    calendar_id: UUID
    calendar_name: str
    title: str
    span: Span
    busy: Busy
    all_day: bool = False
    out_of_office: bool = False
    ical_uid: str | None = None

    @property
    def identity(self) -> tuple[str | UUID, Span]:
        """What copies of one meeting share, see :mod:`calendar_manager.domain.meetings`."""
        return self.ical_uid or self.occurrence_id, self.span

    @property
    def cause(self) -> BlockingCause:
        """Why it blocks: the strongest cause, which no setting below it can take away."""
        if self.out_of_office:
            return BlockingCause.OUT_OF_OFFICE
        if self.busy is Busy.TENTATIVE:
            return BlockingCause.TENTATIVE
        return BlockingCause.ALL_DAY if self.all_day else BlockingCause.BUSY

    @property
    def settings(self) -> tuple[str, ...]:
        """The settings that could let it block no longer, by their names in the API."""
        if self.out_of_office:
            return ("blocks_availability",)
        tentative = ("tentative_blocks",) if self.busy is Busy.TENTATIVE else ()
        all_day = ("all_day_blocks",) if self.all_day else ()
        return (*tentative, *all_day, "blocks_availability")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One thing that keeps a start from being booked. What does not apply is None or empty.

    Attributes:
        code: Which kind.
        detail: What it is, for a person.
        day: The local day in the rules' zone that it is about.
        hours: The hours of that day.
        window: The working hours that the booking would run out of.
        name: The holiday's name.
        days_off: The days off that the day belongs to.
        earliest_at: The first instant that the notice allows.
        last_day: The last local day that can be booked.
        meeting: The meeting in the way.
        copies: Its copies on other calendars.
        minutes: The buffer that is too short, or how long the booking would be on that day.
        booked: How many meetings, or whole minutes, are booked on that day.
        limit: How many the rules allow.
        nearest: The closest times that are on the grid or on the clock, in order.
        calendar_id: The calendar that cannot be read.
    """

    code: ReasonCode
    detail: str
    day: date | None = None
    hours: tuple[WallWindow, ...] | None = None
    window: Span | None = None
    name: str | None = None
    days_off: DaysOff | None = None
    earliest_at: datetime | None = None
    last_day: date | None = None
    meeting: BlockingMeeting | None = None
    copies: tuple[BlockingMeeting, ...] = ()
    minutes: int | None = None
    booked: int | None = None
    limit: int | None = None
    nearest: tuple[datetime, ...] = ()
    calendar_id: UUID | None = None
