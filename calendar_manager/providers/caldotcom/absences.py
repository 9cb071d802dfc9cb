"""Out-of-office entries of an account: reading all of them, and keeping some of our own.

https://cal.com/docs/api-reference/v2/me/out-of-office; builds without the endpoint have none.
"""

from collections.abc import Collection, Sequence
from datetime import UTC, date, datetime, time, timedelta

from calendar_manager.domain.errors import DomainError
from calendar_manager.domain.times import find_zone
from calendar_manager.domain.timespan import DateSpan
from calendar_manager.providers.caldotcom.client import CalDotComClient
from calendar_manager.providers.caldotcom.failures import NotFoundError
from calendar_manager.providers.caldotcom.fields import read_id, read_list, read_mapping
from calendar_manager.providers.caldotcom.normalize import (
    ID_LIMIT,
    UnreadableBookingError,
    read_row_id,
)
from calendar_manager.providers.caldotcom.out_of_office import OUR_NOTES, read_days

OUT_OF_OFFICE_PER_PAGE = 250
"""The most that ``/me/ooo`` gives."""

_LAST_MOMENT = time(23, 59, 59, 999000)


def pull_entries(client: CalDotComClient) -> Sequence[object] | None:
    """Return all absences; None where Cal.com is too old to tell them.

    There is no word on whether more follow, and what is missing would be deleted, so the end is
    where nothing new comes.
    """
    entries: dict[str | None, object] = {}
    skip = 0
    while True:
        answer = client.pull_out_of_office(take=OUT_OF_OFFICE_PER_PAGE, skip=skip)
        if answer is None:
            return None
        rows = read_list(answer.data)
        fresh = {read_row_id(row): row for row in rows}
        if not fresh.keys() - entries.keys():
            return list(entries.values())
        entries.update(fresh)
        if answer.pagination.get("hasNextPage") is False:
            return list(entries.values())
        skip += len(rows)


def push_absences(client: CalDotComClient, wanted: Collection[DateSpan], *, today: date) -> None:
    """Have an account say that the person is away, by entries of our own.

    Ours are known by their notes, so that nothing has to be remembered. Where the person has an
    entry of the same days, Cal.com takes no second one, and none is needed.

    See :meth:`calendar_manager.providers.base.ScheduleProvider.push_absences`.
    """
    entries = pull_entries(client)
    if entries is None:
        return
    there: set[DateSpan] = set()
    for row in entries:
        fields = read_mapping(row)
        try:
            days = read_days(fields, find_zone("UTC"))
        except (DomainError, UnreadableBookingError, OverflowError):
            continue
        entry_id = read_id(fields.get("id"), limit=ID_LIMIT)
        needless = fields.get("notes") == OUR_NOTES and days not in wanted and days.end > today
        if needless and entry_id is not None:
            _delete(client, entry_id)
        else:
            there.add(days)
    for days in sorted(set(wanted) - there, key=lambda one: one.first):
        client.push_out_of_office(_write(days))


def _delete(client: CalDotComClient, entry_id: str) -> None:
    try:
        client.delete_out_of_office(entry_id)
    except NotFoundError:
        # Somebody was faster.
        return


def _write(days: DateSpan) -> dict[str, object]:
    """Return an entry as Cal.com takes it: whole days in UTC, which it means as dates."""
    last = datetime.combine(days.end - timedelta(days=1), _LAST_MOMENT, UTC)
    first = datetime.combine(days.first, time(), UTC)
    return {
        "start": _write_instant(first),
        "end": _write_instant(last),
        "reason": "vacation",
        "notes": OUR_NOTES,
    }


def _write_instant(instant: datetime) -> str:
    return instant.isoformat(timespec="milliseconds").replace("+00:00", "Z")
