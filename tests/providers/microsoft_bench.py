"""The contract's bench at the sandbox's Microsoft."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests

from calendar_manager.domain.times import find_zone
from calendar_manager.providers.base import ProviderFactory
from calendar_manager.providers.microsoft import Microsoft, MicrosoftSettings
from calendar_manager.sandbox.control_client import ControlClient, approve_consent

HOUR = timedelta(hours=1)
BERLIN = find_zone("Europe/Berlin")
_GRAPH = "/graph/v1.0/"


class MicrosoftBench:
    """Microsoft's sandbox."""

    abilities = frozenset({"series", "sharing", "expiring cursors"})
    account = "freelancer@contoso.example"
    other_account = "client@fabrikam.example"

    def __init__(self, control: ControlClient) -> None:
        self._control = control
        self._graph = control.graph
        self._control.reset()
        self._graph.add_account(self.other_account)
        made = self._graph.add_account(self.account, name="Ada Freelancer")
        self.calendar = str(made["calendars"][0]["id"])
        shared, hidden = (
            self._graph.add_calendar(self.account, name, can_edit=False, owner=owner)
            for name, owner in (("Client", self.other_account), ("Archive", None))
        )
        self.shared_calendar, self.hidden_calendar = str(shared["id"]), str(hidden["id"])
        variables = self._graph.microsoft_settings()
        self.factory: ProviderFactory = Microsoft(
            MicrosoftSettings(
                client_id=variables["MICROSOFT_CLIENT_ID"],
                client_secret=variables["MICROSOFT_CLIENT_SECRET"],
                tenant_id=variables["MICROSOFT_TENANT_ID"],
                authority=variables["MICROSOFT_AUTHORITY"],
                graph_url=variables["MICROSOFT_GRAPH_URL"],
            )
        )

    def consent(
        self, url: str, *, account: str | None = None, deny: bool = False
    ) -> Mapping[str, str]:
        with requests.Session() as browser:
            target = approve_consent(browser, url, account or self.account, deny=deny)
        return {name: values[0] for name, values in parse_qs(urlsplit(target).query).items()}

    def create(self, title: str, start: datetime, *, rule: str | None = None) -> str:
        body: dict[str, Any] = {"subject": title, **_times(start)}
        if rule is not None:
            body["recurrence"] = _recurrence(start, rule)
        (row,) = self._graph.create_events(self.account, [body])
        return str(row["id"])

    def rename(self, event_id: str, title: str) -> None:
        self._mutate("edit_all", event_id, changes={"subject": title})

    def move(self, event_id: str, start: datetime) -> None:
        self._mutate("edit", event_id, changes=_times(start))

    def delete(self, event_id: str) -> None:
        self._mutate("delete", event_id)

    def move_one(self, event_id: str, original: datetime, start: datetime) -> None:
        self._mutate("edit_one", event_id, original, _times(start))

    def cancel_one(self, event_id: str, original: datetime) -> None:
        self._mutate("delete_one", event_id, original)

    def rename_following(self, event_id: str, original: datetime, title: str) -> None:
        self._mutate("edit_following", event_id, original, {"subject": title})

    def cut_off(self, event_id: str, original: datetime) -> None:
        self._mutate("delete_following", event_id, original)

    def create_for_another(self, title: str, start: datetime) -> None:
        body = {"subject": title, **_times(start)}
        self._graph.create_events(self.account, [body], self.shared_calendar)

    def unshare(self) -> None:
        self._graph.remove_calendar(self.account, self.shared_calendar)

    def small_pages(self) -> None:
        self._control.change_settings(page_size=2, empty_page_every=3)

    def expire_cursors(self) -> None:
        self._graph.expire_delta_tokens(self.account)

    def expire_access(self) -> None:
        self._graph.expire_access_tokens(self.account)

    def withdraw_consent(self) -> None:
        self._graph.revoke_grants(self.account)

    def count_revocations(self) -> int:
        # Microsoft has no address for it, and whatever had the word in it would be one too many.
        count = self._control.count_requests("/(microsoft|graph)/.*(revoke|logout)")
        self._control.clear_requests()
        return count

    def throttle(self, pause: timedelta) -> None:
        self._control.add_fault(
            "too_many_requests", path=_GRAPH, retry_after=int(pause.total_seconds())
        )

    def break_lines(self, *, times: int | None = None, skip: int = 0) -> None:
        self._control.add_fault("reset_mid_body", path=_GRAPH, times=times, skip=skip)

    def fail(self) -> None:
        self._control.add_fault("server_error")

    def mend(self) -> None:
        self._control.clear_faults()

    def count_reads(self) -> int:
        count = self._control.count_requests(f"{_GRAPH}.*(/events|/calendarView)", "GET")
        self._control.clear_requests()
        return count

    def _mutate(
        self,
        kind: Any,
        event_id: str,
        original: datetime | None = None,
        changes: Mapping[str, Any] | None = None,
    ) -> None:
        self._graph.mutate(
            self.account,
            kind,
            event_id,
            original_start=original.isoformat() if original else None,
            changes=changes,
        )


def _times(start: datetime) -> dict[str, Any]:
    """Return Graph's start and end of one hour, in Berlin."""
    moments = {"start": start, "end": start + HOUR}
    return {
        name: {
            "dateTime": moment.astimezone(BERLIN).replace(tzinfo=None).isoformat(),
            "timeZone": "W. Europe Standard Time",
        }
        for name, moment in moments.items()
    }


def _recurrence(start: datetime, rule: str) -> dict[str, Any]:
    """Return Graph's words for a weekly rule, with or without a COUNT."""
    frequency, _, count = rule.removeprefix("RRULE:").partition(";COUNT=")
    assert frequency == "FREQ=WEEKLY"
    on = start.astimezone(BERLIN).date()
    weekday = f"{on:%A}".lower()
    bounds: dict[str, Any] = {"type": "noEnd", "startDate": on.isoformat()}
    if count:
        bounds |= {"type": "numbered", "numberOfOccurrences": int(count)}
    pattern = {"type": "weekly", "interval": 1, "daysOfWeek": [weekday]}
    return {"pattern": pattern, "range": bounds}
