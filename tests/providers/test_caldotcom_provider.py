"""One Cal.com account read over HTTP: pages of both shapes, cursors, requests, broken lines."""

import json
from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from caldotcom_stub import (
    NOW,
    OVERLAPPED,
    UPDATED,
    Stub,
    booking,
    counted,
    followed,
    open_provider,
    refusal,
    run_stub,
)
from google_stub import Answer

from calendar_manager.domain.accounts import ProviderKind
from calendar_manager.domain.changes import (
    ChangePage,
    Deleted,
    GroupRead,
    Rejected,
    RemoteChange,
    Upserted,
)
from calendar_manager.domain.timespan import Span
from calendar_manager.providers.base import CalendarProvider
from calendar_manager.providers.caldotcom import CalDotCom, CalDotComSettings, CalDotComVersions
from calendar_manager.providers.caldotcom.client import CalDotComClient
from calendar_manager.providers.caldotcom.normalize import NORMALIZER_VERSION
from calendar_manager.providers.caldotcom.provider import CalDotComProvider
from calendar_manager.providers.errors import (
    AccessTokenRejectedError,
    CalendarGoneError,
    ConsentLostError,
    CursorExpiredError,
    ProviderError,
    RetryLaterError,
)

pytestmark = pytest.mark.unit

WINDOW = Span(datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC))
STATUSES = ["unconfirmed", "upcoming", "recurring", "past", "cancelled"]
ALL = ",".join(STATUSES)
FULL = {"status": ALL, "sortUpdatedAt": "asc", "take": "100", "skip": "0"}
SINCE = {**FULL, "afterUpdatedAt": OVERLAPPED}


@pytest.fixture
def stub() -> Iterator[Stub]:
    with run_stub() as stub:
        yield stub


@pytest.fixture
def provider(stub: Stub) -> Iterator[CalendarProvider]:
    provider = open_provider(stub.url)
    yield provider
    provider.close()


def pull(provider: CalendarProvider, cursor: str | None = None) -> list[ChangePage]:
    return list(provider.pull_changes("bookings", cursor=cursor, window=WINDOW))


def cursor_after(watermark: str | None, baseline: datetime | None = NOW) -> str:
    instants = {"after": watermark, "baseline_at": None if baseline is None else str(baseline)}
    return json.dumps(instants)


def watermark_of(pages: list[ChangePage]) -> Any:
    assert [one.cursor is None for one in pages] == [True] * (len(pages) - 1) + [False]
    return json.loads(pages[-1].cursor or "")["after"]


def ids(changes: tuple[RemoteChange, ...]) -> list[str]:
    return [one.event.provider_event_id for one in changes if isinstance(one, Upserted)]


def at(minute: int, millisecond: int = 0) -> str:
    return f"2026-03-20T10:{minute:02}:00.{millisecond:03}Z"


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


