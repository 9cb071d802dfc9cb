"""The pages of clients: who they are, how their meetings are found, and their hours."""

import csv
import io
import re
from collections.abc import Callable
from datetime import timedelta
from html import unescape
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from calendar_manager.accounts.errors import ClientNotFoundError
from calendar_manager.bootstrap import Services
from calendar_manager.domain.client_hours import PeriodHours, add_up
from calendar_manager.domain.clients import Client
from calendar_manager.sync.assigning import reassign_clients
from calendar_manager.web.client_chart import NO_PROJECT, OTHERS, draw_chart
from calendar_manager.web.client_view import load_surroundings
from tests.api.callers import Person
from tests.api.client_desk import FULL, Desk, daily, open_desk
from tests.api.conftest import Clock
from tests.api.test_pages import sign_in, token_of
from tests.factories import NOW, count_statements, make_event, span

pytestmark = pytest.mark.store

EMPTY_ROW = {"kind": "title", "pattern": "", "calendar": "", "project": ""}


@pytest.fixture
def desk(services: Services, mara: Person, browser: httpx.Client, clock: Clock) -> Desk:
    """Somebody with a calendar on the Monday of the factories, signed in in the browser."""
    clock.offset = NOW - clock()
    sign_in(browser)
    return open_desk(services, mara)


def send(browser: httpx.Client, path: str, **fields: Any) -> httpx.Response:
    token = token_of(browser.get("/clients").text)
    return browser.post(path, data={**fields, "csrf_token": token})


def send_rules(
    browser: httpx.Client, client_id: str, *rows: dict[str, str], **fields: str
) -> httpx.Response:
    columns = {name: [{**EMPTY_ROW, **row}[name] for row in rows] for name in EMPTY_ROW}
    return send(browser, f"/clients/{client_id}/rules", **columns, **fields)


def read(browser: httpx.Client, path: str) -> str:
    answer = browser.get(path)
    assert answer.status_code == 200, answer.text
    return unescape(answer.text)


def rules_of(desk: Desk, client_id: str) -> list[tuple[str, str, str | None]]:
    client = find(desk, client_id)
    return [(rule.kind.value, rule.pattern, rule.project) for rule in client.rules]


def find(desk: Desk, client_id: str) -> Client:
    with desk.services.store.begin() as uow:
        client = uow.clients.find(UUID(desk.person.id), UUID(client_id))
    assert client is not None
    return client


def words(page: str) -> str:
    """Return what a person reads, with single blanks."""
    return " ".join(re.sub(r"<[^>]*>", " ", page).split())


def test_a_client_is_added_with_the_domain_of_its_people(desk: Desk, browser: httpx.Client) -> None:
    assert "No clients yet" in read(browser, "/clients")
    answer = send(
        browser,
        "/clients",
        name=" Acme ",
        color="#3366cc",
        rate="95,50",
        currency="eur",
        budget="7.5",
        domain="Acme.example",
    )
    assert answer.status_code == 303
    (client_id,) = re.findall(
        r"^/clients/([0-9a-f-]+)\?done=client-added$", answer.headers["location"]
    )
    client = find(desk, client_id)
    assert (client.name, client.color) == ("Acme", "#3366cc")
    assert (str(client.rate), client.currency) == ("95.50", "EUR")
    assert client.weekly_budget_minutes == 450
    assert rules_of(desk, client_id) == [("attendee_domain", "acme.example", None)]
    assert "The client is added." in read(browser, answer.headers["location"])


