"""Connecting a Microsoft account through msal: OAuth 2.0 with PKCE, and the identity behind it.

msal keeps what it gets in a token cache. Each connection has one of its own, which is what stands
in :attr:`~calendar_manager.domain.accounts.Tokens.refresh_token`: a text that means nothing to
the rest of the product, stored encrypted and written anew with every refresh, because Microsoft
rotates refresh tokens.

https://learn.microsoft.com/entra/msal/python/
"""

import json
import threading
import warnings
from collections.abc import Mapping
from datetime import datetime, timedelta

import msal

from calendar_manager.domain.accounts import Tokens
from calendar_manager.providers.base import AuthorizationRequest, Grant
from calendar_manager.providers.errors import (
    ConnectRefusedError,
    ConsentLostError,
    ProviderError,
    RetryLaterError,
)
from calendar_manager.providers.microsoft.fields import read_list, read_mapping, read_text
from calendar_manager.providers.microsoft.refusals import (
    lost,
    read_connect_refusal,
    read_refresh_refusal,
)
from calendar_manager.providers.microsoft.settings import MicrosoftSettings
from calendar_manager.providers.microsoft.sign_in import SignInLine

SCOPES = ("Calendars.Read", "Calendars.Read.Shared", "User.Read")
"""What we ask for; msal adds openid, profile and offline_access and refuses to be told so.

Reading the calendars that others share takes ``Calendars.Read.Shared``
(https://learn.microsoft.com/graph/outlook-get-shared-events-calendars).
"""

_ENOUGH = frozenset(
    {
        "calendars.read",
        "calendars.readwrite",
        "calendars.read.shared",
        "calendars.readwrite.shared",
    }
)
_GRAPH_SCOPE = "https://graph.microsoft.com/"
_FLOW = "flow"
_TEXT_LIMIT = 1_024
_TOKEN_LIMIT = 65_536
_FORM_POST_ADVICE = "response_mode='form_post' is recommended"
_warnings_lock = threading.Lock()


class MicrosoftAuth:
    """Connects, refreshes and revokes; safe to share between threads.

    Args:
        settings: The registered application and where Microsoft is.
    """

    def __init__(self, settings: MicrosoftSettings) -> None:
        self._settings = settings
        self._line = SignInLine(f"{settings.authority.rstrip('/')}/{settings.tenant_id}")

    def authorization(
        self, *, state: str, redirect_uri: str, login_hint: str | None = None
    ) -> AuthorizationRequest:
        """Make the request for consent.

        msal asks the sign-in service where its consent page is; the answer is kept for a day, so
        that there is no network but on the first call. Without a hint the person chooses the
        account, so that a second one can be connected.

        Raises:
            ConnectRefusedError: The configured tenant does not exist.
            RetryLaterError: The sign-in service cannot answer now.
        """
        app = self._open(msal.SerializableTokenCache())
        with _warnings_lock, warnings.catch_warnings():
            # A form posted from Microsoft's page would come without the cookie that binds the
            # consent to the browser, because cookies of ours stay away from foreign pages.
            warnings.filterwarnings("ignore", message=_FORM_POST_ADVICE)
            flow = app.initiate_auth_code_flow(
                list(SCOPES),
                redirect_uri=redirect_uri,
                state=state,
                login_hint=login_hint,
                prompt=None if login_hint else "select_account",
            )
        url = self._line.to_browser(str(flow["auth_uri"]))
        return AuthorizationRequest(url, {_FLOW: json.dumps(flow)})

    def exchange(
        self,
        *,
        parameters: Mapping[str, str],
        memory: Mapping[str, str],
        redirect_uri: str,
        now: datetime,
    ) -> Grant:
        """Turn the parameters of the callback into a grant.

        See :meth:`calendar_manager.providers.base.ProviderAuth.exchange`.
        """
        cache = msal.SerializableTokenCache()
        app = self._open(cache)
        try:
            flow = {**json.loads(memory.get(_FLOW, "")), "redirect_uri": redirect_uri}
            answer = read_mapping(app.acquire_token_by_auth_code_flow(flow, dict(parameters)))
        except (ValueError, KeyError, TypeError, RuntimeError, AssertionError) as error:
            # msal's own checks: the state, the nonce, or a token that is none.
            raise ConnectRefusedError(
                "Microsoft's answer does not belong to this consent. Connect again.",
                reason="invalidAnswer",
            ) from error
        if "error" in answer:
            raise read_connect_refusal(answer)
        tokens = _read_tokens(answer, cache, now, granted=frozenset(SCOPES))
        identity = _find_account(app)
        claims = read_mapping(answer.get("id_token_claims"))
        if identity is None or claims.get("aud") != self._settings.client_id:
            raise ConnectRefusedError(
                "Microsoft's proof of identity cannot be accepted. Connect again.",
                reason="invalidIdToken",
            )
        if not _ENOUGH & {scope.lower() for scope in tokens.scopes}:
            raise ConnectRefusedError(
                "Microsoft did not grant access to the calendars. Connect again and allow it.",
                reason="scopeMissing",
            )
        if not _has_refresh_token(cache):
            raise ConnectRefusedError(
                "Microsoft gave no lasting access. Remove this application at "
                "https://myapps.microsoft.com, or for personal accounts at "
                "https://account.live.com/consent/Manage, and connect again.",
                reason="refreshTokenMissing",
            )
        account_id = str(identity["home_account_id"])
        return Grant(account_id, _read_address(claims) or account_id, tokens)

    def refresh(self, tokens: Tokens, *, now: datetime) -> Tokens:
        """Get the next access token; rotated refresh tokens are in the new cache.

        See :meth:`calendar_manager.providers.base.ProviderAuth.refresh`.
        """
        cache = _open_cache(tokens)
        app = self._open(cache, connecting=False)
        account = _find_account(app)
        if account is None:
            raise lost(reason="refreshTokenMissing")
        try:
            answer = app.acquire_token_silent_with_error(
                list(SCOPES), account=account, force_refresh=True
            )
        except (ValueError, KeyError, TypeError) as error:
            raise RetryLaterError(
                "Microsoft's sign-in gave an unreadable answer", reason="invalidBody"
            ) from error
        if answer is None:
            raise lost(reason="refreshTokenMissing")
        fields = read_mapping(answer)
        if "error" in fields:
            raise read_refresh_refusal(fields)
        return _read_tokens(fields, cache, now, granted=tokens.scopes)

    def revoke(self, tokens: Tokens) -> None:
        """Forget the grant, which is all that can be done about it.

        Microsoft has no endpoint at which an application gives back what one person granted:
        ``revokeSignInSessions`` would sign the person out everywhere, and grants themselves
        belong to administrators. The person can remove the application at
        https://myapps.microsoft.com or, with a personal account, at
        https://account.live.com/consent/Manage; what we have is deleted by the caller.
        """

    def _open(
        self, cache: object, *, connecting: bool = True
    ) -> msal.ConfidentialClientApplication:
        """Make msal's application around one token cache; network when discovery is due."""
        try:
            return msal.ConfidentialClientApplication(
                self._settings.client_id,
                client_credential=self._settings.client_secret,
                authority=self._line.authority,
                # Whoever runs this installation has named the authority. Asking Microsoft whether
                # it is one, and for its other names, would only be one more thing to fail.
                validate_authority=False,
                instance_discovery=False,
                token_cache=cache,
                http_client=self._line,
            )
        except RetryLaterError:
            raise
        except ProviderError as error:
            if connecting:
                raise ConnectRefusedError(str(error), reason=error.reason) from error
            raise


