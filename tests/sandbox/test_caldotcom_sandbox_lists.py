"""Which bookings a list shows, in which order, and how both ways of paging cut it."""

from datetime import datetime, timedelta

import pytest
import requests

from calendar_manager.sandbox.control_client import CaldotcomControl, ControlClient
from tests.sandbox.caldotcom_sandbox_api import HOST, CaldotcomApi, Json, at, open_account, text

pytestmark = pytest.mark.unit

CURSOR = "2026-05-01"


@pytest.fixture
def api(control: ControlClient, web: requests.Session) -> CaldotcomApi:
    return open_account(control, web)


@pytest.fixture
def caldotcom(control: ControlClient, api: CaldotcomApi) -> CaldotcomControl:
    del api
    return control.caldotcom


@pytest.fixture
def names(caldotcom: CaldotcomControl) -> dict[str, str]:
    """Bookings of every kind on Monday the 2nd at 8, as uid → name."""
    caldotcom.add_event_type(HOST, "Series", recurrences=2)
    made = {
        "over": caldotcom.book(HOST, at(1, 10)),
        "over and refused": caldotcom.book(HOST, at(1, 11), status="pending"),
        "over and open": caldotcom.book(HOST, at(1, 12), status="pending"),
        "running": caldotcom.book(HOST, at(2, 6), length_minutes=180),
        "coming": caldotcom.book(HOST, at(3, 10)),
        "open": caldotcom.book(HOST, at(4, 10), status="pending"),
        "refused": caldotcom.book(HOST, at(5, 10), status="pending"),
        "cancelled": caldotcom.book(HOST, at(6, 10)),
        "series": caldotcom.book(HOST, at(9, 10), event_type="series"),
    }
    for name in ("refused", "over and refused"):
        caldotcom.mutate(HOST, "decline", made[name][0]["uid"])
    caldotcom.mutate(HOST, "cancel", made["cancelled"][0]["uid"])
    caldotcom.mutate(HOST, "confirm", caldotcom.book(HOST, at(7, 10), status="pending")[0]["uid"])
    found = {one["uid"]: name for name, group in made.items() for one in group}
    return {**{one["uid"]: "confirmed" for one in caldotcom.truth(HOST).bookings}, **found}


MEANINGS = {
    "upcoming": ["running", "coming", "open", "confirmed", "series", "series"],
    "recurring": ["series", "series"],
    "past": ["over and open", "over"],
    "cancelled": ["cancelled", "refused", "over and refused"],
    "unconfirmed": ["open"],
}


@pytest.mark.parametrize("status", MEANINGS)
def test_each_status_shows_its_bookings_in_its_order(
    api: CaldotcomApi, names: dict[str, str], status: str
) -> None:
    assert [names[one["uid"]] for one in api.bookings(status=status)] == MEANINGS[status]


def test_statuses_add_up_and_none_shows_all(api: CaldotcomApi, names: dict[str, str]) -> None:
    both = [names[one["uid"]] for one in api.bookings(status="unconfirmed,past")]
    assert both == ["over", "over and open", "open"]
    assert {one["uid"] for one in api.bookings()} == names.keys()
    every = api.bookings(status=",".join(MEANINGS))
    assert {one["uid"] for one in every} == names.keys()
    assert len(every) == len(names)
    assert api.refused("GET", "bookings", params={"status": "accepted"})[0] == 400


def test_a_recurrence_that_waits_is_not_upcoming(
    api: CaldotcomApi, caldotcom: CaldotcomControl
) -> None:
    caldotcom.add_event_type(HOST, "Series", recurrences=2)
    caldotcom.book(HOST, at(9, 10), event_type="series", status="pending")
    assert api.bookings(status="upcoming") == []
    assert len(api.bookings(status="recurring")) == len(api.bookings(status="unconfirmed")) == 2


@pytest.mark.parametrize(
    ("query", "hours"),
    [
        ({"afterStart": text(3, 11)}, [11, 12, 13]),
        ({"beforeEnd": text(3, 11, 30)}, [10, 11]),
        ({"afterStart": text(3, 11), "beforeEnd": text(3, 12, 30)}, [11, 12]),
        ({"attendeeEmail": "11@client.example"}, [11]),
        ({"attendeeName": "Guest 12"}, [12]),
        ({"teamId": "1"}, []),
        ({"sortStart": "desc"}, [13, 12, 11, 10]),
        ({"sortEnd": "desc"}, [13, 12, 11, 10]),
        ({"sortCreated": "desc"}, [13, 12, 11, 10]),
        ({"sortUpdatedAt": "asc"}, [11, 12, 13, 10]),
        ({"sortUpdatedAt": "desc"}, [10, 13, 12, 11]),
    ],
)
def test_filters_and_sorts(
    control: ControlClient,
    api: CaldotcomApi,
    caldotcom: CaldotcomControl,
    query: dict[str, str],
    hours: list[int],
) -> None:
    book_four(control, caldotcom)
    found = api.bookings(**query)
    assert [datetime.fromisoformat(one["start"]).hour for one in found] == hours


