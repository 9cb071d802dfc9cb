"""Connecting a Google account by OAuth, through the sandbox's real consent page."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import requests
from sqlalchemy import Engine, text

from calendar_manager.bootstrap import Services
from calendar_manager.sandbox.control_client import ControlClient, approve_consent
from tests.api.callers import Person, expect_problem
from tests.api.conftest import Clock

pytestmark = pytest.mark.store

ACCOUNT = "mara@example.com"
CALENDAR_LIST_SCOPE = "https://www.googleapis.com/auth/calendar.calendarlist.readonly"
Count = Callable[[str], int]


def expect_nothing_stored(count: Count) -> None:
    assert {table: count(table) for table in ("connections", "calendars", "sync_jobs")} == {
        "connections": 0,
        "calendars": 0,
        "sync_jobs": 0,
    }
    assert count("oauth_states") == 0, "a state that came back is used up"


def test_a_program_gets_the_address_and_a_guarded_cookie(
    mara: Person, google: ControlClient, count: Count
) -> None:
    answer = mara.get("/api/auth/connect/google", headers=None) if False else mara.http.get(
        "/api/auth/connect/google", headers={**mara.bearer, "Accept": "application/json"}
    )
    assert answer.status_code == 200
    query = parse_qs(urlsplit(answer.json()["authorization_url"]).query)
    assert query["redirect_uri"] == ["http://127.0.0.1:8000/api/auth/callback/google"]
    assert query["code_challenge_method"] == ["S256"]
    assert len(query["state"][0]) >= 43
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("calendar_manager_consent=")
    for attribute in ("HttpOnly", "Max-Age=600", "Path=/api/auth", "SameSite=lax"):
        assert attribute in cookie
    assert query["state"][0] not in cookie
    assert count("oauth_states") == 1


def test_connecting_stores_the_account_its_calendars_and_their_first_syncs(
    mara: Person, google: ControlClient, count: Count, services: Services
) -> None:
    answer = mara.connect(ACCOUNT)
    print(answer.text)
    assert answer.status_code == 200
