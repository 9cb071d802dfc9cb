"""Read single JSON fields without trusting their types."""

import re
from collections.abc import Mapping, Sequence

# PostgreSQL stores neither NUL nor half a surrogate pair, and JSON escapes can carry both.
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


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