class TestCountedPages:
    def test_full_read_asks_for_every_status_of_all_times(
        self, stub: Stub, provider: CalendarProvider
    ) -> None:
        stub.script.append(counted(booking("a"), booking("b", status="cancelled")))
        (page,) = pull(provider)
        assert ids(page.changes) == ["a", "b"]
        assert stub.asked("bookings") == [FULL]
        assert stub.requests[1].headers["cal-api-version"] == "2024-08-13"

    def test_each_page_begins_a_little_before_the_end_of_the_one_before_it(
        self, stub: Stub, provider: CalendarProvider
    ) -> None:
        rows = [booking(str(number), updatedAt=at(number)) for number in range(30)]
        stub.script.extend(
            [
                counted(*rows[:20], more=True),
                counted(*rows[18:20], more=True),
                counted(*rows[19:]),
            ]
        )
        pages = pull(provider)
        assert [len(one.changes) for one in pages] == [20, 2, 11 + 1]
        assert stub.asked("bookings") == [FULL, {**FULL, "skip": "18"}, {**FULL, "skip": "19"}]
        assert watermark_of(pages) == "2026-03-20T10:29:00+00:00"

    def test_page_that_does_not_join_on_is_asked_for_further_back(
        self, stub: Stub, provider: CalendarProvider
    ) -> None:
        a, b, c, d = (booking(uid, updatedAt=at(minute)) for minute, uid in enumerate("abcd"))
        changed = booking("a", updatedAt=at(9))
        stub.script.extend(
            [
                counted(a, b, more=True),
                # Now "a" has gone to the end, and "c" has come to the second place.
                counted(c, d, more=True),
                counted(b, c, more=True),
                counted(c, d, more=True),
                counted(d, changed),
            ]
        )
        pages = pull(provider)
        assert [one["skip"] for one in stub.asked("bookings")] == ["0", "1", "0", "1", "2"]
        assert ids(pages[-1].changes) == ["d", "a"]

    def test_changed_row_does_not_pass_for_the_join(
        self, stub: Stub, provider: CalendarProvider
    ) -> None:
        a, b, c = (booking(uid, updatedAt=at(minute)) for minute, uid in enumerate("abc"))
        changed = booking("b", updatedAt=at(9))
        stub.script.extend([counted(a, b, more=True), counted(c, changed), counted(a, c, changed)])
        assert ids(pull(provider)[-1].changes) == ["a", "c", "b"]
        assert [one["skip"] for one in stub.asked("bookings")] == ["0", "1", "0"]

    def test_list_that_never_joins_on_is_given_up(
        self, stub: Stub, provider: CalendarProvider
    ) -> None:
        def page(number: int) -> Answer:
            moment = at(number % 60)
            return counted(*(booking(uid, updatedAt=moment) for uid in "ab"), more=True)

        stub.script.extend(map(page, range(22)))
        with pytest.raises(RetryLaterError) as caught:
            pull(provider)
        assert caught.value.reason == "restless"

    def test_build_that_promises_pages_for_ever_is_read_to_its_empty_one(
        self, stub: Stub, provider: CalendarProvider
    ) -> None:
        # It counts without afterUpdatedAt, as Cal.com did for long.
        rows = [booking(str(number), updatedAt=at(number)) for number in range(20)]
        stub.script.extend(counted(*rows[skip:], more=True) for skip in (0, 18, 19, 20))
        assert watermark_of(pull(provider, cursor_after(at(9))))
        assert [one["skip"] for one in stub.asked("bookings")] == ["0", "18", "19", "20"]

    def test_list_that_shrinks_before_the_next_page_is_asked_for_further_back(
        self, stub: Stub, provider: CalendarProvider
    ) -> None:
        a, b, c = (booking(uid, updatedAt=at(minute)) for minute, uid in enumerate("abc"))
        stub.script.extend([counted(a, b, c, more=True), counted(), counted(c)])
        assert ids(pull(provider)[-1].changes) == ["c"]
        assert [one["skip"] for one in stub.asked("bookings")] == ["0", "2", "0"]

    def test_short_page_is_not_the_end(self, stub: Stub, provider: CalendarProvider) -> None:
        a, b, c = (booking(uid, updatedAt=at(minute)) for minute, uid in enumerate("abc"))
        stub.script.extend(
            [counted(a, b, more=True), counted(b, more=True), counted(c, more=True), counted()]
        )
        assert [ids(one.changes) for one in pull(provider)] == [["a", "b"], ["b"], ["c"], []]

    def test_page_without_a_word_on_the_next_is_followed_by_another(
        self, stub: Stub, provider: CalendarProvider
    ) -> None:
        stub.script.extend(
            Answer({"status": "success", "data": rows}) for rows in ([booking("a")], [])
        )
        assert len(pull(provider)) == 2

    def test_list_that_goes_in_a_circle_gives_no_cursor(
        self, stub: Stub, provider: CalendarProvider
    ) -> None:
        stub.script.extend([counted(booking("a"), booking("b"), more=True)] * 7)
        pages: list[ChangePage] = []
        with pytest.raises(RetryLaterError) as caught:
            pages.extend(provider.pull_changes("bookings", cursor=None, window=WINDOW))
        assert caught.value.reason == "pageRepeated"
        assert all(one.cursor is None for one in pages)

    def test_page_size_is_a_parameter(self, stub: Stub) -> None:
        stub.script.append(counted())
        provider = open_provider(stub.url, per_page=7)
        pull(provider)
        provider.close()
        assert stub.asked("bookings")[0]["take"] == "7"


