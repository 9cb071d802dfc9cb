"""Those who call the application in tests, and what they expect."""

import json
import ssl
from dataclasses import dataclass, field
from typing import Any, Final

import httpx
import requests

from calendar_manager.sandbox.control_client import approve_consent

PASSWORD = "correct horse battery"

NO_AUTHORITIES: Final = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""For callers that only speak plain HTTP; reading the system's certificates for every one of them
would take longer than most tests."""


@dataclass
class Person:
    """A registered user with a browser and an access token of their own."""

    id: str
    email: str
    http: httpx.Client
    browser: requests.Session = field(default_factory=requests.Session)
    tokens: dict[str, Any] = field(default_factory=dict)

    @property
    def base_url(self) -> str:
        return str(self.http.base_url).rstrip("/")

    @property
    def bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.tokens['access_token']}"}

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self.http.get(path, headers=self.bearer, **options)

    def post(self, path: str, **options: Any) -> httpx.Response:
        return self.http.post(path, headers=self.bearer, **options)

    def patch(self, path: str, **options: Any) -> httpx.Response:
        return self.http.patch(path, headers=self.bearer, **options)

    def delete(self, path: str, **options: Any) -> httpx.Response:
        return self.http.delete(path, headers=self.bearer, **options)

    def begin_consent(self, provider: str = "google") -> str:
        """Start connecting as a program does; return where the person has to go."""
        answer = self.browser.get(
            f"{self.base_url}/api/auth/connect/{provider}",
            headers={**self.bearer, "Accept": "application/json"},
            timeout=30,
        )
        assert answer.status_code == 200, answer.text
        return str(answer.json()["authorization_url"])

    def come_back(self, address: str) -> requests.Response:
        """Follow the provider's redirect in this person's browser."""
        return self.browser.get(address, allow_redirects=False, timeout=30)

    def connect(self, account: str, **consent: Any) -> requests.Response:
        """Connect a sandbox account through the real consent page."""
        address = approve_consent(self.browser, self.begin_consent(), account, **consent)
        return self.come_back(address)

    def connected(self, account: str) -> dict[str, Any]:
        """Connect a sandbox account and return the connection."""
        answer = self.connect(account)
        assert answer.status_code == 200, answer.text
        connection: dict[str, Any] = answer.json()["connection"]
        return connection


class Forgetful(httpx.Client):
    """Forgets every cookie at once, so that only what a test sends speaks for it."""

    def send(self, request: httpx.Request, **options: Any) -> httpx.Response:
        answer = super().send(request, **options)
        self.cookies.clear()
        return answer


def expect_problem(answer: Any, status: int, code: str, *fields: str) -> dict[str, Any]:
    """Assert that an answer is a problem with this status, code and fields; return it."""
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    assert body["code"] == code, body
    assert body["status"] == status
    assert body["title"]
    assert body["detail"]
    assert {error["field"] for error in body["errors"]} >= set(fields), body
    return body


def escaped_json(body: Any) -> dict[str, Any]:
    """Return what sends JSON with escapes: broken Unicode travels in no other way."""
    return {
        "content": json.dumps(body).encode("ascii"),
        "headers": {"Content-Type": "application/json"},
    }
