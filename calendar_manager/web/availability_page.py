"""The availability page as a whole, however it came to be shown."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from http import HTTPStatus
from typing import Any, Final
from uuid import UUID

from starlette.responses import Response

from calendar_manager.bootstrap import Services
from calendar_manager.domain.accounts import Calendar
from calendar_manager.domain.rules import AvailabilityRules
from calendar_manager.domain.times import ZONE_NAMES, find_zone, local_date
from calendar_manager.domain.timespan import DateSpan
from calendar_manager.scheduling.availability import load_rules
from calendar_manager.scheduling.errors import InvalidQuestionError
from calendar_manager.scheduling.holiday_places import list_countries, list_parts
from calendar_manager.scheduling.preview import find_preview
from calendar_manager.web.availability_view import (
    FreshnessView,
    PreviewView,
    show_freshness,
    show_preview,
)
from calendar_manager.web.deps import Accounts
from calendar_manager.web.free_text import view_free_text
from calendar_manager.web.rules_form import (
    DAY_NAMES,
    UNITS,
    Problems,
    RulesRefusedError,
    TypedRules,
    name_problems,
    parse_rules,
    show_rules,
)
from calendar_manager.web.viewer import Viewer

PAGE: Final = "/availability"
DAYS_SHOWN: Final = 14


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewPart:
    """The preview, or why there is none.

    Attributes:
        view: What can be booked; None when the form means no rules.
        freshness: How current the calendars behind it are.
        problems: What is wrong with the form.
    """

    view: PreviewView | None = None
    freshness: FreshnessView | None = None
    problems: Problems = field(default_factory=dict)

    @property
    def named_problems(self) -> list[tuple[str, str, str]]:
        """The problems with what people call their fields."""
        return name_problems(self.problems)


def render_page(
    viewer: Viewer,
    services: Services,
    accounts: Accounts,
    *,
    typed: TypedRules | None = None,
    new_feed_url: str | None = None,
    export_problem: tuple[UUID, str] | None = None,
    status: HTTPStatus = HTTPStatus.OK,
) -> Response:
    """Return the page.

    Args:
        viewer: Who looks at it.
        services: The joined parts.
        accounts: The use cases of accounts.
        typed: What the form keeps; None for the rules that hold.
        new_feed_url: The address of a feed that was just made.
        export_problem: The Cal.com account that could not be pushed to, and why.
        status: The status of the answer.
    """
    user = viewer.user
    rules = load_rules(services.store, user)
    typed = typed or show_rules(rules)
    preview = preview_typed(services, viewer, typed)
    with services.store.begin() as uow:
        calendars: Sequence[Calendar] = [one for one, _ in uow.calendars.list(user.id)]
        clients = uow.clients.list(user.id, limit=200)
    exports = accounts.exporting.list_statuses(user.id)
    values: dict[str, Any] = {
        "typed": typed,
        "problems": preview.problems,
        "preview": preview,
        "free": view_free_text(services, user),
        "feed": accounts.feeds.find(user.id),
        "new_feed_url": new_feed_url,
        "exports": exports,
        "export_problem": export_problem,
        "calendars": calendars,
        "clients": clients,
        "today": local_date(services.clock(), find_zone(rules.time_zone)),
    }
    return viewer.render("availability.html", status=status, **values, **form_choices(typed))


def form_choices(typed: TypedRules) -> dict[str, Any]:
    """Return what there is to choose from in the form."""
    return {
        "day_names": DAY_NAMES,
        "units": list(UNITS),
        "countries": list_countries(),
        "parts": list_parts(typed.country),
        "time_zones": ZONE_NAMES,
    }


def preview_typed(
    services: Services, viewer: Viewer, typed: TypedRules, first: date | None = None
) -> PreviewPart:
    """Return what people could book by the rules in the form.

    Args:
        services: The joined parts.
        viewer: Who looks at it.
        typed: The form.
        first: The first day to show; None for today.
    """
    try:
        rules = parse_rules(typed)
    except RulesRefusedError as error:
        return PreviewPart(problems=error.problems)
    return _preview(services, viewer, rules, first)


def _preview(
    services: Services, viewer: Viewer, rules: AvailabilityRules, first: date | None
) -> PreviewPart:
    now = services.clock()
    first = first or local_date(now, find_zone(rules.time_zone))
    try:
        preview = find_preview(
            services.store,
            viewer.user,
            rules,
            DateSpan(first, first + timedelta(days=DAYS_SHOWN)),
            now=now,
            maximum_age=services.settings.stale_after,
        )
    except InvalidQuestionError as error:
        return PreviewPart(problems={"preview_from:0": str(error)})
    except OverflowError:
        return PreviewPart(problems={"preview_from:0": "Choose a day that is not so far away."})
    return PreviewPart(view=show_preview(preview), freshness=show_freshness(preview.freshness))
