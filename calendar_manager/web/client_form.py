"""What a person types of a client, and what it means."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from calendar_manager.accounts.errors import InvalidFieldsError
from calendar_manager.accounts.fields import (
    PROJECT_MAXIMUM,
    check_line,
    check_lines,
    check_name,
    check_time_zone,
)
from calendar_manager.domain.clients import PATTERN_MAXIMUM, Client, ClientRule, RuleKind
from calendar_manager.domain.currencies import CURRENCIES
from calendar_manager.web.palette import NEUTRAL

NOTES_MAXIMUM: Final = 10_000
WEEK_HOURS: Final = 7 * 24
RATE_MAXIMUM: Final = Decimal(10) ** 10

_COLOR: Final = re.compile(r"#[0-9A-Fa-f]{6}")
_MINUTES: Final = 60
_CENTS: Final = 2


def values_of(client: Client) -> dict[str, str]:
    """Return a client's fields as they stand in the form."""
    budget = client.weekly_budget_minutes
    return {
        "name": client.name,
        "color": client.color or NEUTRAL,
        "rate": "" if client.rate is None else str(client.rate),
        "currency": client.currency or "",
        "time_zone": client.time_zone or "",
        "notes": client.notes or "",
        "budget": ""
        if budget is None
        else f"{Decimal(budget) / _MINUTES:.2f}".rstrip("0").rstrip("."),
    }


def read_fields(typed: Mapping[str, str]) -> dict[str, Any]:
    """Return what was typed as :class:`~calendar_manager.accounts.clients.ClientFields` has it.

    Args:
        typed: The values of the form by name; only fields that are there are read.

    Raises:
        InvalidFieldsError: Some cannot be used; the problems are by the names in the form.
    """
    read: dict[str, Any] = {}
    problems: dict[str, str] = {}
    for name, text in typed.items():
        field, check = _CHECKS[name]
        try:
            read[field] = check(text)
        except ValueError as error:
            problems[name] = str(error)
    if problems:
        raise InvalidFieldsError(problems)
    return read


@dataclass(frozen=True, slots=True)
class RuleRow:
    """A rule as it stands in the form.

    Attributes:
        kind: What it looks at.
        pattern: A domain, an address or words.
        calendar: The id of a calendar; only for rules about one.
        project: May be empty.
    """

    kind: str = RuleKind.ATTENDEE_DOMAIN.value
    pattern: str = ""
    calendar: str = ""
    project: str = ""

    @property
    def is_blank(self) -> bool:
        """Whether nothing was typed."""
        by_calendar = self.kind == RuleKind.CALENDAR
        return not (
            (self.calendar if by_calendar else self.pattern).strip() or self.project.strip()
        )


def rows_of(rules: Sequence[ClientRule]) -> list[RuleRow]:
    """Return a client's rules as they stand in the form."""
    return [
        RuleRow(
            kind=rule.kind.value,
            pattern="" if rule.kind is RuleKind.CALENDAR else rule.pattern,
            calendar=rule.pattern if rule.kind is RuleKind.CALENDAR else "",
            project=rule.project or "",
        )
        for rule in rules
    ]


def read_rules(rows: Sequence[RuleRow]) -> list[ClientRule]:
    """Return the rules that rows mean.

    Raises:
        InvalidFieldsError: Some cannot be used; the problems are by ``rules.0.pattern``.
    """
    rules: list[ClientRule] = []
    problems: dict[str, str] = {}
    for place, row in enumerate(rows):
        try:
            kind = _check_kind(row.kind)
            pattern = check_line(row.calendar if kind is RuleKind.CALENDAR else row.pattern)
            if kind is RuleKind.CALENDAR and not pattern:
                raise ValueError("Choose a calendar.")  # noqa: TRY301 - as the checks do.
            if len(pattern) > PATTERN_MAXIMUM:
                raise ValueError(f"Use at most {PATTERN_MAXIMUM} characters.")  # noqa: TRY301 - as above.
            project = check_project(row.project)
        except ValueError as error:
            problems[f"rules.{place}.pattern"] = str(error)
        else:
            rules.append(ClientRule(kind=kind, pattern=pattern, project=project))
    if problems:
        raise InvalidFieldsError(problems)
    return rules


def _check_kind(value: str) -> RuleKind:
    if value not in {kind.value for kind in RuleKind}:
        raise ValueError("Choose what the rule looks at.")
    return RuleKind(value)


def check_project(value: str) -> str | None:
    """Return the name of a project as it is stored; None for none.

    Raises:
        ValueError: It is too long, or no line of text.
    """
    project = check_line(value)
    if len(project) > PROJECT_MAXIMUM:
        raise ValueError(f"Use at most {PROJECT_MAXIMUM} characters for a project.")
    return project or None


def _check_color(value: str) -> str | None:
    if not _COLOR.fullmatch(value):
        raise ValueError("This is no colour. Write it as #3366cc.")
    return None if value == NEUTRAL else value


def _check_rate(value: str) -> Decimal | None:
    text = value.strip().replace(",", ".")
    if not text:
        return None
    try:
        rate = Decimal(text)
    except InvalidOperation:
        raise ValueError("This is not a number. Write it as 95 or 95.50.") from None
    if not rate.is_finite() or not 0 <= rate < RATE_MAXIMUM:
        raise ValueError("This cannot be what an hour costs.")
    exponent = rate.normalize().as_tuple().exponent
    if isinstance(exponent, int) and exponent < -_CENTS:
        raise ValueError("Use at most two digits after the point.")
    return rate


def _check_currency(value: str) -> str | None:
    code = value.strip().upper()
    if code and code not in CURRENCIES:
        raise ValueError("This is no currency (ISO 4217). Write it as EUR.")
    return code or None


def _check_zone(value: str) -> str | None:
    return check_time_zone(value) if value.strip() else None


def _check_notes(value: str) -> str | None:
    notes = check_lines(value)
    if len(notes) > NOTES_MAXIMUM:
        raise ValueError(f"Use at most {NOTES_MAXIMUM} characters.")
    return notes or None


def _check_budget(value: str) -> int | None:
    text = value.strip().replace(",", ".")
    if not text:
        return None
    try:
        hours = Decimal(text)
    except InvalidOperation:
        raise ValueError("This is not a number of hours. Write it as 20 or 7.5.") from None
    if not hours.is_finite() or not 0 < hours <= WEEK_HOURS or not round(hours * _MINUTES):
        raise ValueError(f"A week has {WEEK_HOURS} hours; use more than none.")
    return round(hours * _MINUTES)


_CHECKS: Final[Mapping[str, tuple[str, Callable[[str], Any]]]] = {
    "name": ("name", check_name),
    "color": ("color", _check_color),
    "rate": ("rate", _check_rate),
    "currency": ("currency", _check_currency),
    "time_zone": ("time_zone", _check_zone),
    "notes": ("notes", _check_notes),
    "budget": ("weekly_budget_minutes", _check_budget),
}
