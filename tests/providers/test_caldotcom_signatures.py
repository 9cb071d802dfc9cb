"""Cal.com's signatures: only the raw body under our secret passes."""

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calendar_manager.providers.registry import is_signed_by_caldotcom

pytestmark = pytest.mark.unit

BODY = b'{"triggerEvent":"BOOKING_CREATED","payload":{"title":"Caf\xc3\xa9"}}'
SECRET = "4b1f.ZXhhbXBsZQ-_"
DIGEST = hmac.new(SECRET.encode(), BODY, hashlib.sha256).hexdigest()


@pytest.mark.parametrize(
    "signature",
    [
        pytest.param(DIGEST, id="bare"),
        pytest.param(f"sha256={DIGEST}", id="prefixed"),
        pytest.param(DIGEST.upper(), id="capitals"),
        pytest.param(f" {DIGEST} ", id="blanks around"),
    ],
)
def test_every_way_to_write_the_right_digest_passes(signature: str) -> None:
    assert is_signed_by_caldotcom(BODY, signature, SECRET)


def test_the_digest_is_the_one_that_others_compute() -> None:
    # RFC 4231, test case 2.
    assert is_signed_by_caldotcom(
        b"what do ya want for nothing?",
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
        "Jefe",
    )


@pytest.mark.parametrize(
    "signature",
    [
        pytest.param(None, id="no header"),
        pytest.param("", id="empty"),
        pytest.param("sha256=", id="prefix alone"),
        pytest.param("no-secret-provided", id="made without a secret"),
        pytest.param(DIGEST[:-1], id="cut"),
        pytest.param(f"{DIGEST}00", id="longer"),
        pytest.param(f"sha256=sha256={DIGEST}", id="prefixed twice"),
        pytest.param(f"sha1={DIGEST}", id="another algorithm"),
        pytest.param("ü" * 64, id="not ASCII"),
        pytest.param("\udcff" * 64, id="not even Unicode"),
    ],
)
def test_anything_else_is_refused(signature: str | None) -> None:
    assert not is_signed_by_caldotcom(BODY, signature, SECRET)


def test_a_changed_body_is_refused() -> None:
    assert not is_signed_by_caldotcom(BODY + b" ", DIGEST, SECRET)


def test_a_message_under_another_secret_is_refused() -> None:
    assert not is_signed_by_caldotcom(BODY, DIGEST, SECRET + "x")


def test_an_empty_secret_proves_nothing() -> None:
    forged = hmac.new(b"", BODY, hashlib.sha256).hexdigest()

    assert not is_signed_by_caldotcom(BODY, forged, "")
    assert not is_signed_by_caldotcom(BODY, "no-secret-provided", "")


@given(body=st.binary(max_size=200), secret=st.text(st.characters(max_codepoint=127), min_size=1))
def test_what_the_owner_of_the_secret_signs_passes_and_no_other_body_does(
    body: bytes, secret: str
) -> None:
    signature = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()

    assert is_signed_by_caldotcom(body, signature, secret)
    assert not is_signed_by_caldotcom(body + b"\0", signature, secret)
