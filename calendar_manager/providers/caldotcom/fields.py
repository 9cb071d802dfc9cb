"""Read single JSON fields without trusting their types."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

# PostgreSQL stores neither NUL nor half a surrogate pair, and JSON escapes can carry both.
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_TIME_LIMIT = 64


def read_text(value: object, *, limit: int) -> str | None:
    """Return a text that a database can store, or None.

    Args:
        value: Anything; only a string with more than blanks counts.
        limit: The number of characters that are kept.

    Returns:
        The text without NUL characters and lone surrogates, cut to ``limit``.
    """
    if not isinstance(value, str):
        return None
    # Cutting first keeps a text of many megabytes cheap.
    text = _UNSTORABLE.sub("", value[:limit])
    return text if text.strip() else None


def read_id(value: object, *, limit: int) -> str | None:
    """Return an id that Cal.com sends as a number or as a text, or None."""
    if isinstance(value, int) and not isinstance(value, bool):
        # Python refuses to print numbers of many thousand digits; no id is one.
        return str(value) if abs(value) < 10**18 else None
    return read_text(value, limit=limit)


def read_mapping(value: object) -> Mapping[str, object]:
    """Return a JSON object as it is, and an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def read_list(value: object) -> Sequence[object]:
    """Return a JSON array as it is, and an empty one for anything else."""
    return value if isinstance(value, list) else ()


def read_web_address(value: object, *, limit: int) -> str | None:
    """Return an http or https address, or None.

    Other schemes are dropped, because pages turn the address into a link.
    """
    address = read_text(value, limit=limit + 1)
    if address is None or len(address) > limit:
        return None
    return address if address.lower().startswith(("https://", "http://")) else None


def read_email(value: object, *, limit: int) -> str | None:
    """Return an address in lower case, or None.

    Cal.com writes the word ``unknown`` for the address of a host whose account is gone.
    """
    text = read_text(value, limit=limit)
    return text.strip().lower() if text and "@" in text else None


def read_instant(value: object) -> datetime | None:
    """Return an ISO 8601 instant, or None when there is none that can be read.

    Cal.com's times are in UTC, so one without an offset is, too.
    """
    text = read_text(value, limit=_TIME_LIMIT)
    if text is None or "T" not in text.upper():
        return None
    try:
        instant = datetime.fromisoformat(text)
        return (instant if instant.tzinfo else instant.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