@pytest.mark.parametrize(
    ("field", "value", "problem"),
    [
        ("name", " ", "Enter a name."),
        ("color", "red", "This is no colour."),
        ("rate", "much", "This is not a number."),
        ("rate", "NaN", "This cannot be what an hour costs."),
        ("rate", "-1", "This cannot be what an hour costs."),
        ("rate", "1e11", "This cannot be what an hour costs."),
        ("rate", "1.005", "Use at most two digits after the point."),
        ("currency", "XXX", "This is no currency"),
        ("currency", "", "A rate needs its currency."),
        ("budget", "0", "A week has 168 hours"),
        ("budget", "169", "A week has 168 hours"),
        ("budget", "all", "This is not a number of hours."),
        ("domain", "nowhere", "This is not a domain."),
    ],
)
def test_a_refused_client_keeps_what_was_typed(
    desk: Desk, browser: httpx.Client, field: str, value: str, problem: str
) -> None:
    fields = {"name": '<"Acme">', "color": "#3366cc", "rate": "95", "currency": "EUR"}
    answer = send(browser, "/clients", **{**fields, field: value})
    assert answer.status_code == 422
    assert problem in answer.text
    assert f'id="{field}-note"' in answer.text
    assert f'href="#{field}"' in answer.text
    assert '<"Acme">' not in answer.text
    if field != "name":
        assert "&lt;&#34;Acme&#34;&gt;" in answer.text
    assert "No clients yet" in read(browser, "/clients")


def test_the_list_shows_hours_of_the_month_and_the_budget_of_the_week(
    desk: Desk, browser: httpx.Client
) -> None:
    desk.client(
        "Acme",
        rate=60,
        currency="EUR",
        weekly_budget_minutes=60,
        rules=[{"kind": "title", "pattern": "acme"}],
    )
    desk.client("Quiet")
    desk.save(
        make_event("acme", "03-03 09:00", "03-03 10:30"),
        make_event("acme", "03-20 09:00", "03-20 10:00"),
        make_event("acme", "04-01 09:00", "04-01 12:00"),
        make_event("walk", "03-04 09:00", "03-04 09:45"),
        make_event("holiday", "03-04", "03-08"),
    )
    page = words(read(browser, "/clients"))
    assert "2 h 30 in March 2 meetings · 150.00 EUR" in page
    assert "1 h 30 of 1 h, 30 min too much this week" in page
    assert "45 min in March belong to nobody yet." in page
    assert "0 h in March 0 meetings" in page


def test_what_somebody_said_belongs_to_nobody_is_not_asked_for_again(
    desk: Desk, browser: httpx.Client
) -> None:
    desk.client("Acme")
    (walk,) = desk.save(make_event("walk", "03-04 09:00", "03-04 09:45"))
    assert "belong to nobody yet" in read(browser, "/clients")
    desk.assign(walk, client_id=None)
    assert "belong to nobody yet" not in read(browser, "/clients")


def test_hours_are_drawn_and_told_by_week_and_project(desk: Desk, browser: httpx.Client) -> None:
    rules = [
        {"kind": "title", "pattern": "acme*site", "project": "Site"},
        {"kind": "title", "pattern": "acme*"},
    ]
    client_id = desk.client("Acme", rate=60, currency="EUR", rules=rules)
    desk.save(
        make_event("acme site", "02-24 09:00", "02-24 11:00"),
        make_event("acme", "03-03 09:00", "03-03 09:30"),
        make_event("acme", "01-20 09:00", "01-20 10:00"),
    )
    page = read(browser, f"/clients/{client_id}")
    assert "3 h 30 in 3 meetings · 210.00 EUR" in words(page)
    assert "15 December 2025 to 8 March 2026, days of Europe/Berlin" in words(page)
    assert "<title>Week of 23 Feb: 2 h, Site</title>" in page
    assert f"<title>Week of 2 Mar: 30 min, {NO_PROJECT}</title>" in page
    rows = re.findall(r'<tr><th scope="row">(.*?)</tr>', page)
    assert [words(row) for row in rows] == [
        "19 January 2026 1 h 1 h",
        "23 February 2026 2 h 2 h",
        "2 March 2026 30 min 30 min",
    ]
    quarter = words(read(browser, f"/clients/{client_id}?period=quarter"))
    assert "1 January 2026 to 31 March 2026" in quarter
    custom = f"/clients/{client_id}?period=custom&first=2026-02-24&last=2026-02-24"
    assert "2 h in 1 meeting · 120.00 EUR" in words(read(browser, custom))


