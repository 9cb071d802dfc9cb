"""The instances of a recurring event, bounded, from Google's ``recurrence`` lines.

Rules run in wall-clock time of the event's zone (``start.timeZone``); each result is then placed in
the zone, times inside a DST gap moving forward. DTSTART is never among the lines: it is ``start``.
"""

import heapq
import itertools
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache

from calendar_manager.sandbox.google.rules import Rule, RuleError, read_rule
from calendar_manager.sandbox.google.times import Moment, find_zone

MAX_INSTANCES = 5000
"""An expansion without an upper bound gives no more instances of one series than this."""

HORIZON = timedelta(days=366 * 30)
"""Without an upper bound a series is followed this far past its start, decades ahead as Google."""

_ONE_DAY = timedelta(days=1)


class Recurrence:
    """The set of starts of one series.

    Args:
        start: Start of the master.
        lines: RRULE, EXRULE, RDATE and EXDATE lines.

    Raises:
        RuleError: A line cannot be read or not be followed in bounded time.
    """

    def __init__(self, start: Moment, lines: Sequence[str]) -> None:
        self.start = start
        self.zone: tzinfo | None = start.tzinfo if isinstance(start, datetime) else None
        self.first = _to_wall(start)
        self.rules: list[Rule] = []
        self.exrules: list[Rule] = []
        self.rdates: list[datetime] = []
        self.exdates: set[datetime] = set()
        for line in lines:
            self._add_line(line)

    def _add_line(self, line: str) -> None:
        head, separator, value = line.strip().partition(":")
        name, _, parameters = head.upper().partition(";")
        if not separator:
            raise RuleError(f"Invalid recurrence line {line!r}.")
        if name == "RRULE":
            self.rules.append(read_rule(value, self.first, self.zone))
        elif name == "EXRULE":
            self.exrules.append(read_rule(value, self.first, self.zone))
        elif name in {"RDATE", "EXDATE"}:
            zone = _read_zone_parameter(head) or self.zone
            dates = [self._read_date(text, zone) for text in value.split(",") if text]
            if name == "RDATE":
                self.rdates += dates
            else:
                self.exdates.update(dates)
        else:
            raise RuleError(f"{name} {parameters} is not a recurrence line.")

    def _read_date(self, text: str, zone: tzinfo | None) -> datetime:
        """Return a date or date-time of RDATE or EXDATE as wall-clock time of the series."""
        text = text.strip().split("/")[0]
        try:
            if "T" not in text:
                day = datetime.strptime(text, "%Y%m%d")  # noqa: DTZ007 - A date has no zone.
                return datetime.combine(day, self.first.time())
            at = datetime.strptime(text[:15], "%Y%m%dT%H%M%S")  # noqa: DTZ007 - Placed below.
        except ValueError as error:
            raise RuleError(f"Invalid date {text!r} in a recurrence line.") from error
        if self.zone is None:
            return datetime.combine(at, time())
        source = UTC if text.endswith("Z") else zone
        return at.replace(tzinfo=source).astimezone(self.zone).replace(tzinfo=None)

    def starts(self, before: Moment | None = None) -> Iterator[Moment]:
        """Yield starts in order, once each, earlier than ``before``, within the bounds.

        A start between exclusions may lie anywhere; DTSTART itself is one only when the rule says
        so or when there is no rule.
        """
        end = _to_wall(before, self.zone) if before is not None else self.first + HORIZON
        runs: list[Iterator[datetime]] = [rule.starts(self.first, end) for rule in self.rules]
        extra = self.rdates if self.rules else [self.first, *self.rdates]
        runs.append(iter(sorted(at for at in extra if at < end)))
        excluded = heapq.merge(*(rule.starts(self.first, end) for rule in self.exrules))
        next_excluded = next(excluded, None)
        for at, _ in itertools.groupby(heapq.merge(*runs)):
            while next_excluded is not None and next_excluded < at:
                next_excluded = next(excluded, None)
            if at != next_excluded and at not in self.exdates:
                yield self._place(at)

    def contains(self, original_start: Moment) -> bool:
        """Tell whether an instance starts, or would start unless excluded, at this moment."""
        wall = _to_wall(original_start, self.zone)
        if isinstance(original_start, datetime) != isinstance(self.start, datetime):
            return False
        return any(_to_wall(at) == wall for at in self.starts(self._place(wall + _ONE_DAY)))

    def _place(self, wall: datetime) -> Moment:
        if self.zone is None:
            return wall.date()
        # The round trip through UTC moves a time inside a DST gap forward.
        return wall.replace(tzinfo=self.zone).astimezone(UTC).astimezone(self.zone)


@lru_cache(maxsize=4096)
def read_recurrence(start: Moment, zone_name: str, lines: tuple[str, ...]) -> Recurrence:
    """Return the recurrence, remembered, since lists ask for the same one again and again.

    ``zone_name`` keeps apart equal instants of different zones, which compare as equal.
    """
    del zone_name
    return Recurrence(start, lines)


def _to_wall(moment: Moment, zone: tzinfo | None = None) -> datetime:
    if isinstance(moment, datetime):
        return (moment.astimezone(zone) if zone else moment).replace(tzinfo=None, fold=0)
    return datetime.combine(moment, time())


def _read_zone_parameter(head: str) -> tzinfo | None:
    for parameter in head.split(";")[1:]:
        name, _, value = parameter.partition("=")
        if name.upper() == "TZID":
            zone = find_zone(value.strip('"'))
            if zone is None:
                raise RuleError(f"Unknown time zone {value!r} in a recurrence line.")
            return zone
    return None


def truncate_lines(lines: Sequence[str], until: str) -> list[str]:
    """Return the lines with every RRULE ended by ``UNTIL``, as this-and-following edits do."""
    return [
        _without(line, "UNTIL", "COUNT") + f";UNTIL={until}" if line.startswith("RRULE:") else line
        for line in lines
    ]


def continue_lines(lines: Sequence[str], passed: int) -> list[str]:
    """Return the lines for the part of a series after ``passed`` instances."""
    result = []
    for line in lines:
        count = next((p[6:] for p in line.split(";") if p.startswith("COUNT=")), None)
        if count is not None:
            line = f"{_without(line, 'COUNT')};COUNT={max(1, int(count) - passed)}"  # noqa: PLW2901
        result.append(line)
    return result


def _without(line: str, *names: str) -> str:
    head, _, value = line.partition(":")
    kept = [part for part in value.split(";") if part.partition("=")[0] not in names]
    return f"{head}:{';'.join(kept)}"


def end_of_day_before(original_start: date, zone: tzinfo | None) -> str:
    """Return the UNTIL that ends a series before the local day of a moment.

    Recorded: a split at 2025-03-26 07:30 in Chicago gives ``UNTIL=20250326T045959Z``.
    """
    if not isinstance(original_start, datetime):
        return (original_start - _ONE_DAY).strftime("%Y%m%d")
    local = original_start.astimezone(zone)
    midnight = datetime.combine(local.date(), time(), local.tzinfo)
    return (midnight.astimezone(UTC) - timedelta(seconds=1)).strftime("%Y%m%dT%H%M%SZ")
