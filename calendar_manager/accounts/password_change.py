"""Changing one's password."""

from collections.abc import Callable
from datetime import datetime

from calendar_manager.accounts.attempts import Attempts
from calendar_manager.accounts.errors import InvalidFieldsError, UserGoneError
from calendar_manager.accounts.fields import check_password
from calendar_manager.accounts.passwords import Passwords
from calendar_manager.accounts.sessions import Login
from calendar_manager.store.unit_of_work import Store

WRONG = "This is not your password."


class PasswordChange:
    """The use case of changing one's password.

    Args:
        store: The database.
        passwords: Checks the old password and hashes the new one.
        attempts: Refuses what is tried too often: whoever finds an open session must not find
            the password with it.
        clock: Tells the time.
    """

    def __init__(
        self,
        *,
        store: Store,
        passwords: Passwords,
        attempts: Attempts,
        clock: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._passwords = passwords
        self._attempts = attempts
        self._clock = clock

    def change(self, login: Login, *, current: str, new: str) -> int:
        """Store a new password and end every other session of the user.

        Args:
            login: Who asks; their session stays.
            current: The password so far, as it was entered.
            new: The password from now on.

        Returns:
            How many sessions were ended.

        Raises:
            InvalidFieldsError: ``current_password`` is wrong, or ``new_password`` cannot be used.
            TooManyAttemptsError: The password was guessed at too often.
            UserGoneError: The user was erased meanwhile.
        """
        try:
            check_password(new)
        except ValueError as error:
            raise InvalidFieldsError({"new_password": str(error)}) from None
        was_right = self._attempts.count_password(login.user.id)
        with self._store.begin() as uow:
            found = uow.users.lock_credentials(login.user.id)
        if found is None:
            raise UserGoneError
        if not self._passwords.matches(current, found.password_hash):
            raise InvalidFieldsError({"current_password": WRONG})
        was_right()
        fresh = self._passwords.hash(new)
        with self._store.begin() as uow:
            stored = uow.users.lock_credentials(login.user.id)
            if stored is None:
                raise UserGoneError
            if stored.password_hash != found.password_hash:
                # Somebody else changed it first, and what was checked is the password no more.
                raise InvalidFieldsError({"current_password": WRONG})
            uow.users.save_password_hash(login.user.id, fresh)
            ended = uow.login_sessions.revoke_others(
                login.user.id, login.session_id, now=self._clock()
            )
            uow.audit.record(
                "user.password_changed", user_id=login.user.id, detail={"sessions_ended": ended}
            )
        return ended
