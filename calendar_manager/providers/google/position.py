"""The position of a full read: behind which page it can be gone on with.

Google's page token says it. What is wrapped around it keeps a token from being sent for another
calendar than its own, and leaves room for another form.
"""

import json

from calendar_manager.providers.errors import PositionExpiredError
from calendar_manager.providers.google.fields import read_mapping, read_text

TOKEN_LIMIT = 65_536
"""The longest token of Google's that is taken."""

_FORM = 1


def write_position(calendar_id: str, page_token: str) -> str:
    """Return the position before the page that a token names.

    Args:
        calendar_id: The calendar whose events are read.
        page_token: Google's ``nextPageToken``.
    """
    return json.dumps({"form": _FORM, "calendar": calendar_id, "page": page_token})


def read_position(calendar_id: str, text: str) -> str:
    """Return the page token that a position holds.

    Args:
        calendar_id: The calendar whose events are to be read.
        text: What :func:`write_position` returned.

    Raises:
        PositionExpiredError: It is none, or another calendar's.
    """
    try:
        fields = read_mapping(json.loads(text))
    except (ValueError, RecursionError):
        fields = {}
    page_token = read_text(fields.get("page"), limit=TOKEN_LIMIT)
    if page_token is None or (fields.get("form"), fields.get("calendar")) != (_FORM, calendar_id):
        raise PositionExpiredError(
            "The place where the reading broke off cannot be told any more.",
            reason="positionUnreadable",
        )
    return page_token
