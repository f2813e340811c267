"""Bearer tokens: verified by the issuer's keys, and read into principals."""

from collections.abc import Mapping
from typing import Any

import jwt
from pydantic import ValidationError

from domain.actors import is_reserved
from domain.principals import Principal, Role
from starter.access.keys import IssuerKeys
from starter.access.refusals import TokenInvalid

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""The algorithms of signatures that are accepted: those with a key that only the issuer has."""
LONGEST_TOKEN = 16_384
"""The longest token that is looked at, in characters."""

_CLAIMS = ("exp", "iat", "sub", "iss", "aud")


class TokenVerifier:
    """The verification of the tokens of one issuer for one audience.

    Args:
        issuer: the issuer, exactly as its tokens name it.
        audience: the audience that a token must be for.
        keys: the issuer's keys.
        roles_claim: the claim with the roles; a dot leads into a claim. Roles that the service does not know count nothing.
        organizations_claim: the claim with the organizations to which the principal is limited; absent for all of them.
        clock_skew: how far the clocks of issuer and service may be apart, in seconds.
    """

    def __init__(
        self,
        *,
        issuer: str,
        audience: str,
        keys: IssuerKeys,
        roles_claim: str = "roles",
        organizations_claim: str = "organizations",
        clock_skew: int = 30,
    ) -> None:
        self.issuer = issuer
        self._audience = audience
        self._keys = keys
        self._roles_claim = roles_claim
        self._organizations_claim = organizations_claim
        self._clock_skew = clock_skew

    async def principal(self, token: str) -> Principal:
        """Return the principal of a token.

        Raises:
            TokenInvalid, IssuerUnavailable.

        """
        return self.principal_of(await self.claims(token))

    def principal_of(self, claims: Mapping[str, Any]) -> Principal:
        """Return the principal of verified claims. Raises TokenInvalid."""
        subject = str(claims["sub"])
        if is_reserved(subject):
            raise self._invalid("its subject is a name of the service's own in the audit trail")
        known = {role.value for role in Role}
        organizations = _found(claims, self._organizations_claim)
        if organizations is None and self._organizations_claim.split(".")[0] in claims:
            raise self._invalid("its claim with the organizations names none")  # which is broken, and not all of them
        try:
            return Principal(
                subject=subject,
                roles=frozenset(Role(role) for role in _texts(_found(claims, self._roles_claim)) if role in known),
                organizations=None if organizations is None else frozenset(_texts(organizations)),
            )
        except (ValidationError, TypeError):
            raise self._invalid(
                "its subject must be a name of at most 100 characters and no e-mail address, its roles and organizations lists "
                "of names"
            ) from None

    async def claims(self, token: str) -> dict[str, Any]:
        """Return the claims of a token that is verified. Raises as `principal` does."""
        if len(token) > LONGEST_TOKEN:
            raise self._invalid(f"it is longer than {LONGEST_TOKEN} characters")
        try:
            header = jwt.get_unverified_header(token)
        except jwt.PyJWTError:
            raise self._invalid("it is no signed JSON Web Token") from None
        if header.get("alg") not in ALGORITHMS:
            raise self._invalid("its algorithm is not one of a signature by the issuer's private key")
        key = await self._keys.key(header.get("kid"))
        if key is None:
            raise self._invalid("the issuer has no such key")
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=list(ALGORITHMS),
                audience=self._audience,
                issuer=self.issuer,
                leeway=self._clock_skew,
                options={"require": list(_CLAIMS)},
            )
        except jwt.ExpiredSignatureError:
            raise self._invalid("it has expired") from None
        except jwt.InvalidAudienceError:
            raise self._invalid("it is for another audience") from None
        except jwt.InvalidIssuerError:
            raise self._invalid("another issuer made it") from None
        except jwt.MissingRequiredClaimError as missing:
            raise self._invalid(f"it has no {missing.claim}") from None
        except (jwt.PyJWTError, ValueError, TypeError):
            raise self._invalid("its signature or a claim is not valid") from None
        return claims

    def _invalid(self, reason: str) -> TokenInvalid:
        return TokenInvalid(self.issuer, reason)


def _found(claims: Mapping[str, Any], path: str) -> Any:
    """Return the claim at a path, such as ``realm_access.roles``; a claim whose own name has a dot comes first."""
    if path in claims:
        return claims[path]
    found: Any = claims
    for name in path.split("."):
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


def _texts(value: object) -> list[str]:
    """Return a claim with several names, which may be one text with spaces between them; nothing for none."""
    if value is None:
        return []
    if isinstance(value, str):
        return value.split()
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return value
    raise TypeError("a list of names is expected")
