"""Showing the settings, as they are stored or as they were typed."""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated

from fastapi import Depends
from starlette.responses import Response

from calendar_manager.domain.times import ZONE_NAMES
from calendar_manager.web.deps import Accounts, AccountsDep
from calendar_manager.web.guards import RequiredBrowserLogin
from calendar_manager.web.settings_view import (
    CONFLICT_TYPES,
    MINUTES,
    choices_of,
    load_settings_view,
    values_of,
)
from calendar_manager.web.viewer import Viewer, ViewerDep


@dataclass(frozen=True, slots=True)
class SettingsDesk:
    """The page of settings in front of one person.

    Attributes:
        viewer: Who they are.
        login: Their session, which is one of the devices on the page.
        accounts: The use cases.
    """

    viewer: Viewer
    login: RequiredBrowserLogin
    accounts: Accounts

    def show(
        self,
        *,
        status: HTTPStatus | None = None,
        values: Mapping[str, str] | None = None,
        ticked: frozenset[str] | None = None,
        problems: Mapping[str, str] | None = None,
    ) -> Response:
        """Return the page.

        Args:
            status: By default 200, or 422 when there are problems.
            values: What was typed, by the names of fields; the others are as stored.
            ticked: The boxes that were ticked; None for those that are stored.
            problems: What is wrong, by the names of fields; without a name what is wrong at all.
        """
        user, refused = self.viewer.user, bool(problems)
        return self.viewer.render(
            "settings.html",
            status=status or (HTTPStatus.UNPROCESSABLE_ENTITY if refused else HTTPStatus.OK),
            view=load_settings_view(self.accounts, user.id, self.login.session_id),
            values={**values_of(user), **(values or {})},
            ticked=choices_of(user) if ticked is None else ticked,
            problems=problems or {},
            time_zones=ZONE_NAMES,
            conflict_types=CONFLICT_TYPES,
            minutes=MINUTES,
            path="/settings",
        )


def open_desk(
    viewer: ViewerDep, login: RequiredBrowserLogin, accounts: AccountsDep
) -> SettingsDesk:
    """Return the page for whoever is signed in."""
    return SettingsDesk(viewer, login, accounts)


SettingsDeskDep = Annotated[SettingsDesk, Depends(open_desk)]