@pytest.mark.parametrize(
    ("first", "last", "field", "problem"),
    [
        ("soon", "2026-03-01", "first", "This is not a date."),
        ("2026-03-01", "", "last", "This is not a date."),
        ("2026-03-02", "2026-03-01", "last", "The end has to come after the start."),
        ("2025-01-01", "2026-03-01", "last", "Ask for at most"),
        ("0001-01-01", "0001-01-02", "first", "Ask for a time between"),
        ("9999-12-31", "9999-12-31", "last", "This is too far away."),
    ],
)
def test_days_that_cannot_be_shown_are_refused_beside_their_field(
    desk: Desk, browser: httpx.Client, first: str, last: str, field: str, problem: str
) -> None:
    query = {"period": "custom", "first": first, "last": last}
    answer = browser.get(f"/clients/{desk.client()}", params=query)
    assert answer.status_code == 422
    assert f'<p class="note problem" id="{field}-note">{problem}' in answer.text
    assert f'name="first" type="date" value="{first}"' in answer.text


def test_the_csv_link_gives_the_hours_that_are_shown(desk: Desk, browser: httpx.Client) -> None:
    rules = [{"kind": "title", "pattern": "acme"}]
    client_id = desk.client("=Acme", rate=60, currency="EUR", rules=rules)
    desk.save(make_event("acme", "03-03 09:00", "03-03 10:30"))
    found = re.search(
        r'href="(/api/clients/[^"]*format=csv)"', read(browser, f"/clients/{client_id}")
    )
    assert found is not None
    answer = browser.get(found[1])
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    (row,) = csv.DictReader(io.StringIO(answer.text))
    assert (row["client"], row["start"], row["minutes"]) == ("'=Acme", "2026-03-02", "90")


def test_details_are_changed(desk: Desk, browser: httpx.Client) -> None:
    client_id = desk.client(**FULL)
    page = read(browser, f"/clients/{client_id}")
    assert 'name="budget" type="text" autocomplete="off" value="20"' in page
    assert ">line one\nline two</textarea>" in page
    answer = send(
        browser,
        f"/clients/{client_id}",
        name="New name",
        color="#3366cc",
        shown_color="#3366cc",
        rate="",
        currency="",
        time_zone="",
        notes=" less ",
        budget="",
    )
    assert answer.headers["location"] == f"/clients/{client_id}?done=saved"
    client = find(desk, client_id)
    assert (client.name, client.rate, client.currency) == ("New name", None, None)
    assert (client.time_zone, client.notes, client.color) == (None, "less", "#3366cc")
    assert client.weekly_budget_minutes is None
    assert len(client.rules) == 2, "the rules have a form of their own"


def test_a_colour_that_was_only_shown_is_not_stored(desk: Desk, browser: httpx.Client) -> None:
    client_id = desk.client("Acme")
    shown = re.search(r'name="shown_color" value="([^"]*)"', read(browser, f"/clients/{client_id}"))
    assert shown is not None
    fields = {"name": "Acme", "color": shown[1], "shown_color": shown[1]}
    assert send(browser, f"/clients/{client_id}", **fields).status_code == 303
    assert find(desk, client_id).color is None


def test_a_client_that_is_deleted_while_its_page_is_made_is_not_found(
    desk: Desk, browser: httpx.Client
) -> None:
    client_id = desk.client("Acme")
    found = find(desk, client_id)
    send(browser, f"/clients/{client_id}/delete")
    with desk.services.store.begin() as uow:
        user = uow.users.find(UUID(desk.person.id))
    assert user is not None
    with pytest.raises(ClientNotFoundError):
        load_surroundings(desk.services.store, user, found)


