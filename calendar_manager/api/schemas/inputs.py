"""What all input has in common."""

from typing import ClassVar, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationInfo, field_validator

Value = TypeVar("Value")


class Input(BaseModel):
    """A body that refuses what it does not know, so that no misspelt field is silently lost."""

    model_config = ConfigDict(extra="forbid")


class Patch(Input):
    """A body in which everything may be left out, and nothing may be null.

    Attributes:
        may_be_null: The fields that null empties all the same.
    """

    may_be_null: ClassVar[frozenset[str]] = frozenset()

    @field_validator("*", mode="before")
    @classmethod
    def _refuse_null(cls, value: Value, info: ValidationInfo) -> Value:
        if value is None and info.field_name not in cls.may_be_null:
            raise ValueError("Null is no value here. Leave the field out to keep it as it is.")
        return value
