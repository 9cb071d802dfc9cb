"""How Cal.com proves that a message is its own."""

import hashlib
import hmac
from typing import Final

SIGNATURE_HEADER: Final = "X-Cal-Signature-256"
"""The header that :func:`is_signed` takes its ``signature`` from."""

_PREFIX: Final = "sha256="


def is_signed(body: bytes, signature: str | None, secret: str) -> bool:
    """Tell whether a message was signed with our secret, in constant time.

    Cal.com sends the hexadecimal HMAC-SHA256 of the raw body, or the words
    ``no-secret-provided`` when the webhook has no secret; one page of its reference writes
    ``sha256=`` before the digest (https://cal.com/docs/developing/guides/automation/webhooks).

    Args:
        body: As it came over the wire, not parsed and written anew.
        signature: The value of :data:`SIGNATURE_HEADER`; None when the header is missing.
        secret: The secret that the webhook was made with; an empty one proves nothing.
    """
    if not signature or not secret:
        return False
    expected = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    given = signature.strip().lower().removeprefix(_PREFIX)
    # Bytes, because text that is not ASCII makes the comparison raise.
    return hmac.compare_digest(given.encode(errors="replace"), expected.encode())
