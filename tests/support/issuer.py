"""An OpenID Connect issuer: keys of its own, a discovery document and a key set over HTTP, and any token that a test wants."""

import base64
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as generate_ec_key
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as generate_rsa_key

AUDIENCE = "offramp"
NULL = object()
"""A claim that is there, and null."""

Key = RSAPrivateKey | EllipticCurvePrivateKey


class Issuer:
    """An issuer whose keys a test rotates; `reads` counts how often they were asked for."""

    def __init__(self, issuer: str = "https://issuer.example/realms/acme") -> None:
        self.issuer = issuer
        self.keys: dict[str, Key] = {}
        self.statuses: list[int] = []
        """The statuses of the next answers; 200 when none are left."""
        self.reads = 0
        self.rotate("one")

    def rotate(self, key_id: str, *, curve: bool = False, keep: bool = False) -> None:
        """Make a new key; the others are taken back, unless they are kept."""
        key: Key = generate_ec_key(SECP256R1()) if curve else generate_rsa_key(65537, 2048)
        self.keys = {**(self.keys if keep else {}), key_id: key}

    @property
    def key_set(self) -> dict[str, Any]:
        """The public keys (RFC 7517)."""
        return {"keys": [_public(key_id, key) for key_id, key in self.keys.items()]}

    @property
    def key_set_text(self) -> str:
        """The same as a file has it."""
        return json.dumps(self.key_set)

    def claims(self, **changed: Any) -> dict[str, Any]:
        """The claims of a valid token, but for what is changed; None leaves a claim out."""
        now = int(time.time())
        claims = {
            "iss": self.issuer, "aud": AUDIENCE, "sub": "agent-7", "iat": now, "exp": now + 300, "roles": ["support_agent"],
        } | changed  # fmt: skip
        return {name: None if value is NULL else value for name, value in claims.items() if value is not None}

    def token(self, *, key_id: str | None = None, named: str | None = None, **changed: Any) -> str:
        """A token that is signed with a key, the newest if none is named; ``named`` is the id that its header says."""
        signed_by = key_id or list(self.keys)[-1]
        key = self.keys[signed_by]
        algorithm = "RS256" if isinstance(key, RSAPrivateKey) else "ES256"
        return jwt.encode(self.claims(**changed), key, algorithm=algorithm, headers={"kid": named or signed_by})

    @contextmanager
    def listening(self) -> Iterator[str]:
        """Serve the documents of the issuer, under the URL that is then its name."""
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                issuer.reads += 1
                status = issuer.statuses.pop(0) if issuer.statuses else 200
                document = {
                    "/.well-known/openid-configuration": {"issuer": issuer.issuer, "jwks_uri": f"{issuer.issuer}/keys"},
                    "/keys": issuer.key_set,
                }[self.path]
                content = json.dumps(document).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *arguments: object) -> None:
                """Say nothing."""

        with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
            self.issuer = f"http://127.0.0.1:{server.server_port}"
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
            thread.start()
            try:
                yield self.issuer
            finally:
                server.shutdown()
                thread.join()


def unsigned(claims: dict[str, Any], **header: Any) -> str:
    """A token of any header, without a signature."""
    parts = (json.dumps({"typ": "JWT", **header}).encode(), json.dumps(claims).encode(), b"")
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


def _public(key_id: str, key: Key) -> dict[str, Any]:
    if isinstance(key, RSAPrivateKey):
        found, algorithm = jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key(), as_dict=True), "RS256"
    else:
        found, algorithm = jwt.algorithms.ECAlgorithm.to_jwk(key.public_key(), as_dict=True), "ES256"
    return {**found, "kid": key_id, "use": "sig", "alg": algorithm}
