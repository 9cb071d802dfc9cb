"""A large installation: the same questions as in a small one, beside it on the same server."""

import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import cycle
from time import perf_counter
from typing import Final
from uuid import UUID

from sqlalchemy import create_engine, make_url, text
from sqlalchemy.orm import Session

from benchmarks.crowd import CALENDARS, OCCURRENCES, Tell, list_sizes, make_crowd, person_of
from benchmarks.results import Row
from benchmarks.timing import Timing, take_turns
from calendar_manager.bootstrap import Services, system_clock
from calendar_manager.domain.timespan import Span
from calendar_manager.domain.users import User
from calendar_manager.scheduling.agenda import AgendaQuestion, list_agenda
from calendar_manager.scheduling.answer_cache import AnswerCache
from calendar_manager.scheduling.availability import AvailabilityQuestion, find_availability
from calendar_manager.scheduling.explanation import ExplanationQuestion, explain_start
from calendar_manager.store.migrations import upgrade_database
from calendar_manager.store.repositories.sync_jobs import SyncJobRepository
from calendar_manager.store.unit_of_work import Store
from calendar_manager.sync.detect import examine_conflicts

USERS: Final = 10_000
SMALL: Final = 100
"""How many people the small installation has."""
POSTGRES: Final = {"shared_buffers": "2GB", "max_wal_size": "8GB", "effective_cache_size": "8GB"}
"""How PostgreSQL is set for a database of this size; to be given to ``start_installation``."""

DUE: Final = 1_000
FRESH: Final = timedelta(days=1)

Ask = Callable[[Store, User], object]


@dataclass(frozen=True, slots=True)
class _Town:
    """An installation with the people who are asked.

    Attributes:
        store: Its database.
        asked: Some of its people, in no order.
    """

    store: Store
    asked: list[User]


def measure_large(
    services: Services, *, users: int, runs: int, tell: Tell = lambda _: None
) -> Iterator[Row]:
    """Yield how long one person's questions take in a large installation, beside a small one.

    Each time another person is asked for, and of each only once, so that nobody's rows lie ready
    because the same was just asked.

    Args:
        services: The parts of an installation without any people; a second database, which is
            dropped in the end, is made beside its own.
        users: How many people the large one has; each has 10 calendars and 2,000 occurrences.
        runs: How often each question is timed.
        tell: Told what is being done.
    """
    with _second_database(services) as small_store:
        now = system_clock()
        make_crowd(small_store.engine, min(SMALL, users), now=now, tell=lambda _: None)
        began = perf_counter()
        make_crowd(services.store.engine, users, now=now, tell=tell)
        yield _describe(services, users, perf_counter() - began)
        small = _Town(small_store, _choose(small_store, min(SMALL, users), runs + 1))
        large = _Town(services.store, _choose(services.store, users, runs + 1))
        cache = AnswerCache(services.redis, services.clock)
        for what, (ask, aim) in _questions(cache).items():
            tell(what)
            yield _compare(what, ask, aim, small, large, runs)
        tell("dispatch")
        yield _compare_dispatch(small, large, users, runs)


def write_sizes(services: Services) -> Iterator[str]:
    """Yield the lines of a table in Markdown: how much room tables and indexes take."""
    yield "| table | index | rows | size |"
    yield "| --- | --- | --- | --- |"
    for one in list_sizes(services.store.engine):
        table, rows = ("", "") if one.index else (one.table, f"{one.rows:,}")
        yield f"| {table} | {one.index} | {rows} | {show_size(one.bytes)} |"


def show_size(size: int) -> str:
    """Return a number of bytes with a fitting unit."""
    megabytes = size / 2**20
    return f"{megabytes / 1024:.1f} GB" if megabytes >= 1000 else f"{megabytes:.1f} MB"  # noqa: PLR2004 - where the unit changes.


@contextmanager
def _second_database(services: Services) -> Iterator[Store]:
    """Make an empty installation on the same server."""
    url = make_url(services.settings.database_url)
    admin = create_engine(url, isolation_level="AUTOCOMMIT")
    beside = url.set(database="small").render_as_string(hide_password=False)
    with admin.connect() as connection:
        connection.execute(text("CREATE DATABASE small"))
    upgrade_database(beside)
    store = Store.connect(beside, services.store._cipher)  # noqa: SLF001 - nothing sealed is read.
    yield store
    store.engine.dispose()
    with admin.connect() as connection:
        connection.execute(text("DROP DATABASE small"))
    admin.dispose()


def _choose(store: Store, people: int, count: int) -> list[User]:
    """Return some people by chance, always the same for the same installation."""
    numbers = random.Random(people).sample(range(people), min(people, count))
    ids = [person_of(number, store.engine) for number in numbers]
    return [user for user in (_find(store, user_id) for user_id in ids) if user is not None]


