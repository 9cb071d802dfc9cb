"""Google Calendar, read through its API v3.

``auth`` connects an account, ``client`` asks for pages, ``normalize`` translates them, ``provider``
joins the three. ``wire`` names what Google sends, ``failures`` says what its refusals mean.
"""

from calendar_manager.providers.google.provider import Google
from calendar_manager.providers.google.settings import GoogleSettings

__all__ = ["Google", "GoogleSettings"]