def book_four(control: ControlClient, caldotcom: CaldotcomControl) -> list[Json]:
    """Bookings at 10, 11, 12 and 13; a minute apart, the first one changed last."""
    made = []
    for hour in (10, 11, 12, 13):
        made += caldotcom.book(
            HOST,
            at(3, hour),
            attendee_email=f"{hour}@client.example",
            attendee_name=f"Guest {hour}",
        )
        control.advance_clock(60)
    caldotcom.mutate(HOST, "mark_absent", made[0]["uid"])
    return made


def test_the_bounds_on_updated_at_include_the_very_instant(
    control: ControlClient, api: CaldotcomApi, caldotcom: CaldotcomControl
) -> None:
    book_four(control, caldotcom)
    stamps = [one["updatedAt"] for one in api.bookings(sortUpdatedAt="asc")]
    assert len(set(stamps)) == 4
    for index, stamp in enumerate(stamps):
        later = api.bookings(afterUpdatedAt=stamp, sortUpdatedAt="asc")
        assert [one["updatedAt"] for one in later] == stamps[index:]
        earlier = api.bookings(beforeUpdatedAt=stamp, sortUpdatedAt="asc")
        assert [one["updatedAt"] for one in earlier] == stamps[: index + 1]


@pytest.mark.parametrize(
    "query",
    [
        {"afterUpdatedAt": "2026-03-02"},
        {"afterUpdatedAt": "2026-03-02T10:00:00"},
        {"afterUpdatedAt": "2026-03-02T10:00:00+02:00"},
        {"take": "101"},
        {"take": "0"},
        {"take": "many"},
        {"skip": "-1"},
        {"sortStart": "up"},
        {"eventTypeIds": "1,two"},
        {"limit": "5"},
        {"cursor": "x"},
    ],
)
def test_wrong_values_are_400(api: CaldotcomApi, query: dict[str, str]) -> None:
    assert api.refused("GET", "bookings", params=query)[0] == 400


def test_a_late_commit_shows_changes_behind_the_watermark(
    control: ControlClient, api: CaldotcomApi, caldotcom: CaldotcomControl
) -> None:
    (first,) = caldotcom.book(HOST, at(3, 10))
    caldotcom.change_caldotcom_settings(late_commit_seconds=30)
    control.advance_clock(20)
    (second,) = caldotcom.book(HOST, at(3, 12))
    assert second["updatedAt"] < first["updatedAt"]
    assert [one["uid"] for one in api.bookings(afterUpdatedAt=first["updatedAt"])] == [first["uid"]]


def test_the_host_sees_what_is_attended_elsewhere(
    api: CaldotcomApi, caldotcom: CaldotcomControl
) -> None:
    caldotcom.add_account("other@example.com", name="Otto Other")
    (booking,) = caldotcom.book("other@example.com", at(3, 10), attendee_email=HOST)
    (shown,) = api.bookings()
    assert (shown["uid"], shown["hosts"][0]["email"]) == (booking["uid"], "other@example.com")


# Offset pages


def test_offset_pages_say_where_they_are(api: CaldotcomApi, names: dict[str, str]) -> None:
    total, seen = len(names), []
    for skip in range(0, total + 4, 4):
        body = api.send("GET", "bookings", params={"take": 4, "skip": skip}).json()
        seen += body["data"]
        left = max(0, total - skip - 4)
        assert body["pagination"] == {
            "totalItems": total,
            "remainingItems": left,
            "returnedItems": len(body["data"]),
            "itemsPerPage": 4,
            "currentPage": skip // 4 + 1,
            "totalPages": 3,
            "hasNextPage": left > 0,
            "hasPreviousPage": skip > 0,
        }
    assert seen == api.bookings()


def test_positions_shift_when_a_booking_changes_between_two_pages(
    control: ControlClient, api: CaldotcomApi, caldotcom: CaldotcomControl
) -> None:
    made = book_four(control, caldotcom)
    query = {"sortUpdatedAt": "asc", "take": 2}
    first = api.bookings(**query)
    control.advance_clock(60)
    caldotcom.mutate(HOST, "mark_absent", first[0]["uid"])
    second = api.bookings(**query, skip=2)
    missed = {one["uid"] for one in made} - {one["uid"] for one in [*first, *second]}
    assert missed == {made[3]["uid"]}


