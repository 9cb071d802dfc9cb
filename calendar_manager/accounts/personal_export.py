"""Taking all of one's data away."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, TypeVar
from uuid import UUID

from calendar_manager.store.repositories.personal_data import SECTIONS, DatedEvent
from calendar_manager.store.unit_of_work import Store, UnitOfWork

Row = TypeVar("Row")

PAGE: Final = 500
"""Rows that are in memory at one time."""


class PersonalExport:
    """The use case of taking all of one's data away.

    It is read in pages, each in a transaction of its own: a person on a slow line must neither
    hold a connection to the database nor fill our memory. So it is no picture of one moment;
    what changes while it is read may be in it or not.

    Args:
        store: The database.
        page: How many rows to read at a time.
    """

    def __init__(self, *, store: Store, page: int = PAGE) -> None:
        self._store = store
        self._page = page

    def note(self, user_id: UUID, kind: str) -> None:
        """Note in the audit log that somebody takes their data away, before they do."""
        with self._store.begin() as uow:
            uow.audit.record("data.exported", user_id=user_id, detail={"format": kind})

    def sections(self, user_id: UUID) -> Iterator[tuple[str, Iterator[dict[str, Any]]]]:
        """Yield each section's name with its rows, which have to be read before going on."""
        for section in SECTIONS:
            yield section, self._rows(user_id, section)

    def events(self, user_id: UUID) -> Iterator[DatedEvent]:
        """Yield a user's events."""
        return self._pages(
            lambda uow, after: uow.personal_data.load_events(
                user_id, after=after, limit=self._page
            ),
            key=lambda row: row.id,
        )

    def zones(self, user_id: UUID) -> Sequence[str]:
        """Return the time zones that a user's events name."""
        with self._store.begin() as uow:
            return uow.personal_data.list_zones(user_id)

    def _rows(self, user_id: UUID, section: str) -> Iterator[dict[str, Any]]:
        return self._pages(
            lambda uow, after: uow.personal_data.load(
                user_id, section, after=after, limit=self._page
            ),
            key=lambda row: row["id"],
        )

    def _pages(
        self,
        load: Callable[[UnitOfWork, UUID | None], Sequence[Row]],
        *,
        key: Callable[[Row], UUID],
    ) -> Iterator[Row]:
        after: UUID | None = None
        while True:
            with self._store.begin() as uow:
                rows = load(uow, after)
            yield from rows
            if len(rows) < self._page:
                return
            after = key(rows[-1])
