"""What a provider's refusal means for the person who is connecting an account."""

from calendar_manager.accounts.errors import (
    ConnectError,
    ConsentDeniedError,
    ProviderRefusedError,
    ProviderUnavailableError,
    ScopeMissingError,
)
from calendar_manager.providers.errors import (
    ConnectRefusedError,
    ProviderError,
    ProviderNotConfiguredError,
    RetryLaterError,
)

_BY_REASON: dict[str, type[ConnectError]] = {
    "access_denied": ConsentDeniedError,
    "scopeMissing": ScopeMissingError,
}


def read_refusal(error: ProviderError) -> ConnectError:
    """Return the error to show for one of a provider's."""
    if isinstance(error, ConnectRefusedError | ProviderNotConfiguredError):
        return _BY_REASON.get(error.reason, ProviderRefusedError)(str(error))
    if isinstance(error, RetryLaterError):
        return ProviderUnavailableError("The provider cannot answer now. Try again in a while.")
    return ProviderRefusedError(
        f"The provider let us in but did not let us read the calendars: {error}"
    )
