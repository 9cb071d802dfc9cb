"""Cal.com, read through its API v2.

``auth`` connects an account by OAuth or API key, ``client`` asks for pages, ``walk`` knows the way
through them and ``position`` where it broke off, ``cursor`` where the next read begins;
``normalize`` translates bookings and ``out_of_office`` absences; ``provider`` joins them.
``channels`` has Cal.com call us, and ``signatures`` tells its own messages from forged ones;
``schedules`` and ``absences`` have it say when the person is free, and when away.
``wire`` names what Cal.com sends, ``failures`` says what its refusals mean.
"""

from calendar_manager.providers.caldotcom.provider import CalDotCom
from calendar_manager.providers.caldotcom.settings import CalDotComSettings, CalDotComVersions
from calendar_manager.providers.caldotcom.signatures import SIGNATURE_HEADER, is_signed

__all__ = [
    "SIGNATURE_HEADER",
    "CalDotCom",
    "CalDotComSettings",
    "CalDotComVersions",
    "is_signed",
]
