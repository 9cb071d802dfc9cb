"""The contract's bench at the sandbox's Cal.com."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import requests

from calendar_manager.providers.base import ProviderFactory
from calendar_manager.providers.caldotcom import CalDotCom, CalDotComSettings
from calendar_manager.sandbox.control_client import ControlClient, approve_consent

_BOOKINGS = "/calcom/v2/bookings"


class CaldotcomBench:
    """Cal.com's sandbox: bookings that can be moved and cancelled, and no series or sharing."""

    abilities: frozenset[str] = frozenset()
    account = "freelancer@example.test"
    other_account = "client@example.test"
    calendar = "bookings"

    def __init__(self, control: ControlClient) -> None:
        self._control = control
        self._control.reset()
        self._caldotcom = control.caldotcom
        self._caldotcom.add_account(self.account, name="Ada Freelancer")
        self._caldotcom.add_account(self.other_account)
        variables = control.caldotcom_settings()
        self.factory: ProviderFactory = CalDotCom(
            CalDotComSettings(
                client_id=variables["CALCOM_CLIENT_ID"],
                client_secret=variables["CALCOM_CLIENT_SECRET"],
                auth_url=variables["CALCOM_AUTH_URL"],
                token_url=variables["CALCOM_TOKEN_URL"],
                api_url=variables["CALCOM_API_URL"],
            )
        )

    def consent(
        self, url: str, *, account: str | None = None, deny: bool = False
    ) -> Mapping[str, str]:
        with requests.Session() as browser:
            target = approve_consent(browser, url, account or self.account, deny=deny)
        return {name: values[0] for name, values in parse_qs(urlsplit(target).query).items()}

    def create(self, title: str, start: datetime) -> str:
        (booking,) = self._caldotcom.book(self.account, start, title=title, length_minutes=60)
        return str(booking["uid"])

    def move(self, event_id: str, start: datetime) -> None:
        self._caldotcom.mutate(self.account, "reschedule", event_id, start=start.isoformat())

    def delete(self, event_id: str) -> None:
        self._caldotcom.mutate(self.account, "cancel", event_id)

    def small_pages(self) -> None:
        self._control.change_settings(page_size=2)

    def expire_access(self) -> None:
        self._caldotcom.expire_access_tokens(self.account)

    def withdraw_consent(self) -> None:
        self._caldotcom.revoke_grants(self.account)

    def throttle(self, pause: timedelta) -> None:
        self._control.add_fault(
            "too_many_requests", path=_BOOKINGS, retry_after=int(pause.total_seconds())
        )

    def break_lines(self, *, times: int | None = None, skip: int = 0) -> None:
        self._control.add_fault("reset_mid_body", path=_BOOKINGS, times=times, skip=skip)

    def fail(self) -> None:
        self._control.add_fault("server_error")

    def mend(self) -> None:
        self._control.clear_faults()

    def count_reads(self) -> int:
        count = self._control.count_requests(f"{_BOOKINGS}$", "GET")
        self._control.clear_requests()
        return count
