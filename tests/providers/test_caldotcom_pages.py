"""The pages of a list that changes while it is read, in both shapes."""

from collections.abc import Iterator

import pytest

from calendar_manager.domain.changes import (
    ChangePage,
)
from calendar_manager.providers.base import CalendarProvider
from calendar_manager.providers.caldotcom.walk import BookingWalk, find_start
from calendar_manager.providers.errors import (
    RetryLaterError,
)
from tests.providers.caldotcom_reading import (
    FULL,
    WINDOW,
    Forgiving,
    at,
    cursor_after,
    ids,
    pull,
    watermark_of,
)
from tests.providers.caldotcom_stub import (
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

    def test_no_status_means_every_one(self, stub: Stub) -> None:
        stub.version = "2026-05-01"
        stub.script.append(followed(booking("a"), booking("b")))
        provider = open_provider(stub.url, version="2026-05-01")
        pages = pull(provider)
        provider.close()
        assert stub.asked("bookings") == [{"limit": "100"}]
        assert [ids(one.changes) for one in pages] == [["a", "b"]]

    def test_cursor_is_followed_to_its_end(self, stub: Stub) -> None:
        stub.version = "2026-05-01"
        stub.script.extend(
            [followed(booking("a"), cursor="c1"), followed(cursor="c2"), followed(booking("b"))]
        )
        provider = open_provider(stub.url, version="2026-05-01")
        pull(provider, cursor_after(UPDATED))
        provider.close()
        asked = stub.asked("bookings")
        assert [one.get("cursor") for one in asked] == [None, "c1", "c2"]
        assert {one["afterUpdatedAt"] for one in asked} == {OVERLAPPED}

    def test_new_version_may_answer_in_the_old_shape(self, stub: Stub) -> None:
        stub.version = "2026-05-01"
        a, b, c = (booking(uid, updatedAt=at(minute)) for minute, uid in enumerate("abc"))
        stub.script.extend([counted(c, b, more=True), counted(a, b, more=True), counted(b, c)])
        provider = open_provider(stub.url, version="2026-05-01")
        pages = pull(provider)
        provider.close()
        asked = stub.asked("bookings")
        assert asked[0] == {"limit": "100"}
        # In the order of counting it begins anew.
        assert asked[1:] == [FULL, {**FULL, "skip": "1"}]
        assert watermark_of(pages) == "2026-03-20T10:02:00+00:00"

    def test_new_version_may_answer_all_there_is_in_the_old_shape(self, stub: Stub) -> None:
        stub.version = "2026-05-01"
        stub.script.append(counted(booking("a")))
        provider = open_provider(stub.url, version="2026-05-01")
        pages = pull(provider)
        provider.close()
        assert [ids(one.changes) for one in pages] == [["a"]]

    def test_old_version_may_answer_in_the_new_shape(
        self, stub: Stub, provider: CalendarProvider
    ) -> None:
        stub.problems = Forgiving("status=", "sortUpdatedAt ")
        stub.script.extend([followed(booking("a"), cursor=5), followed(booking("b"))])
        assert [ids(one.changes) for one in pull(provider)] == [["a"], ["b"]]
        assert stub.asked("bookings")[1]["cursor"] == "5"

    def test_cursor_that_comes_back_is_a_circle(
        self, stub: Stub, provider: CalendarProvider
    ) -> None:
        stub.problems = Forgiving("status=", "sortUpdatedAt ")
        stub.script.extend([followed(booking("a"), cursor="c1")] * 2)
        with pytest.raises(RetryLaterError, match="repeats"):
            pull(provider)

    def test_circle_of_many_cursors_is_noticed(self) -> None:
        walk = BookingWalk(find_start("2026-05-01"), after=None)
        cursors = [str(number if number < 3 else 3 + number % 7) for number in range(100)]
        with pytest.raises(RetryLaterError, match="repeats"):
            all(walk.turn([], {"nextCursor": cursor}) for cursor in cursors)

    def test_long_way_is_no_circle(self) -> None:
        walk = BookingWalk(find_start("2026-05-01"), after=None)
        assert all(walk.turn([], {"nextCursor": str(number)}) for number in range(5_000))

    def test_cursor_that_aged_means_beginning_anew(
        self, stub: Stub, provider: CalendarProvider
    ) -> None:
        stub.problems = Forgiving("status=", "sortUpdatedAt ")
        stub.script.extend([followed(booking("a"), cursor="c1"), refusal(400, "BAD_REQUEST")])
        with pytest.raises(RetryLaterError):
            pull(provider)
