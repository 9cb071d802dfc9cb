"""Encryption of what must not be readable in a stolen database."""

from collections.abc import Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from calendar_manager.domain.errors import CalendarManagerError


class UndecipherableError(CalendarManagerError):
    """None of the configured keys opens a stored secret."""


class TokenCipher:
    """Encrypts with the first key and decrypts with any, so that keys can be rotated.

    Args:
        keys: Fernet keys (32 bytes, URL-safe base64), the newest first.
    """

    def __init__(self, keys: Sequence[str]) -> None:
        fernets = [Fernet(key) for key in keys]
        self._newest = fernets[0]
        self._fernet = MultiFernet(fernets)

    def encrypt(self, secret: str) -> str:
        """Return the secret as text that only the keys can open."""
        return self._fernet.encrypt(secret.encode()).decode()

    def decrypt(self, sealed: str) -> str:
        """Return the secret.

        Raises:
            UndecipherableError: When no key opens it.
        """
        try:
            return self._fernet.decrypt(sealed.encode()).decode()
        except InvalidToken as error:
            raise UndecipherableError(
                "a stored token fits none of TOKEN_ENCRYPTION_KEYS"
            ) from error

    def renew(self, sealed: str) -> str | None:
        """Return the same secret encrypted with the first key, or None when it already is.

        Raises:
            UndecipherableError: When no key opens it.
        """
        try:
            self._newest.decrypt(sealed.encode())
        except InvalidToken:
            return self.encrypt(self.decrypt(sealed))
        return None
