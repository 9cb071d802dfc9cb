"""The ASGI application: routes, pages, middleware and errors, put together."""

import gc
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

from anyio.to_thread import current_default_thread_limiter
from fastapi import FastAPI
from fastapi.routing import APIRoute

from calendar_manager.api.errors import install_error_handlers
from calendar_manager.api.middleware import (
    BodyLimitMiddleware,
    ReadableStartMiddleware,
    RequestMiddleware,
    SecurityHeadersMiddleware,
)
from calendar_manager.api.openapi import DESCRIPTION, TAGS, install_openapi
from calendar_manager.api.routes import (
    account_security,
    admin,
    availability,
    calendars,
    clients,
    conflicts,
    connect,
    connections,
    events,
    explanation,
    exports,
    feeds,
    health,
    login,
    me,
    metrics,
    personal_export,
    sharing,
    sync_jobs,
    webhooks,
)
from calendar_manager.bootstrap import Services, build_services, make_shipper
from calendar_manager.config import load_settings
from calendar_manager.logs import configure_logging
from calendar_manager.scheduling.answer_cache import AnswerCache
from calendar_manager.store.pool import CONNECTIONS
from calendar_manager.web.app import install_pages
from calendar_manager.web.deps import build_accounts

# Routers are asked in turn whether a request is theirs, so the one that most are for is the first.
_ROUTES = (
    availability,
    login,
    me,
    account_security,
    personal_export,
    connect,
    connections,
    calendars,
    sync_jobs,
    events,
    clients,
    conflicts,
    explanation,
    exports,
    feeds,
    sharing,
    webhooks,
    admin,
    health,
    metrics,
)


def create_app(services: Services | None = None) -> FastAPI:
    """Make the application.

    Args:
        services: The joined parts. None builds them from the settings when the server starts,
            and lets go of them when it stops.
    """
    app = FastAPI(
        title="Calendar Manager",
        version=version("calendar-manager"),
        description=DESCRIPTION,
        openapi_tags=TAGS,
        openapi_url="/openapi.json",
        # Its page is ours, because FastAPI's own loads its viewer from elsewhere.
        docs_url=None,
        redoc_url=None,
        # A redirect to the address with or without a slash would trust the Host header.
        redirect_slashes=False,
        lifespan=_lifespan,
        generate_unique_id_function=_operation_id,
    )
    if services is not None:
        _adopt(app, services)
    install_error_handlers(app)
    for module in _ROUTES:
        app.include_router(module.router)
    install_pages(app)
    install_openapi(app)
    # The last one added is the outermost.
    app.add_middleware(BodyLimitMiddleware)
    app.add_middleware(SecurityHeadersMiddleware)
    app.add_middleware(RequestMiddleware)
    app.add_middleware(ReadableStartMiddleware)
    return app


def _adopt(app: FastAPI, services: Services) -> None:
    app.state.services = services
    app.state.accounts = build_accounts(services)
    app.state.answers = AnswerCache.connect(services.settings.redis_url, services.clock)


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Build the parts when nobody handed them over, and let go of them in the end."""
    # Ours has one line for each request as well, and leaves out the query with its codes.
    logging.getLogger("uvicorn.access").disabled = True
    if hasattr(app.state, "services"):
        yield
        return
    settings = load_settings()
    configure_logging(settings.log_level, settings.log_format)
    services = build_services(settings)
    _adopt(app, services)
    current_default_thread_limiter().total_tokens = CONNECTIONS
    shipper = make_shipper(services, "api")
    shipper.start()
    # What is there by now stays. Looking through it again and again for garbage would hold up the
    # requests of that moment for a tenth of a second.
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        shipper.stop()
        services.store.engine.dispose()
        services.redis.close()
        app.state.answers.close()


def _operation_id(route: APIRoute) -> str:
    """Name an operation after its function, which client generators turn into a method."""
    return route.name
