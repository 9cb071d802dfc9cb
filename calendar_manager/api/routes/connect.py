"""Connecting an account by OAuth, and leaving it."""

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Cookie, Depends, Path, Request, Response, status
from fastapi.responses import JSONResponse, RedirectResponse

from calendar_manager.accounts.connecting import Connected
from calendar_manager.accounts.errors import ConnectError
from calendar_manager.api.deps import (
    AccountsDep,
    CurrentUser,
    NavigatingLogin,
    PossibleLogin,
    ServicesDep,
)
from calendar_manager.api.errors import to_problem
from calendar_manager.api.problems import (
    InvalidFieldError,
    NotFoundError,
    describe_problem,
    join_problems,
    render_problem,
)
from calendar_manager.api.schemas.connections import (
    ApiKeyIn,
    AuthorizationOut,
    ConnectedOut,
    ConnectionOut,
    DisconnectIn,
)
from calendar_manager.config import Settings
from calendar_manager.domain.accounts import ConnectionStatus, ProviderKind
from calendar_manager.web.addresses import find_base_url, is_secure
from calendar_manager.web.cookies import CONSENT_COOKIE, clear_consent, set_consent
from calendar_manager.web.negotiation import wants_json

router = APIRouter(prefix="/api/auth", tags=["connections"])

UNKNOWN_PROVIDER = describe_problem(404, "provider_not_found", "There is no such provider.")
NOT_CONFIGURED = describe_problem(
    409,
    "provider_not_configured",
    "google is not set up on this installation. Its operator has to set the client id and secret.",
)
PROVIDER_ERROR = describe_problem(400, "provider_error", "The provider answered with an error.")
SCOPE_MISSING = describe_problem(
    403,
    "scope_missing",
    "Reading calendars was not allowed, and nothing can be done without it. Connect again.",
)
PROVIDER_REFUSED = describe_problem(
    502, "provider_refused", "Google does not accept this installation's client id."
)
PROVIDER_UNAVAILABLE = describe_problem(
    503, "provider_unavailable", "The provider cannot answer now. Try again in a while."
)


async def read_provider(
    provider: Annotated[
        str,
        Path(
            description="Which provider.",
            json_schema_extra={"enum": [kind.value for kind in ProviderKind]},
        ),
    ],
) -> ProviderKind:
    """Return the provider that an address names.

    Raises:
        NotFoundError: There is no such provider.
    """
    try:
        return ProviderKind(provider)
    except ValueError:
        raise NotFoundError("provider") from None


ProviderPath = Annotated[ProviderKind, Depends(read_provider)]


@router.get(
    "/connect/{provider}",
    summary="Start connecting an account",
    response_model=AuthorizationOut,
    responses={
        302: {"description": "To the provider's consent page, for a browser."},
        303: {"description": "To the sign-in page, for a browser in which nobody is signed in."},
        404: UNKNOWN_PROVIDER,
        409: NOT_CONFIGURED,
        502: PROVIDER_REFUSED,
        503: PROVIDER_UNAVAILABLE,
    },
)
def start_connecting(
    request: Request,
    provider: ProviderPath,
    login: NavigatingLogin,
    accounts: AccountsDep,
    services: ServicesDep,
) -> Response:
    """Lead a browser to the provider, or tell a program (`Accept: application/json`) where to.

    The consent has to end within ten minutes, in the browser that got the cookie of this answer.
    """
    as_json = wants_json(request)
    base_url = find_base_url(request, services.settings)
    consent = accounts.connecting.begin(
        login.user.id,
        provider,
        redirect_uri=f"{base_url}/api/auth/callback/{provider.value}",
        wants_json=as_json,
    )
    response: Response
    if as_json:
        response = JSONResponse(AuthorizationOut(authorization_url=consent.url).model_dump())
    else:
        response = RedirectResponse(consent.url, status.HTTP_302_FOUND)
    set_consent(
        response, secret=consent.browser_secret, secure=is_secure(request, services.settings)
    )
    return response


