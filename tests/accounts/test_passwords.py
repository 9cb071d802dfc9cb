"""Passwords: what fits, and what the time it takes does not tell."""

import time

import pytest
from argon2 import PasswordHasher

from calendar_manager.accounts.passwords import Passwords

pytestmark = pytest.mark.unit


@pytest.fixture
def passwords() -> Passwords:
    return Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


def test_only_the_same_password_fits(passwords: Passwords) -> None:
    kept = passwords.hash("correct horse battery")
    assert passwords.matches("correct horse battery", kept)
    for other in ("correct horse battery ", "Correct horse battery", "", "\ud800"):
        assert not passwords.matches(other, kept)


def test_the_same_password_has_another_hash_each_time(passwords: Passwords) -> None:
    assert passwords.hash("correct horse battery") != passwords.hash("correct horse battery")


@pytest.mark.parametrize("stored", ["", "plain text", "$argon2id$v=19$broken", "$2b$12$bcrypt"])
def test_a_hash_that_cannot_be_read_fits_nothing(passwords: Passwords, stored: str) -> None:
    assert not passwords.matches("plain text", stored)


def test_nobody_has_no_password(passwords: Passwords) -> None:
    assert not passwords.matches("the password of nobody", None)


def test_the_defaults_are_as_strong_as_rfc_9106_asks() -> None:
    kept = Passwords().hash("correct horse battery")
    assert kept.startswith("$argon2id$v=19$m=65536,t=3,p=4$")


def test_an_unknown_user_takes_as_long_as_a_wrong_password() -> None:
    """The same work is done; an answer at once would be a thousand times faster."""
    passwords = Passwords()
    kept = passwords.hash("correct horse battery")

    def seconds(stored: str | None) -> float:
        began = time.perf_counter()
        passwords.matches("wrong password", stored)
        return time.perf_counter() - began

    wrong = min(seconds(kept) for _ in range(3))
    unknown = min(seconds(None) for _ in range(3))
    assert unknown > wrong / 5


def test_hashes_of_other_parameters_are_outdated(passwords: Passwords) -> None:
    older = PasswordHasher(time_cost=2, memory_cost=8, parallelism=1).hash("x")
    assert passwords.is_outdated(older)
    assert not passwords.is_outdated(passwords.hash("x"))
