"""Opening, renewing, replacing and closing channels, whatever goes wrong on the way."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from calendar_manager.providers.errors import (
    ChannelsUnavailableError,
    ConsentLostError,
    ProviderError,
    RetryLaterError,
)
from calendar_manager.sync.channels import claim_due_channels, tend_channel
from tests.sync.desk import NOW, Clock, Desk
from tests.sync.switchboard import WEEK, Account, Silent, Switchboard, switch

pytestmark = pytest.mark.store


@pytest.fixture
def board() -> Switchboard:
    return Switchboard()


@pytest.fixture
def watched(desk: Desk, board: Switchboard) -> Desk:
    """The connected account, with its provider's channels in the hands of the test."""
    desk.context = switch(desk.context, lambda: Account(board))
    return desk


def tend(desk: Desk) -> UUID | None:
    return tend_channel(desk.context, desk.calendar_id)


def channels(desk: Desk, *, live: bool = True) -> list[dict[str, Any]]:
    where = "WHERE stopped_at IS NULL" if live else ""
    return desk.rows(f"SELECT * FROM channels {where} ORDER BY created_at")  # noqa: S608 - fixed.


def next_look(desk: Desk) -> datetime:
    (row,) = desk.rows("SELECT next_channel_at FROM calendars WHERE id = :id", id=desk.calendar_id)
    at: datetime = row["next_channel_at"]
    return at


def write(desk: Desk, statement: str, **parameters: Any) -> None:
    with desk.context.store.begin() as uow:
        uow.session.execute(text(statement), parameters)


def test_a_calendar_gets_a_channel_and_a_sync(watched: Desk, board: Switchboard) -> None:
    job_id = tend(watched)
    (row,) = channels(watched)
    assert list(board.live) == [str(row["id"])]
    request = board.live[str(row["id"])]
    assert request.address == "https://calendars.example/webhooks/google"
    assert request.token.startswith(f"{row['id'].hex}.")
    assert len(request.token) == 76
    assert request.token not in row["token"]
    assert (row["provider_channel_id"], row["resource_id"]) == (str(row["id"]), "watched")
    assert (row["opened_at"], row["expires_at"]) == (NOW, NOW + WEEK)
    assert NOW + 0.7 * WEEK < next_look(watched) < NOW + 0.8 * WEEK
    assert job_id is not None
    assert watched.job(job_id).trigger == "beat"


def test_the_row_is_there_before_the_provider_is_asked(watched: Desk, board: Switchboard) -> None:
    seen: list[Any] = []
    board.on_open = lambda: seen.extend(channels(watched))
    tend(watched)
    assert [row["opened_at"] for row in seen] == [None]


def test_a_channel_that_is_fine_is_left_alone(watched: Desk, board: Switchboard) -> None:
    tend(watched)
    assert tend(watched) is None
    assert board.verbs == ["open"]


def test_a_new_one_is_opened_before_the_old_one_is_closed(
    watched: Desk, board: Switchboard, clock: Clock
) -> None:
    tend(watched)
    clock.now += 0.8 * WEEK
    tend(watched)
    old, new = [row["id"] for row in channels(watched, live=False)]
    assert board.log[1:] == [("extend", str(old)), ("open", str(new)), ("close", str(old))]
    assert list(board.live) == [str(new)]
    assert [row["id"] for row in channels(watched)] == [new]


def test_a_channel_is_extended_where_that_is_possible(
    watched: Desk, board: Switchboard, clock: Clock
) -> None:
    board.extends = True
    tend(watched)
    clock.now += 0.8 * WEEK
    assert tend(watched) is None
    assert board.verbs == ["open", "extend"]
    (row,) = channels(watched)
    assert row["expires_at"] == clock.now + WEEK
    assert next_look(watched) > clock.now + 0.6 * WEEK


def test_a_channel_without_an_end_is_looked_at_every_day(
    watched: Desk, board: Switchboard, clock: Clock
) -> None:
    board.life, board.extends = None, True
    tend(watched)
    for _ in range(3):
        clock.now = next_look(watched)
        tend(watched)
    assert board.verbs == ["open", "extend", "extend", "extend"]
    assert clock.now - NOW < timedelta(days=3)


