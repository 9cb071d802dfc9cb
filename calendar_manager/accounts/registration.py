"""Becoming a user."""

from collections.abc import Callable
from uuid import UUID

from calendar_manager.accounts.attempts import Attempts
from calendar_manager.accounts.errors import EmailTakenError, InvalidFieldsError
from calendar_manager.accounts.fields import (
    check_email,
    check_name,
    check_password,
    check_time_zone,
)
from calendar_manager.accounts.passwords import Passwords
from calendar_manager.domain.users import User
from calendar_manager.store.unit_of_work import Store


class Registration:
    """The use case of registering.

    Args:
        store: The database.
        passwords: Hashes the password.
        attempts: Refuses what is tried too often.
    """

    def __init__(self, *, store: Store, passwords: Passwords, attempts: Attempts) -> None:
        self._store = store
        self._passwords = passwords
        self._attempts = attempts

    def register(
        self, *, email: str, password: str, name: str, time_zone: str, address: str | None = None
    ) -> User:
        """Store a new user.

        Args:
            email: What the person signs in with.
            password: In plain text.
            name: What to call them.
            time_zone: The IANA zone of their all-day events.
            address: The network address that the request came from, where there was one.

        Raises:
            TooManyAttemptsError: Somebody there registers too often.
            InvalidFieldsError: Something cannot be used; names every such field.
            EmailTakenError: Somebody registered with this address before.
        """
        values = check_all(
            email=(check_email, email),
            password=(check_password, password),
            name=(check_name, name),
            time_zone=(check_time_zone, time_zone),
        )
        self._attempts.count_registration(values["email"], address)
        password_hash = self._passwords.hash(values["password"])
        with self._store.begin() as uow:
            user = uow.users.add(
                email=values["email"],
                name=values["name"],
                password_hash=password_hash,
                time_zone=values["time_zone"],
            )
            if user is None:
                raise EmailTakenError
            uow.audit.record("user.registered", user_id=user.id)
        return user

    def is_alone(self, user_id: UUID) -> bool:
        """Tell whether nobody else has an account on this installation."""
        with self._store.begin() as uow:
            return uow.users.is_alone(user_id)


def check_all(**fields: tuple[Callable[[str], str], str]) -> dict[str, str]:
    """Check fields and return their values as they are stored.

    Args:
        fields: Name of the field → its check and what was entered.

    Raises:
        InvalidFieldsError: Names every field that cannot be used.
    """
    values: dict[str, str] = {}
    problems: dict[str, str] = {}
    for name, (check, entered) in fields.items():
        try:
            values[name] = check(entered)
        except ValueError as error:
            problems[name] = str(error)
    if problems:
        raise InvalidFieldsError(problems)
    return values
