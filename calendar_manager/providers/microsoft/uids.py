"""The iCalendar UID behind Exchange's.

Exchange names a meeting by a Global Object ID, which may carry the date of an occurrence, and
which wraps the UIDs of other makers. Other calendars show the UID of the whole series, unwrapped;
so do we, or else two copies of one meeting would never be found equal.

Microsoft's [MS-OXOCAL], section 2.2.1.27 (PidLidGlobalObjectId), describes the bytes.
"""

import re
from typing import Final

_EXCHANGE_ID: Final = "040000008200E00074C5B7101A82E008"
_HEX = re.compile(r"(?:[0-9a-fA-F]{2})+\Z")
_DATE = slice(16, 20)
_DATA_AT: Final = 40
_FOREIGN: Final = b"vCal-Uid\x01\x00\x00\x00"


def find_series_uid(uid: str | None) -> str | None:
    """Return the UID that all occurrences and all copies of a meeting share.

    Args:
        uid: Graph's ``iCalUId``.

    Returns:
        A wrapped UID unwrapped, one of Exchange's own without the date of an occurrence, anything
        else as it is.
    """
    if uid is None or not uid.upper().startswith(_EXCHANGE_ID) or not _HEX.match(uid):
        return uid
    content = bytearray.fromhex(uid)
    if content[_DATA_AT:].startswith(_FOREIGN):
        wrapped = bytes(content[_DATA_AT + len(_FOREIGN) :]).rstrip(b"\x00")
        try:
            return wrapped.decode("ascii") or uid
        except UnicodeDecodeError:
            return uid
    if len(content) < _DATA_AT:
        return uid
    content[_DATE] = bytes(4)
    return content.hex().upper()
