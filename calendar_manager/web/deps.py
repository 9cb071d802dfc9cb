"""What routes ask for: the joined parts and the use cases built on them."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, cast

from fastapi import Depends
from starlette.requests import Request

from calendar_manager.accounts.administration import Administration
from calendar_manager.accounts.assigning import Assigning
from calendar_manager.accounts.attempts import Attempts
from calendar_manager.accounts.calendars import Calendars
from calendar_manager.accounts.clients import Clients
from calendar_manager.accounts.connecting import Connecting
from calendar_manager.accounts.csrf import CsrfGuard
from calendar_manager.accounts.disconnecting import Disconnecting
from calendar_manager.accounts.exporting import Exporting
from calendar_manager.accounts.feeds import Feeds
from calendar_manager.accounts.password_change import PasswordChange
from calendar_manager.accounts.passwords import Passwords
from calendar_manager.accounts.personal_export import PersonalExport
from calendar_manager.accounts.profile import Profile
from calendar_manager.accounts.registration import Registration
from calendar_manager.accounts.sessions import Sessions
from calendar_manager.accounts.sharing import Sharing
from calendar_manager.accounts.tokens import TokenSigner
from calendar_manager.accounts.traces import Traces
from calendar_manager.bootstrap import Services, sync_context


@dataclass(frozen=True, slots=True)
class Accounts:
    """The use cases of people and their accounts.

    Attributes:
        registration: Becoming a user.
        sessions: Signing in and out.
        password_change: Changing one's password.
        personal_export: Taking all of one's data away.
        profile: Changing one's settings.
        connecting: Connecting an account by OAuth.
        disconnecting: Leaving one account, or everything.
        administration: What those who run the installation do.
        calendars: Settings of calendars, and asking for a sync.
        clients: Clients and their rules.
        assigning: Saying by hand whom an event belongs to.
        exporting: Free time as a schedule at Cal.com.
        feeds: Private busy feeds.
        sharing: Letting others ask when one is free.
        csrf: Protection of what a browser is made to send.
    """

    registration: Registration
    sessions: Sessions
    password_change: PasswordChange
    personal_export: PersonalExport
    profile: Profile
    connecting: Connecting
    disconnecting: Disconnecting
    administration: Administration
    calendars: Calendars
    clients: Clients
    assigning: Assigning
    exporting: Exporting
    feeds: Feeds
    sharing: Sharing
    csrf: CsrfGuard


def build_accounts(services: Services, *, passwords: Passwords | None = None) -> Accounts:
    """Build the use cases from the joined parts.

    Args:
        services: The joined parts.
        passwords: How passwords are hashed; by default as strong as argon2-cffi recommends.
    """
    settings, store, queue = services.settings, services.store, services.queue
    registry, clock = services.registry, services.clock
    secret = settings.jwt_secret.get_secret_value()
    passwords = passwords or Passwords()
    attempts = Attempts(redis=services.redis, secret=secret, clock=clock)
    return Accounts(
        registration=Registration(store=store, passwords=passwords, attempts=attempts),
        sessions=Sessions(
            store=store,
            passwords=passwords,
            attempts=attempts,
            signer=TokenSigner(secret),
            clock=clock,
            access_life=timedelta(minutes=settings.access_token_minutes),
            session_life=timedelta(days=settings.refresh_token_days),
        ),
        password_change=PasswordChange(
            store=store, passwords=passwords, attempts=attempts, clock=clock
        ),
        personal_export=PersonalExport(store=store),
        profile=Profile(store=store, jobs=queue),
        connecting=Connecting(store=store, registry=registry, jobs=queue, clock=clock),
        disconnecting=Disconnecting(
            store=store,
            registry=registry,
            jobs=queue,
            clock=clock,
            traces=Traces(redis=services.redis, attempts=attempts),
        ),
        administration=Administration(store=store, passwords=passwords, jobs=queue, clock=clock),
        calendars=Calendars(store=store, jobs=queue, clock=clock),
        clients=Clients(store=store, jobs=queue, clock=clock),
        assigning=Assigning(store=store),
        exporting=Exporting(sync_context(services), maximum_age=settings.stale_after),
        feeds=Feeds(store=store, clock=clock, attempts=attempts),
        sharing=Sharing(store=store),
        csrf=CsrfGuard(secret),
    )


async def get_services(request: Request) -> Services:
    """Return the joined parts."""
    return cast("Services", request.app.state.services)


def accounts_of(request: Request) -> Accounts:
    """Return the use cases of accounts."""
    return cast("Accounts", request.app.state.accounts)


async def get_accounts(request: Request) -> Accounts:
    """Return the use cases of accounts."""
    return accounts_of(request)


ServicesDep = Annotated[Services, Depends(get_services)]
AccountsDep = Annotated[Accounts, Depends(get_accounts)]
