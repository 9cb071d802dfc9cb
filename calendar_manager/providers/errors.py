"""What can go wrong at a provider, by what has to be done about it."""

from datetime import timedelta

from calendar_manager.domain.errors import CalendarManagerError


class ProviderError(CalendarManagerError):
    """A provider did not do what we asked.

    Attributes:
        reason: The provider's own code, such as ``rateLimitExceeded``; for logs and metrics.
        request_id: The provider's id of the request, where it gives one.
    """

    def __init__(
        self, message: str, *, reason: str = "unknown", request_id: str | None = None
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.request_id = request_id


class RetryLaterError(ProviderError):
    """Trouble that passes: a quota, an overload, a broken line.

    Attributes:
        retry_after: How long the provider asks us to wait; None when it does not say.
    """

    def __init__(
        self,
        message: str,
        *,
        reason: str = "unknown",
        request_id: str | None = None,
        retry_after: timedelta | None = None,
    ) -> None:
        super().__init__(message, reason=reason, request_id=request_id)
        self.retry_after = retry_after


class AccessTokenRejectedError(ProviderError):
    """The access token was refused: refresh it once and try again."""


class ConsentLostError(ProviderError):
    """The person has to connect again; trying again is useless."""


class CursorExpiredError(ProviderError):
    """The cursor is no longer known: read everything anew, then mark and sweep."""


class PositionExpiredError(ProviderError):
    """A full read that broke off cannot be gone on with: begin it anew."""


class ChannelsUnavailableError(ProviderError):
    """The provider opens no channel on this calendar or for this account: poll it."""


class SchedulesUnavailableError(ProviderError):
    """The provider does not let us write schedules; reading goes on as before."""


class CalendarGoneError(ProviderError):
    """This calendar is gone or closed to us; the account's others may be fine."""


class ConnectRefusedError(ProviderError):
    """Connecting did not work out: consent denied, a scope unticked, a code refused."""


class ProviderNotConfiguredError(ProviderError):
    """The installation has no credentials for a provider, or does not know it at all."""