def test_refused_details_keep_what_was_typed(desk: Desk, browser: httpx.Client) -> None:
    client_id = desk.client("Acme")
    answer = send(browser, f"/clients/{client_id}", name="Other", time_zone="Mars", notes="a\x01b")
    assert answer.status_code == 422
    assert 'value="Other"' in answer.text
    assert 'value="Mars"' in answer.text
    assert "This is not an IANA time zone." in answer.text
    assert "Control characters are not allowed here." in answer.text
    assert find(desk, client_id).name == "Acme"


def test_rules_are_replaced_and_applied(desk: Desk, browser: httpx.Client) -> None:
    client_id = desk.client("Acme", rules=[{"kind": "title", "pattern": "old"}])
    desk.save(make_event("acme", "03-03 09:00", "03-03 10:00"))
    answer = send_rules(
        browser,
        client_id,
        {"pattern": "acme", "project": " Site "},
        EMPTY_ROW,
        {"kind": "calendar", "pattern": "ignored", "calendar": str(desk.calendar.id)},
        {"kind": "address", "pattern": "Jo@Acme.example"},
        do="save",
    )
    assert answer.headers["location"] == f"/clients/{client_id}?done=rules-saved"
    assert rules_of(desk, client_id) == [
        ("title", "acme", "Site"),
        ("calendar", str(desk.calendar.id), None),
        ("address", "jo@acme.example", None),
    ]
    reassign_clients(desk.services.store, UUID(desk.person.id), batch=10)
    assert "1 h in 1 meeting" in words(read(browser, f"/clients/{client_id}"))


def test_rows_are_added_and_removed_without_saving(desk: Desk, browser: httpx.Client) -> None:
    client_id = desk.client("Acme")
    added = send_rules(browser, client_id, {"pattern": "one"}, {"pattern": "two"}, do="add")
    assert added.status_code == 200
    assert re.findall(r'name="pattern" value="([^"]*)"', added.text) == ["one", "two", ""]
    removed = send_rules(browser, client_id, {"pattern": "one"}, {"pattern": "two"}, drop="0")
    assert re.findall(r'name="pattern" value="([^"]*)"', removed.text) == ["two"]
    token = token_of(added.text)
    part = browser.post(
        f"/clients/{client_id}/rules",
        data={"do": "add", "csrf_token": token},
        headers={"HX-Request": "true"},
    )
    assert "<html" not in part.text
    assert "autofocus" in part.text
    assert rules_of(desk, client_id) == []


def test_refused_rules_say_so_beside_their_row(desk: Desk, browser: httpx.Client) -> None:
    client_id = desk.client("Acme")
    answer = send_rules(
        browser,
        client_id,
        {"pattern": "fine"},
        {"kind": "attendee_domain", "pattern": "nowhere"},
        {"pattern": "fine"},
        {"kind": "calendar", "calendar": str(uuid4())},
    )
    assert answer.status_code == 422
    assert 'id="problem-0"' not in answer.text
    assert 'id="problem-1">This is not a domain.' in answer.text
    assert 'id="problem-2">This client has the same rule already.' in answer.text
    assert 'id="problem-3">There is no such calendar.' in answer.text
    assert re.findall(r'name="pattern" value="([^"]*)"', answer.text) == [
        "fine",
        "nowhere",
        "fine",
        "",
    ]
    for row, problem in (
        ({"kind": "calendar"} | {"project": "x"}, "Choose a calendar."),
        ({"kind": "mood", "pattern": "x"}, "Choose what the rule looks at."),
        ({"pattern": "x" * 255}, "Use at most 254 characters."),
        ({"pattern": "x", "project": "x" * 201}, "Use at most 200 characters for a project."),
    ):
        refused = send_rules(browser, client_id, row)
        assert refused.status_code == 422
        assert problem in refused.text
    assert rules_of(desk, client_id) == []


