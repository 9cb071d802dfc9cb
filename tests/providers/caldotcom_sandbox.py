"""One account at the sandbox's Cal.com, opened by the product."""

from datetime import UTC, datetime

from calendar_manager.domain.accounts import Tokens
from calendar_manager.providers.base import Gate, always_open
from calendar_manager.providers.caldotcom import CalDotCom, CalDotComSettings
from calendar_manager.providers.caldotcom.provider import CalDotComProvider
from calendar_manager.sandbox.control_client import ControlClient

HOST = "freelancer@example.test"
NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)


def add_account(control: ControlClient) -> None:
    """Begin anew, on a Monday at 8, with one account."""
    control.reset()
    control.set_clock(NOW)
    control.caldotcom.add_account(HOST, name="Ada Freelancer")


def open_account(
    control: ControlClient, *, gate: Gate = always_open, per_page: int = 100
) -> CalDotComProvider:
    """Open the account with a new key."""
    settings = CalDotComSettings(api_url=control.caldotcom_settings()["CALCOM_API_URL"])
    key = control.caldotcom.create_api_key(HOST)
    tokens = Tokens(access_token=key, refresh_token=None, expires_at=None, scopes=frozenset())
    return CalDotCom(settings, bookings_per_page=per_page).open(tokens, gate=gate)
