"""Who takes part in a booking, and whether it is us."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from calendar_manager.domain.events import Attendee, Person, Response
from calendar_manager.domain.times import is_zone
from calendar_manager.providers.caldotcom.fields import (
    read_email,
    read_id,
    read_list,
    read_mapping,
    read_text,
)

NAME_LIMIT = 1_024

_ID_LIMIT = 64
_ZONE_LIMIT = 64
_UNKNOWN = "unknown"
# A booking waits for its host; until then the person who booked it has accepted alone.
_HOST_RESPONSES = {"pending": Response.NEEDS_ACTION, "rejected": Response.DECLINED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """The account that we read.

    Attributes:
        user_id: Cal.com's id of it; None when it is not told.
        email: Its address in lower case; None when it is not told.
        time_zone: Its IANA zone; None when it is not told or not known.
    """

    user_id: str | None
    email: str | None
    time_zone: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """Who takes part.

    Attributes:
        organizer: The first host.
        attendees: Hosts first, then who booked, then guests; everybody once.
        mine: Whether the account takes part, or may do so.
        time_zone: The zone of the account as a host, None when it is none.
    """

    organizer: Person | None
    attendees: tuple[Attendee, ...]
    mine: bool
    time_zone: str | None

    @property
    def my_response(self) -> Response | None:
        """How the account answered; None when it is not among the attendees."""
        return next((one.response for one in self.attendees if one.is_self), None)


def read_account(profile: object) -> Account:
    """Return the account that a profile tells of; never raises."""
    fields = read_mapping(profile)
    return Account(
        user_id=read_id(fields.get("id"), limit=_ID_LIMIT),
        email=read_email(fields.get("email"), limit=NAME_LIMIT),
        time_zone=_read_zone(fields.get("timeZone")),
    )


def read_people(booking: Mapping[str, object], account: Account) -> People:
    """Return who takes part in a booking; never raises.

    The owner of a team also gets the bookings of all its members. Such a booking is somebody
    else's when everybody in it is told and nobody is the account. Where Cal.com hides somebody,
    as the attendees of a booking with seats, that cannot be said, and the booking counts as ours.
    """
    hosts = [read_mapping(entry) for entry in read_list(booking.get("hosts")) if entry]
    booked_by = [read_mapping(entry) for entry in read_list(booking.get("attendees")) if entry]
    status = str(booking.get("status")).lower()
    host_response = _HOST_RESPONSES.get(status, Response.ACCEPTED)
    listed = [
        *(_read_host(host, host_response, account, first=host is hosts[0]) for host in hosts),
        *(_read_attendee(one, account) for one in booked_by),
        *(_read_guest(one, account) for one in read_list(booking.get("guests"))),
    ]
    attendees = tuple(_merge(one for one in listed if one is not None))
    told = [*map(_is_identified, hosts), *map(_has_any_email, booked_by)]
    all_told = bool(hosts and booked_by and account.email) and all(told)
    return People(
        organizer=_read_organizer(hosts),
        attendees=attendees,
        mine=any(one.is_self for one in attendees) or not all_told,
        time_zone=next(
            (_read_zone(host.get("timeZone")) for host in hosts if _is_account(host, account)), None
        ),
    )


def _read_host(
    fields: Mapping[str, object], response: Response, account: Account, *, first: bool
) -> Attendee | None:
    email, name = _read_shown_email(fields), _read_name(fields)
    is_self = _is_account(fields, account)
    if email is None and name is None and not is_self:
        return None
    return Attendee(email=email, name=name, response=response, organizer=first, is_self=is_self)


def _read_attendee(fields: Mapping[str, object], account: Account) -> Attendee | None:
    email, name = _read_shown_email(fields), _read_name(fields)
    if email is None and name is None:
        return None
    # Who did not show up, ``absent``, has booked the time nevertheless.
    return Attendee(
        email=email,
        name=name,
        response=Response.ACCEPTED,
        is_self=_has_email(fields, account),
    )


def _read_guest(value: object, account: Account) -> Attendee | None:
    email = read_email(value, limit=NAME_LIMIT)
    if email is None:
        return None
    return Attendee(email=email, is_self=email == account.email)


def _merge(attendees: Iterable[Attendee]) -> Iterable[Attendee]:
    """Join what is listed twice: a host who is an attendee, a guest, one person on two seats."""
    by_email: dict[str, Attendee] = {}
    hidden: list[Attendee] = []
    for one in attendees:
        if one.email is None:
            hidden.append(one)
            continue
        known = by_email.setdefault(one.email, one)
        by_email[one.email] = replace(
            known, name=known.name or one.name, is_self=known.is_self or one.is_self
        )
    return [*by_email.values(), *hidden]


def _read_organizer(hosts: list[Mapping[str, object]]) -> Person | None:
    if not hosts:
        return None
    email, name = _read_shown_email(hosts[0]), _read_name(hosts[0])
    return Person(email, name) if email or name else None


def _is_account(fields: Mapping[str, object], account: Account) -> bool:
    host_id = read_id(fields.get("id"), limit=_ID_LIMIT)
    return (host_id is not None and host_id == account.user_id) or _has_email(fields, account)


def _has_email(fields: Mapping[str, object], account: Account) -> bool:
    if account.email is None:
        return False
    emails = (read_email(fields.get(key), limit=NAME_LIMIT) for key in ("email", "displayEmail"))
    return account.email in emails


def _is_identified(fields: Mapping[str, object]) -> bool:
    host_id = read_id(fields.get("id"), limit=_ID_LIMIT)
    return (host_id is not None and host_id != _UNKNOWN) or _has_any_email(fields)


def _has_any_email(fields: Mapping[str, object]) -> bool:
    return _read_shown_email(fields) is not None


def _read_shown_email(fields: Mapping[str, object]) -> str | None:
    """Return the address that people know, without the mark that a platform put into it."""
    return read_email(fields.get("displayEmail"), limit=NAME_LIMIT) or read_email(
        fields.get("email"), limit=NAME_LIMIT
    )


def _read_name(fields: Mapping[str, object]) -> str | None:
    name = read_text(fields.get("name"), limit=NAME_LIMIT)
    return None if name == _UNKNOWN else name


def _read_zone(value: object) -> str | None:
    name = read_text(value, limit=_ZONE_LIMIT)
    return name if name is not None and is_zone(name) else None
