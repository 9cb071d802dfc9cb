"""Passwords: argon2id hashes, made and checked without telling who exists."""

import threading
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from calendar_manager.accounts.fields import is_encodable

MAXIMUM_AT_ONCE: Final = 4
"""Each computation takes 64 MiB, so a crowd at the door must not compute all at once."""


class Passwords:
    """Hashes and checks passwords with argon2id.

    Args:
        hasher: The parameters; by default those of RFC 9106 section 4, second recommendation.
    """

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher()
        self._room = threading.BoundedSemaphore(MAXIMUM_AT_ONCE)
        self._nobody = self._hasher.hash("the password of nobody")

    def hash(self, password: str) -> str:
        """Return the encoded hash of a password, with its parameters and a fresh salt."""
        with self._room:
            return self._hasher.hash(password)

    def matches(self, password: str, password_hash: str | None) -> bool:
        """Tell whether a password fits a hash.

        Args:
            password: As it was entered.
            password_hash: The stored hash; None for an unknown user, which takes as long as a
                wrong password, so that the time does not tell who is registered.
        """
        if not is_encodable(password):
            password, password_hash = "", None
        with self._room:
            try:
                self._hasher.verify(password_hash or self._nobody, password)
            except (VerificationError, InvalidHashError):
                return False
        return password_hash is not None

    def is_outdated(self, password_hash: str) -> bool:
        """Tell whether a hash was made with other parameters than today's."""
        return self._hasher.check_needs_rehash(password_hash)
