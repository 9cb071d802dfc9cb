"""What can be wrong with a question to the read path."""

from calendar_manager.domain.errors import CalendarManagerError


class UnknownSubjectError(CalendarManagerError):
    """The user has no such thing; whether somebody else has is nobody's business.

    Attributes:
        noun: What was asked for, such as ``calendar``.
    """

    def __init__(self, noun: str) -> None:
        super().__init__(f"There is no such {noun}.")
        self.noun = noun


class InvalidQuestionError(CalendarManagerError):
    """A part of a question cannot be used.

    Attributes:
        field: Which part.
    """

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


class ConflictEndedError(CalendarManagerError):
    """A conflict closed by itself, so there is nothing left to resolve."""

    def __init__(self) -> None:
        super().__init__("This conflict is over: its meetings are no longer in each other's way.")
