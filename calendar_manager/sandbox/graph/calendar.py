"""One Outlook calendar: its items, every version of them, and its change counter."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from calendar_manager.sandbox.graph.items import Item, Stamp

Json = dict[str, Any]


@dataclass
class Calendar:
    """A calendar of one mailbox and everything that ever was on it.

    Attributes:
        id: The calendar's id.
        mailbox: Address of the account whose mailbox lists it.
        name: Title.
        color: One of Graph's calendar colours.
        owner: Address of the owner; another one than ``mailbox`` for a shared calendar.
        owner_name: The owner's name.
        can_edit: Whether the account may write to it.
        default: Whether it is the mailbox's default calendar.
        stamp: Last change of the calendar's own properties.
        change: Counts changes to items; a delta link remembers it.
        epoch: Raised to make older links too old.
        epoch_status: What a link that is too old answers: 410 or 404.
    """

    id: str
    mailbox: str
    name: str
    color: str
    owner: str
    owner_name: str
    can_edit: bool
    default: bool
    stamp: Stamp
    change: int = 0
    epoch: int = 0
    epoch_status: int = 410
    items: dict[str, Item] = field(default_factory=dict)
    versions: dict[str, list[Item]] = field(default_factory=dict)

    def commit(self, items: Iterable[Item]) -> list[Item]:
        """Write items, complete, as one change and return them as written."""
        self.change += 1
        written = [replace(item, change=self.change) for item in items]
        for item in written:
            self.versions.setdefault(item.key, []).append(item)
            if item.gone:
                self.items.pop(item.key, None)
            else:
                self.items[item.key] = item
        return written

    def version_at(self, key: str, change: int) -> Item | None:
        """Return an item as it stood after a change of the calendar; None before it was made."""
        for version in reversed(self.versions[key]):
            if version.change <= change:
                return version
        return None

    def changed_since(self, change: int) -> Iterator[Item]:
        """Yield the newest version of every item that changed after a change."""
        if change < self.change:
            for versions in self.versions.values():
                if versions[-1].change > change:
                    yield versions[-1]
