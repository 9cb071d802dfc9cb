"""Text fields that the database can store."""

from typing import Annotated

from pydantic import AfterValidator

from calendar_manager.accounts.fields import check_line

Line = Annotated[str, AfterValidator(check_line)]
"""One line of text without control characters, NUL among them, and without broken Unicode."""
