"""Clients, their rules and their hours."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Final
from uuid import UUID

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.config import JsonDict

from calendar_manager.accounts.assigning import Assigned, Scope
from calendar_manager.accounts.clients import MANY_RULES, ClientFields
from calendar_manager.accounts.fields import (
    PROJECT_MAXIMUM,
    check_line,
    check_name,
    check_time_zone,
    is_encodable,
)
from calendar_manager.api.questions import MomentText
from calendar_manager.api.schemas.inputs import Input
from calendar_manager.domain.client_hours import Hours, Period, PeriodHours
from calendar_manager.domain.clients import PATTERN_MAXIMUM, Client, ClientRule, RuleKind
from calendar_manager.domain.currencies import CURRENCIES
from calendar_manager.scheduling.client_hours import ClientHours
from calendar_manager.store.client_rows import Origin

NOTES_MAXIMUM: Final = 10_000
WEEK_MINUTES: Final = 7 * 24 * 60

CLIENT_EXAMPLE: JsonDict = {
    "id": "0192f0c1-ac10-7a11-9b2e-1b3c1c7f1c01",
    "name": "Client GmbH",
    "color": "#3366cc",
    "rate": "95.00",
    "currency": "EUR",
    "time_zone": "Europe/Berlin",
    "notes": "Invoices go to Jo.",
    "weekly_budget_minutes": 1200,
    "rules": [
        {"kind": "attendee_domain", "pattern": "client.example", "project": None},
        {"kind": "title", "pattern": "sprint*review", "project": "Relaunch"},
    ],
    "created_at": "2026-11-20T09:00:00Z",
}

ASSIGNMENT_EXAMPLE: JsonDict = {
    "event_id": "0192f0c1-9d10-7c11-8f2e-5b3c1c7f1a01",
    "original_start": "2026-11-20T09:00:00Z",
    "client_id": "0192f0c1-ac10-7a11-9b2e-1b3c1c7f1c01",
    "project": None,
    "origin": "hand",
}

HOURS_EXAMPLE: JsonDict = {
    "client_id": "0192f0c1-ac10-7a11-9b2e-1b3c1c7f1c01",
    "period": "week",
    "time_zone": "Europe/Berlin",
    "start": "2026-11-01T00:00:00+01:00",
    "end": "2026-12-01T00:00:00+01:00",
    "rate": "95.00",
    "currency": "EUR",
    "items": [
        {
            "start": "2026-11-16",
            "end": "2026-11-23",
            "project": "Relaunch",
            "meetings": 3,
            "minutes": 150,
            "distinct_minutes": 150,
            "amount": "237.50",
        }
    ],
    "total": {"meetings": 3, "minutes": 150, "distinct_minutes": 150, "amount": "237.50"},
}


def _check_currency(value: str) -> str:
    code = value.strip().upper()
    if code not in CURRENCIES:
        raise ValueError("This is no currency (ISO 4217). Write it as EUR.")
    return code


def _check_notes(value: str) -> str:
    if not is_encodable(value) or "\x00" in value:
        raise ValueError("Control characters are not allowed here.")
    return value


def _check_project(value: str) -> str | None:
    return check_line(value) or None


def _refuse_float(value: Any) -> Any:  # noqa: ANN401 - whatever was sent.
    """Let a rate be a text or a JSON number, and neither true nor false."""
    if isinstance(value, bool):
        raise ValueError("This is not a number.")  # noqa: TRY004 - pydantic wants this one.
    return value


Name = Annotated[str, AfterValidator(check_name)]
Color = Annotated[str, Field(pattern=r"^#[0-9A-Fa-f]{6}$")]
Rate = Annotated[
    Decimal, BeforeValidator(_refuse_float), Field(ge=0, max_digits=12, decimal_places=2)
]
Currency = Annotated[str, AfterValidator(_check_currency)]
ZoneName = Annotated[str, AfterValidator(check_time_zone)]
Notes = Annotated[str, Field(max_length=NOTES_MAXIMUM), AfterValidator(_check_notes)]
Budget = Annotated[int, Field(ge=1, le=WEEK_MINUTES)]
Project = Annotated[
    str | None,
    Field(max_length=PROJECT_MAXIMUM),
    AfterValidator(lambda value: None if value is None else _check_project(value)),
]


class RuleBody(Input):
    """How events of a client are recognised."""

    kind: RuleKind = Field(
        description="`calendar`, `address`, `attendee_domain` or `title`; of several rules that"
        " fit, the first in this order decides, and then the oldest client's."
    )
    pattern: Annotated[str, Field(max_length=PATTERN_MAXIMUM), AfterValidator(check_line)] = Field(
        description="The id of a calendar; an address; a domain, which stands for its subdomains"
        " too; or words of a title, whatever the case, in which `*` stands for anything."
    )
    project: Project = Field(None, description="Of which of the client's projects these are.")

    def rule(self) -> ClientRule:
        """Return the rule."""
        return ClientRule(kind=self.kind, pattern=self.pattern, project=self.project)

    @classmethod
    def of(cls, rule: ClientRule) -> "RuleBody":
        """Show a rule."""
        return cls(kind=rule.kind, pattern=rule.pattern, project=rule.project)


Rules = Annotated[list[RuleBody], Field(max_length=MANY_RULES)]


class ClientOut(BaseModel):
    """Somebody whom hours belong to."""

    model_config = ConfigDict(json_schema_extra={"example": CLIENT_EXAMPLE})

    id: UUID
    name: str
    color: str | None
    rate: Decimal | None = Field(description="What an hour costs.")
    currency: str | None = Field(description="Of the rate, ISO 4217.")
    time_zone: str | None = Field(description="Where their days begin; null for your own zone.")
    notes: str | None
    weekly_budget_minutes: int | None = Field(description="How much of a week they may take.")
    rules: list[RuleBody]
    created_at: datetime

    @classmethod
    def of(cls, client: Client) -> "ClientOut":
        """Show a client."""
        return cls(
            id=client.id,
            name=client.name,
            color=client.color,
            rate=client.rate,
            currency=client.currency,
            time_zone=client.time_zone,
            notes=client.notes,
            weekly_budget_minutes=client.weekly_budget_minutes,
            rules=[RuleBody.of(rule) for rule in client.rules],
            created_at=client.created_at,
        )


class ClientBody(Input):
    """A new client."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                key: value
                for key, value in CLIENT_EXAMPLE.items()
                if key not in {"id", "created_at"}
            }
        }
    )

    name: Name
    color: Color | None = None
    rate: Rate | None = Field(None, description="What an hour costs; needs a currency.")
    currency: Currency | None = Field(None, description="ISO 4217, such as EUR.")
    time_zone: ZoneName | None = None
    notes: Notes | None = None
    weekly_budget_minutes: Budget | None = None
    rules: Rules = Field(default=[], description="In the order in which they are tried.")

    def entered(self) -> ClientFields:
        """Return all but the rules, as the use case takes it."""
        return ClientFields(**self.model_dump(exclude={"rules"}))


