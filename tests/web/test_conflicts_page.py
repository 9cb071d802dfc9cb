"""The pages of conflicts: what is wrong, where to go, and how it ends."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from html import unescape
from uuid import UUID, uuid4

import httpx
import pytest

from calendar_manager.bootstrap import Services
from calendar_manager.domain.accounts import Calendar
from calendar_manager.domain.events import Attendee, Event, EventStatus
from calendar_manager.sync.detect import examine_conflicts
from tests.api.callers import Person
from tests.api.conftest import Clock
from tests.api.test_pages import sign_in, token_of
from tests.factories import (
    NOW,
    add_calendar,
    add_connection,
    count_statements,
    delete_events,
    make_event,
    save_events,
)

pytestmark = pytest.mark.store

GUEST = Attendee(email="jo@client.test")
HTMX = {"HX-Request": "true"}


@dataclass
class Desk:
    """Somebody in Berlin with one calendar, and the browser in which they are signed in."""

    services: Services
    person: Person
    calendar: Calendar
    browser: httpx.Client

    def save(self, *events: Event) -> None:
        with self.services.store.begin() as uow:
            save_events(uow, self.calendar, *events)
        examine_conflicts(self.services.store, UUID(self.person.id), lambda: NOW)

    def delete(self, *events: Event) -> None:
        with self.services.store.begin() as uow:
            delete_events(uow, self.calendar, *events)
        examine_conflicts(self.services.store, UUID(self.person.id), lambda: NOW)

    def double_booking(self, day: str = "03-03", **fields: object) -> Event:
        """Store two meetings that overlap and return the one that is cheaper to move."""
        bank = make_event(f"bank {day}", f"{day} 09:30", f"{day} 10:30", **fields)
        review = make_event(f"review {day}", f"{day} 09:00", f"{day} 10:00", attendees=(GUEST,))
        self.save(review, bank)
        return bank

    def page(self, address: str = "/conflicts", **headers: str) -> str:
        answer = self.browser.get(address, headers=headers)
        assert answer.status_code == 200, answer.text
        return unescape(answer.text)

    def only_id(self) -> str:
        (found,) = set(re.findall(r'id="conflict-([0-9a-f-]{36})"', self.page()))
        return str(found)

    def end(self, conflict_id: str, *, htmx: bool = False, **fields: str) -> httpx.Response:
        token = token_of(self.browser.get("/conflicts").text)
        return self.browser.post(
            f"/conflicts/{conflict_id}/end",
            data={**fields, "csrf_token": token},
            headers=HTMX if htmx else {},
        )


@pytest.fixture
def make_desk(
    services: Services, sign_up: Callable[..., Person], clock: Clock, base_url: str
) -> Iterator[Callable[..., Desk]]:
    """Signs people in, and then lets it be the Monday morning of the factories."""
    browsers: list[httpx.Client] = []

    def make_desk(email: str = "mara@example.com") -> Desk:
        clock.offset = timedelta(0)
        person = sign_up(email)
        clock.offset = NOW - clock()
        browser = httpx.Client(base_url=base_url, headers={"Accept": "text/html"}, timeout=30)
        browsers.append(browser)
        sign_in(browser, email)
        with services.store.begin() as uow:
            connection = add_connection(uow, UUID(person.id))
            calendar = add_calendar(uow, connection, name="Work calendar")
        return Desk(services, person, calendar, browser)

    yield make_desk
    for browser in browsers:
        browser.close()


@pytest.fixture
def desk(make_desk: Callable[..., Desk]) -> Desk:
    return make_desk()


def states(page: str) -> dict[str, int]:
    found = re.findall(r'>(\w+) <span class="tally number">(\d+)</span>', page)
    return {label: int(count) for label, count in found}


def next_part(page: str) -> str:
    more = re.search(r'hx-get="(/conflicts\?[^"]*after=[^"]*)"', page)
    assert more is not None
    return more[1]


def titles(page: str) -> list[str]:
    return re.findall(r'<h3 id="title-[^>]*><a [^>]*>([^<]*)</a>', page)


def test_a_conflict_says_what_is_wrong_and_where_the_cheaper_meeting_could_go(desk: Desk) -> None:
    desk.double_booking()
    page = desk.page()
    assert "Tomorrow, Tuesday 3 March" in page
    assert titles(page) == ["review 03-03 and bank 03-03"]
    assert "They overlap by 30 minutes." in page
    assert "10:00\N{EN DASH}11:00" in page
    assert "Work calendar" in page
    assert "<b>bank 03-03</b> is easier to move: nobody else is invited." in page
    assert "Tue 3 Mar, 11:00\N{EN DASH}12:00" in page
    letter = re.search(r'<textarea class="letter"[^>]*>(.*?)</textarea>', page, re.DOTALL)
    assert letter is not None
    assert letter[1].splitlines()[1] == (
        "- Tuesday 3 March 2026, 11:00\N{EN DASH}12:00 (Europe/Berlin)"
    )


def test_titles_are_text_and_not_markup(desk: Desk) -> None:
    desk.save(
        make_event("<b>review", "03-03 09:00", "03-03 10:00"),
        make_event("bank", "03-03 09:30", "03-03 10:30", location="<i>here"),
    )
    page = desk.browser.get("/conflicts").text
    assert "&lt;b&gt;review" in page
    assert "<b>review" not in page
    assert "<i>here" not in page


def test_filters_narrow_the_list_and_its_counts(desk: Desk) -> None:
    desk.double_booking("03-03")
    desk.double_booking("03-04", status=EventStatus.TENTATIVE)
    assert states(desk.page()) == {"Open": 2, "Resolved": 0, "Ignored": 0}
    medium = desk.page("/conflicts?severity=medium")
    assert titles(medium) == ["review 03-04 and bank 03-04"]
    assert states(medium) == {"Open": 1, "Resolved": 0, "Ignored": 0}
    assert "Show all kinds" in desk.page("/conflicts?type=travel")
    wrong = desk.page("/conflicts?status=gone&severity=fatal&type=x&after=y")
    assert len(titles(wrong)) == 2, "what an address says wrongly counts as not said"


def test_what_is_over_and_was_never_ended_is_kept_apart(desk: Desk, clock: Clock) -> None:
    desk.double_booking("03-03")
    desk.double_booking("03-04")
    clock.advance(timedelta(days=1, hours=8))
    page = desk.page()
    assert titles(page) == ["review 03-04 and bank 03-04"]
    assert states(page) == {"Open": 1, "Resolved": 0, "Ignored": 0, "Past": 1}
    past = desk.page("/conflicts?status=past")
    assert titles(past) == ["review 03-03 and bank 03-03"]
    assert "is easier to move" not in past


def test_an_empty_list_says_what_would_be_in_it(desk: Desk) -> None:
    for state, words in (
        ("resolved", "Conflicts that you resolve"),
        ("ignored", "Conflicts that you ignore"),
        ("past", "A conflict that is over without an answer of yours"),
    ):
        assert words in desk.page(f"/conflicts?status={state}"), state


def test_the_rest_of_a_long_list_follows_without_repeating_anything(desk: Desk) -> None:
    for day in range(3, 15):
        desk.double_booking(f"03-{day:02}")
    first = desk.page()
    more = next_part(first)
    rest = desk.page(more, **HTMX)
    assert "<html" not in rest
    assert "autofocus" in rest
    whole = titles(first) + titles(rest)
    assert whole == [f"review 03-{day:02} and bank 03-{day:02}" for day in range(3, 15)]
    assert "Show more" not in rest
    assert titles(desk.page(more)) == titles(rest), "the same works without scripts"


def test_the_latest_ended_conflicts_come_first_over_several_pages(desk: Desk) -> None:
    for day in range(3, 15):
        desk.double_booking(f"03-{day:02}")
    for part in (desk.page(), desk.page(next_part(desk.page()))):
        for conflict_id in re.findall(r'id="conflict-([0-9a-f-]{36})"', part):
            assert desk.end(conflict_id, resolution="ignored").status_code == 303
    first = desk.page("/conflicts?status=ignored")
    shown = titles(first) + titles(desk.page(next_part(first)))
    days = [title.split()[1] for title in shown]
    assert days == [f"03-{day:02}" for day in range(14, 2, -1)]


@pytest.mark.parametrize(
    ("resolution", "said"),
    [("resolved", "You resolved this on"), ("ignored", "You ignored this on")],
)
def test_a_conflict_is_ended_with_a_note_as_a_plain_form(
    desk: Desk, resolution: str, said: str
) -> None:
    desk.double_booking()
    conflict_id = desk.only_id()
    answer = desk.end(conflict_id, resolution=resolution, note=" Jo <goes>. ")
    assert answer.status_code == 303
    address = answer.headers["location"]
    assert address == f"/conflicts/{conflict_id}?done=conflict-{resolution}"
    page = desk.page(address)
    assert said in page
    assert "It opens again by itself if a meeting moves." in page
    assert page.count("Jo <goes>.") == 3, "in the state, the form and the history"
    assert states(desk.page())[resolution.capitalize()] == 1
    assert titles(desk.page()) == []


def test_with_scripts_the_card_is_answered_in_its_place(desk: Desk) -> None:
    desk.double_booking()
    conflict_id = desk.only_id()
    answer = desk.end(conflict_id, htmx=True, resolution="resolved")
    assert answer.status_code == 200
    assert answer.text.lstrip().startswith("<article")
    assert "You resolved this on" in answer.text
    assert answer.headers["HX-Trigger"] == '{"conflict-ended": {"open": 0}}'


def test_what_closed_by_itself_cannot_be_ended_any_more(desk: Desk) -> None:
    bank = desk.double_booking()
    conflict_id = desk.only_id()
    desk.delete(bank)
    for htmx in (False, True):
        answer = desk.end(conflict_id, htmx=htmx, resolution="resolved")
        assert answer.status_code == 409
        assert "This conflict is over" in unescape(answer.text)
    assert "Closed by itself on" in desk.page("/conflicts?status=resolved")


@pytest.mark.parametrize("htmx", [False, True])
@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"note": "why", "resolution": "open"}, "Choose whether it is resolved"),
        ({"note": "x" * 2001, "resolution": "ignored"}, "Use at most 2000 characters."),
        ({"note": "why\x01", "resolution": "ignored"}, "Control characters are not allowed here."),
    ],
)
def test_a_refused_answer_keeps_what_was_typed(
    desk: Desk, fields: dict[str, str], problem: str, *, htmx: bool
) -> None:
    desk.double_booking()
    answer = desk.end(desk.only_id(), htmx=htmx, **fields)
    assert answer.status_code == 422
    assert problem in answer.text
    assert f">{fields['note']}</textarea>" in answer.text
    assert states(desk.page())["Open"] == 1


def test_anothers_conflict_is_not_there(make_desk: Callable[..., Desk]) -> None:
    mara, otto = make_desk("mara@example.com"), make_desk("otto@example.com")
    mara.double_booking()
    conflict_id = mara.only_id()
    assert titles(otto.page()) == []
    for one in (conflict_id, str(uuid4())):
        for answer in (otto.browser.get(f"/conflicts/{one}"), otto.end(one, resolution="ignored")):
            assert answer.status_code == 404
            assert "There is nothing here" in answer.text
            assert "bank" not in answer.text
    assert states(mara.page())["Open"] == 1


def test_a_form_of_another_site_ends_nothing(desk: Desk) -> None:
    desk.double_booking()
    path = f"/conflicts/{desk.only_id()}/end"
    assert desk.browser.post(path, data={"resolution": "ignored"}).status_code == 403
    assert states(desk.page())["Open"] == 1


def test_strangers_are_led_to_the_sign_in_page(base_url: str) -> None:
    answer = httpx.get(f"{base_url}/conflicts?status=past")
    assert answer.headers["location"] == "/login?next=%2Fconflicts%3Fstatus%3Dpast"


def test_without_conflicts_the_page_says_what_comes_next(
    desk: Desk, sign_up: Callable[..., Person], clock: Clock, base_url: str
) -> None:
    assert "See your week" in desk.page()
    clock.offset = timedelta(0)
    sign_up("new@example.com")
    with httpx.Client(base_url=base_url, timeout=30) as browser:
        sign_in(browser, "new@example.com")
        assert "Connect an account" in browser.get("/conflicts").text


def test_travel_and_breaks_are_explained_in_minutes(desk: Desk) -> None:
    fields = {
        "csrf_token": token_of(desk.browser.get("/conflicts").text),
        "types": ["overlap", "back_to_back", "travel"],
        "minimum_overlap_minutes": "0",
        "buffer_minutes": "15",
        "travel_minutes": "30",
    }
    assert desk.browser.post("/settings/conflicts", data=fields).status_code == 303
    desk.save(
        make_event("a", "03-03 09:00", "03-03 10:00", location="Altona"),
        make_event("b", "03-03 10:10", "03-03 11:00", location="Berlin"),
        make_event("c", "03-03 12:00", "03-03 13:00"),
        make_event("d", "03-03 13:00", "03-03 14:00"),
    )
    page = desk.page()
    assert "Only 10 minutes to get from one place to the other; you want 30 minutes." in page
    assert "No break between them; you want 15 minutes." in page


def test_statements_do_not_grow_with_the_list(desk: Desk) -> None:
    desk.double_booking("03-03")
    with count_statements(desk.services.store.engine) as few:
        desk.page()
    for day in range(4, 10):
        desk.double_booking(f"03-{day:02}")
    with count_statements(desk.services.store.engine) as many:
        assert len(titles(desk.page())) == 7
    assert len(many) == len(few)
