"""Connecting an account by OAuth: there, back, and the first sync.

The way there leaves a state behind, which the way back takes away before anything else happens,
so that it serves once. Every conversation with the provider lies between transactions. Either
all of a connection is stored in the end, or nothing, and then the grant is given back.
"""

import hashlib
import hmac
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import structlog

from calendar_manager.accounts.errors import ConnectError, OAuthStateInvalidError, UserGoneError
from calendar_manager.accounts.grants import Grants
from calendar_manager.accounts.jobs import Jobs
from calendar_manager.accounts.refusals import read_refusal
from calendar_manager.domain.accounts import Connection, ProviderKind, RemoteCalendar
from calendar_manager.domain.sync_jobs import SyncTrigger
from calendar_manager.providers.base import Grant, KeyAuth, ProviderFactory
from calendar_manager.providers.errors import (
    ConnectRefusedError,
    ProviderError,
    ProviderNotConfiguredError,
    RetryLaterError,
)
from calendar_manager.providers.registry import Registry
from calendar_manager.store.crypto import UndecipherableError
from calendar_manager.store.repositories.oauth_states import OAuthState
from calendar_manager.store.unit_of_work import Store, UnitOfWork
from calendar_manager.sync.discovery import adopt_calendars
from calendar_manager.sync.requests import request_sync

log = structlog.get_logger(__name__)

STATE_LIFE: Final = timedelta(minutes=10)
"""How long a person may take at the provider."""

_REDIRECT_URI: Final = "redirect_uri"
_PROVIDERS_OWN: Final = "provider."


@dataclass(frozen=True, slots=True)
class ConsentRequest:
    """Where to send the person.

    Attributes:
        url: The provider's consent page.
        browser_secret: To be kept in the browser's cookie and shown on the way back.
    """

    url: str
    browser_secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Connected:
    """An account that is connected.

    Attributes:
        connection: The account.
        wants_json: Whether a program began the consent.
    """

    connection: Connection
    wants_json: bool


