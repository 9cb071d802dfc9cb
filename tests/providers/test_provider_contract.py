"""One contract, kept by every provider, against its sandbox over HTTP."""

import random
from collections.abc import Iterator
from datetime import timedelta

import pytest

from calendar_manager.domain.accounts import AccessRole
from calendar_manager.domain.events import EventKind, EventStatus
from calendar_manager.domain.timespan import Span
from calendar_manager.providers.base import CalendarProvider, Grant
from calendar_manager.providers.errors import (
    AccessTokenRejectedError,
    CalendarGoneError,
    ConnectRefusedError,
    ConsentLostError,
    CursorExpiredError,
    RetryLaterError,
)
from calendar_manager.sandbox.control_client import ControlClient
from calendar_manager.sandbox.server import SandboxThread
from tests.providers.caldotcom_bench import CaldotcomBench
from tests.providers.microsoft_bench import MicrosoftBench
from tests.providers.provider_bench import Bench, FullBench, GoogleBench
from tests.providers.provider_scenes import (
    HOUR,
    MONDAY,
    REDIRECT,
    WINDOW,
    Copy,
    connect,
    edit_at_random,
    follow,
    is_usable,
    now,
    read,
    weekly,
)

pytestmark = pytest.mark.unit

BENCHES: dict[str, type[GoogleBench | MicrosoftBench | CaldotcomBench]] = {
    "google": GoogleBench,
    "microsoft": MicrosoftBench,
    "caldotcom": CaldotcomBench,
}


@pytest.fixture(scope="module")
def control() -> Iterator[ControlClient]:
    with SandboxThread() as sandbox:
        yield sandbox.control


@pytest.fixture(params=BENCHES)
def bench(request: pytest.FixtureRequest, control: ControlClient) -> Bench:
    return BENCHES[request.param](control)


def only_with(ability: str) -> pytest.MarkDecorator:
    """Run a test at the providers that have an ability; the others cannot break the promise."""
    names = [name for name, bench in BENCHES.items() if ability in bench.abilities]
    return pytest.mark.parametrize("bench", names, indirect=True)


@pytest.fixture
def grant(bench: Bench) -> Grant:
    return connect(bench)


@pytest.fixture
def provider(bench: Bench, grant: Grant) -> Iterator[CalendarProvider]:
    provider = bench.factory.open(grant.tokens)
    yield provider
    provider.close()


