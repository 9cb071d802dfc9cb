"""Colours of calendars and clients on pages, also for those that have none of their own."""

import re
from collections.abc import Iterable, Sequence
from typing import Final
from uuid import UUID

from calendar_manager.domain.accounts import Calendar

NEUTRAL: Final = "#8a93a3"
"""The colour of what belongs to nobody."""

_COLORS: Final = (
    "#3f6fd8",
    "#2f9e6e",
    "#c2703d",
    "#8b5fc7",
    "#c9476b",
    "#2a8fa8",
    "#a3852b",
    "#6b7a90",
)
_COLOR: Final = re.compile(r"#[0-9a-fA-F]{6}")


def color_calendars(calendars: Iterable[Calendar]) -> dict[UUID, str]:
    """Return the colour of each of a person's calendars as ``#rrggbb``, the same on every page.

    Some pages know only the calendars that are read. So these have their colours as if there
    were no others, and those that are not read get what is left.

    Args:
        calendars: At least all that are read, the first found first.
    """
    listed = sorted(calendars, key=lambda one: not one.sync_enabled)
    read = pick_colors([one.color for one in listed if one.sync_enabled])
    rest = [one.color for one in listed[len(read) :]]
    picked = [*read, *pick_colors([*read, *rest])[len(read) :]]
    return {one.id: color for one, color in zip(listed, picked, strict=True)}


def pick_colors(colors: Sequence[str | None]) -> list[str]:
    """Return a colour as ``#rrggbb`` for each thing in a list, different ones while there are any.

    Providers give a person's calendars one and the same colour as long as nobody chooses, which
    would make them look like one.

    Args:
        colors: What the provider or the person says; only ``#rrggbb`` is taken.
    """
    chosen = [color.lower() if color and _COLOR.fullmatch(color) else None for color in colors]
    picked: list[str] = []
    for position, color in enumerate(chosen):
        if color is not None and color not in picked:
            picked.append(color)
            continue
        # What somebody chose for another one further down is kept for that.
        others = [*_COLORS[position % len(_COLORS) :], *_COLORS]
        free = (one for one in others if one not in picked and one not in chosen)
        picked.append(next(free, color or others[0]))
    return picked
