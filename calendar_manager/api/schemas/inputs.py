"""What all input has in common."""

from typing import TypeVar

from pydantic import BaseModel, ConfigDict, field_validator

Value = TypeVar("Value")


class Input(BaseModel):
    """A body that refuses what it does not know, so that no misspelt field is silently lost."""

    model_config = ConfigDict(extra="forbid")


class Patch(Input):
    """A body in which everything may be left out, and nothing may be null."""

    @field_validator("*", mode="before")
    @classmethod
    def _refuse_null(cls, value: Value) -> Value:
        if value is None:
            raise ValueError("Null is no value here. Leave the field out to keep it as it is.")
        return value
