"""The identity platform's errors, with the AADSTS codes by which people look them up.

Source: https://learn.microsoft.com/en-us/entra/identity-platform/reference-error-codes and answers
quoted in public issue threads.
"""

import uuid
from datetime import datetime
from typing import Any


class IdentityError(Exception):
    """An error of the token endpoint, or of the authorization endpoint.

    Args:
        error: OAuth's error code.
        number: The AADSTS number.
        text: What follows the number in ``error_description``.
        status: HTTP status.
        suberror: Microsoft's second code, such as ``consent_required``.
        claims: A claims challenge, to be sent along with the next authorization request.
    """

    def __init__(
        self,
        error: str,
        number: int,
        text: str,
        *,
        status: int = 400,
        suberror: str | None = None,
        claims: str | None = None,
    ) -> None:
        self.error = error
        self.number = number
        self.text = text
        self.status = status
        self.suberror = suberror
        self.claims = claims
        super().__init__(f"AADSTS{number}: {text}")

    def describe(self, trace_id: str, correlation_id: str, now_at: datetime) -> str:
        """Return ``error_description``."""
        return (
            f"AADSTS{self.number}: {self.text} Trace ID: {trace_id} "
            f"Correlation ID: {correlation_id} Timestamp: {now_at:%Y-%m-%d %H:%M:%S}Z"
        )

    def body(self, now_at: datetime) -> dict[str, Any]:
        """Return the token endpoint's JSON body."""
        trace_id, correlation_id = str(uuid.uuid4()), str(uuid.uuid4())
        body: dict[str, Any] = {
            "error": self.error,
            "error_description": self.describe(trace_id, correlation_id, now_at),
            "error_codes": [self.number],
            "timestamp": f"{now_at:%Y-%m-%d %H:%M:%S}Z",
            "trace_id": trace_id,
            "correlation_id": correlation_id,
            "error_uri": f"https://login.microsoftonline.com/error?code={self.number}",
        }
        if self.suberror:
            body["suberror"] = self.suberror
        if self.claims:
            body["claims"] = self.claims
        return body


def missing_parameter(name: str) -> IdentityError:
    """Return the error for a request without a parameter that it needs."""
    text = f"The request body must contain the following parameter: '{name}'."
    return IdentityError("invalid_request", 900144, text)


def unknown_application(client_id: str) -> IdentityError:
    """Return the error for an application that is not registered."""
    text = (
        f"Application with identifier '{client_id}' was not found in the directory 'Sandbox'. This "
        "can happen if the application has not been installed by the administrator of the tenant "
        "or consented to by any user in the tenant."
    )
    return IdentityError("unauthorized_client", 700016, text)


def wrong_secret(client_id: str) -> IdentityError:
    """Return the error for a wrong client secret."""
    text = (
        "Invalid client secret provided. Ensure the secret being sent in the request is the "
        "client secret value, not the client secret ID, for a secret added to app "
        f"'{client_id}'."
    )
    return IdentityError("invalid_client", 7000215, text, status=401)


def wrong_redirect(redirect_uri: str, client_id: str) -> IdentityError:
    """Return the error for a redirect URI that is not registered."""
    text = (
        f"The redirect URI '{redirect_uri}' specified in the request does not match the redirect "
        f"URIs configured for the application '{client_id}'."
    )
    return IdentityError("invalid_request", 50011, text)


def invalid_scope(scope: str) -> IdentityError:
    """Return the error for a scope that does not exist."""
    text = f"The provided value for the input parameter 'scope' is not valid. The scope {scope}."
    return IdentityError("invalid_scope", 70011, text)


def not_consented(client_id: str) -> IdentityError:
    """Return the error for scopes that nobody allowed, or no longer."""
    text = (
        "The user or administrator has not consented to use the application with ID "
        f"'{client_id}' named 'Calendar Manager'. Send an interactive authorization request for "
        "this user and resource."
    )
    return IdentityError("invalid_grant", 65001, text, suberror="consent_required")


def revoked_grant(issued_at: datetime, valid_from_at: datetime) -> IdentityError:
    """Return the error for a refresh token whose grant was taken back."""
    text = (
        "The provided grant has expired due to it being revoked, a fresh auth token is needed. The "
        "user might have changed or reset their password. The grant was issued on "
        f"'{issued_at:%Y-%m-%dT%H:%M:%S.%f}0Z' and the TokensValidFrom date (before which tokens "
        f"are not valid) for this user is '{valid_from_at:%Y-%m-%dT%H:%M:%S.%f}0Z'."
    )
    return IdentityError("invalid_grant", 50173, text)


def expired_token() -> IdentityError:
    """Return the error for a code or refresh token that is too old."""
    text = (
        "The provided authorization code or refresh token has expired due to inactivity. Send a "
        "new interactive authorization request for this user and resource."
    )
    return IdentityError("invalid_grant", 70008, text)


def unknown_token(parameter: str) -> IdentityError:
    """Return the error for a code or refresh token that never was one."""
    text = f"The provided value for the input parameter '{parameter}' is not valid."
    return IdentityError("invalid_grant", 70000, text)


def redeemed_code() -> IdentityError:
    """Return the error for an authorization code that was used before."""
    text = (
        "OAuth2 Authorization code was already redeemed, please retry with a new valid code or "
        "use an existing refresh token."
    )
    return IdentityError("invalid_grant", 54005, text)


def wrong_verifier() -> IdentityError:
    """Return the error for a PKCE verifier that does not belong to the challenge."""
    text = (
        "The Code_Verifier does not match the code_challenge supplied in the authorization request."
    )
    return IdentityError("invalid_grant", 501481, text)


def interaction_required() -> IdentityError:
    """Return the error for a sign-in that needs the person, such as a second factor."""
    text = (
        "Due to a configuration change made by your administrator, or because you moved to a new "
        "location, you must use multi-factor authentication to access "
        "'00000003-0000-0000-c000-000000000000'."
    )
    claims = '{"access_token":{"capolids":{"essential":true,"values":["sandbox"]}}}'
    return IdentityError(
        "interaction_required", 50076, text, suberror="basic_action", claims=claims
    )
