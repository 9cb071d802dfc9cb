"""Signing in, staying signed in, and signing out."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import structlog

from calendar_manager.accounts.attempts import Attempts
from calendar_manager.accounts.errors import SessionEndedError, SessionNotFoundError, SignInError
from calendar_manager.accounts.fields import check_email
from calendar_manager.accounts.passwords import Passwords
from calendar_manager.accounts.tokens import TokenKind, TokenSigner
from calendar_manager.domain.users import User
from calendar_manager.store.repositories.login_sessions import LoginSession
from calendar_manager.store.repositories.users import Credentials
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
        attempts: Refuses what is tried too often.
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
        attempts: Attempts,
        signer: TokenSigner,
        clock: Callable[[], datetime],
        access_life: timedelta,
        session_life: timedelta,
    ) -> None:
        self._store = store
        self._passwords = passwords
        self._attempts = attempts
        self._signer = signer
        self._clock = clock
        self._access_life = access_life
        self._session_life = session_life

    def sign_in(self, *, email: str, password: str, address: str | None = None) -> SignedIn:
        """Begin a session.

        The password is checked between two transactions, because hashing takes long on purpose.

        Args:
            email: As it was entered.
            password: As it was entered.
            address: The network address that the request came from, where there was one.

        Raises:
            SignInError: The e-mail address or the password is wrong.
            TooManyAttemptsError: Too many were, and this one was not looked at.
        """
        try:
            name = check_email(email)
        except ValueError:
            raise SignInError from None
        attempt = self._attempts.begin_sign_in(name, address)
        with self._store.begin() as uow:
            found = uow.users.find_credentials(name)
        fits = self._passwords.matches(password, None if found is None else found.password_hash)
        if found is None or not fits:
            attempt.failed()
            self._note_refusal(found)
            raise SignInError
        signed_in = self._enter(found, password)
        attempt.succeeded()
        return signed_in

    def _enter(self, found: Credentials, password: str) -> SignedIn:
        """Open a session for somebody whose password was right a moment ago."""
        fresher = None
        if self._passwords.is_outdated(found.password_hash):
            fresher = self._passwords.hash(password)
        user_id, now, session_id = found.user.id, self._clock(), uuid4()
        tokens = self._issue(user_id, session_id, now)
        with self._store.begin() as uow:
            current = uow.users.lock_credentials(user_id)
            # A password that is changed at this moment must not let anybody in once more. Of two
            # sign-ins at once the other may only have renewed the hash.
            if current is None or (
                current.password_hash != found.password_hash
                and not self._passwords.matches(password, current.password_hash)
            ):
                raise SignInError
            if fresher is not None:
                uow.users.save_password_hash(user_id, fresher)
            self._open(uow, user_id, session_id, tokens, now)
        return SignedIn(
            login=Login(found.user, session_id),
            tokens=tokens,
            browser_token=self._signer.issue(
                TokenKind.BROWSER,
                user_id=user_id,
                session_id=session_id,
                now=now,
                life=self._session_life,
            ),
            browser_token_life=self._session_life,
        )

    def _note_refusal(self, found: Credentials | None) -> None:
        """Note a failed sign-in, without what was entered.

        One to an account that does not exist is noted as well: it must not be quicker.
        """
        with self._store.begin() as uow:
            uow.audit.record("session.refused", user_id=None if found is None else found.user.id)

    def refresh(self, refresh_token: str, *, address: str | None = None) -> IssuedTokens:
        """Exchange a refresh token for the next pair.

        Each refresh token serves once. One that comes back was stolen, or its successor was, so
        the whole session ends (RFC 9700 section 4.14.2).

        Args:
            refresh_token: As it was last handed out.
            address: The network address that the request came from, where there was one.

        Raises:
            TooManyAttemptsError: Somebody refreshes too often.
            TokenInvalidError: It is not a refresh token of ours.
            TokenExpiredError: It was not used for too long.
            SessionEndedError: It was used before, or the session has ended.
        """
        self._attempts.count_refresh(address)
        now = self._clock()
        claims = self._signer.read(TokenKind.REFRESH, refresh_token, now=now)
        self._attempts.count_refresh_of(claims.user_id)
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
        with self._store.look_up() as lookups:
            user = lookups.find_user(claims.user_id, claims.session_id, now=now)
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

    def list(
        self,
        user_id: UUID,
        *,
        after: tuple[datetime, UUID] | None,
        limit: int,
        latest_first: bool = False,
    ) -> Sequence[LoginSession]:
        """List the sessions that let somebody in as this user, the oldest first unless asked."""
        with self._store.begin() as uow:
            return uow.login_sessions.list_live(
                user_id, after=after, limit=limit, now=self._clock(), latest_first=latest_first
            )

    def end(self, user_id: UUID, session_id: UUID) -> None:
        """End one of a user's sessions, such as that of a lost device.

        Raises:
            SessionNotFoundError: The user has no such session, or not any more.
        """
        with self._store.begin() as uow:
            if not uow.login_sessions.revoke(user_id, session_id, now=self._clock()):
                raise SessionNotFoundError
            uow.audit.record("session.ended", user_id=user_id, subject=session_id)

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
