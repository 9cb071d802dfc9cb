"""A little Cal.com in memory, whose bookings change between pages and even between statuses."""

import random
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import Any

from calendar_manager.providers.caldotcom.people import Account
from tests.providers.caldotcom_schemas import API_PATH, find_answer_problems, find_request_problems
from tests.providers.caldotcom_stub import NOW, PROFILE, booking
from tests.providers.google_stub import Answer, Request

IDA = Account(user_id="7", email="ida@example.test", time_zone="Europe/Berlin")
EVE = {
    "id": 8,
    "name": "Eve",
    "email": "eve@example.test",
    "displayEmail": "eve@example.test",
    "username": "eve",
    "timeZone": "Europe/Paris",
}
HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)
SLOWEST_COMMIT = timedelta(minutes=9)
STEPS = [timedelta(0), timedelta(milliseconds=1), SECOND, 5 * SECOND, timedelta(minutes=3)]
"""How far the clock goes on with each thing; a slow read lasts longer than the overlap."""


class World:
    """Cal.com as one of its builds.

    Args:
        draw: Decides everything that happens.
        version: The version of the bookings endpoint.
        ordered: Whether the build sorts as it is asked to.
        counts: Whether it counts what it filters, and so knows its last page.
        busy: How probable it is that something, and then something more, happens before an answer.
    """

    def __init__(
        self,
        draw: random.Random,
        *,
        version: str = "2024-08-13",
        ordered: bool = True,
        counts: bool = True,
        busy: float = 0.5,
    ) -> None:
        self.draw = draw
        self.version = version
        self.ordered = ordered
        self.counts = counts
        self.busy = busy
        self.clock = NOW - 300 * HOUR
        self.bookings: dict[str, dict[str, Any]] = {}
        self.absences: dict[int, dict[str, Any]] = {}
        self.numbers = 0
        self.problems: list[str] = []

    @property
    def date(self) -> str:
        return format_datetime(self.clock, usegmt=True)

    def happen(self) -> None:
        """Let one thing happen to one booking or absence."""
        self.clock += self.draw.choice(STEPS)
        live = [row for row in self.bookings.values() if row["status"] in {"accepted", "pending"}]
        acts: list[Callable[[], None]] = [self.book, self.add_absence]
        if live:
            row = self.draw.choice(live)
            acts += [
                lambda: self.touch(row, status="accepted"),
                lambda: self.touch(row, status="rejected"),
                lambda: self.touch(row, status="cancelled"),
                lambda: self.touch(row, title=f"Renamed {self.number()}"),
                lambda: self.touch(row, hosts=[EVE]),
                lambda: self.take_seat(row),
                lambda: self.reschedule(row),
                lambda: self.reschedule(row),
            ]
        if self.absences:
            acts.append(lambda: self.drop_absence(self.draw.choice(sorted(self.absences))))
        self.draw.choice(acts)()

    def happen_at_once(self) -> None:
        """Book a series, or cancel one, all in one moment."""
        series = [
            row
            for row in self.bookings.values()
            if row.get("recurringBookingUid") and row["status"] == "accepted"
        ]
        for row in series:
            self.touch(row, status="cancelled", late=False)
        if not series:
            uid = f"series{self.number()}"
            for _ in range(4):
                self.book(recurringBookingUid=uid, status="accepted", late=False)

    def book(self, *, late: bool = True, **fields: object) -> None:
        uid = f"booking{self.number()}"
        start = NOW + self.draw.randint(-400, 400) * HOUR
        status = self.draw.choice(["accepted", "pending"])
        times = {"start": write(start), "end": write(start + HOUR)}
        self.bookings[uid] = booking(uid, **{"status": status, **times, **fields})
        self.touch(self.bookings[uid], late=late)

    def touch(self, row: dict[str, Any], *, late: bool = True, **fields: object) -> None:
        """Change a row; its time of change may be some minutes old when it becomes visible."""
        slow = late and self.draw.random() < 0.2
        delay = self.draw.random() * SLOWEST_COMMIT if slow else timedelta(0)
        row |= {**fields, "updatedAt": write(self.clock - delay)}

    def take_seat(self, row: dict[str, Any]) -> None:
        seat = self.number()
        email = f"guest{seat % 3}@client.test"
        person = {"name": "Guest", "email": email, "displayEmail": email, "timeZone": "UTC"}
        taken = {**person, "absent": False, "seatUid": f"seat{seat}"}
        self.touch(row, attendees=[*row["attendees"], taken])

    def reschedule(self, row: dict[str, Any]) -> None:
        """Cancel a booking for a new one; the host's request to choose anew has none yet."""
        if self.draw.random() < 0.3:
            self.touch(row, status="cancelled")
            return
        successor = f"booking{self.numbers + 1}"
        self.book(rescheduledFromUid=row["uid"], icsUid=row["icsUid"], hosts=row["hosts"])
        # Some builds leave the old status as it is.
        status = self.draw.choice(["cancelled", row["status"]])
        self.touch(row, status=status, rescheduledToUid=successor)

    def add_absence(self) -> None:
        number = self.number()
        day = NOW.replace(hour=0) + self.draw.randint(1, 40) * 24 * HOUR
        self.absences[number] = {
            "id": number,
            "uuid": f"absence{number}",
            "userId": 7,
            "start": write(day),
            "end": write(day + 24 * HOUR - timedelta(milliseconds=1)),
            "reason": "vacation",
        }

    def drop_absence(self, number: int) -> None:
        del self.absences[number]

    def number(self) -> int:
        self.numbers += 1
        return self.numbers

    def take(self, request: Request) -> Answer:
        """Answer one request, after some things may have happened."""
        path = request.path.removeprefix(API_PATH)
        self.problems += find_request_problems(request, self.version)
        while self.draw.random() < self.busy:
            self.happen()
        given = request.parameters
        answer: dict[str, Any]
        if path == "me":
            answer = {"status": "success", "data": PROFILE}
        elif path == "bookings":
            answer = {"status": "success", **self.list_bookings(given)}
        else:
            rows = list(self.absences.values())
            skip = int(given["skip"])
            answer = {"status": "success", "data": rows[skip : skip + 2]}
        self.problems += find_answer_problems(path, answer)
        return Answer(answer)

    def list_bookings(self, given: Mapping[str, str]) -> dict[str, Any]:
        statuses = given["status"].split(",") if "status" in given else []
        of_status = [
            row
            for row in self.bookings.values()
            if not statuses or any(self.has_status(row, status) for status in statuses)
        ]
        after = given.get("afterUpdatedAt", "")
        rows = [row for row in of_status if row["updatedAt"] >= after]
        rows.sort(key=lambda row: (row["updatedAt" if self.ordered else "start"], row["uid"]))
        if "limit" in given:
            return self.follow(rows, given.get("cursor", ""), int(given["limit"]))
        skip, take = int(given["skip"]), int(given["take"])
        total = len(rows) if self.counts else len(of_status)
        page = rows[skip : skip + take]
        pages = {
            "totalItems": total,
            "remainingItems": max(0, total - skip - take),
            "returnedItems": len(page),
            "itemsPerPage": take,
            "currentPage": skip // take + 1,
            "totalPages": -(-total // take),
            "hasNextPage": total > skip + take,
            "hasPreviousPage": skip > 0,
        }
        return {"data": page, "pagination": pages}

    def follow(self, rows: list[dict[str, Any]], cursor: str, limit: int) -> dict[str, Any]:
        def place(row: dict[str, Any]) -> str:
            return f"{row['updatedAt']} {row['uid']}"

        rest = sorted((row for row in rows if place(row) > cursor), key=place)
        page = rest[:limit]
        more = len(rest) > limit
        pages = {"nextCursor": place(page[-1]) if more else None, "hasMore": more}
        return {"data": page, "pagination": pages}

    def has_status(self, row: Mapping[str, Any], status: str) -> bool:
        gone = row["status"] in {"cancelled", "rejected"}
        ahead = str(row["end"]) >= write(self.clock)
        match status:
            case "cancelled":
                return gone
            case "past":
                return not gone and not ahead
            case "unconfirmed":
                return ahead and row["status"] == "pending"
            case "recurring":
                return ahead and not gone and "recurringBookingUid" in row
            case _:
                return ahead and not gone


def write(instant: datetime) -> str:
    return instant.isoformat(timespec="milliseconds").replace("+00:00", "Z")
