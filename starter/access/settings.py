"""The settings of access: whose tokens are accepted, and where their claims are."""

from typing import Self

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from starter.access.keys import FileKeys, IssuerKeys, UrlKeys
from starter.access.refusals import AccessNotConfigured, IssuerWithoutTls
from starter.access.tokens import TokenVerifier


class AccessSettings(BaseSettings):
    """The issuer of the tokens that are accepted.

    ``OFFRAMP_OIDC_ISSUER``: its URL, exactly as its tokens name it.
    ``OFFRAMP_OIDC_AUDIENCE``: the audience that a token must be for; by default ``offramp``.
    ``OFFRAMP_OIDC_KEYS``: the URL of its keys (JWKS), or a file with them; by default the issuer's discovery says where they are.
    ``OFFRAMP_OIDC_ROLES_CLAIM`` and ``OFFRAMP_OIDC_ORGANIZATIONS_CLAIM``: the claims with the roles and, for a token that is
    limited to some, the organizations; a dot leads into a claim, as in ``realm_access.roles``.
    ``OFFRAMP_OIDC_CLOCK_SKEW_SECONDS``: how far the clocks of issuer and service may be apart; by default 30.

    Raises IssuerWithoutTls, but for addresses of this machine.
    """

    model_config = SettingsConfigDict(env_prefix="OFFRAMP_OIDC_", env_ignore_empty=True)

    issuer: str | None = None
    audience: str = "offramp"
    keys: str | None = None
    roles_claim: str = "roles"
    organizations_claim: str = "organizations"
    clock_skew_seconds: int = Field(default=30, ge=0, le=300)

    @model_validator(mode="after")
    def _reachable_safely(self) -> Self:
        for url in filter(None, (self.issuer, self.keys)):
            if url.startswith("http://") and not url.startswith(("http://127.0.0.1:", "http://localhost:")):
                raise IssuerWithoutTls(url)
        return self

    def verifier(self, audience: str | None = None) -> TokenVerifier:
        """Return the verifier of tokens for an audience, or for the configured one. Raises AccessNotConfigured."""
        if self.issuer is None:
            raise AccessNotConfigured
        keys: IssuerKeys
        if self.keys is not None and not self.keys.startswith(("http://", "https://")):
            keys = FileKeys(self.issuer, self.keys)
        else:
            keys = UrlKeys(self.issuer, self.keys)
        return TokenVerifier(
            issuer=self.issuer,
            audience=audience or self.audience,
            keys=keys,
            roles_claim=self.roles_claim,
            organizations_claim=self.organizations_claim,
            clock_skew=self.clock_skew_seconds,
        )
