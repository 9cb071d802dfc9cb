"""What every API call begins with: the version, the key or token, its scopes, the minute's limit.

Source: the official description's headers, and https://cal.com/docs/api-reference/v2/oauth for
scopes. API keys may do everything.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import orjson
from fastapi import Depends, Request
from starlette.responses import Response

from calendar_manager.sandbox.caldotcom.errors import (
    bad_request,
    insufficient_scope,
    unauthenticated,
)
from calendar_manager.sandbox.caldotcom.grants import API_KEY_PREFIX
from calendar_manager.sandbox.caldotcom.oauth import caldotcom_state
from calendar_manager.sandbox.caldotcom.state import Account, CaldotcomState

Json = dict[str, Any]

VERSION_HEADER = "cal-api-version"
"""The header that chooses the version of one path."""


@dataclass(frozen=True)
class Call:
    """One call that may go on.

    Attributes:
        state: The sandbox's Cal.com.
        caller: Whose key or token it is; None where a path is public and nobody signed in.
        version: The version asked for; None where the path has none, or it is not a known one and
            the settings let that pass.
    """

    state: CaldotcomState
    caller: Account | None
    version: str | None

    @property
    def account(self) -> Account:
        """The caller's account, on paths that are not public."""
        assert self.caller is not None  # noqa: S101 - ``begin_call`` has refused everyone else.
        return self.caller


def success(data: object, status: int = 200, **more: object) -> Response:
    """Return the JSON envelope of a good answer."""
    return json_response({"status": "success", "data": data, **more}, status)


def json_response(
    body: Json, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Return a JSON response in Cal.com's content type."""
    return Response(orjson.dumps(body), status, headers, "application/json; charset=utf-8")


def begin_call(
    *versions: str,
    scope: str | None = None,
    public: bool = False,
    older_shape: bool = False,
) -> Any:  # noqa: ANN401 - FastAPI's Depends has no type of its own.
    """Return the dependency that lets a call in.

    Args:
        versions: The versions that the path has; none means that it looks at no version.
        scope: What an access token needs.
        public: Whether it can be called without a key or token.
        older_shape: Whether the path has an answer for other versions.
    """

    async def begin(request: Request) -> Call:
        state = caldotcom_state(request)
        caller = _find_caller(request, state, scope)
        if caller is None and not public:
            raise unauthenticated(
                "No authentication method provided. Either pass an API key as 'Bearer' header or "
                "OAuth client credentials as 'x-cal-secret-key' and 'x-cal-client-id' headers"
            )
        version = request.headers.get(VERSION_HEADER)
        if not versions:
            return Call(state, caller, None)
        if version in versions:
            return Call(state, caller, version)
        if older_shape and state.settings.unversioned == "older_shape":
            return Call(state, caller, None)
        raise bad_request(f"{VERSION_HEADER} must be one of: {', '.join(versions)}")

    return Depends(begin)


def _find_caller(request: Request, state: CaldotcomState, scope: str | None) -> Account | None:
    """Return the account behind the ``Authorization`` header, or None without one.

    Raises:
        CaldotcomApiError: 401, the key or token is not good; 403, its scopes do not reach; 429.
    """
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if not scheme:
        return None
    if scheme.lower() != "bearer" or not token:
        raise unauthenticated("Authorization must be 'Bearer <token>'")
    state.throttle.count(token)
    if token.startswith(API_KEY_PREFIX):
        email = state.grants.find_key_owner(token)
        if email is None:
            raise unauthenticated("Your api key is not valid")
        return state.account(email)
    grant = state.grants.find_access(token)
    if grant is None:
        raise unauthenticated("Invalid Access Token.")
    if scope is not None and scope not in grant.scopes:
        raise insufficient_scope(scope, grant.scopes)
    return state.account(grant.email)


async def _read_json(request: Request) -> object:
    text = await request.body()
    try:
        body: object = orjson.loads(text) if text else {}
    except orjson.JSONDecodeError as error:
        raise bad_request("The body is not valid JSON") from error
    return body


JsonBody = Annotated[object, Depends(_read_json)]
"""The request's JSON; 400 when it is none."""
