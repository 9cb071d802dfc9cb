"""The errors that the domain raises."""


class CalendarManagerError(Exception):
    """The root of every error that this project raises on purpose."""


class DomainError(CalendarManagerError):
    """A value breaks a rule of the domain."""


class InvalidSpanError(DomainError):
    """A span ends before it begins, or an instant lacks a time zone."""


class UnknownTimeZoneError(DomainError):
    """A name is no IANA time zone.

    Attributes:
        name: The name as it was given.
    """

    def __init__(self, name: str) -> None:
        super().__init__(f"{name!r} is not an IANA time zone")
        self.name = name


class InvalidRecurrenceError(DomainError):
    """A recurrence line cannot be read (RFC 5545, section 3.8.5)."""


class InvalidEventError(DomainError):
    """An event's fields contradict each other."""


class InvalidRulesError(DomainError):
    """Availability rules break a rule.

    Attributes:
        field: Where, as a path such as ``("weekly", 0, "end")``.
    """

    def __init__(self, message: str, field: tuple[str | int, ...]) -> None:
        super().__init__(message)
        self.field = field


class InvalidPatternError(DomainError):
    """The pattern of a client's rule cannot be used; the message is meant for the person."""
