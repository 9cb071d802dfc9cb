"""The accounts at providers: seeing how they are doing, and connecting more of them."""

from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Form, Query, Request
from starlette.responses import RedirectResponse, Response

from calendar_manager.accounts.errors import ConnectError, ProviderUnavailableError
from calendar_manager.bootstrap import Services
from calendar_manager.domain.accounts import ProviderKind
from calendar_manager.web import connection_forms, sync_progress
from calendar_manager.web.connections_view import PROVIDER_NAMES, load_overview, offers_consent
from calendar_manager.web.deps import Accounts, AccountsDep, ServicesDep
from calendar_manager.web.guards import BrowserLogin, check_session_form
from calendar_manager.web.problem_pages import render_problem_page
from calendar_manager.web.provider_cards import list_provider_cards
from calendar_manager.web.viewer import Viewer, ViewerDep, open_page

router = APIRouter(include_in_schema=False)
router.include_router(connection_forms.router)
router.include_router(sync_progress.router)

PAGE: Final = "/connections"
KEY_MAXIMUM: Final = 500
"""Characters of an API key; Cal.com's have about forty."""

REASONS: Final = {
    "oauth_state_invalid": "The consent took too long, was used before, or was begun in another"
    " browser or under another address.",
    "consent_denied": "You did not allow the access.",
    "scope_missing": "Not everything that is needed was ticked.",
    "provider_refused": "The provider refused the connection.",
    "provider_unavailable": "The provider cannot answer now. Try again in a while.",
    "provider_error": "The provider gave an answer that could not be understood.",
}
"""What each reason of an outcome means; nothing else from the address is ever shown."""


@router.get("/")
def show_home(viewer: ViewerDep, services: ServicesDep) -> Response:
    """Lead to the week, or to the accounts while there is none yet."""
    with services.store.begin() as uow:
        connections = uow.connections.list(viewer.user.id)
    return RedirectResponse("/week" if connections else PAGE, HTTPStatus.SEE_OTHER)


@router.get(PAGE)
def show_connections(viewer: ViewerDep, services: ServicesDep, accounts: AccountsDep) -> Response:
    """Show the connected accounts with their calendars, and the ways to connect more."""
    return _page(viewer, services, accounts)


@router.get("/connections/accounts")
def show_accounts(viewer: ViewerDep, services: ServicesDep) -> Response:
    """Show the accounts alone, for a page that is open and has fallen behind."""
    return connection_forms.show_accounts(viewer, services)


@router.post("/connections/caldotcom/key", dependencies=[Depends(check_session_form)])
def connect_by_key(
    viewer: ViewerDep,
    accounts: AccountsDep,
    services: ServicesDep,
    api_key: Annotated[str, Form()] = "",
    connection: Annotated[str, Form()] = "",
    own_key: Annotated[str, Form()] = "",
) -> Response:
    """Connect a Cal.com account with a key, or again with a new one in place of a refused one."""
    key = api_key.strip()
    default = services.settings.calcom_api_key
    if own_key and default is not None and accounts.registration.is_alone(viewer.user.id):
        key = default.get_secret_value()
    problem, status = "", HTTPStatus.UNPROCESSABLE_ENTITY
    if not key:
        problem = "Enter the key. Make one in Cal.com under Settings, Developer, API keys."
    elif len(key) > KEY_MAXIMUM:
        problem = f"Use at most {KEY_MAXIMUM} characters."
    else:
        try:
            accounts.connecting.connect_with_key(viewer.user.id, ProviderKind.CALDOTCOM, key)
        except ConnectError as error:
            problem, status = str(error), _status_of(error)
    if not problem:
        return RedirectResponse(f"{PAGE}?done=connected", HTTPStatus.SEE_OTHER)
    return _page(viewer, services, accounts, status=status, key_problem=problem, key_for=connection)


@router.get("/connected")
def show_outcome(
    request: Request,
    login: BrowserLogin,
    accounts: AccountsDep,
    services: ServicesDep,
    provider: Annotated[str, Query()] = "",
    outcome: Annotated[str, Query()] = "",
    reason: Annotated[str, Query()] = "",
) -> Response:
    """Lead on after a consent, or show why nothing was connected."""
    if outcome == "connected":
        path = PAGE if login is not None else "/login?next=/connections"
        return RedirectResponse(f"{path}?done=connected", HTTPStatus.SEE_OTHER)
    sentence = REASONS.get(reason, REASONS["provider_error"])
    if login is None:
        return render_problem_page(request, HTTPStatus.BAD_REQUEST, sentence)
    viewer = open_page(request, login, accounts, services)
    return _page(
        viewer,
        services,
        accounts,
        status=HTTPStatus.BAD_REQUEST,
        path=PAGE,
        failure=sentence,
        failed=next((kind for kind in ProviderKind if kind.value == provider), None),
    )


def _page(
    viewer: Viewer,
    services: Services,
    accounts: Accounts,
    *,
    status: HTTPStatus = HTTPStatus.OK,
    failure: str | None = None,
    failed: ProviderKind | None = None,
    key_problem: str = "",
    key_for: str = "",
    **values: Any,  # noqa: ANN401 - templates take anything.
) -> Response:
    """Show the whole page.

    Args:
        viewer: Who is in front of it.
        services: The joined parts.
        accounts: The use cases.
        status: The status of the answer.
        failure: Why an account was not connected just now.
        failed: Where that was tried.
        key_problem: What is wrong with an API key that was entered.
        key_for: The connection that the key was entered for; empty for a new one.
        values: More that the template shows.
    """
    return viewer.render(
        "connections.html",
        status=status,
        overview=load_overview(services, viewer.user.id),
        cards=list_provider_cards(
            services, is_alone=accounts.registration.is_alone(viewer.user.id)
        ),
        failure=failure,
        failed=PROVIDER_NAMES.get(failed) if failed else None,
        again=failed.value if failed and offers_consent(services, failed) else None,
        key_problem=key_problem,
        key_for=key_for,
        **values,
    )


def _status_of(error: ConnectError) -> HTTPStatus:
    if isinstance(error, ProviderUnavailableError):
        return HTTPStatus.SERVICE_UNAVAILABLE
    return HTTPStatus.BAD_GATEWAY