class TestCursors:
    """Cal.com's own cursors, not ours."""

    def test_one_status_is_asked_for_at_a_time(self, stub: Stub) -> None:
        stub.version = "2026-05-01"
        stub.script.extend(followed(booking(status)) for status in STATUSES)
        provider = open_provider(stub.url, version="2026-05-01")
        pages = pull(provider)
        provider.close()
        first = {"sortUpdatedAt": "asc", "limit": "100"}
        assert stub.asked("bookings") == [{"status": status, **first} for status in STATUSES]
        assert [ids(one.changes) for one in pages] == [[status] for status in STATUSES]

    def test_cursor_is_followed_within_its_status(self, stub: Stub) -> None:
        stub.version = "2026-05-01"
        stub.script.extend(
            [
                followed(booking("a"), cursor="c1"),
                followed(cursor="c2"),
                followed(booking("b")),
                *[followed()] * 4,
            ]
        )
        provider = open_provider(stub.url, version="2026-05-01")
        pull(provider, cursor_after(UPDATED))
        provider.close()
        asked = stub.asked("bookings")
        assert [one.get("cursor") for one in asked[:4]] == [None, "c1", "c2", None]
        assert [one["status"] for one in asked] == ["unconfirmed"] * 2 + STATUSES
        assert {one["afterUpdatedAt"] for one in asked} == {OVERLAPPED}

    def test_new_version_may_answer_in_the_old_shape(self, stub: Stub) -> None:
        stub.version = "2026-05-01"
        a, b = booking("a", updatedAt=at(1)), booking("b", updatedAt=at(2))
        old = [counted(a, b, more=True), counted(b)]
        stub.script.extend([*old, *[counted()] * 4])
        provider = open_provider(stub.url, version="2026-05-01")
        pages = pull(provider)
        provider.close()
        assert stub.asked("bookings")[1] == {
            "status": "unconfirmed",
            "sortUpdatedAt": "asc",
            "take": "100",
            "skip": "1",
        }
        assert "limit" in stub.asked("bookings")[2]
        assert watermark_of(pages) == "2026-03-20T10:02:00+00:00"

    def test_old_version_may_answer_in_the_new_shape(
        self, stub: Stub, provider: CalendarProvider
    ) -> None:
        stub.problems = _Forgiving("status=")
        stub.script.extend([followed(booking("a"), cursor=5), followed(booking("b"))])
        assert [ids(one.changes) for one in pull(provider)] == [["a"], ["b"]]
        assert stub.asked("bookings")[1]["cursor"] == "5"

    def test_cursor_that_comes_back_is_a_circle(
        self, stub: Stub, provider: CalendarProvider
    ) -> None:
        stub.problems = _Forgiving("status=")
        stub.script.extend([followed(booking("a"), cursor="c1")] * 2)
        with pytest.raises(RetryLaterError, match="repeats"):
            pull(provider)

    def test_cursor_that_aged_means_beginning_anew(
        self, stub: Stub, provider: CalendarProvider
    ) -> None:
        stub.problems = _Forgiving("status=")
        stub.script.extend([followed(booking("a"), cursor="c1"), refusal(400, "BAD_REQUEST")])
        with pytest.raises(RetryLaterError):
            pull(provider)


class _Forgiving(list[str]):
    """Problems but for those that a test brings about."""

    def __init__(self, beginning: str) -> None:
        self._beginning = beginning

    def extend(self, problems: Any) -> None:
        super().extend(one for one in problems if not one.startswith(self._beginning))


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


