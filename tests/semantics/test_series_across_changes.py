"""Series across every change of the clocks of 50 zones, against two other libraries.

Random rules have their tests beside the domain; here every zone and every change has its turn.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import icalendar
import pytest
import recurring_ical_events
from dateutil.rrule import rrulestr
from dateutil.tz import resolve_imaginary

from calendar_manager.domain.recurrence import Recurrence, expand
from tests.semantics.changed_clocks import ZONES, find_changes
from tests.semantics.server_zones import SERVER_ZONES, server_in

pytestmark = pytest.mark.unit

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)

RULES = (
    "FREQ=DAILY;COUNT=6",
    "FREQ=WEEKLY;BYDAY=MO,WE,FR,SA,SU",
    "FREQ=MONTHLY;BYMONTHDAY=1,-1,15",
)


def starts_around(zone: str, change: datetime) -> Iterator[datetime]:
    """Wall clocks before, inside and after the gap or fold, and at noon, three days before."""
    before = (change - MINUTE).astimezone(ZoneInfo(zone)).replace(tzinfo=None) + MINUTE
    for minutes in (-75, -30, 0, 10, 45):
        yield before - 3 * DAY + minutes * MINUTE
    yield before.replace(hour=12, minute=0) - 3 * DAY


def ask_recurring_ical_events(
    rule: str, start: datetime, zone: str, first: datetime, last: datetime
) -> list[datetime]:
    lines = (
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//example.com//oracle//EN",
        "BEGIN:VEVENT",
        "UID:one",
        f"DTSTART;TZID={zone}:{start:%Y%m%dT%H%M%S}",
        f"RRULE:{rule}",
        "END:VEVENT",
        "END:VCALENDAR",
        "",
    )
    calendar = icalendar.Calendar.from_ical("\r\n".join(lines))
    found = recurring_ical_events.of(calendar).between(first, last)
    return sorted({event["DTSTART"].dt.astimezone(UTC) for event in found})


def ask_dateutil(
    rule: str, start: datetime, zone: str, first: datetime, last: datetime
) -> list[datetime]:
    """Dateutil finds the wall clocks, and moves those that a gap swallows."""
    walls = rrulestr(rule, dtstart=start).between(start, start + 50 * DAY, inc=True)
    instants = {
        resolve_imaginary(wall.replace(tzinfo=ZoneInfo(zone))).astimezone(UTC) for wall in walls
    }
    return sorted(instant for instant in instants if first <= instant < last)


@pytest.mark.parametrize("zone", ZONES)
def test_both_libraries_agree(zone: str) -> None:
    for change in find_changes(zone):
        first, last = change - 4 * DAY, change + 40 * DAY
        for start in starts_around(zone, change):
            for rule in RULES:
                # Libraries differ about a DTSTART that the rule itself does not give.
                real_start = rrulestr(rule, dtstart=start)[0]
                series = Recurrence(real_start, zone, (f"RRULE:{rule}",))
                place = (zone, str(change), str(real_start), rule)
                asked = (rule, real_start, zone, first, last)
                expected = ask_dateutil(*asked)
                assert expected, place
                assert ask_recurring_ical_events(*asked) == expected, place
                for server_zone in SERVER_ZONES:
                    with server_in(server_zone):
                        found = expand(series, first, last, limit=1000)
                    assert list(found.starts) == expected, (*place, server_zone)
