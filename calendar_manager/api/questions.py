"""What questions about time have in common: their parameters, and how they are refused."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from http import HTTPStatus
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import Depends, Query
from pydantic import AfterValidator, PlainValidator, WithJsonSchema

from calendar_manager.accounts.fields import check_time_zone
from calendar_manager.api.problems import InvalidFieldError, NotFoundError, ProblemError
from calendar_manager.domain.errors import InvalidRulesError
from calendar_manager.domain.rules import MINUTES_PER_DAY
from calendar_manager.scheduling.asked_time import Moment
from calendar_manager.scheduling.errors import (
    ConflictEndedError,
    InvalidQuestionError,
    UnknownSubjectError,
)

_MOMENT: Final = re.compile(
    r"(?P<day>\d{4}-\d\d-\d\d)"
    r"([Tt ](?P<clock>\d\d:\d\d(:\d\d(\.\d{1,9})?)?)(?P<offset>[Zz]|[+\- ]\d\d:\d\d)?)?",
    re.ASCII,
)
_HELP: Final = (
    "Write it as 2026-11-20T09:00:00+01:00 (RFC 3339), or as 2026-11-20 for midnight in tz."
)
_START_HELP: Final = (
    "Write it as 2026-11-20T09:00:00+01:00 (RFC 3339), or as 2026-11-20T09:00 for the clock in tz."
)


def parse_moment(value: Any) -> Moment:  # noqa: ANN401 - pydantic hands over what was sent.
    """Read an instant with its offset (RFC 3339), or a date.

    A ``+`` that was not escaped arrives as a blank, because that is what it means in a query.

    Raises:
        ValueError: It is neither, or an instant without an offset.
    """
    moment = _read(value, _HELP)
    if isinstance(moment, datetime) and moment.tzinfo is None:
        raise ValueError(f"This time lacks its offset from UTC. {_HELP}")
    return moment


def parse_start(value: Any) -> datetime:  # noqa: ANN401 - as above.
    """Read an instant with its offset, or a wall clock without one, which is naive then.

    Raises:
        ValueError: It is neither.
    """
    moment = _read(value, _START_HELP)
    if not isinstance(moment, datetime):
        raise ValueError(f"This is a day without a time. {_START_HELP}")  # noqa: TRY004 - pydantic wants it.
    return moment


def _read(value: Any, advice: str) -> Moment:  # noqa: ANN401 - as above.
    match = _MOMENT.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError(f"This is not a time. {advice}")
    day, clock, offset = match["day"], match["clock"], match["offset"] or ""
    try:
        if clock is None:
            return date.fromisoformat(day)
        return datetime.fromisoformat(f"{day}T{clock}{offset.replace(' ', '+').upper()}")
    except ValueError:
        raise ValueError(f"There is no such time. {advice}") from None


MomentText = Annotated[
    Moment,
    PlainValidator(parse_moment),
    WithJsonSchema({"type": "string", "examples": ["2026-11-20", "2026-11-20T09:00:00+01:00"]}),
]

AtQuery = Annotated[
    Annotated[
        datetime,
        PlainValidator(parse_start),
        WithJsonSchema(
            {"type": "string", "examples": ["2026-11-20T09:00", "2026-11-20T09:00:00+01:00"]}
        ),
    ],
    Query(description="The start, RFC 3339 with offset; without one, the clock in `tz`."),
]
StartQuery = Annotated[
    MomentText, Query(description="The first moment, RFC 3339 with offset; a date is midnight.")
]
EndQuery = Annotated[MomentText, Query(description="The first moment after the last, as `start`.")]
ZoneQuery = Annotated[
    Annotated[str, AfterValidator(check_time_zone)] | None,
    Query(description="The IANA zone of dates in the question and of times in the answer."),
]
DurationQuery = Annotated[
    int | None,
    Query(ge=1, le=MINUTES_PER_DAY, description="Of a slot, in minutes; as your rules say."),
]
StepQuery = Annotated[
    int | None,
    Query(ge=1, le=MINUTES_PER_DAY, description="Of the grid, in minutes; as your rules say."),
]
CalendarsQuery = Annotated[
    list[UUID],
    Query(description="Only these calendars; may be repeated. All that are read by default."),
]


@dataclass(frozen=True, slots=True)
class AskedRange:
    """The range of a question as it was asked.

    Attributes:
        start: Its first moment.
        end: The first moment after it.
        time_zone: The IANA zone of dates and of the answer; None when none was named.
    """

    start: Moment
    end: Moment
    time_zone: str | None


async def read_range(start: StartQuery, end: EndQuery, tz: ZoneQuery = None) -> AskedRange:
    """Read the range of a question that needs one."""
    return AskedRange(start, end, tz)


RangeDep = Annotated[AskedRange, Depends(read_range)]


@contextmanager
def refusals() -> Iterator[None]:
    """Answer with a problem when the read path refuses a question."""
    try:
        yield
    except UnknownSubjectError as error:
        raise NotFoundError(error.noun) from error
    except InvalidQuestionError as error:
        raise InvalidFieldError(error.field, str(error)) from error
    except InvalidRulesError as error:
        field = ".".join(str(step) for step in error.field)
        raise InvalidFieldError(field or "body", f"{error}.") from error
    except ConflictEndedError as error:
        raise ProblemError(HTTPStatus.CONFLICT, "conflict_ended", str(error)) from error
