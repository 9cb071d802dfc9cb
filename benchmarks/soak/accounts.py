"""The accounts that the soak works on, fresh and empty."""

from dataclasses import dataclass
from typing import Final

from calendar_manager.sandbox.control_client import ControlClient

ZONE: Final = "Europe/Berlin"
"""The zone of the user and of all accounts."""


@dataclass(frozen=True)
class Accounts:
    """One account at each provider.

    Attributes:
        google: Address of the Google account.
        microsoft: Address of the mailbox.
        caldotcom: Address of the Cal.com account.
        calendar_ids: The provider's id of each calendar, by provider and planned name.
    """

    google: str
    microsoft: str
    caldotcom: str
    calendar_ids: dict[tuple[str, str], str]

    def find_id(self, provider: str, calendar: str) -> str:
        """Return the provider's id of a calendar by its name in the plan."""
        return self.calendar_ids[provider, calendar]


def add_accounts(control: ControlClient) -> Accounts:
    """Create the accounts with the calendars that operations name."""
    accounts = Accounts(
        "soak@example.test", "soak@contoso.example", "soak@bookings.example", calendar_ids={}
    )
    ids = accounts.calendar_ids
    control.add_account(accounts.google, time_zone=ZONE)
    ids["google", "primary"] = accounts.google
    for name in ("Private", "Projects"):
        ids["google", name] = control.add_calendar(accounts.google, name)["id"]
    made = control.graph.add_account(accounts.microsoft, time_zone=ZONE)
    ids["microsoft", "primary"] = made["calendars"][0]["id"]
    ids["microsoft", "Travel"] = control.graph.add_calendar(accounts.microsoft, "Travel")["id"]
    control.caldotcom.add_account(accounts.caldotcom, time_zone=ZONE)
    control.caldotcom.add_event_type(accounts.caldotcom, "Course", recurrences=4)
    ids["caldotcom", "bookings"] = "bookings"
    return accounts