class TestConnecting:
    def test_consent_gives_a_grant_that_reads(self, bench: Bench, grant: Grant) -> None:
        assert grant.account == bench.account
        assert grant.provider_account_id
        assert grant.tokens.refresh_token
        assert grant.tokens.expires_at is not None
        assert timedelta(0) < grant.tokens.expires_at - now() <= timedelta(days=1)
        assert is_usable(grant.tokens, bench.factory)

    def test_account_keeps_its_id_and_another_has_another(self, bench: Bench, grant: Grant) -> None:
        again = connect(bench)
        other = connect(bench, account=bench.other_account)
        assert again.provider_account_id == grant.provider_account_id
        assert other.provider_account_id != grant.provider_account_id
        assert is_usable(grant.tokens, bench.factory)

    def test_denied_consent_is_refused_in_words(self, bench: Bench) -> None:
        with pytest.raises(ConnectRefusedError, match="not allowed"):
            connect(bench, deny=True)

    @only_with("ticking")
    def test_unticked_scope_is_refused_and_the_rest_given_back(self, bench: FullBench) -> None:
        with pytest.raises(ConnectRefusedError, match="tick"):
            connect(bench, untick=True)
        assert bench.count_revocations() == 1
        assert is_usable(connect(bench).tokens, bench.factory)

    def test_code_works_once(self, bench: Bench) -> None:
        auth = bench.factory.auth
        request = auth.authorization(state="s", redirect_uri=REDIRECT)
        parameters = bench.consent(request.url)

        def redeem() -> Grant:
            return auth.exchange(
                parameters=parameters, memory=request.memory, redirect_uri=REDIRECT, now=now()
            )

        assert redeem().account == bench.account
        with pytest.raises(ConnectRefusedError):
            redeem()

    def test_code_is_worth_nothing_without_its_verifier(self, bench: Bench) -> None:
        auth = bench.factory.auth
        stolen = auth.authorization(state="s", redirect_uri=REDIRECT)
        own = auth.authorization(state="s", redirect_uri=REDIRECT)
        parameters = bench.consent(stolen.url)
        with pytest.raises(ConnectRefusedError):
            auth.exchange(
                parameters=parameters, memory=own.memory, redirect_uri=REDIRECT, now=now()
            )

    def test_refresh_replaces_a_rejected_access_token(self, bench: Bench, grant: Grant) -> None:
        bench.expire_access()
        with pytest.raises(AccessTokenRejectedError):
            is_usable(grant.tokens, bench.factory)
        first = bench.factory.auth.refresh(grant.tokens, now=now())
        second = bench.factory.auth.refresh(first, now=now())
        assert first.access_token != grant.tokens.access_token
        assert first.refresh_token
        assert second.scopes == grant.tokens.scopes
        assert is_usable(second, bench.factory)

    def test_consent_withdrawn_at_the_provider_is_lost(self, bench: Bench, grant: Grant) -> None:
        bench.withdraw_consent()
        with pytest.raises(ConsentLostError, match="Connect the account again"):
            bench.factory.auth.refresh(grant.tokens, now=now())

    @only_with("revoking")
    def test_revoked_grant_is_gone_and_may_be_revoked_again(
        self, bench: Bench, grant: Grant
    ) -> None:
        bench.factory.auth.revoke(grant.tokens)
        with pytest.raises(ConsentLostError):
            bench.factory.auth.refresh(grant.tokens, now=now())
        bench.factory.auth.revoke(grant.tokens)

    def test_provider_in_trouble_means_retry_later(self, bench: Bench, grant: Grant) -> None:
        bench.fail()
        with pytest.raises(RetryLaterError):
            bench.factory.auth.refresh(grant.tokens, now=now())
        bench.mend()
        assert bench.factory.auth.refresh(grant.tokens, now=now()).access_token

    @only_with("revoking")
    def test_provider_in_trouble_keeps_the_grant_for_now(self, bench: Bench, grant: Grant) -> None:
        bench.fail()
        with pytest.raises(RetryLaterError):
            bench.factory.auth.revoke(grant.tokens)


class TestReading:
    @only_with("sharing")
    def test_every_calendar_is_listed(self, bench: FullBench, provider: CalendarProvider) -> None:
        calendars = {one.provider_calendar_id: one for one in provider.pull_calendars()}
        assert calendars.keys() == {bench.calendar, bench.shared_calendar, bench.hidden_calendar}
        assert [key for key, one in calendars.items() if one.primary] == [bench.calendar]
        assert calendars[bench.calendar].access_role is AccessRole.OWNER
        for_reading = {AccessRole.FREE_BUSY_READER, AccessRole.READER}
        assert calendars[bench.shared_calendar].access_role in for_reading

    @only_with("hiding")
    def test_what_is_hidden_is_listed_as_such(
        self, bench: FullBench, provider: CalendarProvider
    ) -> None:
        calendars = {one.provider_calendar_id: one for one in provider.pull_calendars()}
        assert calendars[bench.calendar].time_zone == "Europe/Berlin"
        assert calendars[bench.shared_calendar].access_role is AccessRole.FREE_BUSY_READER
        assert not calendars[bench.hidden_calendar].selected

    @only_with("series")
    def test_full_read_gives_events_as_they_are(
        self, bench: FullBench, provider: CalendarProvider
    ) -> None:
        single = bench.create("Single", MONDAY)
        series = bench.create("Series", MONDAY, rule="RRULE:FREQ=WEEKLY;COUNT=5")
        bench.cancel_one(series, weekly(1))
        bench.move_one(series, weekly(3), weekly(3) + HOUR)
        copy = read(provider, bench, Copy())
        assert copy.events[single].kind is EventKind.SINGLE
        assert copy.events[single].when == Span(MONDAY, MONDAY + HOUR)
        assert copy.events[series].kind is EventKind.MASTER
        assert copy.events[series].recurrence[0].startswith("RRULE:FREQ=WEEKLY")
        assert copy.events[series].time_zone == "Europe/Berlin"
        assert copy.starts(series) == {
            weekly(0): weekly(0),
            weekly(2): weekly(2),
            weekly(3): weekly(3) + HOUR,
            weekly(4): weekly(4),
        }

    def test_pages_short_and_empty_lose_nothing(
        self, bench: Bench, provider: CalendarProvider
    ) -> None:
        for number in range(9):
            bench.create(f"Event {number}", MONDAY + number * HOUR)
        bench.small_pages()
        pages = list(provider.pull_changes(bench.calendar, cursor=None, window=WINDOW))
        assert len(pages) > 4
        copy = Copy()
        copy.take(pages)
        assert copy.titles == [f"Event {number}" for number in range(9)]

    def test_empty_calendar_has_a_cursor(self, bench: Bench, provider: CalendarProvider) -> None:
        assert read(provider, bench, Copy()).events == {}

    def test_read_that_finds_nothing_new_is_one_request(
        self, bench: Bench, provider: CalendarProvider
    ) -> None:
        bench.create("Event", MONDAY)
        copy = read(provider, bench, Copy())
        bench.count_reads()
        changes = copy.take(
            provider.pull_changes(bench.calendar, cursor=copy.cursor, window=WINDOW)
        )
        assert (changes, bench.count_reads()) == (0, 1)

    @only_with("hiding")
    def test_shared_busy_times_are_read_without_their_titles(
        self, bench: FullBench, provider: CalendarProvider
    ) -> None:
        bench.create_for_another("Secret project", MONDAY)
        copy = Copy()
        copy.take(provider.pull_changes(bench.shared_calendar, cursor=None, window=WINDOW))
        (event,) = copy.events.values()
        assert event.when == Span(MONDAY, MONDAY + HOUR)
        assert "Secret" not in str(event)


