"""The ``Prefer`` headers of a request (RFC 7240), as Graph reads them anew for each request."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from calendar_manager.sandbox.graph.errors import bad_request
from calendar_manager.sandbox.graph.times import UTC_SHOWN, ShownZone
from calendar_manager.sandbox.graph.zones import read_zone

_PREFERENCE = re.compile(r'\s*([\w.\-]+)\s*(?:=\s*("[^"]*"|[^,;\s]*))?\s*(?:;[^,]*)?(?:,|$)')
_LARGEST_PAGE = 1000


@dataclass(frozen=True)
class Preferences:
    """How a caller wants an answer.

    Attributes:
        shown: The zone of all times.
        immutable_ids: Whether ids are the immutable ones.
        text_bodies: Whether bodies are plain text rather than HTML.
        page_size: ``odata.maxpagesize``; None when it is not asked for.
        applied: The value of the answer's ``Preference-Applied``.
    """

    shown: ShownZone = UTC_SHOWN
    immutable_ids: bool = False
    text_bodies: bool = False
    page_size: int | None = None
    applied: str = ""


TRUTHFUL = Preferences(immutable_ids=True)
"""How the control API shows events."""


def read_preferences(headers: Iterable[str]) -> Preferences:
    """Return the preferences of all ``Prefer`` headers; unknown ones are ignored.

    Raises:
        GraphApiError: 400, an unknown time zone or an impossible page size.
    """
    values: dict[str, str] = {}
    for header in headers:
        for match in _PREFERENCE.finditer(header):
            values.setdefault(match.group(1).lower(), (match.group(2) or "").strip('"'))
    shown, applied = UTC_SHOWN, []
    if "outlook.timezone" in values:
        name = values["outlook.timezone"]
        shown = ShownZone(name, read_zone(name))
        applied.append(f'outlook.timezone="{name}"')
    immutable = values.get("idtype", "").lower() == "immutableid"
    if immutable:
        applied.append('IdType="ImmutableId"')
    text = values.get("outlook.body-content-type", "").lower() == "text"
    if text:
        applied.append('outlook.body-content-type="text"')
    size = _read_size(values.get("odata.maxpagesize"))
    if size is not None:
        applied.append(f"odata.maxpagesize={size}")
    return Preferences(shown, immutable, text, size, ", ".join(applied))


def _read_size(text: str | None) -> int | None:
    if text is None:
        return None
    if not text.isdecimal() or int(text) < 1:
        raise bad_request("The value of odata.maxpagesize must be a positive integer.")
    return min(int(text), _LARGEST_PAGE)
