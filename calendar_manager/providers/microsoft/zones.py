"""Windows' names of time zones as IANA's.

Outlook speaks of ``W. Europe Standard Time``, and of other names that no table has: a zone that
somebody customized is ``tzone://Microsoft/Custom`` or ``Customized Time Zone``.
"""

from types import MappingProxyType
from typing import Final

from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON

from calendar_manager.domain.times import is_zone

_NEWER = {
    "Alberta Standard Time": "America/Edmonton",
    "British Columbia Standard Time": "America/Vancouver",
    "Manitoba Standard Time": "America/Winnipeg",
}
"""Zones that Windows got after icalendar's table was made from CLDR's windowsZones.xml."""

_SPECIAL = {"tzone://Microsoft/Utc": "UTC", "Coordinated Universal Time": "UTC"}

_IANA: Final = MappingProxyType(
    {name.casefold(): zone for name, zone in {**_NEWER, **WINDOWS_TO_OLSON, **_SPECIAL}.items()}
)


def find_iana_zone(name: str | None) -> str | None:
    """Return the IANA name of a zone in Windows' or IANA's terms, or None when it is unknown.

    The territory is that of CLDR's ``001``, the zone's most prominent city; an event does not
    say more.
    """
    if name is None:
        return None
    if is_zone(name):
        return name
    zone = _IANA.get(name.strip().casefold())
    return zone if zone is not None and is_zone(zone) else None
