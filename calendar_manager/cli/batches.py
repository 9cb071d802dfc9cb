"""Long lists, loaded a batch at a time, so that no transaction lasts as long as the list."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Final, Protocol, TypeVar
from uuid import UUID

from calendar_manager.store.repositories.administration import Key
from calendar_manager.store.unit_of_work import Store, UnitOfWork

BATCH: Final = 200


class Listed(Protocol):
    """What lists of the whole installation consist of."""

    @property
    def created_at(self) -> datetime:
        """By what the list is ordered."""
        ...

    @property
    def id(self) -> UUID:
        """What orders those of one instant."""
        ...


Entry_co = TypeVar("Entry_co", bound=Listed, covariant=True)


class LoadPage(Protocol[Entry_co]):
    """Loads a part of a list."""

    def __call__(self, *, after: Key | None, limit: int) -> Sequence[Entry_co]:
        """Return the next entries after a key."""
        ...


def load_batches(
    store: Store, choose: Callable[[UnitOfWork], LoadPage[Entry_co]]
) -> Iterator[Entry_co]:
    """Load all of a list, each batch in a transaction of its own.

    Args:
        store: The database.
        choose: Returns what loads a part of the list in a transaction.
    """
    after: Key | None = None
    while True:
        with store.begin() as uow:
            page = choose(uow)(after=after, limit=BATCH)
        yield from page
        if len(page) < BATCH:
            return
        after = (page[-1].created_at, page[-1].id)