class TestFollowing:
    """Incremental reading leads to the same copy as reading everything anew."""

    def test_new_moved_and_deleted_events(self, bench: Bench, provider: CalendarProvider) -> None:
        moved, doomed = bench.create("Moved", MONDAY), bench.create("Doomed", MONDAY)
        copy = read(provider, bench, Copy())
        bench.create("New", MONDAY)
        bench.move(moved, MONDAY + 3 * HOUR)
        bench.delete(doomed)
        assert follow(provider, bench, copy).titles == ["Moved", "New"]
        spans = {
            event.title: event.when
            for event in copy.events.values()
            if event.status is not EventStatus.CANCELLED
        }
        start = MONDAY + 3 * HOUR
        assert spans == {"Moved": Span(start, start + HOUR), "New": Span(MONDAY, MONDAY + HOUR)}

    @only_with("series")
    def test_new_changed_and_deleted_events(
        self, bench: FullBench, provider: CalendarProvider
    ) -> None:
        kept, doomed = bench.create("Kept", MONDAY), bench.create("Doomed", MONDAY)
        copy = read(provider, bench, Copy())
        bench.create("New", MONDAY)
        bench.rename(kept, "Renamed")
        bench.delete(doomed)
        assert follow(provider, bench, copy).titles == ["New", "Renamed"]

    @only_with("series")
    def test_one_occurrence_moved_then_cancelled(
        self, bench: FullBench, provider: CalendarProvider
    ) -> None:
        series = bench.create("Series", MONDAY, rule="RRULE:FREQ=WEEKLY")
        copy = read(provider, bench, Copy())
        bench.move_one(series, weekly(2), weekly(2) + 3 * HOUR)
        follow(provider, bench, copy)
        (moved,) = (one for one in copy.events.values() if one.kind is EventKind.OVERRIDE)
        assert (moved.series_id, moved.original_start) == (series, weekly(2))
        assert moved.when == Span(weekly(2) + 3 * HOUR, weekly(2) + 4 * HOUR)
        bench.cancel_one(series, weekly(2))
        follow(provider, bench, copy)
        around = {weekly(1), weekly(2), weekly(3)}
        assert copy.starts(series).keys() & around == {weekly(1), weekly(3)}

    @only_with("series")
    def test_series_split_in_the_middle(self, bench: FullBench, provider: CalendarProvider) -> None:
        series = bench.create("Old", MONDAY, rule="RRULE:FREQ=WEEKLY")
        bench.cancel_one(series, weekly(4))
        copy = read(provider, bench, Copy())
        bench.rename_following(series, weekly(3), "New")
        follow(provider, bench, copy)
        masters = [one for one in copy.events.values() if one.kind is EventKind.MASTER]
        assert sorted(one.title for one in masters) == ["New", "Old"]
        assert "UNTIL=" in copy.events[series].recurrence[0]

    @only_with("series")
    def test_series_cut_off_forgets_the_exceptions_behind_the_cut(
        self, bench: FullBench, provider: CalendarProvider
    ) -> None:
        series = bench.create("Series", MONDAY, rule="RRULE:FREQ=WEEKLY")
        bench.move_one(series, weekly(1), weekly(1) + HOUR)
        bench.move_one(series, weekly(5), weekly(5) + HOUR)
        copy = read(provider, bench, Copy())
        bench.cut_off(series, weekly(3))
        follow(provider, bench, copy)
        starts = [one.original_start for one in copy.events.values() if one.series_id]
        assert starts == [weekly(1)]

    @only_with("series")
    def test_deleted_series_takes_its_exceptions_along(
        self, bench: FullBench, provider: CalendarProvider
    ) -> None:
        series = bench.create("Series", MONDAY, rule="RRULE:FREQ=WEEKLY")
        bench.move_one(series, weekly(1), weekly(1) + HOUR)
        copy = read(provider, bench, Copy())
        bench.delete(series)
        assert follow(provider, bench, copy).events == {}

    @pytest.mark.parametrize("seed", range(3))
    @only_with("series")
    def test_any_run_of_edits(
        self, seed: int, bench: FullBench, provider: CalendarProvider
    ) -> None:
        draw = random.Random(seed)
        bench.small_pages()
        copy = read(provider, bench, Copy())
        for number in range(8):
            touched: set[str] = set()
            for _ in range(draw.randint(0, 3)):
                touched.add(edit_at_random(draw, bench, copy, number, touched))
            follow(provider, bench, copy)

    @only_with("expiring cursors")
    def test_expired_cursor_leads_to_a_full_read(
        self, bench: FullBench, provider: CalendarProvider
    ) -> None:
        bench.create("Event", MONDAY)
        copy = read(provider, bench, Copy())
        bench.expire_cursors()
        with pytest.raises(CursorExpiredError):
            list(provider.pull_changes(bench.calendar, cursor=copy.cursor, window=WINDOW))
        assert read(provider, bench, Copy()).titles == ["Event"]

    def test_nonsense_for_a_cursor_has_expired(
        self, bench: Bench, provider: CalendarProvider
    ) -> None:
        with pytest.raises(CursorExpiredError):
            list(provider.pull_changes(bench.calendar, cursor="nonsense", window=WINDOW))


