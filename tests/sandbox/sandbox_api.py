"""Raw requests to the sandbox's Calendar API, and the bodies that tests write."""

from typing import Any

import requests

from calendar_manager.sandbox.control_client import ControlClient

EMAIL = "freelancer@example.com"
EVENTS = "calendars/primary/events"
ALL_SCOPES = ["https://www.googleapis.com/auth/calendar"]

Json = dict[str, Any]


class Api:
    """Raw requests to the Calendar API with a bearer token."""

    def __init__(self, control: ControlClient, session: requests.Session) -> None:
        self._base = control.google_settings()["GOOGLE_API_URL"]
        self._session = session
        self.token = control.issue_tokens(EMAIL, ALL_SCOPES).access_token

    def send(self, method: str, path: str, **options: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {self.token}", **options.pop("headers", {})}
        return self._session.request(
            method, self._base + path, headers=headers, timeout=30, **options
        )

    def get(self, path: str, **query: Any) -> Json:
        answer = self.send("GET", path, params=query)
        assert answer.status_code == 200, answer.text
        body: Json = answer.json()
        return body

    def post(self, path: str, body: Json, **query: Any) -> Json:
        answer = self.send("POST", path, json=body, params=query)
        assert answer.status_code == 200, answer.text
        made: Json = answer.json()
        return made

    def error(self, method: str, path: str, **options: Any) -> tuple[int, str]:
        answer = self.send(method, path, **options)
        return answer.status_code, answer.json()["error"]["errors"][0]["reason"]

    def pages(self, path: str, **query: Any) -> list[Json]:
        pages = [self.get(path, **query)]
        while "nextPageToken" in pages[-1]:
            pages.append(self.get(path, **query, pageToken=pages[-1]["nextPageToken"]))
        return pages

    def listed(self, **query: Any) -> tuple[list[Json], str]:
        pages = self.pages(EVENTS, **query)
        return [row for page in pages for row in page["items"]], pages[-1]["nextSyncToken"]


def timed(start: str, end: str, zone: str = "America/Chicago", **fields: Any) -> Json:
    return {
        "start": {"dateTime": start, "timeZone": zone},
        "end": {"dateTime": end, "timeZone": zone},
        **fields,
    }
