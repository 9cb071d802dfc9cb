"""What can be changed about the sandbox's Cal.com while it runs."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class CaldotcomSettings(BaseModel):
    """Quirks and limits of Cal.com; ``CaldotcomControl.change_caldotcom_settings`` sets them.

    The life of authorization codes and the cap on page sizes are those of ``SandboxSettings``,
    which every provider shares.

    Attributes:
        access_token_seconds: Life of access tokens issued from now on.
        booking_pages: ``asked`` pages bookings as the version asks; ``offset`` answers the offset
            shape whatever version is asked, and looks at ``take`` and ``skip`` alone.
        cursor_anchors: Whether the cursor list of ``upcoming``, ``recurring`` and ``unconfirmed``
            begins an hour ago, by start, and that of ``past`` ends now, as Cal.com documents it: a
            meeting that began earlier and still runs is in none of them.
        unversioned: Bookings without a known ``cal-api-version``: ``reject`` answers 400,
            ``older_shape`` the shape of 2024-04-15.
        out_of_office: Whether ``/me/ooo`` is there; older builds answer 404, and 400 to webhooks
            with the trigger ``OOO_CREATED``.
        requests_per_minute: More requests per key or token answer 429; 0 lifts the limit.
        send_retry_after: Whether that 429 says when to come back.
        late_commit_seconds: How long a change is under way before anyone can see it: it bears the
            ``updatedAt`` of its beginning, so that a watermark may already have passed it.
    """

    model_config = ConfigDict(extra="forbid", validate_assignment=True)

    access_token_seconds: int = Field(1_800, ge=0)
    booking_pages: Literal["asked", "offset"] = "asked"
    cursor_anchors: bool = True
    unversioned: Literal["reject", "older_shape"] = "reject"
    out_of_office: bool = True
    requests_per_minute: int = Field(0, ge=0)
    send_retry_after: bool = True
    late_commit_seconds: float = Field(0.0, ge=0)

    def change(self, values: dict[str, object]) -> None:
        """Change the named settings; none is changed when one is wrong.

        Raises:
            pydantic.ValidationError: A name is unknown or a value out of range.
        """
        checked = CaldotcomSettings.model_validate({**self.model_dump(), **values})
        for name in values:
            setattr(self, name, getattr(checked, name))

    def restore(self) -> None:
        """Return to the defaults."""
        self.change(CaldotcomSettings().model_dump())
