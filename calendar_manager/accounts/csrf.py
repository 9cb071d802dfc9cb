"""Protection against forged requests: the signed double submit.

A browser sends its cookies along with whatever another site makes it send. It does not let that
site read a page of ours, so a token that stands in our pages proves where a request comes from.
The token is an HMAC over what it is bound to; nobody can make one for a session without the key,
not even by planting cookies.
"""

import hashlib
import hmac


class CsrfGuard:
    """Makes and checks the tokens.

    Args:
        secret: The installation's secret; the key is derived from it for this purpose alone.
    """

    def __init__(self, secret: str) -> None:
        self._key = hmac.digest(secret.encode(), b"calendar-manager csrf", hashlib.sha256)

    def token(self, binding: str) -> str:
        """Return the token that belongs to ``binding``, such as the id of a session."""
        return hmac.new(self._key, binding.encode(), hashlib.sha256).hexdigest()

    def accepts(self, binding: str, token: str | None) -> bool:
        """Tell whether a token belongs to ``binding``, in constant time."""
        given = (token or "").encode(errors="replace")
        return hmac.compare_digest(self.token(binding).encode(), given)
