"""Signed tokens and CSRF tokens, without a server."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jose import jwt

from calendar_manager.accounts.csrf import CsrfGuard
from calendar_manager.accounts.errors import TokenError, TokenExpiredError, TokenInvalidError
from calendar_manager.accounts.tokens import Claims, TokenKind, TokenSigner

pytestmark = pytest.mark.unit

SECRET = "a secret of at least thirty-two bytes, for tests"
NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
LIFE = timedelta(minutes=15)
USER, SESSION = UUID(int=1), UUID(int=2)
SIGNER = TokenSigner(SECRET)


def issue(kind: TokenKind = TokenKind.ACCESS) -> str:
    return SIGNER.issue(kind, user_id=USER, session_id=SESSION, now=NOW, life=LIFE)


@pytest.mark.parametrize("kind", TokenKind)
def test_a_token_says_who_and_which_session(kind: TokenKind) -> None:
    assert SIGNER.read(kind, issue(kind), now=NOW) == Claims(USER, SESSION)


@pytest.mark.parametrize("issued", TokenKind)
@pytest.mark.parametrize("wanted", TokenKind)
def test_a_token_serves_only_what_it_was_made_for(issued: TokenKind, wanted: TokenKind) -> None:
    if issued is not wanted:
        with pytest.raises(TokenInvalidError):
            SIGNER.read(wanted, issue(issued), now=NOW)


def test_a_token_ends_on_the_second() -> None:
    token = issue()
    SIGNER.read(TokenKind.ACCESS, token, now=NOW + LIFE - timedelta(microseconds=1))
    with pytest.raises(TokenExpiredError):
        SIGNER.read(TokenKind.ACCESS, token, now=NOW + LIFE)


def test_no_two_tokens_are_alike() -> None:
    assert len({issue() for _ in range(100)}) == 100


def test_another_key_opens_nothing() -> None:
    with pytest.raises(TokenInvalidError):
        TokenSigner(SECRET[::-1]).read(TokenKind.ACCESS, issue(), now=NOW)


@pytest.mark.parametrize("claim", ["iss", "aud", "sub", "sid", "iat", "exp", "jti", "type"])
def test_every_claim_is_required(claim: str) -> None:
    claims = jwt.get_unverified_claims(issue())
    del claims[claim]
    with pytest.raises(TokenInvalidError):
        SIGNER.read(TokenKind.ACCESS, jwt.encode(claims, SECRET, algorithm="HS256"), now=NOW)


@given(st.text() | st.binary().map(lambda raw: raw.decode("latin-1")))
def test_nothing_that_is_sent_breaks_the_reading(token: str) -> None:
    with pytest.raises(TokenError):
        SIGNER.read(TokenKind.ACCESS, token, now=NOW)


@given(st.data())
def test_a_token_changed_anywhere_is_refused(data: st.DataObject) -> None:
    token = issue()
    place = data.draw(st.integers(0, len(token) - 2))
    letter = data.draw(st.sampled_from("ABCxyz019-_."))
    changed = token[:place] + letter + token[place + 1 :]
    # The last character of a part may carry bits that base64 does not count.
    if changed == token or token[place + 1] == ".":
        return
    with pytest.raises(TokenInvalidError):
        SIGNER.read(TokenKind.ACCESS, changed, now=NOW)


@given(st.text(), st.text())
def test_a_csrf_token_fits_what_it_was_made_for_only(binding: str, other: str) -> None:
    guard = CsrfGuard(SECRET)
    if "\ud800" <= max(binding + other, default="a") <= "\udfff":
        return
    assert guard.accepts(binding, guard.token(binding))
    assert guard.accepts(other, guard.token(binding)) is (other == binding)


@pytest.mark.parametrize("token", [None, "", "x", "ü", "\ud800"])
def test_a_made_up_csrf_token_is_refused(token: str | None) -> None:
    assert not CsrfGuard(SECRET).accepts(str(uuid4()), token)


def test_the_csrf_key_is_not_the_signing_key() -> None:
    """A token for one purpose must never serve the other."""
    assert CsrfGuard(SECRET).token("x") != CsrfGuard(SECRET + " ").token("x")
