"""Raw requests to the sandbox's Graph, and the bodies that tests write."""

from typing import Any

import requests

from calendar_manager.sandbox.control_client import ControlClient

PERSON = "ana@client.example"
ZONE = "Europe/Berlin"
IMMUTABLE = 'IdType="ImmutableId"'
VIEW = {"startDateTime": "2026-03-01T00:00:00Z", "endDateTime": "2026-04-01T00:00:00Z"}

Json = dict[str, Any]


class GraphApi:
    """Raw requests to Graph with a bearer token and immutable ids."""

    def __init__(
        self, control: ControlClient, session: requests.Session, email: str = PERSON
    ) -> None:
        self.base = control.microsoft_settings()["MICROSOFT_GRAPH_URL"]
        self._session = session
        self.token = control.graph.issue_tokens(email).access_token
        self.prefer = f"{IMMUTABLE}, odata.maxpagesize=50"

    def send(self, method: str, path: str, **options: Any) -> requests.Response:
        headers = {
            "Authorization": f"Bearer {self.token}",
            "Prefer": self.prefer,
            **options.pop("headers", {}),
        }
        url = path if path.startswith("http") else self.base + path
        return self._session.request(method, url, headers=headers, timeout=30, **options)

    def get(self, path: str, **query: Any) -> Json:
        answer = self.send("GET", path, params=query)
        assert answer.status_code == 200, answer.text
        body: Json = answer.json()
        return body

    def post(self, path: str, body: Json, status: int = 201) -> Json:
        answer = self.send("POST", path, json=body)
        assert answer.status_code == status, answer.text
        made: Json = answer.json() if answer.content else {}
        return made

    def patch(self, path: str, body: Json) -> Json:
        answer = self.send("PATCH", path, json=body)
        assert answer.status_code == 200, answer.text
        changed: Json = answer.json()
        return changed

    def error(self, method: str, path: str, **options: Any) -> tuple[int, str]:
        answer = self.send(method, path, **options)
        return answer.status_code, answer.json()["error"]["code"]

    def listed(self, path: str, **query: Any) -> list[Json]:
        body = self.get(path, **query)
        rows: list[Json] = body["value"]
        while "@odata.nextLink" in body:
            body = self.get(body["@odata.nextLink"])
            rows += body["value"]
        return rows

    def baseline(self, calendar: str = "me/calendar", **window: str) -> tuple[list[Json], str]:
        return self.follow(f"{calendar}/calendarView/delta", **(window or VIEW))

    def follow(self, link: str, **query: str) -> tuple[list[Json], str]:
        """A whole round from a link on: its rows, and the delta link at its end."""
        body = self.get(link, **query)
        rows: list[Json] = body["value"]
        while "@odata.nextLink" in body:
            assert "@odata.deltaLink" not in body
            body = self.get(body["@odata.nextLink"])
            rows += body["value"]
        return rows, body["@odata.deltaLink"]


def at(text: str, zone: str = ZONE) -> Json:
    return {"dateTime": text, "timeZone": zone}


def timed(start: str, end: str, zone: str = ZONE, **fields: Any) -> Json:
    return {"start": at(start, zone), "end": at(end, zone), **fields}


def all_day(first: str, after: str, zone: str = ZONE, **fields: Any) -> Json:
    body = timed(f"{first}T00:00:00", f"{after}T00:00:00", zone, **fields)
    return {**body, "isAllDay": True}


def repeat(start: str, kind: str = "daily", **pattern: Any) -> Json:
    """An endless recurrence from a date on."""
    return {
        "pattern": {"type": kind, "interval": 1, **pattern},
        "range": {"type": "noEnd", "startDate": start},
    }


def counted(recurrence: Json, count: int) -> Json:
    bounds = {**recurrence["range"], "type": "numbered", "numberOfOccurrences": count}
    return {**recurrence, "range": bounds}


def starts(rows: list[Json]) -> list[str]:
    return sorted(row["start"]["dateTime"][:16] for row in rows if "start" in row)


def kinds(rows: list[Json]) -> list[str]:
    return sorted("removed" if "@removed" in row else row["type"] for row in rows)