def test_a_channel_that_is_gone_is_replaced_and_the_calendar_read(
    watched: Desk, board: Switchboard, clock: Clock
) -> None:
    board.extends = True
    tend(watched)
    board.live.clear()
    write(watched, "DELETE FROM sync_jobs")
    clock.now += 0.8 * WEEK
    assert tend(watched) is not None
    assert len(channels(watched)) == len(board.live) == 1


def test_a_channel_that_kept_a_change_to_itself_is_replaced_after_two_minutes(
    watched: Desk, board: Switchboard, clock: Clock
) -> None:
    tend(watched)
    write(watched, "UPDATE calendars SET last_synced_at = :now", now=NOW)
    with watched.context.store.begin() as uow:
        uow.channels.note_doubt(watched.calendar_id, now=NOW)
    assert next_look(watched) == NOW + timedelta(minutes=2)
    tend(watched)
    assert board.verbs == ["open"]
    clock.now = next_look(watched)
    tend(watched)
    assert board.verbs == ["open", "open", "close"]
    assert len(board.live) == 1


def test_a_channel_is_not_doubted_for_what_changed_before_it_was_opened(watched: Desk) -> None:
    write(watched, "UPDATE calendars SET last_synced_at = :at", at=NOW - timedelta(minutes=1))
    tend(watched)
    with watched.context.store.begin() as uow:
        uow.channels.note_doubt(watched.calendar_id, now=NOW)
    assert [row["doubted_at"] for row in channels(watched)] == [None]


def test_an_expired_channel_is_replaced(watched: Desk, board: Switchboard, clock: Clock) -> None:
    tend(watched)
    clock.now += 2 * WEEK
    assert tend(watched) is not None
    assert len(channels(watched)) == len(board.live) == 1


@pytest.mark.parametrize(
    "change", ["sync_enabled = false", "deleted_at = now()", "gone_at = now()"]
)
def test_a_calendar_that_is_no_longer_read_has_its_channel_closed(
    watched: Desk, board: Switchboard, change: str
) -> None:
    tend(watched)
    write(watched, f"UPDATE calendars SET {change}")  # noqa: S608 - the test's own words.
    write(watched, "UPDATE calendars SET next_channel_at = :now", now=NOW)
    assert watched.calendar_id in claim_due_channels(watched.context)
    tend(watched)
    assert board.live == {}
    assert channels(watched) == []
    assert watched.calendar_id not in claim_due_channels(watched.context)


def test_an_installation_that_cannot_be_reached_opens_nothing_and_closes_what_there_is(
    watched: Desk, board: Switchboard
) -> None:
    tend(watched)
    options = replace(watched.context.options, webhook_url=None)
    watched.context = replace(watched.context, options=options)
    write(watched, "UPDATE calendars SET next_channel_at = :now", now=NOW)
    assert list(claim_due_channels(watched.context)) == [watched.calendar_id]
    assert tend(watched) is None
    assert (board.live, channels(watched)) == ({}, [])
    write(watched, "UPDATE calendars SET next_channel_at = :now", now=NOW)
    assert claim_due_channels(watched.context) == []
    assert tend(watched) is None
    assert board.verbs == ["open", "close"]


def test_a_claimed_calendar_comes_up_again_if_nobody_saw_to_it(watched: Desk, clock: Clock) -> None:
    write(watched, "UPDATE calendars SET next_channel_at = :now", now=NOW)
    assert watched.calendar_id in claim_due_channels(watched.context)
    assert claim_due_channels(watched.context) == []
    clock.now += timedelta(minutes=2)
    assert watched.calendar_id in claim_due_channels(watched.context)


def test_an_account_that_must_be_connected_again_is_let_alone(watched: Desk) -> None:
    write(watched, "UPDATE calendars SET next_channel_at = :now", now=NOW)
    write(watched, "UPDATE connections SET status = 'needs_reauth'")
    assert claim_due_channels(watched.context) == []


