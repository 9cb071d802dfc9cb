"""Reading queries and JSON bodies: typed, and nothing but what the description names.

Cal.com drops what it does not know in silence. The sandbox refuses it, so that a misspelt name
shows.
"""

import re
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, TypeVar

from fastapi import Request

from calendar_manager.sandbox.caldotcom.errors import CaldotcomApiError, bad_request
from calendar_manager.sandbox.caldotcom.times import find_zone, read_utc

Json = dict[str, Any]

_T = TypeVar("_T")
_K = TypeVar("_K")
_NUMBER = re.compile(r"\d{1,9}")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


class Fields:
    """A JSON object whose fields are read by type; any problem is a 400 that names the field.

    Args:
        values: The object.
        known: The names that it may have.
        path: Where it stands in the body, such as ``attendee.``, for messages.

    Raises:
        CaldotcomApiError: 400, it is no object or has a field that is not known.
    """

    def __init__(self, values: object, known: Collection[str], path: str = "") -> None:
        if not isinstance(values, dict):
            raise bad_request(f"{path.rstrip('.') or 'body'} must be an object")
        for name in values:
            if name not in known:
                raise bad_request(f"property {path}{name} should not exist")
        self.values: Json = values
        self._path = path

    def __contains__(self, name: str) -> bool:
        """Tell whether the field is given."""
        return name in self.values

    def text(self, name: str, default: _T) -> str | _T:
        """Return a string, or the default."""
        return self._read(name, str, "a string", default)

    def integer(self, name: str, default: _T) -> int | _T:
        """Return a whole number, or the default."""
        if name not in self.values:
            return default
        value = self.values[name]
        # JSON's true is a number to Python.
        if isinstance(value, bool) or not isinstance(value, int | float) or value != int(value):
            raise bad_request(f"{self._path}{name} must be an integer number")
        return int(value)

    def flag(self, name: str, default: _T) -> bool | _T:
        """Return a boolean, or the default."""
        return self._read(name, bool, "a boolean value", default)

    def rows(self, name: str) -> list[Any]:
        """Return an array; without the field an empty one."""
        return self._read(name, list, "an array", [])

    def texts(self, name: str) -> list[str]:
        """Return an array of strings; without the field an empty one."""
        rows = self.rows(name)
        if not all(isinstance(row, str) for row in rows):
            raise bad_request(f"each value in {self._path}{name} must be a string")
        return rows

    def inner(self, name: str, known: Collection[str]) -> "Fields":
        """Return the object in a field."""
        return Fields(self._required(name), known, f"{self._path}{name}.")

    def required_text(self, name: str) -> str:
        """Return a string that is not empty."""
        self._required(name)
        value = self.text(name, "")
        if not value:
            raise bad_request(f"{self._path}{name} should not be empty")
        return value

    def instant(self, name: str) -> datetime:
        """Return an ISO 8601 instant in UTC."""
        text = self.required_text(name)
        try:
            return read_utc(text)
        except ValueError as error:
            message = f"{self._path}{name} must be a valid ISO 8601 date string in UTC"
            raise bad_request(message) from error

    def email(self, name: str) -> str:
        """Return an e-mail address in lower case."""
        text = self.required_text(name)
        if not _EMAIL.fullmatch(text):
            raise bad_request(f"{self._path}{name} must be an email")
        return text.lower()

    def zone(self, name: str) -> str:
        """Return the name of an IANA zone."""
        text = self.required_text(name)
        if find_zone(text) is None:
            raise bad_request(f"{self._path}{name} must be a valid IANA time-zone")
        return text

    def one_of(self, name: str, allowed: Collection[str], default: _T) -> str | _T:
        """Return one of the allowed strings, or the default."""
        value = self.text(name, default)
        if name in self.values and value not in allowed:
            choices = ", ".join(allowed)
            message = f"{self._path}{name} must be one of the following values: {choices}"
            raise bad_request(message)
        return value

    def _required(self, name: str) -> object:
        if name not in self.values:
            raise bad_request(f"{self._path}{name} should not be null or undefined")
        value: object = self.values[name]
        return value

    def _read(self, name: str, kind: type[_K], wanted: str, default: _T) -> _K | _T:
        if name not in self.values:
            return default
        value = self.values[name]
        if not isinstance(value, kind):
            raise bad_request(f"{self._path}{name} must be {wanted}")
        return value


class Query:
    """A query string whose parameters are read by type; any problem is a 400.

    Args:
        request: The request.
        known: The names that the query may have.

    Raises:
        CaldotcomApiError: 400, it has another one, or one twice.
    """

    def __init__(self, request: Request, known: Collection[str]) -> None:
        self._values: Mapping[str, str] = request.query_params
        for name in self._values:
            if name not in known:
                raise bad_request(f"property {name} should not exist")
            if len(request.query_params.getlist(name)) > 1:
                raise bad_request(f"{name} is given more than once")

    def text(self, name: str) -> str | None:
        """Return a parameter, or None."""
        return self._values.get(name)

    def words(self, name: str) -> list[str]:
        """Return a comma-separated list; without the parameter an empty one."""
        text = self._values.get(name)
        return [] if text is None else [word.strip() for word in text.split(",")]

    def number(self, name: str, default: _T, least: int = 0, most: int = 10**9) -> int | _T:
        """Return a whole number in a range, or the default."""
        text = self._values.get(name)
        if text is None:
            return default
        if not _NUMBER.fullmatch(text) or not least <= int(text) <= most:
            raise bad_request(f"{name} must be a number from {least} to {most}")
        return int(text)

    def numbers(self, name: str) -> set[int]:
        """Return a comma-separated list of whole numbers."""
        words = self.words(name)
        if not all(_NUMBER.fullmatch(word) for word in words):
            raise bad_request(f"each value in {name} must be a number")
        return {int(word) for word in words}

    def instant(self, name: str) -> datetime | None:
        """Return an ISO 8601 instant in UTC, or None."""
        text = self._values.get(name)
        if text is None:
            return None
        try:
            return read_utc(text)
        except ValueError as error:
            raise self._wrong(name, "must be a valid ISO 8601 date string in UTC") from error

    def one_of(self, name: str, allowed: Collection[str]) -> str | None:
        """Return one of the allowed words, or None."""
        text = self._values.get(name)
        if text is not None and text not in allowed:
            raise self._wrong(name, f"must be one of: {', '.join(allowed)}")
        return text

    @staticmethod
    def _wrong(name: str, problem: str) -> CaldotcomApiError:
        return bad_request(f"{name} {problem}")
