"""What people may enter; each check returns the value as it is stored.

They raise plain ``ValueError`` with a sentence for the person, which both pydantic and the pages
understand.
"""

import re
import unicodedata
from typing import Final

from email_validator import EmailNotValidError, validate_email

from calendar_manager.domain.times import is_zone

NAME_MAXIMUM: Final = 200
"""Characters in a name."""

PROJECT_MAXIMUM: Final = 200
"""Characters in the name of a client's project."""

PASSWORD_MINIMUM: Final = 10
PASSWORD_MAXIMUM: Final = 200
"""Characters in a password; the upper bound keeps hashing cheap to ask for."""

MINUTES_MAXIMUM: Final = 24 * 60
"""The longest overlap, buffer or way that a person can set, in minutes."""

_MINUTES: Final = re.compile(r"[0-9]{1,4}")
_UNSTORABLE: Final = frozenset({"Cc", "Cs"})
"""Unicode categories that no single line of text needs: control characters, of which PostgreSQL
stores no NUL, and lone surrogates, which UTF-8 cannot express."""

_LINE_BREAKS: Final = frozenset("\n\r\t")


def check_line(value: str) -> str:
    """Return one line of text without surrounding blanks.

    Raises:
        ValueError: It contains control characters or broken Unicode.
    """
    if any(unicodedata.category(character) in _UNSTORABLE for character in value):
        raise ValueError("Control characters are not allowed here.")
    return value.strip()


def check_lines(value: str) -> str:
    """Return a text of several lines without surrounding blanks.

    Raises:
        ValueError: It contains what the database cannot store.
    """
    for character in value:
        if unicodedata.category(character) in _UNSTORABLE and character not in _LINE_BREAKS:
            raise ValueError("Control characters are not allowed here.")
    return value.strip()


def check_name(value: str) -> str:
    """Return a person's name.

    Raises:
        ValueError: It is empty, too long, or no line of text.
    """
    name = check_line(value)
    if not name:
        raise ValueError("Enter a name.")
    if len(name) > NAME_MAXIMUM:
        raise ValueError(f"Use at most {NAME_MAXIMUM} characters.")
    return name


def check_email(value: str) -> str:
    """Return an address in its normal form (RFC 5321; Unicode in NFC, the domain in small letters).

    Whether mail arrives there is not asked: the address is what a person signs in with. So the
    names reserved for tests (RFC 2606) are as good as any.

    Raises:
        ValueError: It is not an e-mail address.
    """
    line = check_line(value)
    try:
        found = validate_email(line, check_deliverability=False, test_environment=True)
    except EmailNotValidError as error:
        raise ValueError(f"This is not an e-mail address. {error}") from None
    return found.normalized


def check_password(value: str) -> str:
    """Return a password, unchanged.

    Raises:
        ValueError: It is too short, too long, or broken Unicode.
    """
    if not PASSWORD_MINIMUM <= len(value) <= PASSWORD_MAXIMUM:
        raise ValueError(f"Use {PASSWORD_MINIMUM} to {PASSWORD_MAXIMUM} characters.")
    if not is_encodable(value):
        raise ValueError("Control characters are not allowed here.")
    return value


def check_time_zone(value: str) -> str:
    """Return the name of an IANA time zone.

    Raises:
        ValueError: There is no such zone.
    """
    name = value.strip()
    if not is_zone(name):
        raise ValueError("This is not an IANA time zone. Write it as Europe/Berlin.")
    return name


def check_minutes(value: str) -> int:
    """Return a number of minutes that was typed.

    Raises:
        ValueError: It is no whole number, or not within a day.
    """
    if not _MINUTES.fullmatch(value.strip()) or int(value) > MINUTES_MAXIMUM:
        raise ValueError(f"Use a whole number of minutes from 0 to {MINUTES_MAXIMUM}.")
    return int(value)


def is_encodable(value: str) -> bool:
    """Tell whether a text can be written in UTF-8: JSON may smuggle in lone surrogates."""
    return not any("\ud800" <= character <= "\udfff" for character in value)
