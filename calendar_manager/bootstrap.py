"""Joins the concrete parts into what the doors (API, tasks, CLI) need; nothing else does."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from calendar_manager.config import Settings
from calendar_manager.domain.breaker import BreakerLimits
from calendar_manager.job_queue import JobQueue, make_celery
from calendar_manager.providers.registry import (
    CalDotComSettings,
    CalDotComVersions,
    GoogleSettings,
    MicrosoftSettings,
    ProviderSettings,
    Registry,
    build_registry,
)
from calendar_manager.store.crypto import TokenCipher
from calendar_manager.store.unit_of_work import Store
from calendar_manager.store.vital_signs import measure_pool
from calendar_manager.sync.context import SyncContext, SyncOptions
from calendar_manager.telemetry.shipping import PoolUse, Shipper

Clock = Callable[[], datetime]
"""Tells the present instant, aware and in UTC."""


def system_clock() -> datetime:
    """Return the present instant."""
    return datetime.now(UTC)  # noqa: TID251 - the one place where time enters the program.


@dataclass(frozen=True, slots=True)
class Services:
    """The parts that a door works with.

    Attributes:
        settings: What the installation decides.
        store: PostgreSQL.
        registry: The configured providers.
        redis: Locks and limits shared by all processes.
        queue: Asks workers for work.
        clock: Tells the time.
    """

    settings: Settings
    store: Store
    registry: Registry
    redis: Redis
    queue: JobQueue
    clock: Clock


def build_services(settings: Settings, *, clock: Clock = system_clock) -> Services:
    """Build every part from the settings; nothing connects before its first use."""
    cipher = TokenCipher([key.get_secret_value() for key in settings.token_encryption_keys])
    return Services(
        settings=settings,
        store=Store.connect(settings.database_url, cipher),
        registry=build_registry(provider_settings(settings)),
        redis=Redis.from_url(
            settings.redis_url,
            socket_timeout=10,
            socket_connect_timeout=5,
            # One more try is for a connection that was closed while nobody used it. Waiting any
            # longer is the business of whoever asked.
            retry=Retry(NoBackoff(), 1),
        ),
        queue=JobQueue(make_celery(settings.redis_url)),
        clock=clock,
    )


def make_shipper(services: Services, process: str) -> Shipper:
    """Make what adds this process's numbers to the installation's; it is yet to be started.

    Args:
        services: The joined parts.
        process: What kind of process it is, ``api`` or ``worker``.
    """

    def measure() -> PoolUse:
        size = measure_pool(services.store.engine)
        return PoolUse(process, size.used, size.limit)

    url = services.settings.redis_url
    return Shipper.connect(url, lambda: services.clock().timestamp(), measure)


def sync_context(services: Services) -> SyncContext:
    """Return what the write path works with."""
    settings = services.settings
    return SyncContext(
        store=services.store,
        registry=services.registry,
        redis=services.redis,
        clock=services.clock,
        jitter=random.random,
        options=SyncOptions(
            poll_interval=timedelta(minutes=settings.poll_minutes),
            poll_interval_with_push=timedelta(minutes=settings.poll_minutes_with_push),
            poll_interval_without_push=timedelta(minutes=settings.poll_minutes_without_push),
            breaker=BreakerLimits(
                share=settings.breaker_share_percent / 100,
                minimum=settings.breaker_minimum_events,
            ),
            webhook_url=None if settings.public_url is None else f"{settings.public_url}/webhooks/",
            horizon_back=timedelta(days=settings.horizon_days_back),
            horizon_ahead=timedelta(days=settings.horizon_days_ahead),
        ),
    )


def provider_settings(settings: Settings) -> ProviderSettings:
    """Pick out of the settings what each provider needs; None where one is not configured.

    Cal.com is always there, because people may connect it by an API key of their own.
    """
    google = microsoft = None
    if settings.google_client_id is not None and settings.google_client_secret is not None:
        google = GoogleSettings(
            client_id=settings.google_client_id,
            client_secret=settings.google_client_secret.get_secret_value(),
            auth_url=settings.google_auth_url,
            token_url=settings.google_token_url,
            revoke_url=settings.google_revoke_url,
            api_url=settings.google_api_url,
        )
    if settings.microsoft_client_id is not None and settings.microsoft_client_secret is not None:
        microsoft = MicrosoftSettings(
            client_id=settings.microsoft_client_id,
            client_secret=settings.microsoft_client_secret.get_secret_value(),
            tenant_id=settings.microsoft_tenant_id,
            authority=settings.microsoft_authority,
            graph_url=settings.microsoft_graph_url,
        )
    secret = settings.calcom_client_secret
    caldotcom = CalDotComSettings(
        client_id=settings.calcom_client_id,
        client_secret=None if secret is None else secret.get_secret_value(),
        auth_url=settings.calcom_auth_url,
        token_url=settings.calcom_token_url,
        api_url=settings.calcom_api_url,
        versions=CalDotComVersions(
            bookings=settings.calcom_bookings_version,
            schedules=settings.calcom_schedules_version,
            event_types=settings.calcom_event_types_version,
            me=settings.calcom_me_version,
            out_of_office=settings.calcom_out_of_office_version,
        ),
    )
    return ProviderSettings(google=google, microsoft=microsoft, caldotcom=caldotcom)
