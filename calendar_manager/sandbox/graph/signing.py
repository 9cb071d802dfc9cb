"""Id tokens, the key that signs them, and the ``client_info`` that msal reads."""

import base64
from functools import cache
from typing import Any

import orjson
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from jose import jwk, jwt

_KEY_ID = "sandbox-microsoft-key-1"


def sign(claims: dict[str, Any]) -> str:
    """Return the claims as a signed token (RS256)."""
    return str(jwt.encode(claims, _private_key(), "RS256", {"kid": _KEY_ID}))


def public_keys() -> dict[str, Any]:
    """Return the public key as a JWK set."""
    key = jwk.construct(_private_key(), "RS256").public_key().to_dict()
    shown = {n: v.decode() if isinstance(v, bytes) else v for n, v in key.items()}
    return {"keys": [{**shown, "kid": _KEY_ID, "use": "sig"}]}


def write_client_info(object_id: str, tenant: str) -> str:
    """Return ``client_info``: base64url of the account's id and tenant."""
    text = orjson.dumps({"uid": object_id, "utid": tenant})
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


@cache
def _private_key() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return pem.decode()
