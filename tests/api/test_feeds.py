"""The private busy feed over HTTP: its address, and how it is fetched."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from sqlalchemy import Engine, text
from structlog.testing import capture_logs

from calendar_manager.api.app import create_app
from calendar_manager.bootstrap import Services
from calendar_manager.config import Settings
from calendar_manager.web.deps import build_accounts
from tests.api.callers import Person, expect_problem
from tests.api.conftest import Clock, address_of, listen, serve
from tests.api.feed_desk import FEED, Desk, open_desk, read
from tests.factories import (
    make_event,
    span,
)

pytestmark = pytest.mark.store


@pytest.fixture
def desk(services: Services, sign_up: Callable[..., Person], clock: Clock) -> Desk:
    return open_desk(services, sign_up, clock, "mara@example.com")


@pytest.fixture
def open_other(
    services: Services, sign_up: Callable[..., Person], clock: Clock
) -> Callable[[str], Desk]:
    return lambda email: open_desk(services, sign_up, clock, email)


def test_an_address_is_made_told_once_and_revoked(desk: Desk, clean_database: Engine) -> None:
    nothing = {"active": False, "created_at": None, "last_fetched_at": None}
    assert desk.person.get(FEED).json() == nothing
    answer = desk.person.post(FEED)
    assert answer.status_code == 201
    assert answer.headers["Cache-Control"] == "no-store"
    made = answer.json()
    assert set(made) == {"url", "created_at"}
    assert made["url"].startswith(f"{desk.person.base_url}/feeds/")
    token = made["url"].rpartition("/")[2].removesuffix(".ics")
    assert len(token) == 43, "32 random bytes in base64url"
    with clean_database.connect() as connection:
        (row,) = connection.execute(text("SELECT * FROM feeds"))
        assert token not in str(row)
        assert token.encode() not in bytes(row._mapping["token_hash"])
    assert desk.person.get(FEED).json() == nothing | {
        "active": True,
        "created_at": made["created_at"],
    }

    assert desk.person.delete(FEED).status_code == 204
    assert desk.person.delete(FEED).status_code == 204
    assert desk.person.get(FEED).json() == nothing
    expect_problem(desk.fetch(f"/feeds/{token}.ics"), 404, "feed_not_found")
    with clean_database.connect() as connection:
        told = connection.execute(
            text(
                "SELECT action, detail FROM audit_log WHERE action LIKE 'feed.%'"
                " ORDER BY created_at"
            )
        ).all()
    assert [tuple(line) for line in told] == [
        ("feed.created", {"replaced": False}),
        ("feed.revoked", {}),
    ]


def test_a_second_address_revokes_the_first(desk: Desk) -> None:
    desk.save(make_event("call", "03-03 08:30", "03-03 09:00"))
    first = desk.make()
    before = desk.blocks(first)
    second = desk.make()
    assert first != second
    expect_problem(desk.fetch(first), 404, "feed_not_found")
    assert desk.blocks(second) == before, "who subscribes anew does not see anything twice"


@pytest.mark.parametrize(
    "token", ["x", "A" * 43, "%00", "%ff%fe", "%F0%9F%97%93", "a" * 5000, "..", "' OR 1=1 --"]
)
def test_an_address_that_was_never_made_is_not_found(desk: Desk, token: str) -> None:
    desk.make()
    expect_problem(desk.fetch(f"/feeds/{token}.ics"), 404, "feed_not_found")
    assert desk.person.http.head(f"/feeds/{token}.ics").status_code == 404


def test_the_address_is_that_by_which_the_world_reaches_us(desk: Desk) -> None:
    settings: Settings = desk.services.settings.model_copy(
        update={"public_url": "https://calendar.example.com"}
    )
    services = replace(desk.services, settings=settings)
    app, listener = create_app(services), listen()
    app.state.accounts = build_accounts(services)
    with serve(app, listener), httpx.Client(base_url=address_of(listener)) as client:
        made = client.post(FEED, headers=desk.person.bearer).json()
    assert made["url"].startswith("https://calendar.example.com/feeds/")


def test_what_a_feed_looks_like(desk: Desk) -> None:
    desk.save(make_event("call", "03-03 08:30", "03-03 09:00"))
    path = desk.make()
    made = datetime.fromisoformat(desk.person.get(FEED).json()["created_at"])
    answer = desk.fetch(path)
    assert answer.headers["Cache-Control"] == "private, max-age=60"
    (uid,) = read(answer.content).values()
    # Whoever changes this raises the version in feed_text.py, or readers are told nothing changed.
    assert answer.text == "\r\n".join(
        [
            "BEGIN:VCALENDAR",
            "VERSION:2.0",
            "PRODID:-//Calendar Manager//Busy feed//EN",
            "NAME:Busy",
            "X-WR-CALNAME:Busy",
            "REFRESH-INTERVAL;VALUE=DURATION:PT15M",
            "X-PUBLISHED-TTL:PT15M",
            "BEGIN:VEVENT",
            "SUMMARY:Busy",
            "DTSTART:20260303T083000Z",
            "DTEND:20260303T090000Z",
            f"DTSTAMP:{made.astimezone(UTC):%Y%m%dT%H%M%SZ}",
            f"UID:{uid}",
            "TRANSP:OPAQUE",
            "END:VEVENT",
            "END:VCALENDAR",
            "",
        ]
    )


def test_the_log_does_not_tell_the_address(desk: Desk) -> None:
    path = desk.make()
    with capture_logs() as logs:
        desk.fetch(path)
    told = [line for line in logs if line["event"] == "request"]
    assert [line["path"] for line in told] == ["/feeds/…"]
    assert path.rpartition("/")[2].removesuffix(".ics") not in str(logs)


def test_readers_who_know_it_already_get_nothing(desk: Desk) -> None:
    kept, moved = (
        make_event("kept", "03-03 08:30", "03-03 09:00"),
        make_event("moved", "03-04 08:30", "03-04 09:00"),
    )
    desk.save(kept, moved)
    path = desk.make()
    first, second = desk.fetch(path), desk.fetch(path)
    tag = first.headers["ETag"]
    assert second.headers["ETag"] == tag
    assert second.content == first.content
    for known in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        answer = desk.fetch(path, **{"If-None-Match": known})
        assert (answer.status_code, answer.content) == (304, b""), known
        assert answer.headers["ETag"] == tag
        assert answer.headers["Cache-Control"] == "private, max-age=60"
    for unknown in ('"other"', tag.strip('"'), ""):
        assert desk.fetch(path, **{"If-None-Match": unknown}).status_code == 200, unknown

    desk.save(replace(moved, when=span("03-04 08:30", "03-04 10:00")))
    changed = desk.fetch(path, **{"If-None-Match": tag})
    assert changed.status_code == 200
    assert changed.headers["ETag"] != tag
    before, after = read(first.content), read(changed.content)
    still = span("03-03 08:30", "03-03 09:00")
    assert after[still] == before[still]
    assert set(after) == {still, span("03-04 08:30", "03-04 10:00")}

    desk.save(moved)
    assert desk.fetch(path).headers["ETag"] == tag, "the same busy time has the same bytes"


def test_only_the_head_is_sent_when_only_that_is_asked_for(desk: Desk) -> None:
    desk.save(make_event("call", "03-03 08:30", "03-03 09:00"))
    path = desk.make()
    whole, head = desk.fetch(path), desk.person.http.head(path)
    assert (head.status_code, head.content) == (200, b"")
    for name in ("ETag", "Content-Type", "Content-Length", "Cache-Control"):
        assert head.headers[name] == whole.headers[name]
    known = desk.person.http.head(path, headers={"If-None-Match": whole.headers["ETag"]})
    assert known.status_code == 304


def test_nobody_reads_or_revokes_what_is_somebody_elses(
    desk: Desk, open_other: Callable[[str], Desk]
) -> None:
    mara, otto = desk, open_other("otto@example.com")
    for one in (mara, otto):
        one.save(make_event("same", "03-03 08:30", "03-03 09:00"))
    mara.save(make_event("own", "03-04 08:30", "03-04 09:00"))
    path, other = mara.make(), otto.make()
    of_mara, of_otto = mara.blocks(path), otto.blocks(other)
    assert (len(of_mara), len(of_otto)) == (2, 1)
    assert not set(of_mara.values()) & set(of_otto.values()), "UIDs do not tell who meets whom"
    assert otto.person.delete(FEED).status_code == 204
    assert mara.blocks(path) == of_mara
    expect_problem(httpx.post(f"{mara.person.base_url}{FEED}"), 401, "not_authenticated")


def test_it_is_noted_once_a_minute_that_somebody_read(desk: Desk, clock: Clock) -> None:
    def noted() -> datetime | None:
        told = desk.person.get(FEED).json()["last_fetched_at"]
        return None if told is None else datetime.fromisoformat(told)

    path = desk.make()
    assert noted() is None
    desk.fetch(path)
    first = noted()
    assert first is not None
    clock.advance(timedelta(seconds=40))
    desk.fetch(path)
    assert noted() == first
    clock.advance(timedelta(seconds=30))
    tag = desk.fetch(path).headers["ETag"]
    second = noted()
    assert second is not None
    assert timedelta(seconds=70) <= second - first < timedelta(seconds=100)
    clock.advance(timedelta(minutes=2))
    assert desk.fetch(path, **{"If-None-Match": tag}).status_code == 304
    third = noted()
    assert third is not None
    assert third > second
    desk.make()
    assert noted() is None


def test_who_leaves_takes_the_feed_along(desk: Desk, count: Callable[[str], int]) -> None:
    path = desk.make()
    assert desk.person.delete("/api/auth/me").status_code == 204
    assert count("feeds") == 0
    expect_problem(desk.fetch(path), 404, "feed_not_found")
