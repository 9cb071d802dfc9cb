"""One series of Graph's, read anew with all its instances, as a master with its overrides."""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta

from calendar_manager.domain.changes import Deleted, Rejected, SeriesRead
from calendar_manager.domain.errors import DomainError
from calendar_manager.domain.events import Event, EventKind
from calendar_manager.domain.times import MIDNIGHT
from calendar_manager.domain.timespan import DateSpan, Span
from calendar_manager.providers.microsoft.corrections import (
    ExactLines,
    Listed,
    Start,
    find_exact_lines,
)
from calendar_manager.providers.microsoft.fields import read_mapping, read_text
from calendar_manager.providers.microsoft.normalize import (
    TITLE_LIMIT,
    read_event,
    read_event_id,
    read_time_zone,
)
from calendar_manager.providers.microsoft.rules import write_rule
from calendar_manager.providers.microsoft.times import (
    UnreadableTimeError,
    read_original_start,
    read_when,
)
from calendar_manager.providers.microsoft.zones import find_iana_zone

_logger = logging.getLogger(__name__)

_UNREADABLE = (DomainError, UnreadableTimeError, OverflowError)


@dataclass(slots=True)
class _Members:
    """The instances of a series, sorted out.

    Attributes:
        ids: Of all of them.
        starts: Of the ones that are as the rule made them.
        overrides: The changed ones.
        rejections: Those that cannot be read.
        named: What the rule gave to the changed ones, the unreadable ones included.
    """

    ids: set[str] = field(default_factory=set)
    starts: set[Start] = field(default_factory=set)
    overrides: dict[str, Event] = field(default_factory=dict)
    rejections: list[Rejected] = field(default_factory=list)
    named: set[Start] = field(default_factory=set)


def is_master(item: Mapping[str, object]) -> bool:
    """Tell whether an event is a series, which is never shown as an event of its own."""
    return item.get("type") == "seriesMaster" or bool(read_mapping(item.get("recurrence")))


def normalize_series(
    master: Mapping[str, object],
    instances: Iterable[object],
    *,
    series_id: str,
    window: Span,
    account: str | None,
) -> SeriesRead | Deleted | Rejected:
    """Put a series together; never raises.

    Inside the window the series is exactly what Graph lists. Beyond it the rule speaks alone,
    and the exceptions from it are not known.

    The instances carry the master's id as one more of theirs, because Graph may later say of the
    master, too, that it was removed when it only left the window.

    Args:
        master: The event that the id names now.
        instances: All its instances in the window, each once or more.
        series_id: The master's id.
        window: For which the instances were asked for.
        account: The address of the account that we read, in lower case.

    Returns:
        The series; its deletion when nothing of it is in the window; or why it could not be read.
    """
    try:
        event = read_event(master, series_id, account=account)
        if event.when is None:
            raise UnreadableTimeError("it has no start")
        members = _sort_out(instances, event, read_time_zone(master), account)
        if not members.ids:
            return Deleted(series_id)
        time_zone, lines = _describe(master, event.when, members, window)
        return SeriesRead(
            master=replace(
                event,
                kind=EventKind.MASTER,
                recurrence=lines,
                time_zone=None if event.all_day else time_zone,
            ),
            overrides=tuple(members.overrides.values()),
            instance_ids=frozenset(members.ids | {series_id}),
            rejections=tuple(members.rejections),
        )
    except _UNREADABLE as error:
        return Rejected(series_id, str(error))


def normalize_former_series(
    item: Mapping[str, object], *, series_id: str, window: Span, account: str | None
) -> SeriesRead | Deleted | Rejected:
    """Tell what became of a series that recurs no more, under the id that it had; never raises.

    What is reported as a series without overrides takes all that we have of its overrides away.
    """
    try:
        event = read_event(item, series_id, account=account)
    except _UNREADABLE as error:
        return Rejected(series_id, str(error))
    if event.when is None or not _may_be_within(event.when, window):
        return Deleted(series_id)
    return SeriesRead(master=event, overrides=(), instance_ids=frozenset())


