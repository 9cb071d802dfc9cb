"""The recurrence lines of a series: RRULE, EXRULE, RDATE and EXDATE (RFC 5545, section 3.8.5)."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from calendar_manager.domain.errors import UnknownTimeZoneError
from calendar_manager.domain.recurrence_rule import (
    Moment,
    Rule,
    invalid_line,
    read_moment,
    read_rule,
)

_LINE = re.compile(
    r'(?P<name>[A-Z]+)(?P<params>(?:;[A-Z0-9-]+=(?:"[^"]*"|[^";:]*))*):(?P<value>.+)',
    re.IGNORECASE,
)
_TIME_ZONE = re.compile(r';TZID=(?:"([^"]*)"|([^";:]*))', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class RecurrenceLines:
    """What the lines of one series say together.

    Attributes:
        rules: From RRULE.
        excluded_rules: From EXRULE, which RFC 2445 had and Google still sends.
        dates: From RDATE; of a PERIOD only its start.
        excluded_dates: From EXDATE.
    """

    rules: tuple[Rule, ...]
    excluded_rules: tuple[Rule, ...]
    dates: tuple[Moment, ...]
    excluded_dates: tuple[Moment, ...]


def read_lines(lines: Iterable[str]) -> RecurrenceLines:
    """Read the recurrence lines of one series.

    Args:
        lines: Unfolded content lines, each with its name, parameters and value.

    Raises:
        InvalidRecurrenceError: When a line cannot be read; the message names it.
    """
    rules: dict[str, list[Rule]] = {"RRULE": [], "EXRULE": []}
    dates: dict[str, list[Moment]] = {"RDATE": [], "EXDATE": []}
    for line in lines:
        match = _LINE.fullmatch(line.strip())
        name = match["name"].upper() if match else ""
        try:
            if match and name in rules:
                rules[name].append(read_rule(line, match["value"]))
            elif match and name in dates:
                dates[name].extend(_read_dates(match["params"], match["value"]))
            else:
                raise invalid_line(line, "it is no RRULE, EXRULE, RDATE or EXDATE")
        except (ValueError, UnknownTimeZoneError) as error:
            raise invalid_line(line, str(error)) from error
    return RecurrenceLines(
        tuple(rules["RRULE"]),
        tuple(rules["EXRULE"]),
        tuple(dates["RDATE"]),
        tuple(dates["EXDATE"]),
    )


def _read_dates(params: str, value: str) -> Iterable[Moment]:
    """Read the values of RDATE or EXDATE, whatever their parameter VALUE claims to be."""
    zone = _TIME_ZONE.search(params)
    name = (zone[1] or zone[2]) if zone else None
    for item in value.upper().split(","):
        start, _, _ = item.partition("/")
        yield read_moment(start.strip(), name)
