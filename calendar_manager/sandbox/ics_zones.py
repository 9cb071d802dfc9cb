"""From the TZIDs that calendars really carry to IANA zones."""

import re
from collections.abc import Mapping
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON

_PREFIXED = re.compile(r"(?:^|/)([A-Z][A-Za-z_]+/[A-Za-z0-9_+\-]+(?:/[A-Za-z_]+)?)$")


class ZoneFinder:
    """Finds zones for one feed.

    The order is: IANA name, IANA name behind a producer's prefix, Windows name, the
    ``X-LIC-LOCATION`` of the feed's VTIMEZONE, ``X-WR-TIMEZONE``, the default.

    Args:
        default: IANA zone for what the feed leaves open.
        feed_zone: ``X-WR-TIMEZONE``, if there is one.
        zone_names: ``X-LIC-LOCATION`` by TZID.
    """

    def __init__(
        self, default: str, feed_zone: str | None = None, zone_names: Mapping[str, str] = {}
    ) -> None:
        self._zone_names = zone_names
        self._default = ZoneInfo(default)
        self.unknown: dict[str, None] = {}
        self.feed_zone = (self._find(feed_zone) if feed_zone else None) or self._default

    def find(self, name: str) -> ZoneInfo:
        """Return the zone of a TZID; one that nobody knows is noted and gets the feed's."""
        zone = self._find(name)
        if zone is None and name in self._zone_names:
            zone = self._find(self._zone_names[name])
        if zone is None:
            self.unknown[name] = None
            return self.feed_zone
        return zone

    @staticmethod
    def _find(name: str) -> ZoneInfo | None:
        name = name.strip().strip('"')
        prefixed = _PREFIXED.search(name)
        candidates = [name, WINDOWS_TO_OLSON.get(name), prefixed.group(1) if prefixed else None]
        for candidate in candidates:
            zone = _open_zone(candidate) if candidate else None
            if zone is not None:
                return zone
        return None


def _open_zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None
