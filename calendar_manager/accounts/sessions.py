"""Signing in, staying signed in, and signing out."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import structlog

from calendar_manager.accounts.errors import SessionEndedError, SignInError
from calendar_manager.accounts.fields import check_email
from calendar_manager.accounts.passwords import Passwords
from calendar_manager.accounts.tokens import TokenKind, TokenSigner
from calendar_manager.domain.users import User
from calendar_manager.store.unit_of_work import Store, UnitOfWork

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Login:
    """Who is asking, and in which session.

    Attributes:
        user: The person.
        session_id: The signed-in device.
    """

    user: User
    session_id: UUID


@dataclass(frozen=True, slots=True)
class IssuedTokens:
    """The tokens of a program.

    Attributes:
        access_token: Sent with every request.
        refresh_token: Gets the next pair, once.
        expires_in: The access token's life.
    """

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    expires_in: timedelta


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A new session.

    Attributes:
        login: Who signed in.
        tokens: For a program.
        browser_token: For a browser's cookie; it lives as long as the session.
        browser_token_life: How long that is.
    """

    login: Login
    tokens: IssuedTokens
    browser_token: str = field(repr=False)
    browser_token_life: timedelta


class Sessions:
    """The use cases of sessions.

    Args:
        store: The database.
        passwords: Checks passwords.
        signer: Issues and reads tokens.
        clock: Tells the time.
        access_life: Life of an access token.
        session_life: Life of a session without use.
    """

    def __init__(
        self,
        *,
        store: Store,
        passwords: Passwords,
        signer: TokenSigner,
        clock: Callable[[], datetime],
        access_life: timedelta,
        session_life: timedelta,
    ) -> None:
        self._store = store
        self._passwords = passwords
        self._signer = signer
        self._clock = clock
        self._access_life = access_life
        self._session_life = session_life

    def sign_in(self, *, email: str, password: str) -> SignedIn:
        """Begin a session.

        The password is checked between two transactions, because hashing takes long on purpose.

        Raises:
            SignInError: The address or the password is wrong.
        """
        try:
            address = check_email(email)
        except ValueError:
            raise SignInError from None
        with self._store.begin() as uow:
            found = uow.users.find_credentials(address)
        fits = self._passwords.matches(password, None if found is None else found.password_hash)
        if found is None or not fits:
            raise SignInError
        fresher = None
        if self._passwords.is_outdated(found.password_hash):
            fresher = self._passwords.hash(password)
        now, session_id = self._clock(), uuid4()
        tokens = self._issue(found.user.id, session_id, now)
        with self._store.begin() as uow:
            if uow.users.lock(found.user.id) is None:
                raise SignInError
            if fresher is not None:
                uow.users.save_password_hash(found.user.id, fresher)
            self._open(uow, found.user.id, session_id, tokens, now)
        return SignedIn(
            login=Login(found.user, session_id),
            tokens=tokens,
            browser_token=self._signer.issue(
                TokenKind.BROWSER,
                user_id=found.user.id,
                session_id=session_id,
                now=now,
                life=self._session_life,
            ),
            browser_token_life=self._session_life,
        )

    def refresh(self, refresh_token: str) -> IssuedTokens:
        """Exchange a refresh token for the next pair.

        Each refresh token serves once. One that comes back was stolen, or its successor was, so
        the whole session ends (RFC 9700 section 4.14.2).

        Raises:
            TokenInvalidError: It is not a refresh token of ours.
            TokenExpiredError: It was not used for too long.
            SessionEndedError: It was used before, or the session has ended.
        """
        now = self._clock()
        claims = self._signer.read(TokenKind.REFRESH, refresh_token, now=now)
        tokens = self._issue(claims.user_id, claims.session_id, now)
        with self._store.begin() as uow:
            rotated = uow.login_sessions.rotate(
                claims.user_id,
                claims.session_id,
                old_hash=_hash(refresh_token),
                new_hash=_hash(tokens.refresh_token),
                expires_at=now + self._session_life,
                now=now,
            )
            reused = not rotated and uow.login_sessions.revoke(
                claims.user_id, claims.session_id, now=now
            )
            if reused:
                uow.audit.record(
                    "session.revoked_on_reuse", user_id=claims.user_id, subject=claims.session_id
                )
        if reused:
            log.warning("refresh_token_reused", session_id=str(claims.session_id))
        if not rotated:
            raise SessionEndedError
        return tokens

    def authenticate(self, kind: TokenKind, token: str) -> Login:
        """Return who a token lets in, asking whether its session still lives.

        Raises:
            TokenInvalidError: It is not a token of ours, or of another kind.
            TokenExpiredError: It has run out.
            SessionEndedError: Its session has ended.
        """
        now = self._clock()
        claims = self._signer.read(kind, token, now=now)
        with self._store.begin() as uow:
            user = uow.login_sessions.find_user(claims.user_id, claims.session_id, now=now)
        if user is None:
            raise SessionEndedError
        return Login(user, claims.session_id)

    def sign_out(self, login: Login) -> None:
        """End a session: none of its tokens lets anybody in from now on."""
        with self._store.begin() as uow:
            if uow.login_sessions.revoke(login.user.id, login.session_id, now=self._clock()):
                uow.audit.record(
                    "session.signed_out", user_id=login.user.id, subject=login.session_id
                )

    def _open(
        self, uow: UnitOfWork, user_id: UUID, session_id: UUID, tokens: IssuedTokens, now: datetime
    ) -> None:
        uow.login_sessions.add(
            session_id=session_id,
            user_id=user_id,
            refresh_token_hash=_hash(tokens.refresh_token),
            expires_at=now + self._session_life,
        )
        uow.audit.record("session.signed_in", user_id=user_id, subject=session_id)

    def _issue(self, user_id: UUID, session_id: UUID, now: datetime) -> IssuedTokens:
        access, refresh = (
            self._signer.issue(kind, user_id=user_id, session_id=session_id, now=now, life=life)
            for kind, life in (
                (TokenKind.ACCESS, self._access_life),
                (TokenKind.REFRESH, self._session_life),
            )
        )
        return IssuedTokens(access, refresh, self._access_life)


def _hash(token: str) -> bytes:
    """Return what is stored of a token: it has enough randomness for a plain hash."""
    return hashlib.sha256(token.encode()).digest()
