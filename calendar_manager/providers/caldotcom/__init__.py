"""Cal.com, read through its API v2.

``auth`` connects an account by OAuth or API key, ``client`` asks for pages, ``walk`` knows the way
through them, ``normalize`` translates bookings and ``out_of_office`` absences, ``provider`` joins
them. ``wire`` names what Cal.com sends, ``failures`` says what its refusals mean.
"""

from calendar_manager.providers.caldotcom.provider import CalDotCom
from calendar_manager.providers.caldotcom.settings import CalDotComSettings, CalDotComVersions

__all__ = ["CalDotCom", "CalDotComSettings", "CalDotComVersions"]
