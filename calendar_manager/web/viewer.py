"""Somebody in front of a page that only they may see."""

from dataclasses import dataclass
from functools import cached_property
from http import HTTPStatus
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import Depends
from starlette.requests import Request
from starlette.responses import HTMLResponse

from calendar_manager.domain.accounts import ConnectionStatus
from calendar_manager.domain.times import find_zone
from calendar_manager.domain.users import User
from calendar_manager.web.deps import AccountsDep, ServicesDep
from calendar_manager.web.guards import RequiredBrowserLogin
from calendar_manager.web.rendering import render


@dataclass(frozen=True, slots=True)
class Alerts:
    """What the person should know on every page.

    Attributes:
        conflicts: How many open conflicts there are.
        broken: How many accounts have to be connected again.
    """

    conflicts: int
    broken: int


class Viewer:
    """Who is signed in, and how pages are shown to them.

    Args:
        request: What is answered.
        user: The person.
        csrf_token: What forms of this session have to carry.
        alerts: What every page tells.
    """

    def __init__(self, request: Request, user: User, csrf_token: str, alerts: Alerts) -> None:
        self._request = request
        self.user = user
        self.csrf_token = csrf_token
        self.alerts = alerts

    @property
    def is_admin(self) -> bool:
        """Whether the person runs this installation."""
        return self.user.is_admin

    @cached_property
    def zone(self) -> ZoneInfo:
        """The person's own time zone."""
        return find_zone(self.user.time_zone)

    def render(
        self,
        template: str,
        *,
        status: HTTPStatus = HTTPStatus.OK,
        **values: Any,  # noqa: ANN401 - templates take anything.
    ) -> HTMLResponse:
        """Return a page or a part of one; the template knows this object as ``viewer``."""
        return render(self._request, template, status=status, viewer=self, **values)


def open_page(
    request: Request, login: RequiredBrowserLogin, accounts: AccountsDep, services: ServicesDep
) -> Viewer:
    """Return who is in front of the page.

    Raises:
        SignInNeededError: Nobody is signed in.
    """
    with services.store.begin() as uow:
        connections = uow.connections.list(login.user.id)
        conflicts = uow.conflicts.count_open(login.user.id, after=services.clock())
    broken = sum(one.status is ConnectionStatus.NEEDS_REAUTH for one in connections)
    token = accounts.csrf.token(str(login.session_id))
    return Viewer(request, login.user, token, Alerts(conflicts, broken))


ViewerDep = Annotated[Viewer, Depends(open_page)]
