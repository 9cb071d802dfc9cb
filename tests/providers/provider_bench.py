"""What the contract needs from each provider's sandbox, in words that fit all of them."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Protocol
from urllib.parse import parse_qs, urlsplit

import requests

from calendar_manager.providers.base import ProviderFactory
from calendar_manager.providers.google import Google, GoogleSettings
from calendar_manager.sandbox.control_client import ControlClient, approve_consent

HOUR = timedelta(hours=1)


class Bench(Protocol):
    """One provider's sandbox with an account and its calendar.

    Attributes:
        abilities: What the provider has beyond this, of ``series``, ``sharing``, ``hiding``
            calendars and titles, ``ticking`` scopes, ``revoking`` and ``expiring cursors``;
            :class:`FullBench` has words for them.
        account: Whose account is connected.
        other_account: Somebody else's account.
        calendar: The account's primary calendar.
    """

    abilities: frozenset[str]
    factory: ProviderFactory
    account: str
    other_account: str
    calendar: str

    def consent(
        self, url: str, *, account: str | None = None, deny: bool = False
    ) -> Mapping[str, str]:
        """Walk the consent page and return the parameters of the callback."""
        ...

    def create(self, title: str, start: datetime) -> str:
        """Put an event of one hour into the calendar and return its id."""
        ...

    def move(self, event_id: str, start: datetime) -> None:
        """Move a single event, which may give it another id."""
        ...

    def delete(self, event_id: str) -> None:
        """Delete a single event or a whole series."""
        ...

    def small_pages(self) -> None:
        """Answer with two events a page, and with empty pages in between."""
        ...

    def expire_access(self) -> None:
        """Refuse every access token."""
        ...

    def withdraw_consent(self) -> None:
        """Take the consent back on the provider's own pages."""
        ...

    def throttle(self, pause: timedelta) -> None:
        """Answer that there were too many requests."""
        ...

    def break_lines(self, *, times: int | None = None, skip: int = 0) -> None:
        """Reset connections in the middle of the answer."""
        ...

    def fail(self) -> None:
        """Answer every request with a server error."""
        ...

    def mend(self) -> None:
        """Take all faults back."""
        ...

    def count_reads(self) -> int:
        """Return how many requests read events since the last call."""
        ...


class FullBench(Bench, Protocol):
    """A bench with every ability: series that people edit, and calendars that others share.

    Attributes:
        shared_calendar: Of somebody else, who shows when they are busy and no more.
        hidden_calendar: One that the person does not look at.
    """

    shared_calendar: str
    hidden_calendar: str

    def consent(
        self, url: str, *, account: str | None = None, deny: bool = False, untick: bool = False
    ) -> Mapping[str, str]:
        """Walk the consent page, perhaps leave a tick out; return what the callback gets."""
        ...

    def create(self, title: str, start: datetime, *, rule: str | None = None) -> str:
        """Put an event of one hour, or a series, into the calendar and return its id."""
        ...

    def rename(self, event_id: str, title: str) -> None:
        """Change a single event or a whole series."""
        ...

    def move_one(self, event_id: str, original: datetime, start: datetime) -> None:
        """Move one occurrence of a series."""
        ...

    def cancel_one(self, event_id: str, original: datetime) -> None:
        """Delete one occurrence of a series."""
        ...

    def rename_following(self, event_id: str, original: datetime, title: str) -> None:
        """Change an occurrence and all after it, which splits the series."""
        ...

    def cut_off(self, event_id: str, original: datetime) -> None:
        """Delete an occurrence and all after it."""
        ...

    def create_for_another(self, title: str, start: datetime) -> None:
        """Put an event into the calendar that is shared as free or busy only."""
        ...

    def unshare(self) -> None:
        """Take the shared calendar away."""
        ...

    def expire_cursors(self) -> None:
        """Forget every cursor."""
        ...

    def count_revocations(self) -> int:
        """Return how many grants were given back since the last call."""
        ...