class TestVersions:
    @pytest.mark.parametrize("version", ["2024-08-13", "2026-02-25", "2099-01-01", None])
    def test_version_is_the_settings(self, version: str | None, stub: Stub) -> None:
        stub.version = version
        many = version is not None and version >= "2026-05-01"
        stub.script.extend([counted()] * (5 if many else 1))
        provider = open_provider(stub.url, version=version)
        pull(provider)
        provider.close()
        sent = {one.headers.get("cal-api-version") for one in stub.requests if one.query}
        assert version in sent

    def test_profile_and_absences_have_versions_of_their_own(self, stub: Stub) -> None:
        stub.problems = _Forgiving("me")
        stub.script.append(counted())
        versions = CalDotComVersions(me="2030-01-01", out_of_office="2030-02-02")
        client = CalDotComClient(stub.api_url, "key", versions=versions)
        provider = CalDotComProvider(client, bookings_version=versions.bookings)
        pull(provider)
        provider.close()
        sent = {one.path: one.headers.get("cal-api-version") for one in stub.requests}
        assert sent == {
            "/v2/me": "2030-01-01",
            "/v2/bookings": "2024-08-13",
            "/v2/me/ooo": "2030-02-02",
        }

    @pytest.mark.parametrize(
        "answer",
        [
            refusal(400, "BAD_REQUEST", "Unsupported cal-api-version"),
            refusal(404, "NotFoundException", "Cannot GET /v2/bookings"),
            Answer({"status": "success", "data": {"bookings": [], "nextCursor": None}}),
        ],
        ids=["refused", "no-route", "older-shape"],
    )
    def test_wrong_version_names_the_setting(
        self, answer: Answer, stub: Stub, provider: CalendarProvider
    ) -> None:
        stub.script.append(answer)
        with pytest.raises(ProviderError) as caught:
            pull(provider)
        assert not isinstance(caught.value, RetryLaterError | CursorExpiredError)
        for words in ("CALCOM_BOOKINGS_VERSION", "version 2024-08-13", "CALCOM_API_URL"):
            assert words in str(caught.value)


BODY = json.dumps({"status": "success", "data": [booking("a")], "pagination": {}}).encode()
LAST = json.dumps(
    {"status": "success", "data": [booking("a")], "pagination": {"hasNextPage": False}}
).encode()
BROKEN = {
    "server error": Answer(b"<html>oops</html>", 503),
    "request timeout": Answer(b"", 408),
    "body cut off": Answer(LAST, cut=20),
    "connection reset": Answer(LAST, cut=20, reset=True),
    "nothing at all": Answer(LAST, cut=0, reset=True),
    "not JSON": Answer(b"<html>captive portal</html>"),
    "not an object": Answer(b"[]"),
    "not text": Answer(b"\xff\xfe{"),
    "bad compression": Answer(b"no gzip", headers={"Content-Encoding": "gzip"}),
    "bottomless nesting": Answer(b"[" * 100_000),
}


