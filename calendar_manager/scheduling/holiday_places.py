"""The places whose public holidays are known, with names to choose them by."""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

import holidays
from holidays.registry import COUNTRIES

Place = tuple[str, str]
"""A code in the spelling of the ``holidays`` package, and a name for people."""

_WORD_STARTS: Final = re.compile(r"(?<=[a-z])(?=[A-Z])")
_SMALL_WORDS: Final = re.compile(r" (And|Of|The|Da)\b")
_CODE: Final = re.compile(r"\w[\w ]{0,39}")
"""What the rules accept as a part of a country."""

_SPELLINGS: Final = {
    "AX": "Åland Islands",
    "BQ": "Bonaire, Sint Eustatius and Saba",
    "BL": "Saint Barthélemy",
    "CD": "Congo (Kinshasa)",
    "CG": "Congo (Brazzaville)",
    "CW": "Curaçao",
    "GW": "Guinea-Bissau",
    "HM": "Heard Island and McDonald Islands",
    "RE": "Réunion",
    "SH": "Saint Helena, Ascension and Tristan da Cunha",
    "ST": "São Tomé and Príncipe",
    "SY": "Syria",
    "TL": "Timor-Leste",
}
"""Names that cannot be had from how the package calls its classes."""


@lru_cache(maxsize=1)
def list_countries() -> Sequence[Place]:
    """Return all countries, by their names in English."""
    named = (
        (code, _SPELLINGS.get(code) or _read_name(class_name))
        for class_name, code, *_ in COUNTRIES.values()
    )
    return sorted(named, key=lambda place: place[1])


@lru_cache(maxsize=256)
def list_parts(country: str) -> Sequence[Place]:
    """Return the parts of a country that have holidays of their own, by their names.

    Args:
        country: Its code; one that is unknown has no parts.
    """
    if country not in dict(list_countries()):
        return []
    found = holidays.country_holidays(country)
    # Several languages have a name each; the first is the one that people there use most.
    names: dict[str, str] = {}
    for name, code in found.subdivisions_aliases.items():
        if len(name) > len(code):
            names.setdefault(code, name)
    places = ((code, names.get(code, code)) for code in found.subdivisions)
    return sorted((one for one in places if _CODE.fullmatch(one[0])), key=lambda one: one[1])


def _read_name(class_name: str) -> str:
    """Return the words of a class name such as ``AntiguaAndBarbuda``."""
    words = _WORD_STARTS.sub(" ", class_name)
    return _SMALL_WORDS.sub(lambda match: match[0].lower(), words)
