"""Workers that die on demand: at any statement, commit, request, page or Redis command."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from redis import Redis
from sqlalchemy import Engine, event

from calendar_manager.domain.accounts import ProviderKind, RemoteCalendar, Tokens
from calendar_manager.domain.changes import ChangePage, FindSeries, know_no_series
from calendar_manager.domain.timespan import Span
from calendar_manager.providers.base import (
    CalendarProvider,
    Gate,
    ProviderAuth,
    ProviderFactory,
    Quota,
    always_open,
)
from calendar_manager.providers.registry import Registry
from calendar_manager.store.tables.base import Base
from calendar_manager.store.unit_of_work import Store, UnitOfWork
from calendar_manager.sync.context import SyncContext


class KilledError(BaseException):
    """What ``kill -9`` is to a process: no handler of ours may catch it."""


class Fuse:
    """Counts the steps of a worker and kills it at one of them.

    A dead worker does nothing more: whatever its clean-up tries is refused as well, so that a
    ``finally`` cannot do what it would not have done.

    Attributes:
        trail: The steps since the worker was last watched.
    """

    def __init__(self) -> None:
        self.trail: list[str] = []
        self._fatal: int | None = None
        self._watching = False
        self._dead = False

    @contextmanager
    def lit(self, fatal: int | None = None) -> Iterator[None]:
        """Watch the worker, and kill it at its ``fatal``-th step, counted from one.

        Raises:
            KilledError: It got that far.
        """
        self.trail = []
        self._fatal, self._watching, self._dead = fatal, True, False
        try:
            yield
        finally:
            self._watching = self._dead = False

    def step(self, what: str) -> None:
        """Be killed here, or go on."""
        if not self._watching:
            return
        if self._dead:
            raise KilledError("already dead")
        self.trail.append(what)
        if len(self.trail) == self._fatal:
            self._dead = True
            raise KilledError(f"step {self._fatal}: {what}")


@contextmanager
def killable(context: SyncContext, fuse: Fuse) -> Iterator[SyncContext]:
    """Give a write path whose every step burns a fuse.

    The steps are: before each SQL statement, before and after each commit, before each Redis
    command, before and after each page, and before each request that passes the gate. After a
    statement is before the next one, or before its commit.
    """
    engine = context.store.engine

    def before_statement(*arguments: Any) -> None:
        # What PostgreSQL does itself when a connection ends may go through.
        if not str(arguments[2]).startswith("ROLLBACK"):
            fuse.step(f"before {_shorten(arguments[2])}")

    def before_commit(_: Any) -> None:
        fuse.step("before the commit")

    watched = {
        "before_cursor_execute": before_statement,
        "commit": before_commit,
    }
    for name, listener in watched.items():
        event.listen(engine, name, listener)
    redis = KillableRedis(fuse, connection_pool=context.redis.connection_pool)
    try:
        yield replace(
            context,
            store=KillableStore(context.store, fuse),
            redis=redis,
            registry=Registry(
                {
                    kind: KillableFactory(context.registry.get(kind), fuse)
                    for kind in context.registry.kinds
                }
            ),
        )
    finally:
        for name, listener in watched.items():
            event.remove(engine, name, listener)


def _shorten(statement: object) -> str:
    return " ".join(str(statement).split())[:60]


class KillableStore(Store):
    """The database of a worker that may die between a commit and what comes after it."""

    def __init__(self, store: Store, fuse: Fuse) -> None:
        super().__init__(store.engine, store._cipher)
        self._fuse = fuse

    @contextmanager
    def begin(self) -> Iterator[UnitOfWork]:
        with super().begin() as uow:
            yield uow
        self._fuse.step("after the commit")


class KillableRedis(Redis):
    """The Redis of a worker that may die before any command."""

    def __init__(self, fuse: Fuse, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._fuse = fuse

    def execute_command(self, *args: Any, **options: Any) -> Any:
        self._fuse.step(f"before Redis {args[0]}")
        return super().execute_command(*args, **options)  # type: ignore[no-untyped-call]  # The library's own.


class KillableFactory:
    """A provider whose reader may die around every request and page."""

    def __init__(self, factory: ProviderFactory, fuse: Fuse) -> None:
        self._factory = factory
        self._fuse = fuse

    @property
    def kind(self) -> ProviderKind:
        return self._factory.kind

    @property
    def normalizer_version(self) -> int:
        return self._factory.normalizer_version

    @property
    def reads_window(self) -> bool:
        return self._factory.reads_window

    @property
    def accounts_open_at_once(self) -> int | None:
        return self._factory.accounts_open_at_once

    @property
    def quota(self) -> Quota:
        return self._factory.quota

    @property
    def auth(self) -> ProviderAuth:
        return self._factory.auth

    def open(self, tokens: Tokens, *, gate: Gate = always_open) -> CalendarProvider:
        def watched_gate() -> None:
            self._fuse.step("before a request")
            gate()

        return KillableProvider(self._factory.open(tokens, gate=watched_gate), self._fuse)


class KillableProvider:
    """An account whose reader may die around every page."""

    def __init__(self, provider: CalendarProvider, fuse: Fuse) -> None:
        self._provider = provider
        self._fuse = fuse

    def pull_calendars(self) -> Sequence[RemoteCalendar]:
        return self._provider.pull_calendars()

    def pull_changes(
        self,
        provider_calendar_id: str,
        *,
        cursor: str | None,
        window: Span,
        find_series: FindSeries = know_no_series,
        position: str | None = None,
    ) -> Iterator[ChangePage]:
        self._fuse.step("before the first page")
        for page in self._provider.pull_changes(
            provider_calendar_id,
            cursor=cursor,
            window=window,
            find_series=find_series,
            position=position,
        ):
            self._fuse.step("after a page")
            yield page
            self._fuse.step("before the next page")

    def close(self) -> None:
        self._provider.close()


class SavedState:
    """All rows of the database at one moment, to go back to.

    Args:
        engine: The database; small, as tests have it.
        without: Names of tables that are left alone.
    """

    def __init__(self, engine: Engine, *, without: Collection[str] = ()) -> None:
        self._engine = engine
        self._tables = [table for table in Base.metadata.sorted_tables if table.name not in without]
        with engine.connect() as connection:
            self._rows: Mapping[str, Sequence[dict[str, Any]]] = {
                table.name: [
                    {
                        column.name: row[column.name]
                        for column in table.columns
                        if column.computed is None
                    }
                    for row in connection.execute(table.select()).mappings()
                ]
                for table in self._tables
            }

    def restore(self) -> None:
        """Go back."""
        with self._engine.begin() as connection:
            for table in reversed(self._tables):
                connection.execute(table.delete())
            for table in self._tables:
                if rows := self._rows[table.name]:
                    connection.execute(table.insert(), rows)
