"""The protocol that every provider keeps, and the values that cross it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, runtime_checkable

from calendar_manager.domain.accounts import ProviderKind, RemoteCalendar, Tokens
from calendar_manager.domain.changes import ChangePage, FindSeries, know_no_series
from calendar_manager.domain.timespan import Span


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """Where to send the person, and what to remember until they come back.

    Attributes:
        url: The provider's consent page with all parameters.
        memory: What :meth:`ProviderAuth.exchange` needs again, such as the PKCE verifier. It
            is stored encrypted and used once.
    """

    url: str
    memory: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Grant:
    """What the person granted.

    Attributes:
        provider_account_id: The provider's stable id of the account.
        account: What a person recognises it by, an address as a rule.
        tokens: The first tokens.
    """

    provider_account_id: str
    account: str
    tokens: Tokens


class ProviderAuth(Protocol):
    """How an account is connected, kept and left. Every call may be network."""

    def authorization(
        self, *, state: str, redirect_uri: str, login_hint: str | None = None
    ) -> AuthorizationRequest:
        """Make the request for consent.

        Raises:
            ProviderNotConfiguredError: People cannot connect this way here.
            ConnectRefusedError: The provider does not know this installation.
            RetryLaterError: The provider cannot answer now, where it has to be asked first.
        """
        ...

    def exchange(
        self,
        *,
        parameters: Mapping[str, str],
        memory: Mapping[str, str],
        redirect_uri: str,
        now: datetime,
    ) -> Grant:
        """Turn the parameters of the callback into a grant.

        Args:
            parameters: The callback's query, ``code`` or ``error`` among them.
            memory: What :meth:`authorization` asked to remember.
            redirect_uri: The same as then.
            now: The present, from which the tokens' lives are counted.

        Raises:
            ConnectRefusedError: Consent denied, scope missing or code refused; final.
            RetryLaterError: The provider cannot answer now.
        """
        ...

    def refresh(self, tokens: Tokens, *, now: datetime) -> Tokens:
        """Get the next access token; the refresh token is kept when none comes back.

        Raises:
            ConsentLostError: The person has to connect again.
            RetryLaterError: The provider cannot answer now.
        """
        ...

    def revoke(self, tokens: Tokens) -> None:
        """Give the grant back; a grant that is already gone is a success.

        Raises:
            RetryLaterError: The provider cannot answer now.
        """
        ...


@runtime_checkable
class KeyAuth(Protocol):
    """What an auth can do besides, where people may connect by a key instead of OAuth."""

    def connect_with_key(self, api_key: str, *, now: datetime) -> Grant:
        """Turn a key that the person made at the provider into a grant.

        Raises:
            ConnectRefusedError: The provider does not accept the key; final.
            RetryLaterError: The provider cannot answer now.
        """
        ...


class CalendarProvider(Protocol):
    """One account, open for reading. Not shared between threads; close it after use.

    Every method may raise ``AccessTokenRejectedError``, ``ConsentLostError``,
    ``RetryLaterError`` and plain ``ProviderError`` (final for this attempt).
    """

    def pull_calendars(self) -> Sequence[RemoteCalendar]:
        """List every calendar of the account."""
        ...

    def pull_changes(
        self,
        provider_calendar_id: str,
        *,
        cursor: str | None,
        window: Span,
        find_series: FindSeries = know_no_series,
    ) -> Iterator[ChangePage]:
        """Read what changed, page by page.

        Args:
            provider_calendar_id: Which calendar.
            cursor: Where the last complete read ended; None reads everything. A full read
                reports no deletions, so the caller has to sweep what it did not see.
            window: The span that matters now, for providers that must be asked for one.
            find_series: Tells to which series instances belong that were read before, for
                providers that speak of single instances.

        Yields:
            Pages; the last one and no other has a cursor.

        Raises:
            CursorExpiredError: The cursor is unknown by now, or its window too old; read from
                None.
            CalendarGoneError: The calendar is gone or closed to us.
        """
        ...

    def close(self) -> None:
        """Let go of the connection to the provider."""
        ...


class ProviderFactory(Protocol):
    """Makes the two sides of one provider."""

    @property
    def kind(self) -> ProviderKind:
        """Which provider."""
        ...

    @property
    def normalizer_version(self) -> int:
        """Counts up when normalizing changes, so that cursors of older reads re-baseline."""
        ...

    @property
    def reads_window(self) -> bool:
        """Whether a full read sees the given window only, so that nothing outside is gone."""
        ...

    @property
    def accounts_open_at_once(self) -> int | None:
        """How often one account may be open at once, in all workers; None for any number."""
        ...

    @property
    def auth(self) -> ProviderAuth:
        """How accounts are connected."""
        ...

    def open(self, tokens: Tokens) -> CalendarProvider:
        """Open one account for reading; no network."""
        ...
