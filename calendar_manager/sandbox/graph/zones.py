"""Time zone names as Outlook speaks them: Windows names, IANA names, and one that maps nowhere."""

from datetime import tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON

from calendar_manager.sandbox.graph.errors import unknown_zone

CUSTOM_ZONE = "tzone://Microsoft/Custom"
"""The name of a legacy zone that was made up in desktop Outlook; nothing says what it means."""

_OLSON_TO_WINDOWS = {iana: windows for windows, iana in WINDOWS_TO_OLSON.items()}


@lru_cache(maxsize=1024)
def find_zone(name: str) -> ZoneInfo | None:
    """Return the zone of a Windows or IANA name, or None when there is none of this name."""
    try:
        return ZoneInfo(WINDOWS_TO_OLSON.get(name, name))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def read_zone(name: str) -> ZoneInfo:
    """Return the zone of a Windows or IANA name.

    Raises:
        GraphApiError: 400, the zone is unknown.
    """
    zone = find_zone(name)
    if zone is None:
        raise unknown_zone(name)
    return zone


def name_zone(zone: tzinfo | None) -> str:
    """Return the Windows name of a zone, as Outlook stores it; other zones keep their IANA name."""
    iana = str(zone) if isinstance(zone, ZoneInfo) else "UTC"
    return _OLSON_TO_WINDOWS.get(iana, iana)
