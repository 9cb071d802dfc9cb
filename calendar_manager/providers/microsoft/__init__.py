"""Microsoft 365, read through Microsoft Graph v1.0.

``auth`` connects an account through msal, over the line that ``sign_in`` gives it; ``client``
asks for pages and ``addresses`` says where; ``provider`` opens an account. ``reading`` reads one
calendar, from its beginning, from a ``cursor`` or from a ``position``; ``rounds`` sorts out what a
page of delta says, ``links`` leads from page to page. ``normalize`` translates single events,
``series`` whole series with the help of ``rules`` and ``corrections``. ``channels`` has Graph call
us. ``wire`` names what Graph sends, ``failures`` says what its refusals mean.
"""

from calendar_manager.providers.microsoft.provider import Microsoft
from calendar_manager.providers.microsoft.settings import MicrosoftSettings

__all__ = ["Microsoft", "MicrosoftSettings"]