def test_the_shared_page_size_caps_a_page_and_says_so(
    control: ControlClient, api: CaldotcomApi, names: dict[str, str]
) -> None:
    control.change_settings(page_size=3)
    body = api.send("GET", "bookings").json()
    assert len(body["data"]) == body["pagination"]["itemsPerPage"] == 3
    assert body["pagination"]["hasNextPage"]
    page, pagination = cursor_page(api)
    assert (len(page), pagination["hasMore"]) == (3, True)
    assert len(names) > 3


# Cursor pages


def cursor_page(api: CaldotcomApi, **query: object) -> tuple[list[Json], Json]:
    body = api.send("GET", "bookings", version=CURSOR, params=query).json()
    assert body["status"] == "success", body
    return body["data"], body["pagination"]


def cursor_walk(api: CaldotcomApi, **query: object) -> list[Json]:
    rows, pagination = cursor_page(api, **query)
    while pagination["hasMore"]:
        page, pagination = cursor_page(api, **query, cursor=pagination["nextCursor"])
        rows += page
    assert pagination == {"nextCursor": None, "hasMore": False}
    return rows


def test_cursors_walk_all_backwards_without_a_status(
    api: CaldotcomApi, names: dict[str, str]
) -> None:
    rows = cursor_walk(api, limit=3)
    assert [one["uid"] for one in rows] == [one["uid"] for one in reversed(api.bookings())]
    assert len(rows) == len(names)


@pytest.mark.parametrize("status", MEANINGS)
def test_cursors_walk_one_status_in_its_direction(
    control: ControlClient, api: CaldotcomApi, names: dict[str, str], status: str
) -> None:
    anchored = [name for name in MEANINGS[status] if name != "running"]
    rows = cursor_walk(api, status=status, limit=1)
    assert [names[one["uid"]] for one in rows] == anchored
    control.caldotcom.change_caldotcom_settings(cursor_anchors=False)
    rows = cursor_walk(api, status=status, limit=1)
    assert [names[one["uid"]] for one in rows] == MEANINGS[status]


def test_the_cursor_list_takes_one_status_a_limit_and_its_own_cursors(api: CaldotcomApi) -> None:
    told = (400, "status accepts at most one value")
    query = {"status": "upcoming,past"}
    assert api.refused("GET", "bookings", version=CURSOR, params=query) == told
    for wrong in ({"limit": "101"}, {"cursor": "made up"}, {"take": "5"}, {"sortStart": "asc"}):
        assert api.refused("GET", "bookings", version=CURSOR, params=wrong)[0] == 400


def test_a_cursor_belongs_to_its_status(api: CaldotcomApi, names: dict[str, str]) -> None:
    del names
    cursor = cursor_page(api, status="upcoming", limit=1)[1]["nextCursor"]
    query = {"status": "past", "cursor": cursor}
    assert api.refused("GET", "bookings", version=CURSOR, params=query)[0] == 400


def test_a_cursor_delivers_nothing_twice_though_bookings_come_and_go(
    api: CaldotcomApi, caldotcom: CaldotcomControl
) -> None:
    made = [caldotcom.book(HOST, at(3, 8) + timedelta(hours=n))[0] for n in range(4)]
    first, pagination = cursor_page(api, status="upcoming", limit=2)
    caldotcom.mutate(HOST, "cancel", made[1]["uid"])
    caldotcom.book(HOST, at(3, 8, 30))
    (late,) = caldotcom.book(HOST, at(4, 8))
    second = cursor_page(api, status="upcoming", limit=10, cursor=pagination["nextCursor"])[0]
    uids = [one["uid"] for one in [*first, *second]]
    assert uids == [*(one["uid"] for one in made), late["uid"]]


def test_filters_hold_in_the_cursor_list_too(
    control: ControlClient, api: CaldotcomApi, caldotcom: CaldotcomControl
) -> None:
    made = book_four(control, caldotcom)
    rows = cursor_walk(api, afterUpdatedAt=made[2]["updatedAt"], limit=1)
    assert [one["uid"] for one in rows] == [made[index]["uid"] for index in (3, 2, 0)]


def test_the_offset_shape_may_come_whatever_version_is_asked(
    control: ControlClient, api: CaldotcomApi, names: dict[str, str]
) -> None:
    control.caldotcom.change_caldotcom_settings(booking_pages="offset")
    body = api.send("GET", "bookings", version=CURSOR, params={"limit": 2}).json()
    assert len(body["data"]) == len(names)
    assert "nextCursor" not in body["pagination"]
    query = {"take": 2, "skip": 2, "limit": 5, "cursor": "ignored"}
    assert (
        api.send("GET", "bookings", version=CURSOR, params=query).json()["data"]
        == (body["data"][2:4])
    )