def find_username(tokens: Tokens) -> str | None:
    """Return the address of the account whose tokens these are, in lower case, if it is known."""
    try:
        accounts = _open_cache(tokens).search(msal.TokenCache.CredentialType.ACCOUNT)
        names = [
            read_text(read_mapping(one).get("username"), limit=_TEXT_LIMIT) for one in accounts
        ]
    except (ConsentLostError, AttributeError, TypeError):
        return None
    return next((name.lower() for name in names if name), None)


def _open_cache(tokens: Tokens) -> msal.SerializableTokenCache:
    """Return the token cache of a connection.

    Raises:
        ConsentLostError: There is none that can be read.
    """
    cache = msal.SerializableTokenCache()
    try:
        if not isinstance(json.loads(tokens.refresh_token or ""), dict):
            raise lost(reason="refreshTokenMissing")
    except ValueError as error:
        raise lost(reason="refreshTokenMissing") from error
    cache.deserialize(tokens.refresh_token)
    return cache


def _find_account(app: msal.ConfidentialClientApplication) -> Mapping[str, object] | None:
    """Return the one account of a cache; its home account id is that of person and tenant."""
    accounts = [read_mapping(account) for account in read_list(app.get_accounts())]
    return next((one for one in accounts if one.get("home_account_id")), None)


def _has_refresh_token(cache: msal.SerializableTokenCache) -> bool:
    return any(cache.search(msal.TokenCache.CredentialType.REFRESH_TOKEN))


def _read_tokens(
    answer: Mapping[str, object],
    cache: msal.SerializableTokenCache,
    now: datetime,
    *,
    granted: frozenset[str],
) -> Tokens:
    """Return the tokens of an answer, the cache with its refresh token among them.

    Args:
        answer: The token endpoint's.
        cache: What msal has put into the cache meanwhile.
        now: The present.
        granted: What was granted if the answer does not say (RFC 6749, section 5.1).

    Raises:
        RetryLaterError: There is no access token in the answer.
    """
    access_token = read_text(answer.get("access_token"), limit=_TOKEN_LIMIT)
    if access_token is None:
        raise RetryLaterError("Microsoft's sign-in gave no access token", reason="invalidBody")
    expires_in = answer.get("expires_in")
    scope = read_text(answer.get("scope"), limit=_TOKEN_LIMIT)
    return Tokens(
        access_token=access_token,
        refresh_token=cache.serialize(),
        expires_at=(
            now + timedelta(seconds=int(expires_in))
            if isinstance(expires_in, int | str) and str(expires_in).isdecimal()
            else None
        ),
        scopes=granted if scope is None else frozenset(map(_shorten_scope, scope.split())),
    )


def _shorten_scope(scope: str) -> str:
    """Return a scope of Graph's without the resource, which answers may or may not name."""
    return scope[len(_GRAPH_SCOPE) :] if scope.lower().startswith(_GRAPH_SCOPE) else scope


def _read_address(claims: Mapping[str, object]) -> str | None:
    """Return what a person recognises the account by.

    https://learn.microsoft.com/entra/identity-platform/id-token-claims-reference
    """
    names = (claims.get(name) for name in ("preferred_username", "email", "upn"))
    texts = (read_text(name, limit=_TEXT_LIMIT) for name in names)
    return next((text.strip().lower() for text in texts if text), None)
