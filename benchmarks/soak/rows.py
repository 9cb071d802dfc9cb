"""Occurrences in a form that the providers' truth and our database share."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

Moment = datetime | date


@dataclass(frozen=True)
class Row:
    """One occurrence.

    Attributes:
        calendar: The provider and its id of the calendar.
        event: The provider's id of the single event or of the series.
        original: Where the series put it, in UTC; midnight UTC of a date.
        start: An instant in UTC, or the first day.
        end: The same of the end.
        title: As the provider has it.
        busy: ``busy``, ``tentative`` or ``free``.
    """

    calendar: str
    event: str
    original: datetime
    start: Moment
    end: Moment
    title: str
    busy: str

    @property
    def name(self) -> tuple[str, str, datetime]:
        """What tells it from every other occurrence."""
        return self.calendar, self.event, self.original


@dataclass(frozen=True)
class Difference:
    """What is not as it should be.

    Attributes:
        kind: ``lost``, ``duplicated`` or ``wrong``.
        theirs: What the provider has, if anything.
        ours: What the database has, if anything.
    """

    kind: str
    theirs: Row | None
    ours: Row | None


def find_differences(theirs: Iterable[Row], ours: Iterable[Row]) -> list[Difference]:
    """Compare the truth with the copy, row by row.

    Returns:
        ``lost`` for what only the provider has; ``duplicated`` for each further row of one name;
        ``wrong`` for what looks different, or stands in the copy alone.
    """
    truth = {row.name: row for row in theirs}
    seen: Counter[tuple[str, str, datetime]] = Counter()
    differences: list[Difference] = []
    for row in ours:
        seen[row.name] += 1
        known = truth.get(row.name)
        if seen[row.name] > 1:
            differences.append(Difference("duplicated", known, row))
        elif known != row:
            differences.append(Difference("wrong", known, row))
    lost = (Difference("lost", row, None) for name, row in truth.items() if name not in seen)
    return [*differences, *lost]
