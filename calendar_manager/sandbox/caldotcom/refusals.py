"""How fault rules are answered by the sandbox's Cal.com."""

from collections.abc import Callable
from datetime import datetime

from calendar_manager.sandbox.caldotcom.errors import CaldotcomApiError
from calendar_manager.sandbox.faults import Refusal, RefusalMaker, Rule

PREFIX = "/calcom"
"""Where Cal.com is mounted; its own paths begin behind it."""

API_PATH = f"{PREFIX}/v2"
"""Where the API is mounted."""

TOKEN_PATH = f"{API_PATH}/auth/oauth2/token"
"""The token endpoint, whose errors have a form of their own."""

_STATUSES = {"quota_403": 403, "too_many_requests": 429, "server_error": 500, "status": 500}
_SERVER_ERRORS = 500
_MESSAGES = {
    401: "Invalid Access Token.",
    403: "Forbidden resource",
    404: "Not Found",
    429: "CustomThrottlerGuard - Too many requests. Please try again later.",
}


def make_refusals(clock: Callable[[], datetime]) -> dict[str, RefusalMaker]:
    """Return how fault rules are answered below each of Cal.com's paths.

    A rule's ``reason`` is the error code.

    Args:
        clock: Gives the instant that answers name.
    """

    def refuse_api(rule: Rule, path: str) -> Refusal:
        status = _status_of(rule)
        message = rule.message or _MESSAGES.get(status, "Internal server error")
        error = CaldotcomApiError(status, message, rule.reason)
        return Refusal(status, error.body(path.removeprefix(PREFIX), clock()), rule.headers())

    def refuse_token(rule: Rule, _path: str) -> Refusal:
        status = _status_of(rule)
        usual = "server_error" if status >= _SERVER_ERRORS else "invalid_request"
        text = rule.message or "An unexpected error occurred"
        body = {"error": rule.reason or usual, "error_description": text}
        return Refusal(status, body, rule.headers())

    return {TOKEN_PATH: refuse_token, API_PATH: refuse_api}


def _status_of(rule: Rule) -> int:
    return rule.status or _STATUSES.get(rule.kind, 500)
