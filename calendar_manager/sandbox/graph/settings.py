"""What can be changed about the sandbox's Microsoft while it runs."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class GraphSettings(BaseModel):
    """Quirks and limits of Graph; ``GraphControl.change_settings`` sets them.

    Page sizes, empty pages, token lives and the way of notifications are those of
    ``SandboxSettings``, which every provider shares.

    Attributes:
        concurrent_requests: More requests of one mailbox at once answer 429; 0 lifts the limit.
        answer_seconds: How long Graph takes to answer a request.
        old_refresh_token_seconds: Life left to a refresh token once it was used; None leaves it
            as it is, which is Microsoft's own way.
        admin_consent: ``access_denied`` and ``consent_required`` end the consent page with that
            error, as a tenant does whose users may not consent.
        delta_token_seconds: Life of delta links; None is without end.
        occurrence_tombstones: Whether a single occurrence that is gone is listed as ``@removed``;
            otherwise only its master appears.
        foreign_tombstones: Whether events changed outside the window are listed as ``@removed``.
        replay_probability: Chance of each unchanged event in the window to be delivered again.
        duplicate_probability: Chance of each delivered row to be delivered twice in a round.
        order_seed: Seed of the order of rows and of the two chances.
        ical_uid: Whether the occurrences of a series share one ``iCalUId``.
        subscription_max_minutes: Longest life of a subscription.
    """

    model_config = ConfigDict(extra="forbid", validate_assignment=True)

    concurrent_requests: int = Field(4, ge=0)
    answer_seconds: float = Field(0.0, ge=0, le=60)
    old_refresh_token_seconds: int | None = Field(60, ge=0)
    admin_consent: Literal["not_needed", "access_denied", "consent_required"] = "not_needed"
    delta_token_seconds: int | None = Field(None, ge=0)
    occurrence_tombstones: bool = False
    foreign_tombstones: bool = True
    replay_probability: float = Field(0.0, ge=0, le=1)
    duplicate_probability: float = Field(0.0, ge=0, le=1)
    order_seed: int = 0
    ical_uid: Literal["series", "occurrence"] = "series"
    subscription_max_minutes: int = Field(10_080, ge=1)

    def change(self, values: dict[str, object]) -> None:
        """Change the named settings; none is changed when one is wrong.

        Raises:
            pydantic.ValidationError: A name is unknown or a value out of range.
        """
        checked = GraphSettings.model_validate({**self.model_dump(), **values})
        for name in values:
            setattr(self, name, getattr(checked, name))

    def restore(self) -> None:
        """Return to the defaults."""
        self.change(GraphSettings().model_dump())