def _find(store: Store, user_id: UUID) -> User | None:
    with store.begin() as uow:
        return uow.users.find(user_id)


def _questions(cache: AnswerCache) -> Mapping[str, tuple[Ask, str]]:
    """Return the questions by their names, each with its aim."""
    return {
        "availability of 60 days, not kept": (_ask_free, ""),
        "availability of 60 days, kept": (lambda store, user: _ask_free(store, user, cache), ""),
        "a week's agenda": (_ask_week, ""),
        "why not then?": (_ask_why, ""),
        "conflicts after one change": (_examine, "≤ 1.5 ×"),
    }


def _ask_free(store: Store, user: User, cache: AnswerCache | None = None) -> object:
    now = _this_hour()
    question = AvailabilityQuestion(start=now, end=now + timedelta(days=60))
    return find_availability(store, user, question, now=now, maximum_age=FRESH, answers=cache)


def _ask_week(store: Store, user: User) -> object:
    now = _this_hour()
    question = AgendaQuestion(span=Span(now, now + timedelta(days=7)))
    return list_agenda(store, user, question, limit=500)


def _ask_why(store: Store, user: User) -> object:
    now = _this_hour()
    question = ExplanationQuestion(at=now + timedelta(days=7))
    return explain_start(store, user, question, now=now, maximum_age=FRESH)


def _examine(store: Store, user: User) -> object:
    now = _this_hour()
    with store.begin() as uow:
        uow.conflicts.request_check(user.id, [Span(now, now + timedelta(hours=1))])
    return examine_conflicts(store, user.id, system_clock)


def _this_hour() -> datetime:
    return system_clock().replace(minute=0, second=0, microsecond=0)


def _compare(what: str, ask: Ask, aim: str, small: _Town, large: _Town, runs: int) -> Row:
    if "kept" in what and "not" not in what:
        # What was kept is there for the second question.
        for town in (small, large):
            for user in town.asked:
                ask(town.store, user)
    taken = take_turns({"floor": _turns(ask, small), "ours": _turns(ask, large)}, runs=runs)
    return Row(
        what=f"{what}, large installation",
        floor_name="small installation",
        floor=taken["floor"],
        ours=taken["ours"],
        aim=aim,
        reached=taken["ours"].median <= 1.5 * taken["floor"].median if aim else None,
    )


def _turns(ask: Ask, town: _Town) -> Callable[[], object]:
    people = cycle(town.asked)
    return lambda: ask(town.store, next(people))


def _compare_dispatch(small: _Town, large: _Town, users: int, runs: int) -> Row:
    """Claim what is due: as many calendars in both, of all or of one in a hundred."""
    due = min(DUE, min(SMALL, users) * CALENDARS)
    for town in (small, large):
        with town.store.engine.begin() as connection:
            connection.execute(text(_MAKE_DUE), {"due": due, "now": system_clock()})
    taken = take_turns(
        {"floor": lambda: _claim(small.store, due), "ours": lambda: _claim(large.store, due)},
        runs=min(runs, 11),
    )
    return Row(
        what=f"claiming {due:,} due calendars of {users * CALENDARS:,}, large installation",
        floor_name=f"of {min(SMALL, users) * CALENDARS:,}",
        floor=taken["floor"],
        ours=taken["ours"],
    )


_MAKE_DUE: Final = """
UPDATE calendars SET next_sync_at = :now - random() * interval '5 minutes'
WHERE id IN (SELECT id FROM calendars ORDER BY md5(id::text) LIMIT :due)
"""


def _claim(store: Store, due: int) -> None:
    """Claim what is due, and give it back by not committing."""
    with Session(store.engine) as session:
        jobs = SyncJobRepository(session).queue_due(
            now=system_clock(), interval=timedelta(minutes=15), limit=DUE
        )
        session.rollback()
    if len(jobs) != due:
        raise AssertionError(f"{len(jobs)} claimed of {due} that are due")


def _describe(services: Services, users: int, seconds: float) -> Row:
    with services.store.engine.connect() as connection:
        whole = connection.scalars(text("SELECT pg_database_size(current_database())")).one()
        counted = connection.scalars(text("SELECT count(*) FROM occurrences")).one()
    if counted != users * OCCURRENCES:
        raise AssertionError(f"{counted} occurrences of {users * OCCURRENCES}")
    return Row(
        what=f"writing {users:,} people, {users * CALENDARS:,} calendars, {counted:,} occurrences",
        ours=Timing.of([seconds]),
        remark=f"{counted / seconds:,.0f} a second, {show_size(whole)} in all",
    )
