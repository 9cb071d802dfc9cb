"""Somebody who is booked through Cal.com, and their guests, at random but repeatably."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any

from calendar_manager.sandbox.control_client import CaldotcomControl, ControlError, JsonObject

SEATS = 4
GUESTS = tuple(f"guest{number}@client.test" for number in range(6))
CLIENT = "client@client.test"
"""Somebody else with bookings of their own, whose guest the person may be."""

Busy = set[tuple[datetime | date, datetime | date, str]]
Group = dict[str, JsonObject]


@dataclass
class CaldotcomPerson:
    """Makes one random change after another around one account.

    Seats are taken with the person only: a seat that the person gives up at somebody else's
    takes the booking out of the person's list without a word, which only a full read can notice.

    Attributes:
        control: The sandbox's Cal.com.
        email: Whose bookings.
        random: Where the choices come from.
        now: The present of the sandbox, which whoever moves its clock has to move along.
        done: How often each kind of change was made.
    """

    control: CaldotcomControl
    email: str
    random: Random
    now: datetime
    done: dict[str, int] = field(default_factory=dict)
    _bookings: Group = field(default_factory=dict)
    _hosts: dict[str, str] = field(default_factory=dict)
    _absences: dict[int, JsonObject] = field(default_factory=dict)

    def settle(self) -> None:
        """Make the accounts and what can be booked with them."""
        self.control.add_account(self.email, time_zone="America/New_York")
        self.control.add_account(CLIENT, time_zone="Asia/Kolkata")
        for host in (self.email, CLIENT):
            self.control.add_event_type(host, "Asked", requires_confirmation=True)
            self.control.add_event_type(host, "Course", recurrences=5)
        self.control.add_event_type(self.email, "Workshop", seats=SEATS)
        self.control.add_event_type(self.email, "Lessons", seats=SEATS, recurrences=3)

    def change_something(self) -> None:
        """Make one change, of whatever kind fits what is there."""
        live = self._of_status("accepted", "pending")
        groups = {
            "pending": self._of_status("pending"),
            "live": live,
            "recurring": [one for one in live if "recurringBookingUid" in one],
            "seated": [one for one in live if "seatUid" in (one["attendees"] or [{}])[0]],
            "asked": [one for one in self._of_status("cancelled") if _is_asked_for(one)],
        }
        kinds = {
            "live": ("cancel", "reschedule", "reschedule", "request_reschedule", "mark_absent"),
            "pending": ("confirm", "decline"),
            "recurring": ("cancel_subsequent", "cancel_all"),
            "seated": ("add_seat", "remove_seat", "move_seat"),
            "asked": ("reschedule",),
        }
        choices = [(kind, name) for name, of in kinds.items() if groups[name] for kind in of]
        choices += [("book", ""), ("book", ""), ("book", ""), ("be_a_guest", ""), ("add_ooo", "")]
        choices += [("change_ooo", ""), ("remove_ooo", "")] if self._absences else []
        kind, group = self.random.choice(choices)
        try:
            getattr(self, f"_{kind}")(groups.get(group, []))
        except ControlError:
            # What was chosen may be over or full already; the sandbox says so, as Cal.com would.
            kind = "refused"
        self.done[kind] = self.done.get(kind, 0) + 1

    def _of_status(self, *statuses: str) -> list[JsonObject]:
        return [one for one in self._bookings.values() if one["status"] in statuses]

    def _book(self, _: Collection[JsonObject]) -> None:
        slug = self.random.choice(("15min", "30min", "asked", "course", "workshop", "lessons"))
        self._make(self.email, slug, self.random.choice(GUESTS))

    def _be_a_guest(self, _: Collection[JsonObject]) -> None:
        self._make(CLIENT, self.random.choice(("30min", "asked", "course")), self.email)

    def _make(self, host: str, slug: str, guest: str) -> None:
        made = self.control.book(
            host,
            self._moment(),
            event_type=slug,
            attendee_email=guest,
            attendee_time_zone=self.random.choice(("Europe/Berlin", "America/New_York", "UTC")),
            guests=self.random.sample(GUESTS, self.random.randrange(2)),
            title=f"Meeting {self.random.randrange(10_000)}",
            length_minutes=self.random.choice((15, 30, 45, 90, 240)),
        )
        self._note(host, made)

    def _confirm(self, found: list[JsonObject]) -> None:
        self._mutate("confirm", found)

    def _decline(self, found: list[JsonObject]) -> None:
        self._mutate("decline", found)

    def _cancel(self, found: list[JsonObject]) -> None:
        self._mutate("cancel", found, reason="No time")

    def _cancel_subsequent(self, found: list[JsonObject]) -> None:
        self._mutate("cancel_subsequent", found)

    def _cancel_all(self, found: list[JsonObject]) -> None:
        self._mutate("cancel_all", found)

    def _reschedule(self, found: list[JsonObject]) -> None:
        by = {"by": self.email} if self.random.random() < 0.3 else {}
        self._mutate("reschedule", found, start=self._moment().isoformat(), **by)

    def _request_reschedule(self, found: list[JsonObject]) -> None:
        self._mutate("request_reschedule", found)

    def _mark_absent(self, found: list[JsonObject]) -> None:
        self._mutate("mark_absent", found, absent=self.random.random() < 0.8)

    def _add_seat(self, found: list[JsonObject]) -> None:
        self._mutate("add_seat", found, attendee_email=self.random.choice(GUESTS))

    def _remove_seat(self, found: list[JsonObject]) -> None:
        booking = self.random.choice(found)
        self._mutate("remove_seat", [booking], seat_uid=self._seat(booking))

    def _move_seat(self, found: list[JsonObject]) -> None:
        booking = self.random.choice(found)
        start = self._moment().isoformat()
        self._mutate("reschedule", [booking], seat_uid=self._seat(booking), start=start)

    def _seat(self, booking: JsonObject) -> str:
        return str(self.random.choice(booking["attendees"])["seatUid"])

    def _mutate(self, kind: Any, found: list[JsonObject], **change: Any) -> None:
        uid = self.random.choice(found)["uid"]
        host = self._hosts[uid]
        self._note(host, self.control.mutate(host, kind, uid, **change))

    def _note(self, host: str, touched: list[JsonObject]) -> None:
        for booking in touched:
            self._bookings[booking["uid"]] = booking
            self._hosts[booking["uid"]] = host

    def _add_ooo(self, _: object) -> None:
        start, end = self._days()
        entry = self.control.add_ooo(self.email, start, end, reason="vacation")
        self._absences[entry["id"]] = entry

    def _change_ooo(self, _: object) -> None:
        ooo_id = self.random.choice(list(self._absences))
        if self.random.random() < 0.5:
            self.control.change_ooo(self.email, ooo_id, reason="sick", notes="Better soon")
        else:
            start, end = self._days()
            self.control.change_ooo(
                self.email, ooo_id, start=start.isoformat(), end=end.isoformat()
            )

    def _remove_ooo(self, _: object) -> None:
        ooo_id = self.random.choice(list(self._absences))
        self.control.remove_ooo(self.email, ooo_id)
        del self._absences[ooo_id]

    def _days(self) -> tuple[datetime, datetime]:
        start = self._moment()
        return start, start + timedelta(days=self.random.randrange(5))

    def _moment(self) -> datetime:
        """Choose a quarter of an hour, mostly ahead; few enough that workshops fill up."""
        midnight = self.now.replace(hour=0, minute=0, second=0, microsecond=0)
        day = midnight + timedelta(days=self.random.randrange(-3, 40))
        return day + timedelta(minutes=15 * self.random.randrange(96))


def busy_in_truth(control: CaldotcomControl, email: str) -> Busy:
    """Return what takes an account's time, by what the sandbox knows of it.

    Accepted bookings take it firmly and pending ones tentatively, whole days are taken by
    out-of-office entries from the first to the last, and nothing else takes any.
    """
    truth = control.truth(email)
    busy: Busy = set()
    for booking in truth.bookings:
        firmness = {"accepted": "busy", "pending": "tentative"}.get(booking["status"])
        if firmness is not None:
            busy.add((_instant(booking["start"]), _instant(booking["end"]), firmness))
    for entry in truth.ooo:
        last = _instant(entry["end"]).date()
        busy.add((_instant(entry["start"]).date(), last + timedelta(days=1), "busy"))
    return busy


def _is_asked_for(booking: JsonObject) -> bool:
    """Tell whether the host asked the guest of a cancelled booking for another time."""
    return "rescheduledToUid" in booking and booking["rescheduledToUid"] is None


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