def test_two_workers_at_once_open_one_channel(watched: Desk, board: Switchboard) -> None:
    inner: list[UUID | None] = []

    def intrude() -> None:
        board.on_open = lambda: None
        inner.append(tend(watched))

    board.on_open = intrude
    assert tend(watched) is not None
    assert inner == [None]
    assert len(channels(watched)) == len(board.live) == 1


def test_two_workers_at_once_replace_one_channel_once(
    watched: Desk, board: Switchboard, clock: Clock
) -> None:
    tend(watched)
    clock.now += 0.8 * WEEK

    def intrude() -> None:
        board.on_extend = lambda: None
        tend(watched)

    board.on_extend = intrude
    tend(watched)
    assert board.verbs.count("open") == 2
    assert len(channels(watched)) == len(board.live) == 1


class Killed(BaseException):
    """The worker dies on the spot."""


def kill() -> None:
    raise Killed


def test_what_a_dead_worker_began_to_open_is_closed_once_the_provider_has_called(
    watched: Desk, board: Switchboard, clock: Clock
) -> None:
    board.on_open = kill
    with pytest.raises(Killed):
        tend(watched)
    (orphan,) = channels(watched)
    assert tend(watched) is None
    assert board.verbs == ["open"]
    with watched.context.store.begin() as uow:
        uow.channels.note_message(
            orphan["id"],
            provider_channel_id=str(orphan["id"]),
            resource_id="watched",
            number=1,
            now=clock.now,
        )
    board.on_open = lambda: None
    clock.now += timedelta(minutes=5)
    assert tend(watched) is not None
    assert [row["id"] for row in channels(watched)] != [orphan["id"]]
    assert len(channels(watched)) == len(board.live) == 1


def test_an_answer_that_was_lost_leaves_no_channel_behind(
    watched: Desk, board: Switchboard, clock: Clock
) -> None:
    def lose() -> None:
        raise RetryLaterError("the line broke", reason="reset")

    board.on_open = lose
    assert tend(watched) is None
    (orphan,) = channels(watched, live=False)
    assert orphan["stopped_at"] is not None
    assert NOW < next_look(watched) <= NOW + timedelta(seconds=10)
    assert watched.rows("SELECT channel_error FROM calendars WHERE channel_error IS NOT NULL") == []
    board.on_open = lambda: None
    clock.now = next_look(watched)
    tend(watched)
    assert len(board.live) == 2
    with watched.context.store.begin() as uow:
        uow.channels.note_message(
            orphan["id"],
            provider_channel_id=str(orphan["id"]),
            resource_id="watched",
            number=1,
            now=clock.now,
        )
    tend(watched)
    (row,) = channels(watched)
    assert list(board.live) == [str(row["id"])]
    tend(watched)
    assert board.verbs == ["open", "open", "close"]


def test_waits_grow_while_the_provider_is_away(
    watched: Desk, board: Switchboard, clock: Clock
) -> None:
    def refuse() -> None:
        board.live.clear()
        raise RetryLaterError("overloaded", reason="503")

    board.on_open = refuse
    waits = []
    for _ in range(4):
        tend(watched)
        waits.append(next_look(watched) - clock.now)
        clock.now = next_look(watched)
    assert waits == sorted(waits)
    assert waits[-1] > 4 * waits[0]


def test_the_wait_that_the_provider_asks_for_is_kept(watched: Desk, board: Switchboard) -> None:
    def refuse() -> None:
        raise RetryLaterError("quota", retry_after=timedelta(minutes=20))

    board.on_open = refuse
    tend(watched)
    assert next_look(watched) >= NOW + timedelta(minutes=20)


def test_a_calendar_without_channels_is_asked_about_again_in_a_day(
    watched: Desk, board: Switchboard, clock: Clock
) -> None:
    def refuse() -> None:
        board.live.clear()
        raise ChannelsUnavailableError("Holiday calendars have no channels.", reason="nope")

    board.on_open = refuse
    tend(watched)
    (row,) = watched.rows(
        "SELECT channel_error FROM calendars WHERE id = :id", id=watched.calendar_id
    )
    assert row["channel_error"] == "Holiday calendars have no channels."
    assert NOW + timedelta(days=1) <= next_look(watched) < NOW + timedelta(days=2)
    board.on_open = lambda: None
    clock.now = next_look(watched)
    tend(watched)
    (row,) = watched.rows(
        "SELECT channel_error FROM calendars WHERE id = :id", id=watched.calendar_id
    )
    assert row["channel_error"] is None