class ClientPatch(Input):
    """Changes; what is left out stays, and null empties a field that may be empty."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"rate": "105.00", "weekly_budget_minutes": None}}
    )

    name: Name = ""
    color: Color | None = None
    rate: Rate | None = None
    currency: Currency | None = None
    time_zone: ZoneName | None = None
    notes: Notes | None = None
    weekly_budget_minutes: Budget | None = None
    rules: Rules = Field(default=[], description="The new rules, in place of all the old ones.")

    def changes(self) -> dict[str, Any]:
        """Return what was sent, without the rules."""
        return self.model_dump(exclude={"rules"}, exclude_unset=True)

    def new_rules(self) -> list[ClientRule] | None:
        """Return the new rules, or None when they stay."""
        return [rule.rule() for rule in self.rules] if "rules" in self.model_fields_set else None


class AssignmentBody(Input):
    """Whom an event belongs to."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "client_id": "0192f0c1-ac10-7a11-9b2e-1b3c1c7f1c01",
                "scope": "event",
                "occurrence_id": "0192f0c1-9d10-7c11-8f2e-5b3c1c7f1a02",
            }
        }
    )

    client_id: UUID | None = Field(description="Null says that it belongs to nobody.")
    scope: Scope = Field(Scope.EVENT, description="`series` means all occurrences of its series.")
    occurrence_id: UUID | None = Field(
        None, description="Which occurrence of a series; a single event needs none."
    )
    original_start: MomentText | None = Field(
        None, description="The same by the start that the series gives it, wherever that lies."
    )
    project: Project = Field(None, description="Of which of the client's projects it is.")


class AssignmentOut(BaseModel):
    """What is written down now."""

    model_config = ConfigDict(json_schema_extra={"example": ASSIGNMENT_EXAMPLE})

    event_id: UUID = Field(description="Of the event, or of the series that it belongs to.")
    original_start: datetime | None = Field(
        description="Of the one occurrence that is meant; null for all."
    )
    client_id: UUID | None
    project: str | None
    origin: Origin | None = Field(description="Who said so; null when nobody did.")

    @classmethod
    def of(cls, assigned: Assigned) -> "AssignmentOut":
        """Show an assignment."""
        return cls(
            event_id=assigned.event_id,
            original_start=assigned.original_start,
            client_id=assigned.client_id,
            project=assigned.project,
            origin=assigned.origin,
        )


class HoursOut(BaseModel):
    """Meetings added up."""

    meetings: int
    minutes: int = Field(description="How long the meetings are together.")
    distinct_minutes: int = Field(description="How much time they take: overlaps count once.")
    amount: Decimal | None = Field(description="What the minutes cost; null without a rate.")


class PeriodHoursOut(HoursOut):
    """The hours of one project in one period."""

    start: date = Field(description="The first day of the period.")
    end: date = Field(description="The day after its last.")
    project: str | None

    @classmethod
    def of(cls, row: PeriodHours, rate: Decimal | None) -> "PeriodHoursOut":
        """Show a row."""
        return cls(
            start=row.first_on, end=row.end_on, project=row.project, **_hours(row.hours, rate)
        )


class ClientHoursOut(BaseModel):
    """A client's hours."""

    model_config = ConfigDict(json_schema_extra={"example": HOURS_EXAMPLE})

    client_id: UUID
    period: Period
    time_zone: str = Field(description="Whose midnight divides the days.")
    start: datetime
    end: datetime
    rate: Decimal | None
    currency: str | None
    items: list[PeriodHoursOut] = Field(description="Only periods and projects with time in them.")
    total: HoursOut = Field(description="A meeting that reaches into two periods counts once here.")

    @classmethod
    def of(
        cls, hours: ClientHours, start: datetime, end: datetime, period: Period, time_zone: str
    ) -> "ClientHoursOut":
        """Show a client's hours."""
        rate = hours.client.rate
        return cls(
            client_id=hours.client.id,
            period=period,
            time_zone=time_zone,
            start=start,
            end=end,
            rate=rate,
            currency=hours.client.currency,
            items=[PeriodHoursOut.of(row, rate) for row in hours.rows],
            total=HoursOut(**_hours(hours.total, rate)),
        )


def _hours(hours: Hours, rate: Decimal | None) -> dict[str, Any]:
    return {
        "meetings": hours.meetings,
        "minutes": hours.minutes,
        "distinct_minutes": hours.distinct_minutes,
        "amount": None if rate is None else hours.amount(rate),
    }