class Connecting:
    """The use cases of connecting an account.

    Args:
        store: The database.
        registry: The configured providers.
        jobs: Where the first syncs are sent.
        clock: Tells the time.
    """

    def __init__(
        self, *, store: Store, registry: Registry, jobs: Jobs, clock: Callable[[], datetime]
    ) -> None:
        self._store = store
        self._registry = registry
        self._jobs = jobs
        self._clock = clock
        self._grants = Grants(store, registry)

    def begin(
        self, user_id: UUID, provider: ProviderKind, *, redirect_uri: str, wants_json: bool
    ) -> ConsentRequest:
        """Prepare the way to the provider's consent page.

        Args:
            user_id: Who connects an account.
            provider: Where.
            redirect_uri: Where the provider sends the person back to.
            wants_json: Whether the outcome is to be told to a program.

        Raises:
            ProviderNotConfiguredError: This installation has no credentials there.
            ConnectError: The provider had to be asked first, and it did not work out.
        """
        auth = self._registry.get(provider).auth
        state, browser_secret = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
        try:
            request = auth.authorization(state=state, redirect_uri=redirect_uri)
        except (ConnectRefusedError, RetryLaterError) as error:
            raise read_refusal(error) from error
        own = {f"{_PROVIDERS_OWN}{name}": value for name, value in request.memory.items()}
        with self._store.begin() as uow:
            uow.oauth_states.add(
                OAuthState(
                    user_id=user_id,
                    provider=provider,
                    cookie_hash=_hash(browser_secret),
                    memory={_REDIRECT_URI: redirect_uri, **own},
                    wants_json=wants_json,
                    expires_at=self._clock() + STATE_LIFE,
                ),
                state_hash=_hash(state),
            )
        return ConsentRequest(request.url, browser_secret)

    def finish(
        self,
        provider: ProviderKind,
        *,
        parameters: Mapping[str, str],
        browser_secret: str | None,
        signed_in: UUID | None,
    ) -> Connected:
        """Turn the person's way back into a connection with its calendars and first syncs.

        Args:
            provider: Whose callback was called.
            parameters: The callback's query.
            browser_secret: What the browser's cookie says.
            signed_in: Who is signed in in that browser; None if nobody is known to be.

        Raises:
            ConnectError: It did not work out, and nothing was stored.
        """
        state = self._take_state(provider, parameters.get("state"), browser_secret, signed_in)
        try:
            return self._connect(state, parameters)
        except ConnectError as error:
            error.wants_json = state.wants_json
            log.info("connect_failed", provider=provider.value, code=error.code)
            raise

    def connect_with_key(self, user_id: UUID, provider: ProviderKind, api_key: str) -> Connection:
        """Connect an account by a key that the person made at the provider.

        Args:
            user_id: Whose account.
            provider: Where.
            api_key: The key.

        Raises:
            ProviderNotConfiguredError: This provider connects by OAuth only.
            ConnectError: It did not work out, and nothing was stored.
        """
        factory = self._registry.get(provider)
        auth = factory.auth
        if not isinstance(auth, KeyAuth):
            raise ProviderNotConfiguredError(f"{provider.value} accounts connect by OAuth only")
        try:
            grant = auth.connect_with_key(api_key, now=self._clock())
        except ProviderError as error:
            raise read_refusal(error) from error
        return self._adopt(user_id, factory, grant)

    def _take_state(
        self,
        provider: ProviderKind,
        state: str | None,
        browser_secret: str | None,
        signed_in: UUID | None,
    ) -> OAuthState:
        if not state:
            raise OAuthStateInvalidError("The provider sent no state back.")
        try:
            with self._store.begin() as uow:
                found = uow.oauth_states.take(_hash(state))
        except UndecipherableError:
            found = None
        if found is None or found.provider is not provider:
            raise OAuthStateInvalidError("This consent is unknown, or was used before.")
        known = found.wants_json
        if not browser_secret or not hmac.compare_digest(_hash(browser_secret), found.cookie_hash):
            raise OAuthStateInvalidError(
                "The consent was begun in another browser, under another address of this"
                " installation, or without cookies.",
                wants_json=known,
            )
        if signed_in is not None and signed_in != found.user_id:
            raise OAuthStateInvalidError("Somebody else began this consent.", wants_json=known)
        if found.expires_at <= self._clock():
            raise OAuthStateInvalidError("The consent took too long.", wants_json=known)
        return found

    def _connect(self, state: OAuthState, parameters: Mapping[str, str]) -> Connected:
        try:
            factory = self._registry.get(state.provider)
            grant = factory.auth.exchange(
                parameters=parameters,
                memory={
                    name.removeprefix(_PROVIDERS_OWN): value
                    for name, value in state.memory.items()
                    if name.startswith(_PROVIDERS_OWN)
                },
                redirect_uri=state.memory[_REDIRECT_URI],
                now=self._clock(),
            )
        except ProviderError as error:
            raise read_refusal(error) from error
        return Connected(self._adopt(state.user_id, factory, grant), state.wants_json)

    def _adopt(self, user_id: UUID, factory: ProviderFactory, grant: Grant) -> Connection:
        """Store a grant with the account's calendars, or give it back."""
        try:
            calendars = _pull_calendars(factory, grant)
            with self._store.begin() as uow:
                return self._save(uow, user_id, factory.kind, grant, calendars)
        except Exception as error:
            self._grants.give_back_unused(factory.kind, grant)
            if isinstance(error, ProviderError):
                raise read_refusal(error) from error
            raise

    def _save(
        self,
        uow: UnitOfWork,
        user_id: UUID,
        provider: ProviderKind,
        grant: Grant,
        calendars: Sequence[RemoteCalendar],
    ) -> Connection:
        if uow.users.lock(user_id) is None:
            raise UserGoneError
        connection = uow.connections.save(
            user_id=user_id,
            provider=provider,
            provider_account_id=grant.provider_account_id,
            account=grant.account,
            tokens=grant.tokens,
        )
        now = self._clock()
        jobs = adopt_calendars(uow, connection, calendars, now=now)
        asked_for = {job.calendar_id for job in jobs}
        # An account that comes back after its consent was lost has calendars that lag behind.
        jobs += [
            request_sync(uow, calendar, trigger=SyncTrigger.CONNECT, now=now)
            for calendar in uow.calendars.list_of_connection(connection.id)
            if calendar.sync_enabled and calendar.id not in asked_for
        ]
        # The addresses of one's own accounts match no client's rule, and now there is one more.
        uow.clients.request_reassign(user_id)
        # Its channels may have died with the consent.
        uow.channels.hurry({job.calendar_id for job in jobs}, now=now)
        uow.audit.record(
            "connection.connected",
            user_id=user_id,
            subject=connection.id,
            detail={"provider": provider.value, "calendars": len(calendars)},
        )

        def send() -> None:
            for job in jobs:
                self._jobs.sync_calendar(job.id, urgent=True)
                self._jobs.tend_channel(job.calendar_id)

        uow.after_commit(send)
        return connection


def _pull_calendars(factory: ProviderFactory, grant: Grant) -> Sequence[RemoteCalendar]:
    provider = factory.open(grant.tokens)
    try:
        return provider.pull_calendars()
    finally:
        provider.close()


def _hash(secret: str) -> bytes:
    """Return what is stored of a random secret."""
    return hashlib.sha256(secret.encode(errors="replace")).digest()
