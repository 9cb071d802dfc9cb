"""One Cal.com account read over HTTP: calendars, watermarks, rows and absences."""

import json
from collections import deque
from collections.abc import Iterator
from datetime import timedelta
from email.utils import format_datetime

import pytest

from calendar_manager.domain.accounts import ProviderKind
from calendar_manager.domain.changes import (
    ChangePage,
    Deleted,
    GroupRead,
    Rejected,
    Upserted,
)
from calendar_manager.providers.base import CalendarProvider
from calendar_manager.providers.caldotcom import CalDotCom, CalDotComSettings
from calendar_manager.providers.caldotcom.normalize import NORMALIZER_VERSION
from calendar_manager.providers.errors import (
    CalendarGoneError,
    CursorExpiredError,
    ProviderError,
    RetryLaterError,
)
from tests.providers.caldotcom_reading import (
    FULL,
    SINCE,
    WINDOW,
    at,
    cursor_after,
    ids,
    pull,
    watermark_of,
)
from tests.providers.caldotcom_stub import (
    NOW,
    UPDATED,
    Stub,
    booking,
    counted,
    open_provider,
    refusal,
    run_stub,
)
from tests.providers.google_stub import Answer

pytestmark = pytest.mark.unit


@pytest.fixture
def stub() -> Iterator[Stub]:
    with run_stub() as stub:
        yield stub


@pytest.fixture
def provider(stub: Stub) -> Iterator[CalendarProvider]:
    provider = open_provider(stub.url)
    yield provider
    provider.close()


class TestCalendars:
    def test_account_is_one_calendar(self, stub: Stub, provider: CalendarProvider) -> None:
        (calendar,) = provider.pull_calendars()
        assert (calendar.provider_calendar_id, calendar.name) == ("bookings", "Cal.com bookings")
        assert calendar.time_zone == "Europe/Berlin"
        assert [one.path for one in stub.requests] == ["/v2/me"]
        assert stub.requests[0].headers["authorization"] == "Bearer cal_secret"

    def test_there_is_no_other(self, stub: Stub, provider: CalendarProvider) -> None:
        with pytest.raises(CalendarGoneError):
            list(provider.pull_changes("another", cursor=None, window=WINDOW))
        assert stub.requests == []

    def test_factory_makes_both_sides(self) -> None:
        factory = CalDotCom(CalDotComSettings())
        assert (factory.kind, factory.normalizer_version) == (
            ProviderKind.CALDOTCOM,
            NORMALIZER_VERSION,
        )
        assert callable(factory.auth.connect_with_key)

    def test_zone_of_the_profile_may_be_missing(self, stub: Stub) -> None:
        stub.profile = Answer({"status": "success", "data": {"id": 7}})
        provider = open_provider(stub.url)
        assert provider.pull_calendars()[0].time_zone is None
        provider.close()


class TestWatermark:
    def test_incremental_read_begins_ten_minutes_earlier(
        self, stub: Stub, provider: CalendarProvider
    ) -> None:
        stub.script.extend([counted(booking("a")), counted(booking("a"), booking("b"))])
        first = pull(provider)
        assert watermark_of(first) == "2026-03-20T10:00:01+00:00"
        second = pull(provider, first[-1].cursor)
        assert stub.asked("bookings") == [FULL, SINCE]
        assert ids(second[0].changes) == ["a", "b"]

    def test_read_that_finds_nothing_keeps_it(self, stub: Stub, provider: CalendarProvider) -> None:
        stub.script.extend([counted(), counted()])
        (empty,) = pull(provider, cursor_after(UPDATED))
        assert watermark_of([empty]) == "2026-03-20T10:00:01+00:00"
        (again,) = pull(provider, empty.cursor)
        assert again.cursor == empty.cursor

    def test_account_without_bookings_is_asked_for_all_of_them_again(
        self, stub: Stub, provider: CalendarProvider
    ) -> None:
        stub.script.extend([counted(), counted(booking("a"))])
        (empty,) = pull(provider)
        assert watermark_of([empty]) is None
        assert watermark_of(pull(provider, empty.cursor)) == "2026-03-20T10:00:01+00:00"
        assert stub.asked("bookings") == [FULL, FULL]

    def test_it_never_goes_back(self, stub: Stub, provider: CalendarProvider) -> None:
        stub.script.append(counted(booking("a", updatedAt=at(1))))
        assert watermark_of(pull(provider, cursor_after(at(5)))) == "2026-03-20T10:05:00+00:00"

    def test_it_never_passes_the_beginning_of_the_read(
        self, stub: Stub, provider: CalendarProvider
    ) -> None:
        stub.script.append(counted(booking("a", updatedAt="2026-04-01T12:30:00.000Z")))
        assert watermark_of(pull(provider)) == NOW.isoformat()

    def test_server_without_a_clock_is_taken_at_its_rows_word(
        self, stub: Stub, provider: CalendarProvider
    ) -> None:
        stub.date = None
        late = "2026-04-01T12:30:00+00:00"
        stub.script.extend([counted(booking("a", updatedAt=late)), counted()])
        first = pull(provider)
        assert json.loads(first[-1].cursor or "") == {"after": late, "baseline_at": None}
        pull(provider, first[-1].cursor)

    @pytest.mark.parametrize(
        "cursor",
        [
            "nonsense",
            "",
            "[]",
            "5",
            "{}",
            '{"after": 5}',
            '{"after": "soon"}',
            "[" * 100_000,
            cursor_after("0001-01-01T00:05:00.000Z"),
        ],
    )
    def test_nonsense_for_a_cursor_has_expired(
        self, cursor: str, stub: Stub, provider: CalendarProvider
    ) -> None:
        with pytest.raises(CursorExpiredError):
            pull(provider, cursor)
        assert stub.requests == []

    def test_baseline_lives_for_a_day(self, stub: Stub, provider: CalendarProvider) -> None:
        stub.script.extend([counted(booking("a")), counted()])
        first = pull(provider)
        stub.date = format_datetime(NOW + timedelta(hours=23, minutes=59), usegmt=True)
        second = pull(provider, first[-1].cursor)
        stub.date = format_datetime(NOW + timedelta(days=1), usegmt=True)
        with pytest.raises(CursorExpiredError) as caught:
            pull(provider, second[-1].cursor)
        assert caught.value.reason == "baselineTooOld"
        assert len(stub.asked("bookings")) == 2


