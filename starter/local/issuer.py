"""The issuer of the local stack: a key of its own, of which API and console know the public part, and tokens for whoever runs it."""

import json
import time
from collections.abc import Mapping, Sequence
from datetime import timedelta

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from jwt.algorithms import ECAlgorithm

from domain.principals import Role
from starter.local.data_directory import DataDirectory, write_private
from starter.local.refusals import LocalStackMissing

ISSUER = "urn:offramp:local-stack"
AUDIENCE = "offramp"
_ALGORITHM, _KEY_ID = "ES256", "local"
_KEY = "issuer-key"


def issuer_environment(data: DataDirectory) -> dict[str, str]:
    """Return the variables of API and console that say whose tokens they accept."""
    file = data.path / "issuer-keys.json"
    public = ECAlgorithm.to_jwk(_private_key(data).public_key(), as_dict=True)
    write_private(file, json.dumps({"keys": [{**public, "kid": _KEY_ID, "use": "sig", "alg": _ALGORITHM}]}))
    return {
        "OFFRAMP_OIDC_ISSUER": ISSUER,
        "OFFRAMP_OIDC_AUDIENCE": AUDIENCE,
        "OFFRAMP_OIDC_KEYS": str(file),
    }


def token(
    data: DataDirectory,
    *,
    subject: str,
    roles: Sequence[Role],
    organizations: Sequence[str] | None = None,
    lasts: timedelta = timedelta(hours=8),
) -> str:
    """Return a token that the API of the stack in a data directory accepts. Raises LocalStackMissing."""
    if not (data.path / _KEY).exists():
        raise LocalStackMissing(data.path)
    claims: dict[str, object] = {"roles": [role.value for role in roles]}
    if organizations is not None:
        claims["organizations"] = list(organizations)
    return _signed(data, AUDIENCE, subject, claims, lasts)


def identity_token(data: DataDirectory, *, subject: str, client: str, nonce: str, lasts: timedelta) -> str:
    """Return the token that tells a client who has signed in (OpenID Connect)."""
    return _signed(data, client, subject, {"nonce": nonce}, lasts)


def _signed(data: DataDirectory, audience: str, subject: str, claims: Mapping[str, object], lasts: timedelta) -> str:
    now = int(time.time())
    shared = {"iss": ISSUER, "aud": audience, "sub": subject, "iat": now, "exp": now + int(lasts.total_seconds())}
    return jwt.encode({**shared, **claims}, _private_key(data), algorithm=_ALGORITHM, headers={"kid": _KEY_ID})


def _private_key(data: DataDirectory) -> EllipticCurvePrivateKey:
    text = data.secret(_KEY, _new_key)
    key = load_pem_private_key(text.encode(), password=None)
    assert isinstance(key, EllipticCurvePrivateKey)  # noqa: S101 - as it is made below
    return key


def _new_key() -> str:
    key = generate_private_key(SECP256R1())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode().strip()
