"""Google Calendar, read through its API v3.

``auth`` connects an account, ``client`` asks for pages, ``normalize`` translates them, ``provider``
joins the three. ``position`` tells where a full read can be gone on with, ``channels`` what makes
Google call us. ``wire`` names what Google sends, ``failures`` says what its refusals mean.
"""

from calendar_manager.providers.google.provider import Google
from calendar_manager.providers.google.settings import GoogleSettings

__all__ = ["Google", "GoogleSettings"]