class TestRows:
    def test_unreadable_rows_cost_only_themselves(
        self, stub: Stub, provider: CalendarProvider
    ) -> None:
        stub.script.append(counted(booking("a"), None, "text", booking("b", start=5), booking("c")))
        (page,) = pull(provider)
        kinds = [type(change) for change in page.changes]
        assert kinds == [Upserted, Rejected, Rejected, Rejected, Upserted, GroupRead]

    def test_booking_handed_to_a_colleague_goes(
        self, stub: Stub, provider: CalendarProvider
    ) -> None:
        eve = {"id": 8, "name": "Eve", "email": "eve@example.test"}
        stub.script.extend([counted(booking("a")), counted(booking("a", hosts=[eve]))])
        first = pull(provider)
        assert pull(provider, first[-1].cursor)[0].changes[0] == Deleted("a")

    def test_page_is_read_only_when_it_is_asked_for(
        self, stub: Stub, provider: CalendarProvider
    ) -> None:
        stub.script.extend([counted(booking("a"), more=True), counted(booking("b"))])
        pages = provider.pull_changes("bookings", cursor=None, window=WINDOW)
        assert stub.requests == []
        next(pages)
        assert len(stub.asked("bookings")) == 1
        assert next(pages).cursor


class TestOutOfOffice:
    def entry(self, number: int) -> dict[str, object]:
        days = {"start": "2026-05-01T00:00:00.000Z", "end": "2026-05-01T23:59:59.999Z"}
        return {"id": number, "uuid": f"u{number}", "userId": 7, "reason": "vacation", **days}

    def answer(self, *numbers: int) -> Answer:
        return Answer({"status": "success", "data": [self.entry(number) for number in numbers]})

    def groups(self, pages: list[ChangePage]) -> list[list[str]]:
        return [
            [event.provider_event_id for event in change.events]
            for page in pages
            for change in page.changes
            if isinstance(change, GroupRead)
        ]

    def test_every_read_brings_all_of_them_once(
        self, stub: Stub, provider: CalendarProvider
    ) -> None:
        stub.absences = deque([self.answer(1, 2), self.answer(), self.answer(2), self.answer()])
        stub.script.extend([counted(booking("a"), more=True), counted(), counted()])
        first = pull(provider)
        assert self.groups(first) == [["ooo:u1", "ooo:u2"]]
        assert self.groups(pull(provider, first[-1].cursor)) == [["ooo:u2"]]
        query = {"take": "250", "skip": "0", "sortStart": "asc"}
        assert stub.asked("me/ooo")[:2] == [query, {**query, "skip": "2"}]

    def test_pages_are_read_until_nothing_new_comes(
        self, stub: Stub, provider: CalendarProvider
    ) -> None:
        stub.absences = deque([self.answer(1, 2), self.answer(3), self.answer(3)])
        stub.script.append(counted())
        assert self.groups(pull(provider)) == [["ooo:u1", "ooo:u2", "ooo:u3"]]

    def test_list_that_says_that_it_ends_is_believed(
        self, stub: Stub, provider: CalendarProvider
    ) -> None:
        body = {"status": "success", "data": [self.entry(1)], "pagination": {"hasNextPage": False}}
        stub.absences = deque([Answer(body)])
        stub.script.append(counted())
        assert self.groups(pull(provider)) == [["ooo:u1"]]

    def test_build_without_the_endpoint_says_nothing_of_absences(
        self, stub: Stub, provider: CalendarProvider
    ) -> None:
        stub.absences = deque([refusal(404, "NotFoundException", "Cannot GET /v2/me/ooo")])
        stub.script.append(counted(booking("a")))
        (page,) = pull(provider)
        assert ids(page.changes) == ["a"]
        assert self.groups([page]) == []
        assert page.cursor

    @pytest.mark.parametrize("data", [None, {}, "x", {"entries": []}])
    def test_anything_but_a_list_is_not_taken_for_no_absences(
        self, data: object, stub: Stub, provider: CalendarProvider
    ) -> None:
        stub.absences = deque([Answer({"status": "success", "data": data})])
        stub.script.append(counted())
        with pytest.raises(ProviderError, match="CALCOM_OUT_OF_OFFICE_VERSION"):
            pull(provider)

    def test_trouble_on_the_way_gives_no_cursor(
        self, stub: Stub, provider: CalendarProvider
    ) -> None:
        stub.absences = deque([self.answer(1), *[refusal(503, "UNAVAILABLE")] * 3])
        stub.script.append(counted(booking("a")))
        with pytest.raises(RetryLaterError):
            pull(provider)