def _sort_out(
    instances: Iterable[object], master: Event, time_zone: str | None, account: str | None
) -> _Members:
    members = _Members()
    for item in instances:
        fields = read_mapping(item)
        instance_id = read_event_id(fields)
        if instance_id is None:
            members.rejections.append(Rejected(None, "it has no id that can be stored"))
            continue
        members.ids.add(instance_id)
        original = read_original_start(fields, all_day=master.all_day, time_zone=time_zone)
        override: Event | None
        try:
            if fields.get("type") == "exception":
                override = _read_exception(fields, instance_id, master, original, account)
            else:
                start, override = _read_occurrence(fields, instance_id, master)
                if override is None:
                    members.starts.add(start)
            if override is not None and override.original_start is not None:
                members.overrides[instance_id] = override
                members.named.add(override.original_start)
        except _UNREADABLE as error:
            members.rejections.append(Rejected(instance_id, str(error)))
            if original is not None:
                members.named.add(original)
    return members


def _read_exception(
    fields: Mapping[str, object],
    instance_id: str,
    master: Event,
    original: Start | None,
    account: str | None,
) -> Event:
    """Read a changed occurrence, which shares the UID of its series with every other copy."""
    event = read_event(fields, instance_id, account=account)
    return replace(
        event,
        kind=EventKind.OVERRIDE,
        series_id=master.provider_event_id,
        # Without the start that the rule gave, its own keeps it apart from all others.
        original_start=_start_of(event.when) if original is None else original,
        ical_uid=master.ical_uid or event.ical_uid,
    )


def _read_occurrence(
    fields: Mapping[str, object], instance_id: str, master: Event
) -> tuple[Start, Event | None]:
    """Read an occurrence as the rule made it, of which Graph may send nothing but the times.

    Returns:
        Its start; and an override when it lasts longer or shorter than the master. Outlook keeps
        the end of a series as a time of day, so that a night in which the clocks change makes
        such an occurrence, while ours all last as long in real time.
    """
    when = read_when({**fields, "isAllDay": master.all_day})
    start = when.start if isinstance(when, Span) else when.first
    if not isinstance(when, Span) or not isinstance(master.when, Span):
        return start, None
    if when.duration == master.when.duration:
        return start, None
    override = replace(
        master,
        provider_event_id=instance_id,
        kind=EventKind.OVERRIDE,
        when=when,
        series_id=master.provider_event_id,
        original_start=start,
        etag=None,
        provider_updated_at=None,
    )
    return start, override


def _start_of(when: Span | DateSpan | None) -> Start | None:
    if when is None:
        return None
    return when.start if isinstance(when, Span) else when.first


def _describe(
    master: Mapping[str, object], when: Span | DateSpan, members: _Members, window: Span
) -> tuple[str | None, tuple[str, ...]]:
    """Return the zone in which a series recurs and its recurrence lines.

    The zone is the one in which the series was made, unless the one of its range fits better.
    Where neither is known the series is described in UTC, which takes more corrections.
    """
    recurrence = read_mapping(master.get("recurrence"))
    listed = Listed(
        when=when,
        window=window,
        starts=frozenset(members.starts),
        named=frozenset(members.named),
    )
    names = [
        read_text(name, limit=TITLE_LIMIT)
        for name in (
            master.get("originalStartTimeZone"),
            read_mapping(recurrence.get("range")).get("recurrenceTimeZone"),
        )
    ]
    zones: list[str | None] = [zone for zone in map(find_iana_zone, names) if zone is not None]
    if not zones and isinstance(when, Span):
        _logger.warning("series %.100s is in the unknown zones %r", master.get("id"), names)
    described: list[tuple[str | None, ExactLines]] = []
    for zone in [*dict.fromkeys(zones)] or [None]:
        name = zone or "UTC"
        rule = write_rule(recurrence, time_zone=name, all_day=isinstance(when, DateSpan))
        described.append((zone, find_exact_lines(rule, listed, time_zone=name)))
    best, exact = min(described, key=lambda one: one[1].corrections)
    return best, exact.lines


def _may_be_within(when: Span | DateSpan, window: Span) -> bool:
    """Tell whether an event shares time with the window, all-day ones in any zone."""
    if isinstance(when, Span):
        return when.start < window.end and (when.end > window.start or when.start >= window.start)
    return _midnight(when.first) - timedelta(days=1) < window.end and window.start < (
        _midnight(when.end) + timedelta(days=1)
    )


def _midnight(day: date) -> datetime:
    return datetime.combine(day, MIDNIGHT, UTC)
