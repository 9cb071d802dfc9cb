"""What can go wrong with accounts, each with a stable code for programs."""

import math
from collections.abc import Mapping
from datetime import timedelta
from typing import ClassVar

from calendar_manager.domain.errors import CalendarManagerError


class AccountsError(CalendarManagerError):
    """The root of this package's errors; the message is meant for the person.

    Attributes:
        code: What went wrong, for programs; it never changes.
    """

    code: ClassVar[str]


class InvalidFieldsError(AccountsError):
    """Something that a person entered cannot be used.

    Attributes:
        problems: Name of the field → what is wrong with it.
    """

    code = "validation_failed"

    def __init__(self, problems: Mapping[str, str]) -> None:
        super().__init__("Some of the fields cannot be used.")
        self.problems = dict(problems)


class EmailTakenError(AccountsError):
    """Somebody registered with this address before."""

    code = "email_taken"

    def __init__(self) -> None:
        super().__init__("There is already an account with this e-mail address.")


class SignInError(AccountsError):
    """The address or the password is wrong; which one is nobody's business."""

    code = "invalid_credentials"

    def __init__(self) -> None:
        super().__init__("The e-mail address or the password is wrong.")


class TooManyAttemptsError(AccountsError):
    """Somebody tried too often, and is not even looked at for a while.

    Attributes:
        retry_after: When to try again at the earliest.
    """

    code = "too_many_requests"

    def __init__(self, retry_after: timedelta) -> None:
        minutes = math.ceil(retry_after / timedelta(minutes=1))
        wait = "a minute" if minutes == 1 else f"{minutes} minutes"
        super().__init__(f"That was too often. Try again in {wait}.")
        self.retry_after = retry_after


class SessionNotFoundError(AccountsError):
    """The user has no such session, or not any more."""

    code = "session_not_found"

    def __init__(self) -> None:
        super().__init__("There is no such session.")


class TokenError(AccountsError):
    """A token does not let its bearer in.

    Attributes:
        code: ``token_invalid``, ``token_expired`` or ``session_ended``.
    """

    code = "token_invalid"


class TokenInvalidError(TokenError):
    """A token is forged, damaged or meant for something else."""

    def __init__(self) -> None:
        super().__init__("The token is not valid here.")


class TokenExpiredError(TokenError):
    """A token was good until some time ago."""

    code = "token_expired"

    def __init__(self) -> None:
        super().__init__("The token has expired.")


class SessionEndedError(TokenError):
    """The session that a token belongs to was signed out, revoked or left unused too long."""

    code = "session_ended"

    def __init__(self) -> None:
        super().__init__("The session has ended. Sign in again.")


class UserGoneError(AccountsError):
    """The user was erased in the meantime."""

    code = "session_ended"

    def __init__(self) -> None:
        super().__init__("This account does not exist any more.")


class ConnectionNotFoundError(AccountsError):
    """The user has no such connection."""

    code = "connection_not_found"

    def __init__(self) -> None:
        super().__init__("There is no such connection.")


class ConnectionAmbiguousError(AccountsError):
    """The user has several accounts at a provider and did not say which."""

    code = "connection_id_required"

    def __init__(self) -> None:
        super().__init__("Several accounts are connected here. Say which by its connection_id.")


class CalendarNotFoundError(AccountsError):
    """The user has no such calendar."""

    code = "calendar_not_found"

    def __init__(self) -> None:
        super().__init__("There is no such calendar.")


class CalendarNotHeldError(AccountsError):
    """No run over the calendar waits for the user's word."""

    code = "calendar_not_held"

    def __init__(self) -> None:
        super().__init__("No deletions of this calendar wait to be confirmed.")


class ClientNotFoundError(AccountsError):
    """The user has no such client."""

    code = "client_not_found"

    def __init__(self) -> None:
        super().__init__("There is no such client.")


class EventNotFoundError(AccountsError):
    """The user has no such event."""

    code = "event_not_found"

    def __init__(self) -> None:
        super().__init__("There is no such event.")


class SyncDisabledError(AccountsError):
    """A calendar is not read because its user does not want it."""

    code = "sync_disabled"

    def __init__(self) -> None:
        super().__init__("Sync is switched off for this calendar. Switch it on first.")


class CalendarNeedsConsentError(AccountsError):
    """The account of a calendar has to be connected again."""

    code = "needs_reauth"

    def __init__(self) -> None:
        super().__init__("The account of this calendar has to be connected again first.")


class FeedNotFoundError(AccountsError):
    """No busy feed has this address, or not any more."""

    code = "feed_not_found"

    def __init__(self) -> None:
        super().__init__("There is no such feed. Its owner may have revoked this address.")


class CaldotcomNotConnectedError(AccountsError):
    """The user has no Cal.com account connected."""

    code = "caldotcom_not_connected"

    def __init__(self) -> None:
        super().__init__("No Cal.com account is connected. Connect one first.")


class ExportError(AccountsError):
    """Free time could not be exported to Cal.com; it is tried again by itself."""

    code = "provider_refused"


class ExportUnavailableError(ExportError):
    """Cal.com cannot answer now."""

    code = "provider_unavailable"


class ExportScopeMissingError(ExportError):
    """Cal.com does not let us write schedules."""

    code = "scope_missing"


class ExportNeedsConsentError(ExportError):
    """The Cal.com account has to be connected again."""

    code = "needs_reauth"


class ConnectError(AccountsError):
    """An account could not be connected, and nothing of it was stored.

    Attributes:
        wants_json: Whether a program began the consent; None when that is not known, because
            the state was not.
    """

    code = "provider_error"

    def __init__(self, message: str, *, wants_json: bool | None = None) -> None:
        super().__init__(message)
        self.wants_json = wants_json


class OAuthStateInvalidError(ConnectError):
    """The way back from the provider does not fit the way there."""

    code = "oauth_state_invalid"

    def __init__(self, reason: str, *, wants_json: bool | None = None) -> None:
        super().__init__(f"{reason} Start connecting again.", wants_json=wants_json)


class ConsentDeniedError(ConnectError):
    """The person said no."""

    code = "consent_denied"


class ScopeMissingError(ConnectError):
    """The person unticked something that we cannot do without."""

    code = "scope_missing"


class ProviderRefusedError(ConnectError):
    """The provider refused for a reason that trying again does not change."""

    code = "provider_refused"


class ProviderUnavailableError(ConnectError):
    """The provider cannot answer now."""

    code = "provider_unavailable"


class UserNotFoundError(AccountsError):
    """Nobody signs in with an address; told to those who run the installation, and to no one else.

    Args:
        email: The address.
    """

    code = "user_not_found"

    def __init__(self, email: str) -> None:
        super().__init__(f"Nobody signs in with {email}.")


class NothingToSyncError(AccountsError):
    """None of the calendars that were meant can be read now."""

    code = "nothing_to_sync"

    def __init__(self) -> None:
        super().__init__(
            "There is nothing to read: no such calendar, or its sync is switched off, or its"
            " account has to be connected again."
        )