@router.post(
    "/connect/caldotcom",
    summary="Connect Cal.com by API key",
    responses={
        400: PROVIDER_ERROR,
        403: SCOPE_MISSING,
        502: describe_problem(502, "provider_refused", "Cal.com does not accept this API key."),
        503: PROVIDER_UNAVAILABLE,
    },
)
def connect_caldotcom(
    user: CurrentUser,
    accounts: AccountsDep,
    services: ServicesDep,
    body: ApiKeyIn | None = None,
) -> ConnectedOut:
    """Connect a Cal.com account by an API key instead of OAuth.

    Without a key in the body, the installation's own (`CALCOM_API_KEY`) is used, as long as
    nobody else has an account here. Stores the Cal.com account and starts its first sync, or
    stores nothing.
    """
    key = None if body is None else body.api_key
    default = services.settings.calcom_api_key
    if key is None and default is not None and accounts.registration.is_alone(user.id):
        key = default.get_secret_value()
    if key is None:
        raise InvalidFieldError(
            "api_key", "This is missing. Make one in Cal.com under Settings, Developer, API keys."
        )
    connection = accounts.connecting.connect_with_key(user.id, ProviderKind.CALDOTCOM, key)
    return ConnectedOut(connection=ConnectionOut.of(connection))


@router.get(
    "/callback/{provider}",
    summary="Finish connecting an account",
    response_model=ConnectedOut,
    responses={
        303: {"description": "To the front end with `outcome` and `reason`, for a browser."},
        400: join_problems(
            describe_problem(
                400,
                "oauth_state_invalid",
                "This consent is unknown, or was used before. Start connecting again.",
            ),
            PROVIDER_ERROR,
        ),
        401: describe_problem(401, "session_ended", "This account does not exist any more."),
        403: join_problems(
            describe_problem(
                403,
                "consent_denied",
                "Access was not allowed on Google's page. Nothing was connected.",
            ),
            SCOPE_MISSING,
        ),
        404: UNKNOWN_PROVIDER,
        409: NOT_CONFIGURED,
        502: PROVIDER_REFUSED,
        503: PROVIDER_UNAVAILABLE,
    },
)
def finish_connecting(
    request: Request,
    provider: ProviderPath,
    login: PossibleLogin,
    accounts: AccountsDep,
    services: ServicesDep,
    consent: Annotated[
        str | None,
        Cookie(
            alias=CONSENT_COOKIE,
            description="Binds the consent to the browser that began it; set by the start.",
        ),
    ] = None,
) -> Response:
    """Where the provider sends the person back to.

    Stores the account with its calendars and starts their first syncs, or stores nothing. A
    browser is led to the front end, a program is answered in JSON.
    """
    try:
        connected = accounts.connecting.finish(
            provider,
            parameters=dict(request.query_params),
            browser_secret=consent,
            signed_in=None if login is None else login.user.id,
        )
    except ConnectError as error:
        response = _tell_failure(request, services.settings, provider, error)
    else:
        response = _tell_success(request, services.settings, connected)
    clear_consent(response, secure=is_secure(request, services.settings))
    return response


@router.post(
    "/disconnect/{provider}",
    summary="Leave an account",
    responses={
        404: join_problems(
            UNKNOWN_PROVIDER,
            describe_problem(404, "connection_not_found", "There is no such connection."),
        ),
        409: describe_problem(
            409,
            "connection_id_required",
            "Several accounts are connected here. Say which by its connection_id.",
        ),
    },
)
def disconnect(
    provider: ProviderPath,
    user: CurrentUser,
    accounts: AccountsDep,
    body: DisconnectIn | None = None,
) -> ConnectionOut:
    """Remove an account with everything that was read through it.

    The grant is given back at the provider, if the provider can be reached, unless somebody else
    on this installation has connected the same account.
    """
    connection_id = None if body is None else body.connection_id
    connection = accounts.disconnecting.disconnect(user.id, provider, connection_id)
    return ConnectionOut.of(connection, ConnectionStatus.DISCONNECTED)


def _tell_success(request: Request, settings: Settings, connected: Connected) -> Response:
    if connected.wants_json or wants_json(request):
        shown = ConnectedOut(connection=ConnectionOut.of(connected.connection))
        return JSONResponse(shown.model_dump(mode="json"))
    return _lead_back(settings, connected.connection.provider, outcome="connected")


def _tell_failure(
    request: Request, settings: Settings, provider: ProviderKind, error: ConnectError
) -> Response:
    if error.wants_json or wants_json(request):
        return render_problem(to_problem(error))
    return _lead_back(settings, provider, outcome="denied", reason=error.code)


def _lead_back(settings: Settings, provider: ProviderKind, **outcome: str) -> Response:
    """Lead a browser to the front end; nothing in the address comes from the request."""
    query = urlencode({"provider": provider.value, **outcome})
    return RedirectResponse(f"{settings.frontend_url}/connected?{query}", status.HTTP_303_SEE_OTHER)
