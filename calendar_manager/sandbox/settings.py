"""What can be changed about the sandbox while it runs."""

from pydantic import BaseModel, ConfigDict, Field, field_validator

from calendar_manager.sandbox.postman import NotificationMode

_HOUR = 3_600
_WEEK = 7 * 24 * _HOUR


class SandboxSettings(BaseModel):
    """Lives, page sizes and the way of notifications; ``ControlClient.change_settings`` sets them.

    Attributes:
        access_token_seconds: Life of access tokens issued from now on.
        code_seconds: Life of authorization codes.
        page_size: No page has more rows than this; 0 lifts the limit.
        empty_page_every: Every n-th page of a list is empty yet names a next page; 0 never. 1 is
            refused: no list would end.
        channel_max_seconds: Longest life of a push channel, whatever is asked.
        notifications: What becomes of every provider's notifications; ``sandbox.postman`` says
            what the modes mean.
        notification_delay_seconds: The wait of ``late`` and ``reordered``.
    """

    model_config = ConfigDict(extra="forbid", validate_assignment=True)

    access_token_seconds: int = Field(_HOUR - 1, ge=0)
    code_seconds: int = Field(600, ge=0)
    page_size: int = Field(0, ge=0)
    empty_page_every: int = Field(0, ge=0)
    channel_max_seconds: int = Field(_WEEK, ge=1)
    notifications: NotificationMode = "normal"
    notification_delay_seconds: float = Field(1.0, ge=0)

    @field_validator("empty_page_every")
    @classmethod
    def _leave_some_pages_filled(cls, every: int) -> int:
        if every == 1:
            raise ValueError("1 would leave every page empty and no list would end")
        return every

    def change(self, values: dict[str, object]) -> None:
        """Change the named settings; none is changed when one is wrong.

        Raises:
            pydantic.ValidationError: A name is unknown or a value out of range.
        """
        checked = SandboxSettings.model_validate({**self.model_dump(), **values})
        for name in values:
            setattr(self, name, getattr(checked, name))

    def restore(self) -> None:
        """Return to the defaults."""
        self.change(SandboxSettings().model_dump())
