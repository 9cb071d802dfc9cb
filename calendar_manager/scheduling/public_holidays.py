"""Public holidays, from the tables of the ``holidays`` package."""

from collections.abc import Mapping
from datetime import date
from functools import lru_cache

import holidays

from calendar_manager.domain.errors import InvalidRulesError


def find_holidays(place: str | None, first: date, last: date) -> frozenset[date]:
    """Return the public holidays of a place, days on which they are observed included.

    Args:
        place: ``CC`` or ``CC-SUBDIVISION`` in the spelling of the ``holidays`` package, such as
            ``DE-BE``; None has no holidays.
        first: The first day.
        last: The last day, included.

    Raises:
        InvalidRulesError: The package knows no such place.
    """
    return frozenset(name_holidays(place, first, last))


def name_holidays(place: str | None, first: date, last: date) -> Mapping[date, str]:
    """Return the same days with the names of their holidays, in the language of the place.

    Raises:
        InvalidRulesError: The package knows no such place.
    """
    if place is None:
        return {}
    return {
        day: name
        for year in range(first.year, last.year + 1)
        for day, name in _holidays_of_year(place, year).items()
        if first <= day <= last
    }


def check_place(place: str | None) -> None:
    """Make sure that the holidays of a place are known.

    Raises:
        InvalidRulesError: They are not.
    """
    if place is not None:
        _holidays_of_year(place, 2000)


@lru_cache(maxsize=256)
def _holidays_of_year(place: str, year: int) -> Mapping[date, str]:
    country, _, subdivision = place.partition("-")
    try:
        found = holidays.country_holidays(country, subdiv=subdivision or None, years=year)
    except NotImplementedError as error:
        raise InvalidRulesError(
            f"The holidays of {place!r} are not known; write a place as DE, or DE-BE for a part",
            ("holidays",),
        ) from error
    # A holiday on a weekend may be observed in the year before or after.
    return {day: name for day, name in found.items() if day.year == year}