def test_a_provider_without_channels_is_no_trouble(desk: Desk) -> None:
    desk.context = switch(desk.context, Silent)
    assert tend(desk) is None
    assert next_look(desk) >= NOW + timedelta(days=1)


def test_lost_consent_stands_in_the_connection(watched: Desk, board: Switchboard) -> None:
    def refuse() -> None:
        raise ConsentLostError("revoked", reason="invalid_grant")

    board.on_open = refuse
    assert tend(watched) is None
    (row,) = watched.rows("SELECT status FROM connections")
    assert row["status"] == "needs_reauth"


def test_the_old_channel_stays_when_no_new_one_can_be_opened(
    watched: Desk, board: Switchboard, clock: Clock
) -> None:
    tend(watched)
    clock.now += 0.8 * WEEK

    def refuse() -> None:
        raise RetryLaterError("overloaded")

    board.on_open = refuse
    tend(watched)
    (row,) = channels(watched)
    assert str(row["id"]) in board.live
    assert "close" not in board.verbs
    assert next_look(watched) >= clock.now + timedelta(minutes=2)


def test_an_old_channel_that_cannot_be_closed_is_tried_again(
    watched: Desk, board: Switchboard, clock: Clock
) -> None:
    tend(watched)
    clock.now += 0.8 * WEEK

    def refuse() -> None:
        raise RetryLaterError("overloaded")

    board.on_close = refuse
    tend(watched)
    assert len(channels(watched)) == 2
    board.on_close = lambda: None
    clock.now = next_look(watched)
    tend(watched)
    assert len(channels(watched)) == len(board.live) == 1
    assert board.verbs.count("open") == 2


def test_an_old_channel_that_the_provider_will_never_close_is_given_up(
    watched: Desk, board: Switchboard, clock: Clock
) -> None:
    tend(watched)
    clock.now += 0.8 * WEEK

    def refuse() -> None:
        raise ProviderError("forbidden")

    board.on_close = refuse
    tend(watched)
    assert len(channels(watched)) == 1


def test_a_calendar_that_goes_while_its_channel_is_opened_keeps_none(
    watched: Desk, board: Switchboard
) -> None:
    board.on_open = lambda: write(watched, "UPDATE channels SET stopped_at = now()")
    assert tend(watched) is None
    assert board.live == {}


def test_a_hint_that_comes_in_between_is_not_lost(watched: Desk, board: Switchboard) -> None:
    def hint() -> None:
        with watched.context.store.begin() as uow:
            uow.channels.hurry({watched.calendar_id}, now=NOW - timedelta(seconds=1))

    board.on_open = hint
    tend(watched)
    assert next_look(watched) == NOW - timedelta(seconds=1)


def test_what_ended_long_ago_is_forgotten(watched: Desk, board: Switchboard, clock: Clock) -> None:
    tend(watched)
    clock.now += 0.8 * WEEK
    tend(watched)
    with watched.context.store.begin() as uow:
        assert uow.channels.delete_ended(before=clock.now) == 0
        assert uow.channels.delete_ended(before=clock.now + timedelta(seconds=1)) == 1
    assert len(channels(watched, live=False)) == 1


def test_an_unknown_calendar_is_nothing_to_do(watched: Desk) -> None:
    assert tend_channel(watched.context, UUID(int=0)) is None


def test_the_claim_takes_the_longest_overdue_first(watched: Desk) -> None:
    write(watched, "UPDATE calendars SET next_channel_at = :now", now=NOW)
    with watched.context.store.begin() as uow:
        claimed = uow.channels.claim_due(
            now=NOW, retry_after=timedelta(minutes=2), opening=True, limit=1
        )
    assert len(claimed) == 1
