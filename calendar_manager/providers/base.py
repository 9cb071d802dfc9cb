"""The protocol that every provider keeps, and the values that cross it."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Protocol, runtime_checkable
from uuid import UUID

from calendar_manager.domain.accounts import ProviderKind, RemoteCalendar, Tokens
from calendar_manager.domain.changes import ChangePage, FindSeries, know_no_series
from calendar_manager.domain.timespan import DateSpan, Span


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


Gate = Callable[[], None]
"""Called before each request to a provider. It raises ``RetryLaterError`` when the budget of
requests is used up, or when the provider asked for a pause that has not ended."""


def always_open() -> None:
    """Stand in for a :data:`Gate` where requests are not counted."""


@dataclass(frozen=True, slots=True)
class Rate:
    """How many requests a provider bears.

    Attributes:
        requests: How many.
        per: In which time, counted over a sliding window.
    """

    requests: int
    per: timedelta


@dataclass(frozen=True, slots=True)
class Quota:
    """What a provider grants us.

    Attributes:
        account: To each account.
        application: To all accounts of this installation together; None when it counts by
            account only.
    """

    account: Rate
    application: Rate | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelRequest:
    """What a provider is asked to promise.

    Attributes:
        channel_id: Our id of the channel.
        token: A secret of this channel alone, which every message has to prove to know; at most
            128 characters of URL-safe base64 and dots.
        address: Where the provider is to call; below it, at ``/lifecycle``, it may tell what
            becomes of the channel itself.
        now: The present.
    """

    channel_id: UUID
    token: str = field(repr=False)
    address: str
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelHandle:
    """By what a provider knows a channel.

    Attributes:
        provider_calendar_id: The calendar that it is on.
        provider_channel_id: The provider's id of the channel.
        resource_id: Google's id of what is watched; None with the others.
    """

    provider_calendar_id: str
    provider_channel_id: str
    resource_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedChannel:
    """What a provider promised.

    Attributes:
        provider_channel_id: Its id of the channel.
        resource_id: Google's id of what is watched; None with the others.
        expires_at: When the promise ends, as the provider says; None when it does not end.
    """

    provider_channel_id: str
    resource_id: str | None
    expires_at: datetime | None


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
        position: str | None = None,
    ) -> Iterator[ChangePage]:
        """Read what changed, page by page.

        Args:
            provider_calendar_id: Which calendar.
            cursor: Where the last complete read ended; None reads everything. A full read
                reports no deletions, so the caller has to sweep what it did not see.
            window: The span that matters now, for providers that must be asked for one.
            find_series: Tells to which series instances belong that were read before, for
                providers that speak of single instances.
            position: Of the last page that was kept of a full read that broke off; only where
                ``cursor`` is None. The read goes on behind it.

        Yields:
            Pages; the last one and no other has a cursor.

        Raises:
            CursorExpiredError: The cursor is unknown by now, or its window too old; read from
                None.
            PositionExpiredError: The read cannot be gone on with; begin anew.
            CalendarGoneError: The calendar is gone or closed to us.
        """
        ...

    def close(self) -> None:
        """Let go of the connection to the provider."""
        ...


@runtime_checkable
class ChannelProvider(Protocol):
    """What an open account can do besides, where the provider calls us when something changes.

    Every method may raise what :class:`CalendarProvider` says.
    """

    def open_channel(self, provider_calendar_id: str, request: ChannelRequest) -> OpenedChannel:
        """Have the provider call us whenever a calendar changes.

        The first message may arrive before this call returns.

        Raises:
            ChannelsUnavailableError: It does not do so for this calendar or account.
        """
        ...

    def extend_channel(self, channel: ChannelHandle, *, now: datetime) -> OpenedChannel | None:
        """Have a channel live longer, or make sure that one without an end is still there.

        Returns:
            The channel as it is from now on; None when it cannot be extended or is gone, so that
            another has to be opened.
        """
        ...

    def close_channel(self, channel: ChannelHandle) -> None:
        """Have the provider call no more; a channel that is already gone is a success."""
        ...


@runtime_checkable
class ScheduleProvider(Protocol):
    """What an open account can do besides, where the provider offers the person's time itself.

    Every method may raise what :class:`CalendarProvider` says.
    """

    def push_schedule(self, body: Mapping[str, object], *, schedule_id: str | None) -> str:
        """Have the provider keep a schedule of ours, as a whole and under its own name.

        It never becomes the account's default one, and no other one is ever changed. The same
        call may be made any number of times.

        Args:
            body: The schedule as the provider writes it; ``name`` is the one that we give it.
            schedule_id: The provider's id of it from last time; None when there was none.

        Returns:
            The provider's id of it; another one when the schedule was gone and made anew.

        Raises:
            SchedulesUnavailableError: We may not write schedules.
        """
        ...

    def push_absences(self, wanted: Collection[DateSpan], *, today: date) -> None:
        """Have the provider tell people that the person is away.

        Entries that we made and that are no longer wanted are deleted, unless they are over;
        others are never touched. The same call may be made any number of times.

        Args:
            wanted: On which days.
            today: The date at the person's place.

        Raises:
            SchedulesUnavailableError: We may not write absences.
        """
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
    def quota(self) -> Quota:
        """How many requests the provider bears."""
        ...

    @property
    def auth(self) -> ProviderAuth:
        """How accounts are connected."""
        ...

    def open(self, tokens: Tokens, *, gate: Gate = always_open) -> CalendarProvider:
        """Open one account for reading; no network.

        Args:
            tokens: Of the account.
            gate: To be passed before each request.
        """
        ...