class GoogleBench:
    """Google's sandbox."""

    abilities = frozenset(
        {"series", "sharing", "hiding", "ticking", "revoking", "expiring cursors"}
    )
    account = "freelancer@example.test"
    other_account = "client@example.test"
    calendar = "freelancer@example.test"
    shared_calendar = "client@example.test"
    hidden_calendar = "archive@group.calendar.google.com"

    def __init__(self, control: ControlClient) -> None:
        self._control = control
        self._control.reset()
        self._control.add_account(self.shared_calendar)
        self._control.add_account(self.account, name="Ada Freelancer")
        self._control.add_calendar(
            self.account,
            "Client",
            calendar_id=self.shared_calendar,
            access_role="freeBusyReader",
        )
        self._control.add_calendar(
            self.account, "Archive", calendar_id=self.hidden_calendar, hidden=True, selected=False
        )
        variables = control.google_settings()
        self.factory: ProviderFactory = Google(
            GoogleSettings(
                client_id=variables["GOOGLE_CLIENT_ID"],
                client_secret=variables["GOOGLE_CLIENT_SECRET"],
                auth_url=variables["GOOGLE_AUTH_URL"],
                token_url=variables["GOOGLE_TOKEN_URL"],
                revoke_url=variables["GOOGLE_REVOKE_URL"],
                api_url=variables["GOOGLE_API_URL"],
            )
        )

    def consent(
        self, url: str, *, account: str | None = None, deny: bool = False, untick: bool = False
    ) -> Mapping[str, str]:
        scope = "https://www.googleapis.com/auth/calendar.calendarlist.readonly"
        with requests.Session() as browser:
            target = approve_consent(
                browser, url, account or self.account, deny=deny, untick=[scope] if untick else []
            )
        return {name: values[0] for name, values in parse_qs(urlsplit(target).query).items()}

    def create(self, title: str, start: datetime, *, rule: str | None = None) -> str:
        body: dict[str, Any] = {"summary": title, **times(start)}
        if rule is not None:
            body["recurrence"] = [rule]
        (row,) = self._control.create_events(self.account, [body])
        return str(row["id"])

    def rename(self, event_id: str, title: str) -> None:
        self._mutate("edit_all", event_id, changes={"summary": title})

    def move(self, event_id: str, start: datetime) -> None:
        self._mutate("edit_all", event_id, changes=times(start))

    def delete(self, event_id: str) -> None:
        self._mutate("delete", event_id)

    def move_one(self, event_id: str, original: datetime, start: datetime) -> None:
        self._mutate("edit_one", event_id, original, times(start))

    def cancel_one(self, event_id: str, original: datetime) -> None:
        self._mutate("delete_one", event_id, original)

    def rename_following(self, event_id: str, original: datetime, title: str) -> None:
        self._mutate("edit_following", event_id, original, {"summary": title})

    def cut_off(self, event_id: str, original: datetime) -> None:
        self._mutate("delete_following", event_id, original)

    def create_for_another(self, title: str, start: datetime) -> None:
        body = {"summary": title, **times(start)}
        self._control.create_events(self.shared_calendar, [body])

    def unshare(self) -> None:
        self._control.remove_calendar(self.account, self.shared_calendar)

    def small_pages(self) -> None:
        self._control.change_settings(page_size=2, empty_page_every=3)

    def expire_cursors(self) -> None:
        self._control.expire_sync_tokens(self.account)

    def expire_access(self) -> None:
        self._control.expire_access_tokens(self.account)

    def withdraw_consent(self) -> None:
        self._control.revoke_grants(self.account)

    def count_revocations(self) -> int:
        requests_made = self._control.requests("/google/revoke$", "POST")
        self._control.clear_requests()
        return sum(one.status == requests.codes.ok for one in requests_made)

    def throttle(self, pause: timedelta) -> None:
        self._control.add_fault(
            "too_many_requests", path="/calendar/v3/", retry_after=int(pause.total_seconds())
        )

    def break_lines(self, *, times: int | None = None, skip: int = 0) -> None:
        self._control.add_fault("reset_mid_body", path="/calendar/v3/", times=times, skip=skip)

    def fail(self) -> None:
        self._control.add_fault("server_error")

    def mend(self) -> None:
        self._control.clear_faults()

    def count_reads(self) -> int:
        count = self._control.count_requests("/events$", "GET")
        self._control.clear_requests()
        return count

    def _mutate(
        self,
        kind: Any,
        event_id: str,
        original: datetime | None = None,
        changes: Mapping[str, Any] | None = None,
    ) -> None:
        self._control.mutate(
            self.account,
            kind,
            event_id,
            original_start=original.isoformat() if original else None,
            changes=changes,
        )


def times(start: datetime) -> dict[str, Any]:
    """Return Google's start and end of one hour, in Berlin."""
    moments = {"start": start, "end": start + HOUR}
    return {
        name: {"dateTime": moment.isoformat(), "timeZone": "Europe/Berlin"}
        for name, moment in moments.items()
    }
