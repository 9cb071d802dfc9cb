"""The user of the installation, who has everything connected and never asks for a sync."""

from typing import Any, Final

from benchmarks.soak.accounts import ZONE, Accounts
from calendar_manager.launch.api_client import ApiClient, ApiError
from calendar_manager.sandbox.control_client import approve_consent

EMAIL: Final = "soak@example.test"
PASSWORD: Final = "correct horse battery staple"  # noqa: S105 - of a database that is thrown away.

Json = dict[str, Any]


class Person:
    """Somebody with a browser.

    Args:
        api_url: Where the installation serves.
    """

    def __init__(self, api_url: str) -> None:
        self._api = ApiClient(api_url)

    def close(self) -> None:
        """Close all connections."""
        self._api.close()

    def sign_up(self) -> None:
        """Register and log in."""
        body = {"email": EMAIL, "password": PASSWORD, "name": "Soak", "time_zone": ZONE}
        self._api.post("/api/auth/register", body)
        self._api.log_in(EMAIL, PASSWORD)

    def connect(self, accounts: Accounts) -> None:
        """Connect every account through its consent page."""
        addresses = {
            "google": accounts.google,
            "microsoft": accounts.microsoft,
            "caldotcom": accounts.caldotcom,
        }
        for provider, address in addresses.items():
            consent = self._api.get(f"/api/auth/connect/{provider}")
            self._api.get(approve_consent(self._api.session, consent["authorization_url"], address))

    def list_calendars(self) -> list[Json]:
        """Return the calendars as the API shows them."""
        return self._api.get_all("/api/calendars")

    def is_busy(self, title: str, start: str, end: str) -> bool:
        """Tell whether the answers have a busy event of this title at this time."""
        items = self._api.get_all("/api/events", start=start, end=end)
        return any(one["title"] == title and one["busy"] for one in items)

    def count_calendars(self) -> int:
        """Return how many calendars there are that have been read; 0 while nobody can tell."""
        try:
            return sum(one["last_synced_at"] is not None for one in self.list_calendars())
        except ApiError:
            return 0

    def find_broken_parts(self) -> list[str]:
        """Return what the installation says of itself that is not well."""
        checks = self._api.get("/health/detailed")["checks"]
        return [f"{name}: {one['detail']}" for name, one in checks.items() if not one["ok"]]