class TestTrouble:
    def test_throttled_request_tells_how_long_to_wait(
        self, bench: Bench, provider: CalendarProvider
    ) -> None:
        bench.throttle(timedelta(seconds=75))
        bench.count_reads()
        with pytest.raises(RetryLaterError) as caught:
            list(provider.pull_changes(bench.calendar, cursor=None, window=WINDOW))
        assert caught.value.retry_after == timedelta(seconds=75)
        assert bench.count_reads() == 1

    def test_line_broken_once_goes_unnoticed(
        self, bench: Bench, provider: CalendarProvider
    ) -> None:
        for number in range(5):
            bench.create(f"Event {number}", MONDAY)
        bench.small_pages()
        bench.break_lines(times=1, skip=1)
        assert len(read(provider, bench, Copy()).events) == 5

    def test_line_that_stays_broken_means_retry_later_and_loses_nothing(
        self, bench: Bench, provider: CalendarProvider
    ) -> None:
        copy = read(provider, bench, Copy())
        for number in range(5):
            bench.create(f"Event {number}", MONDAY)
        bench.small_pages()
        bench.break_lines(skip=1)
        pages = provider.pull_changes(bench.calendar, cursor=copy.cursor, window=WINDOW)
        assert next(pages).cursor is None
        with pytest.raises(RetryLaterError):
            list(pages)
        bench.mend()
        assert len(follow(provider, bench, copy).events) == 5

    def test_failing_provider_means_retry_later(
        self, bench: Bench, provider: CalendarProvider
    ) -> None:
        bench.fail()
        with pytest.raises(RetryLaterError):
            provider.pull_calendars()

    @only_with("sharing")
    def test_calendar_taken_away_leaves_the_others(
        self, bench: FullBench, provider: CalendarProvider
    ) -> None:
        copy = Copy()
        copy.take(provider.pull_changes(bench.shared_calendar, cursor=None, window=WINDOW))
        bench.unshare()
        for cursor in (None, copy.cursor):
            with pytest.raises(CalendarGoneError):
                list(provider.pull_changes(bench.shared_calendar, cursor=cursor, window=WINDOW))
        assert read(provider, bench, Copy()).cursor