class TestTrouble:
    @pytest.mark.parametrize("trouble", BROKEN)
    def test_brief_trouble_is_tried_again_at_once(
        self, trouble: str, stub: Stub, provider: CalendarProvider
    ) -> None:
        stub.script.extend([BROKEN[trouble], Answer(LAST)])
        (only,) = pull(provider)
        assert ids(only.changes) == ["a"]
        assert stub.asked("bookings") == [FULL, FULL]

    @pytest.mark.parametrize("trouble", ["server error", "connection reset"])
    def test_lasting_trouble_ends_in_retry_later(
        self, trouble: str, stub: Stub, provider: CalendarProvider
    ) -> None:
        stub.script.extend([BROKEN[trouble]] * 3)
        with pytest.raises(RetryLaterError):
            pull(provider)
        assert len(stub.asked("bookings")) == 3

    def test_trouble_between_pages_gives_no_cursor(
        self, stub: Stub, provider: CalendarProvider
    ) -> None:
        stub.script.extend([counted(booking("a"), more=True), refusal(429, "TOO_MANY_REQUESTS")])
        pages = provider.pull_changes("bookings", cursor=None, window=WINDOW)
        assert next(pages).cursor is None
        with pytest.raises(RetryLaterError):
            next(pages)

    def test_pause_is_reported_and_not_slept(self, stub: Stub, provider: CalendarProvider) -> None:
        stub.script.append(refusal(429, "TOO_MANY_REQUESTS", Retry_After="90", X_Request_Id="r1"))
        with pytest.raises(RetryLaterError) as caught:
            pull(provider)
        assert caught.value.retry_after == timedelta(seconds=90)
        assert caught.value.request_id == "r1"
        assert len(stub.asked("bookings")) == 1

    def test_rejected_token_is_reported_and_never_refreshed_here(
        self, stub: Stub, provider: CalendarProvider
    ) -> None:
        stub.profile = refusal(401, "UNAUTHORIZED")
        with pytest.raises(AccessTokenRejectedError):
            pull(provider)
        assert len(stub.requests) == 1

    def test_missing_scope_is_told_in_cal_coms_words(
        self, stub: Stub, provider: CalendarProvider
    ) -> None:
        words = "insufficient_scope: token does not have the required scopes."
        stub.script.append(refusal(403, "FORBIDDEN", words))
        with pytest.raises(ConsentLostError, match="insufficient_scope") as caught:
            pull(provider)
        assert "Connect it again" in str(caught.value)

    def test_error_in_an_answer_of_success_is_an_error(
        self, stub: Stub, provider: CalendarProvider
    ) -> None:
        stub.script.append(refusal(200, "INTERNAL", "Something broke"))
        with pytest.raises(ProviderError, match="Something broke"):
            pull(provider)

    def test_redirect_is_not_followed(self, stub: Stub, provider: CalendarProvider) -> None:
        stub.script.append(Answer(b"", 302, {"Location": "/v2/me"}))
        with pytest.raises(ProviderError):
            pull(provider)
        assert len(stub.requests) == 2

    def test_unreachable_server_ends_in_retry_later(self) -> None:
        with run_stub() as stub:
            url = stub.url
        provider = open_provider(url)
        with pytest.raises(RetryLaterError) as caught:
            provider.pull_calendars()
        assert caught.value.reason == "connection"
        assert "cal_secret" not in str(caught.value)
        provider.close()

    def test_silent_server_is_given_up_after_the_timeout(self, stub: Stub) -> None:
        # The answer promises more than it sends and keeps the line open.
        stub.profile = Answer(b"{", headers={"Content-Length": "100000"})
        client = CalDotComClient(
            stub.api_url,
            "key",
            versions=CalDotComVersions(),
            timeout=timedelta(seconds=0.2),
        )
        with pytest.raises(RetryLaterError) as caught:
            client.pull_profile()
        assert caught.value.reason == "timeout"
        assert len(stub.requests) == 1
        client.close()

    def test_answer_without_measure_is_given_up(
        self, stub: Stub, provider: CalendarProvider, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        limit = "calendar_manager.providers.caldotcom.client._BODY_LIMIT_BYTES"
        monkeypatch.setattr(limit, 1000)
        stub.script.append(Answer(b"[" + b" " * 200_000 + b"]"))
        with pytest.raises(RetryLaterError) as caught:
            pull(provider)
        assert caught.value.reason == "tooLong"

    def test_own_token_wins_over_an_entry_for_the_host(
        self, stub: Stub, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        netrc = tmp_path / "netrc"
        netrc.write_text("machine 127.0.0.1 login eve password hers\n", encoding="utf-8")
        monkeypatch.setenv("NETRC", str(netrc))
        provider = open_provider(stub.url)
        provider.pull_calendars()
        provider.close()
        assert stub.requests[0].headers["authorization"] == "Bearer cal_secret"

    def test_address_may_lack_its_trailing_slash(self, stub: Stub) -> None:
        client = CalDotComClient(stub.api_url.rstrip("/"), "key", versions=CalDotComVersions())
        client.pull_profile()
        client.close()
        assert stub.requests[0].path == "/v2/me"