def test_a_client_is_deleted_after_a_question_and_restored(
    desk: Desk, browser: httpx.Client
) -> None:
    client_id = desk.client("Acme")
    assert "Delete Acme?" in read(browser, f"/clients/{client_id}/delete")
    deleted = send(browser, f"/clients/{client_id}/delete")
    assert deleted.headers["location"] == "/clients?done=client-deleted"
    assert browser.get(f"/clients/{client_id}").status_code == 404
    page = words(read(browser, "/clients"))
    assert "Deleted clients 1" in page
    restored = send(browser, f"/clients/{client_id}/restore")
    assert restored.headers["location"] == f"/clients/{client_id}?done=client-restored"
    assert "Deleted clients" not in words(read(browser, "/clients"))


def test_a_calendar_of_a_client_is_named(desk: Desk, browser: httpx.Client) -> None:
    client_id = desk.client("Acme")
    desk.add_calendar("Acme calendar", client_id=UUID(client_id))
    page = read(browser, f"/clients/{client_id}")
    assert "everything on Acme calendar belongs to them" in page
    assert "No rules yet" not in read(browser, "/clients")


def test_anothers_client_is_not_there(
    desk: Desk, sign_up: Callable[..., Person], browser: httpx.Client, base_url: str, clock: Clock
) -> None:
    client_id = desk.client("Secret client")
    clock.offset = timedelta(0)
    sign_up("otto@example.com")
    with httpx.Client(base_url=base_url, headers={"Accept": "text/html"}, timeout=30) as other:
        sign_in(other, "otto@example.com")
        assert "Secret" not in read(other, "/clients")
        answers = [
            other.get(f"/clients/{client_id}"),
            other.get(f"/clients/{client_id}/delete"),
            send(other, f"/clients/{client_id}", name="Mine"),
            send_rules(other, client_id, {"pattern": "x"}),
            send(other, f"/clients/{client_id}/delete"),
            send(other, f"/clients/{client_id}/restore"),
        ]
    for answer in answers:
        assert answer.status_code == 404
        assert "Secret" not in answer.text
    assert find(desk, client_id).name == "Secret client"


@pytest.mark.parametrize("path", ["", "/{}", "/{}/rules", "/{}/delete", "/{}/restore"])
def test_forms_of_other_sites_are_refused(desk: Desk, browser: httpx.Client, path: str) -> None:
    client_id = desk.client("Acme")
    answer = browser.post(f"/clients{path.format(client_id)}", data={"name": "Forged"})
    assert answer.status_code == 403
    assert find(desk, client_id).name == "Acme"


def test_statements_do_not_grow_with_the_clients(desk: Desk, browser: httpx.Client) -> None:
    desk.client("one", weekly_budget_minutes=60)
    desk.save(daily("one"))
    with count_statements(desk.services.store.engine) as few:
        read(browser, "/clients")
    for number in range(5):
        desk.client(f"more {number}", weekly_budget_minutes=60)
    with count_statements(desk.services.store.engine) as many:
        read(browser, "/clients")
    assert len(many) == len(few)


def test_many_projects_are_drawn_as_a_few_and_the_rest() -> None:
    monday = NOW.date()
    rows = [
        PeriodHours(
            monday,
            monday + timedelta(days=7),
            f"project {number}",
            add_up([span("03-02 09:00", f"03-02 {10 + number}:00")]),
        )
        for number in range(9)
    ]
    chart = draw_chart(rows, monday, monday + timedelta(days=7), "#3366cc")
    assert [one.name for one in chart.legend] == [
        *(f"project {number}" for number in (8, 7, 6, 5, 4)),
        OTHERS,
    ]
    assert chart.legend[0].color == "#3366cc"
    assert len({one.color for one in chart.legend}) == 6
    (week,) = chart.weeks
    assert sum(piece.height for piece in week.pieces) <= chart.base
    assert min(piece.y for piece in week.pieces) >= 0
    assert chart.table[0].total == "45 h"
