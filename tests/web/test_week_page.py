"""The week page: what the grid draws, the details of a meeting, and whose they are."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import httpx
import pytest

from calendar_manager.bootstrap import Services
from calendar_manager.domain.accounts import Calendar
from calendar_manager.domain.events import Attendee, Event, EventKind, Response
from calendar_manager.domain.timespan import Span
from calendar_manager.sync.detect import examine_conflicts
from tests.api.callers import Person, expect_problem
from tests.api.conftest import Clock
from tests.api.test_pages import sign_in, token_of
from tests.factories import (
    NOW,
    WINDOW,
    add_calendar,
    add_connection,
    count_statements,
    make_event,
    save_events,
    span,
)

pytestmark = pytest.mark.store

HTMX = {"HX-Request": "true"}
WEEKLY = ("RRULE:FREQ=WEEKLY;BYDAY=MO,WE",)


@dataclass
class Desk:
    """Somebody in front of the page, with one calendar."""

    services: Services
    person: Person
    browser: httpx.Client
    calendar: Calendar

    def add_calendar(self, name: str, **columns: Any) -> Calendar:
        with self.services.store.begin() as uow:
            connection = add_connection(uow, UUID(self.person.id))
            return add_calendar(uow, connection, name=name, **columns)

    def save(
        self, *events: Event, calendar: Calendar | None = None, window: Span = WINDOW
    ) -> list[UUID]:
        with self.services.store.begin() as uow:
            return save_events(uow, calendar or self.calendar, *events, window=window)

    def add_client(self, name: str, color: str = "#123456") -> str:
        answer = self.person.post("/api/clients", json={"name": name, "color": color})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    def ask(self, **query: Any) -> httpx.Response:
        asked = {"start": "2026-03-02", "end": "2026-03-09"} | query
        return self.browser.get(
            "/week/events", params=asked, headers={"Accept": "application/json"}
        )

    def draw(self, **query: Any) -> Any:
        answer = self.ask(**query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def titles(self, **query: Any) -> list[str]:
        return [one["title"] for one in self.draw(**query)["events"]]

    def details(self, title: str, **query: Any) -> httpx.Response:
        url = next(one["url"] for one in self.draw(**query)["events"] if one["title"] == title)
        return self.browser.get(url, headers=HTMX)

    def assign(self, url: str, **fields: str) -> httpx.Response:
        path, _, query = url.partition("?")
        token = token_of(self.browser.get(url, headers=HTMX).text)
        return self.browser.post(f"{path}/client?{query}", data=fields | {"csrf_token": token})


@pytest.fixture
def desk(
    services: Services,
    sign_up: Callable[..., Person],
    browser: httpx.Client,
    clock: Clock,
) -> Desk:
    """Signs Mara in, and lets it be the Monday morning of the factories."""
    clock.offset = NOW - clock()
    person = sign_up("mara@example.com")
    sign_in(browser)
    with services.store.begin() as uow:
        calendar = add_calendar(uow, add_connection(uow, UUID(person.id)))
    return Desk(services, person, browser, calendar)


def test_strangers_see_neither_the_page_nor_its_events(browser: httpx.Client) -> None:
    for path in ("/week", "/week/events?start=2026-03-02&end=2026-03-09"):
        answer = browser.get(path)
        assert answer.status_code == 303
        assert answer.headers["location"].startswith("/login")


def test_without_an_account_the_page_leads_to_the_connections(
    services: Services, sign_up: Callable[..., Person], browser: httpx.Client
) -> None:
    sign_up("mara@example.com")
    sign_in(browser)
    page = browser.get("/week").text
    assert "Connect an account" in page
    assert 'href="/connections"' in page
    assert 'id="grid"' not in page


def test_the_page_shows_what_its_address_says(desk: Desk) -> None:
    other = desk.add_calendar("Private")
    page = desk.browser.get(
        "/week",
        params={
            "date": "2026-03-29",
            "view": "month",
            "tz": "Asia/Tokyo",
            "calendar": str(other.id),
            "declined": "yes",
        },
    ).text
    for part in ('data-date="2026-03-29"', 'data-view="month"', 'data-zone="Asia/Tokyo"'):
        assert part in page
    assert f'value="{other.id}" checked' in page
    assert f'value="{desk.calendar.id}">' in page
    assert 'name="declined" value="yes" checked' in page


def test_an_address_that_says_nonsense_is_forgiven(desk: Desk) -> None:
    answer = desk.browser.get(
        "/week", params={"date": "soon", "view": "year", "tz": "Mars/Base", "calendar": "x"}
    )
    assert answer.status_code == 200
    assert 'data-date="2026-03-02"' in answer.text
    assert 'data-zone="Europe/Berlin"' in answer.text
    assert "There is no time zone “Mars/Base”" in answer.text


def test_a_calendar_that_was_never_read_is_said_to_be_on_its_way(desk: Desk) -> None:
    desk.add_calendar("Fresh", last_synced_at=None)
    assert "Reading Fresh for the first time." in desk.browser.get("/week").text
    assert desk.draw()["reading"] == ["Fresh"]


def test_a_calendar_that_cannot_be_read_is_not_said_to_be_on_its_way(desk: Desk) -> None:
    desk.add_calendar("Failing", last_synced_at=None, failures=2)
    broken = desk.add_calendar("Broken", last_synced_at=None)
    with desk.services.store.begin() as uow:
        uow.connections.mark_needs_reauth(broken.connection_id, "The access was taken back.")
    assert "for the first time" not in desk.browser.get("/week").text
    assert desk.draw()["reading"] == []


def test_meetings_are_drawn_on_the_wall_clock_of_the_asked_zone(desk: Desk) -> None:
    desk.save(make_event("Review", "03-03 09:00", "03-03 10:00"))
    (own,) = desk.draw()["events"]
    assert (own["start"], own["end"]) == ("2026-03-03T10:00:00", "2026-03-03T11:00:00")
    (tokyo,) = desk.draw(tz="Asia/Tokyo")["events"]
    assert (tokyo["start"], tokyo["end"]) == ("2026-03-03T18:00:00", "2026-03-03T19:00:00")
    assert own["label"] == "Tuesday 3 March 2026, 10:00\N{EN DASH}11:00, on Work"


def test_all_day_meetings_have_the_same_days_in_every_zone(desk: Desk) -> None:
    desk.save(make_event("Trip", "03-02", "03-04"))
    for zone in ("Europe/Berlin", "Pacific/Auckland", "Pacific/Honolulu"):
        (one,) = desk.draw(tz=zone)["events"]
        assert (one["start"], one["end"], one["all_day"]) == ("2026-03-02", "2026-03-04", True)
        assert desk.titles(tz=zone, start="2026-03-04") == []
        assert desk.titles(tz=zone, start="2026-02-25", end="2026-03-02") == []


def test_a_series_keeps_its_wall_clock_when_clocks_go_forward(desk: Desk) -> None:
    desk.save(make_event("Daily", "03-02 08:00", "03-02 09:00", recurrence=("RRULE:FREQ=DAILY",)))
    drawn = desk.draw(start="2026-03-23", end="2026-03-30")
    assert [one["start"][11:] for one in drawn["events"]] == ["09:00:00"] * 7
    assert drawn["clock_changes"] == [
        "Clocks go forward on Sunday 29 March: that day has 23 hours."
    ]
    assert desk.draw()["clock_changes"] == []


def test_a_meeting_across_the_hour_that_comes_twice_is_drawn_with_its_length(desk: Desk) -> None:
    # Berlin: 02:30 summer time to 02:15 winter time, three quarters of an hour later.
    desk.save(make_event("Night shift", "10-25 00:30", "10-25 01:15"))
    drawn = desk.draw(start="2026-10-19", end="2026-10-26")
    (one,) = drawn["events"]
    assert (one["start"], one["end"]) == ("2026-10-25T02:30:00", "2026-10-25T03:15:00")
    assert drawn["clock_changes"] == ["Clocks go back on Sunday 25 October: that day has 25 hours."]


def test_the_same_meeting_on_two_calendars_is_drawn_once(desk: Desk) -> None:
    other = desk.add_calendar("Acme")
    for calendar in (None, other):
        desk.save(
            make_event("Review", "03-03 09:00", "03-03 10:00", ical_uid="uid@acme"),
            calendar=calendar,
        )
    desk.save(make_event("Alone", "03-03 09:00", "03-03 10:00"), calendar=other)
    shared, alone = sorted(desk.draw()["events"], key=lambda one: one["title"], reverse=True)
    assert {one["name"] for one in shared["calendars"]} == {"Work", "Acme"}
    assert [one["name"] for one in alone["calendars"]] == ["Acme"]


def test_filters_hide_by_calendar_and_by_client(desk: Desk) -> None:
    other = desk.add_calendar("Acme")
    acme = desk.add_client("Acme Ltd")
    desk.save(make_event("Mine", "03-03 09:00", "03-03 10:00"))
    desk.save(make_event("Theirs", "03-04 09:00", "03-04 10:00"), calendar=other)
    url = next(one["url"] for one in desk.draw()["events"] if one["title"] == "Theirs")
    assert desk.assign(url, client=acme).status_code == 303
    assert desk.titles(calendar=str(other.id)) == ["Theirs"]
    assert desk.titles(client=acme) == ["Theirs"]
    assert desk.titles(client="none") == ["Mine"]
    assert desk.titles(client=[acme, "none"]) == ["Mine", "Theirs"]
    nothing = desk.draw(calendar="")
    assert (nothing["events"], nothing["hidden"]) == ([], 2)


def test_colours_are_those_of_calendars_or_of_clients(desk: Desk) -> None:
    acme = desk.add_client("Acme Ltd", "#0a5f38")
    desk.save(make_event("Mine", "03-03 09:00", "03-03 10:00"))
    (one,) = desk.draw()["events"]
    assert desk.assign(one["url"], client=acme).status_code == 303
    by_client = desk.draw(color="client")["events"][0]
    assert (by_client["color"], by_client["client"]["name"]) == ("#0a5f38", "Acme Ltd")
    assert desk.draw()["events"][0]["color"] == one["color"] != "#0a5f38"


def test_declined_meetings_are_shown_only_when_asked_for(desk: Desk) -> None:
    desk.save(make_event("No", "03-03 09:00", "03-03 10:00", my_response=Response.DECLINED))
    assert desk.titles() == []
    (one,) = desk.draw(declined="yes")["events"]
    assert one["declined"]
    assert "declined" in one["label"]


def test_conflicts_are_marked_with_their_severity_in_words(desk: Desk) -> None:
    desk.save(
        make_event("One", "03-03 09:00", "03-03 10:00"),
        make_event("Two", "03-03 09:30", "03-03 10:30"),
        make_event("Maybe", "03-04 09:00", "03-04 10:00", my_response=Response.TENTATIVE),
        make_event("Firm", "03-04 09:00", "03-04 10:00"),
        make_event("Free", "03-05 09:00", "03-05 10:00"),
    )
    examine_conflicts(desk.services.store, UUID(desk.person.id), desk.services.clock)
    drawn = desk.draw()
    severities = {one["title"]: one["severity"] for one in drawn["events"]}
    assert severities == {
        "One": "high",
        "Two": "high",
        "Maybe": "medium",
        "Firm": "medium",
        "Free": None,
    }
    assert drawn["conflicts"] == 2
    one = next(one for one in drawn["events"] if one["title"] == "One")
    assert "high conflict, overlaps with Two" in one["label"]
    maybe = next(one for one in drawn["events"] if one["title"] == "Maybe")
    assert maybe["uncertain"] == "tentative"
    page = desk.details("One").text
    assert "High conflict:" in page
    assert "overlaps with Two" in page
    assert 'href="/conflicts/' in page


def test_free_time_is_shaded_on_the_clock_of_the_asked_zone(desk: Desk) -> None:
    desk.save(make_event("Lunch", "03-03 11:00", "03-03 12:00"))
    own = desk.draw(start="2026-03-03", end="2026-03-04")["free"]
    assert own == [
        ["2026-03-03T09:00:00", "2026-03-03T12:00:00"],
        ["2026-03-03T13:00:00", "2026-03-03T17:00:00"],
    ]
    utc = desk.draw(start="2026-03-03", end="2026-03-04", tz="UTC")["free"]
    assert utc[0] == ["2026-03-03T08:00:00", "2026-03-03T11:00:00"]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"end": "2026-06-01"}, "end"),
        ({"end": "2026-03-02"}, "end"),
        ({"start": "0001-01-01", "end": "0001-01-05"}, "start"),
        ({"start": "soon"}, "start"),
        ({"tz": "Mars/Base"}, "tz"),
    ],
)
def test_a_range_that_cannot_be_drawn_is_refused(
    desk: Desk, query: dict[str, str], field: str
) -> None:
    expect_problem(desk.ask(**query), 422, "validation_failed", field)


def test_many_meetings_cost_as_many_statements_as_few(desk: Desk) -> None:
    engine = desk.services.store.engine
    other = desk.add_calendar("Acme")
    desk.add_client("Acme Ltd")

    def fill(hours: range) -> int:
        for calendar in (None, other):
            desk.save(
                *(
                    make_event(
                        f"{hour}",
                        f"03-03 {hour:02}:00",
                        f"03-03 {hour:02}:50",
                        ical_uid=f"{hour}@acme",
                    )
                    for hour in hours
                ),
                calendar=calendar,
            )
        with count_statements(engine) as seen:
            desk.draw()
        return len(seen)

    few = fill(range(1, 2))
    assert fill(range(2, 20)) == few
    assert few <= 14


def test_nothing_of_another_user_is_drawn_or_told(
    desk: Desk, sign_up: Callable[..., Person], base_url: str
) -> None:
    desk.save(make_event("Secret", "03-03 09:00", "03-03 10:00"))
    secret = desk.draw()["events"][0]["url"]
    acme = desk.add_client("Secret client")
    sign_up("otto@example.com")
    with httpx.Client(base_url=base_url, headers={"Accept": "text/html"}, timeout=30) as theirs:
        sign_in(theirs, "otto@example.com")
        otto = theirs.get("/api/auth/me").json()["id"]
        with desk.services.store.begin() as uow:
            calendar = add_calendar(uow, add_connection(uow, UUID(otto)), name="Otto's")
            save_events(uow, calendar, make_event("Own", "03-04 09:00", "03-04 10:00"))
        params = {"start": "2026-03-02", "end": "2026-03-09", "calendar": str(desk.calendar.id)}
        drawn = theirs.get("/week/events", params=params)
        assert drawn.json()["events"] == []
        del params["calendar"]
        (own,) = theirs.get("/week/events", params=params).json()["events"]
        assert own["title"] == "Own"
        assert "Secret" not in theirs.get("/week").text
        assert theirs.get(secret, headers=HTMX).status_code == 404
        path, _, query = secret.partition("?")
        token = token_of(theirs.get(own["url"]).text)
        answer = theirs.post(f"{path}/client?{query}", data={"csrf_token": token})
        assert answer.status_code == 404
        path, _, query = own["url"].partition("?")
        taken = theirs.post(f"{path}/client?{query}", data={"csrf_token": token, "client": acme})
        assert taken.status_code == 422
        assert "There is no such client" in taken.text


def test_details_tell_everything_about_a_meeting(desk: Desk) -> None:
    desk.save(
        make_event(
            "Review",
            "03-02 09:00",
            "03-02 10:00",
            recurrence=WEEKLY,
            time_zone="America/New_York",
            location="Mitte <b>1</b>",
            meeting_url="https://meet.example.com/x",
            attendees=(
                Attendee(email="jo@acme.test", name="Jo", response=Response.ACCEPTED),
                Attendee(email="mara@example.com", is_self=True, optional=True),
            ),
        )
    )
    page = desk.details("Review").text
    assert "<html" not in page
    for part in (
        "Monday 2 March 2026, 10:00\N{EN DASH}11:00",
        "Europe/Berlin time",
        "04:00\N{EN DASH}05:00 in America/New York",
        "Every week on Monday and Wednesday",
        "Mitte &lt;b&gt;1&lt;/b&gt;",
        'href="https://meet.example.com/x"',
        "Jo",
        "accepted",
        "you, optional",
    ):
        assert part in page, part


def test_details_open_as_a_page_of_their_own_too(desk: Desk) -> None:
    desk.save(make_event("Review", "03-03 09:00", "03-03 10:00"))
    (one,) = desk.draw()["events"]
    page = desk.browser.get(one["url"]).text
    assert "<html" in page
    assert "Back to the week" in page
    assert 'href="/week?date=2026-03-03&amp;tz=Europe/Berlin"' in page


@pytest.mark.parametrize("address", ["javascript:alert(1)", "http://meet.example.com", "https:"])
def test_only_https_is_ever_a_link(desk: Desk, address: str) -> None:
    desk.save(make_event("Call", "03-03 09:00", "03-03 10:00", meeting_url=address))
    assert "Join the meeting" not in desk.details("Call").text


def test_a_place_on_the_web_is_where_the_meeting_is_joined(desk: Desk) -> None:
    desk.save(make_event("Call", "03-03 09:00", "03-03 10:00", location="https://meet.test/a"))
    page = desk.details("Call").text
    assert 'href="https://meet.test/a"' in page
    assert "Place" not in page


def test_details_are_found_beyond_the_horizon(desk: Desk) -> None:
    desk.save(make_event("Weekly", "03-02 09:00", "03-02 10:00", recurrence=WEEKLY))
    years = {"start": "2031-03-03", "end": "2031-03-10"}
    page = desk.details("Weekly", **years)
    assert page.status_code == 200
    assert "Monday 3 March 2031" in page.text


def test_an_address_without_an_instant_or_of_another_time_leads_nowhere(desk: Desk) -> None:
    desk.save(make_event("Review", "03-03 09:00", "03-03 10:00"))
    path = desk.draw()["events"][0]["url"].partition("?")[0]
    for at in ("2026-03-03T09:00:00", "2026-03-03T09:30:00Z", "9999-12-31T23:59:59Z"):
        answer = desk.browser.get(path, params={"at": at}, headers=HTMX)
        assert answer.status_code == 404, at


def test_a_client_is_said_of_one_occurrence_or_of_the_series(desk: Desk) -> None:
    acme = desk.add_client("Acme Ltd")
    desk.save(make_event("Weekly", "03-02 09:00", "03-02 10:00", recurrence=WEEKLY))

    def clients() -> list[str | None]:
        return [one["client"] and one["client"]["name"] for one in desk.draw()["events"]]

    first = desk.draw()["events"][0]["url"]
    assert desk.assign(first, client=acme, scope="event").status_code == 303
    assert clients() == ["Acme Ltd", None]
    assert desk.assign(first, client=acme, scope="series").status_code == 303
    assert clients() == ["Acme Ltd", "Acme Ltd"]
    assert desk.assign(first, client="rules", scope="series").status_code == 303
    assert clients() == ["Acme Ltd", None]
    assert desk.assign(first, client="nobody").status_code == 303
    assert clients() == [None, None]


def test_a_client_is_said_beyond_the_horizon_too(desk: Desk) -> None:
    acme = desk.add_client("Acme Ltd")
    desk.save(make_event("Weekly", "03-02 09:00", "03-02 10:00", recurrence=WEEKLY))
    years = {"start": "2031-03-03", "end": "2031-03-10"}
    first = desk.draw(**years)["events"][0]["url"]
    assert desk.assign(first, client=acme).status_code == 303
    assert [bool(one["client"]) for one in desk.draw(**years)["events"]] == [True, False]


def test_a_client_is_said_of_an_occurrence_that_was_moved(desk: Desk) -> None:
    acme = desk.add_client("Acme Ltd")
    master = make_event("Weekly", "03-02 09:00", "03-02 10:00", recurrence=WEEKLY)
    moved = make_event(
        "Moved",
        "03-05 09:00",
        "03-05 10:00",
        kind=EventKind.OVERRIDE,
        series_id=master.provider_event_id,
        original_start=span("03-04 09:00", "03-04 10:00").start,
    )
    desk.save(master, moved)
    url = next(one["url"] for one in desk.draw()["events"] if one["title"] == "Moved")
    assert "this one was changed" in desk.browser.get(url, headers=HTMX).text
    assert desk.assign(url, client=acme, project="Relaunch").status_code == 303
    assert [bool(one["client"]) for one in desk.draw()["events"]] == [False, True]
    page = desk.browser.get(url, headers=HTMX).text
    assert 'value="Relaunch"' in page
    assert "said by you" in page


def test_all_copies_of_a_meeting_get_the_client(desk: Desk) -> None:
    acme = desk.add_client("Acme Ltd")
    other = desk.add_calendar("Acme")
    for calendar in (None, other):
        desk.save(
            make_event("Review", "03-03 09:00", "03-03 10:00", ical_uid="uid@acme"),
            calendar=calendar,
        )
    (one,) = desk.draw()["events"]
    assert desk.assign(one["url"], client=acme).status_code == 303
    listed = desk.person.get(
        "/api/events", params={"start": "2026-03-02", "end": "2026-03-09", "client_id": acme}
    )
    assert len(listed.json()["items"]) == 2


def test_what_a_person_said_of_one_copy_counts_before_the_other_ones_calendar(desk: Desk) -> None:
    acme = desk.add_client("Acme Ltd")
    review = make_event("Review", "03-03 09:00", "03-03 10:00", ical_uid="uid@acme")
    (event_id,) = desk.save(review)
    said = {"client_id": None, "scope": "event"}
    assert desk.person.patch(f"/api/events/{event_id}/client", json=said).status_code == 200
    other = desk.add_calendar("Acme")
    settings = {"client_id": acme}
    answer = desk.person.patch(f"/api/calendars/{other.id}", json=settings)
    assert answer.status_code == 200, answer.text
    desk.save(review, calendar=other)
    page = desk.details("Review").text
    assert "Belongs to nobody, said by you." in page
    hours = desk.person.get(
        f"/api/clients/{acme}/hours", params={"start": "2026-03-02", "end": "2026-03-09"}
    )
    assert hours.json()["total"]["meetings"] == 0, "the page says what is counted"


def client_of(desk: Desk) -> str | None:
    """Whom the only meeting of the week belongs to in the grid, by name."""
    (one,) = desk.draw()["events"]
    return one["client"] and str(one["client"]["name"])


def count_meetings(desk: Desk, client: str) -> int:
    days = {"start": "2026-03-02", "end": "2026-03-09"}
    hours = desk.person.get(f"/api/clients/{client}/hours", params=days)
    return int(hours.json()["total"]["meetings"])


@pytest.mark.parametrize("said_first", [True, False])
def test_the_grid_names_the_client_that_a_meeting_on_two_calendars_counts_for(
    desk: Desk,
    said_first: bool,  # noqa: FBT001 - pytest names the arguments.
) -> None:
    acme, bolt = desk.add_client("Acme Ltd"), desk.add_client("Bolt Ltd")
    other = desk.add_calendar("Bolt", client_id=UUID(bolt))
    review = make_event("Review", "03-03 09:00", "03-03 10:00", ical_uid="uid@acme")
    tentative = replace(review, my_response=Response.TENTATIVE)
    copies = [review, tentative] if said_first else [tentative, review]
    (said_of,) = desk.save(copies[0])
    desk.save(copies[1], calendar=other)
    assert client_of(desk) == "Bolt Ltd"
    said = {"client_id": acme, "scope": "event"}
    assert desk.person.patch(f"/api/events/{said_of}/client", json=said).status_code == 200
    assert client_of(desk) == "Acme Ltd"
    assert (count_meetings(desk, acme), count_meetings(desk, bolt)) == (1, 0)
    assert desk.titles(client=acme) == ["Review"]
    assert desk.titles(client=bolt) == []


def test_a_copy_that_takes_no_time_does_not_say_whose_a_meeting_is(desk: Desk) -> None:
    acme, bolt = desk.add_client("Acme Ltd"), desk.add_client("Bolt Ltd")
    other = desk.add_calendar("Bolt", client_id=UUID(bolt))
    review = make_event("Review", "03-03 09:00", "03-03 10:00", ical_uid="uid@acme")
    (declined,) = desk.save(replace(review, my_response=Response.DECLINED))
    desk.save(review, calendar=other)
    said = {"client_id": acme, "scope": "event"}
    assert desk.person.patch(f"/api/events/{declined}/client", json=said).status_code == 200
    assert client_of(desk) == "Bolt Ltd"
    assert (count_meetings(desk, acme), count_meetings(desk, bolt)) == (0, 1)


def test_saving_in_the_dialog_answers_the_fragment_and_lets_the_grid_follow(desk: Desk) -> None:
    acme = desk.add_client("Acme Ltd")
    desk.save(make_event("Review", "03-03 09:00", "03-03 10:00"))
    (one,) = desk.draw()["events"]
    path, _, query = one["url"].partition("?")
    token = token_of(desk.browser.get(one["url"], headers=HTMX).text)
    answer = desk.browser.post(
        f"{path}/client?{query}",
        data={"client": acme, "project": "Relaunch"},
        headers=HTMX | {"X-CSRF-Token": token},
    )
    assert answer.status_code == 200
    assert answer.headers["HX-Trigger"] == "week-changed"
    assert "<html" not in answer.text
    assert "Saved." in answer.text
    assert f'<option value="{acme}" selected>' in answer.text


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"client": "somebody"}, "Choose somebody from the list."),
        ({"client": "nobody", "project": "x" * 201}, "Use at most 200 characters for a project."),
        ({"client": "nobody", "project": "a\u0000b"}, "Control characters are not allowed here."),
        ({"client": "nobody", "scope": "all"}, "Choose one of the two."),
    ],
)
def test_what_cannot_be_saved_is_said_beside_its_field(
    desk: Desk, fields: dict[str, str], sentence: str
) -> None:
    desk.add_client("Acme Ltd")
    desk.save(make_event("Review", "03-03 09:00", "03-03 10:00"))
    (one,) = desk.draw()["events"]
    answer = desk.assign(one["url"], **fields)
    assert answer.status_code == 422
    assert sentence in answer.text


def test_a_form_of_another_site_changes_nothing(desk: Desk) -> None:
    acme = desk.add_client("Acme Ltd")
    desk.save(make_event("Review", "03-03 09:00", "03-03 10:00"))
    (one,) = desk.draw()["events"]
    path, _, query = one["url"].partition("?")
    assert desk.browser.post(f"{path}/client?{query}", data={"client": acme}).status_code == 403
    assert desk.draw()["events"][0]["client"] is None


def test_mirrors_and_hidden_calendars_stay_out(desk: Desk) -> None:
    unread = desk.add_calendar("Unread", sync_enabled=False)
    desk.save(make_event("Copy", "03-03 09:00", "03-03 10:00", mirror=True))
    desk.save(make_event("Hidden", "03-03 09:00", "03-03 10:00"), calendar=unread)
    assert desk.titles() == []
    assert "Unread" not in desk.browser.get("/week").text


def test_a_meeting_without_length_or_title_can_still_be_seen(desk: Desk) -> None:
    desk.save(make_event("", "03-03 09:00", "03-03 09:00"))
    (one,) = desk.draw()["events"]
    assert (one["title"], one["clocks"]) == ("(No title)", "10:00")
    assert one["end"] > one["start"]
    assert desk.browser.get(one["url"], headers=HTMX).status_code == 200
