"""Refusals of callers that are not known to be who they say they are."""

from domain.refusals import Refusal
from domain.remedies import Remedy, RemedyKind


class TokenMissing(Refusal):
    """A request without a bearer token."""

    code = "token_missing"

    def __init__(self, issuer: str) -> None:
        super().__init__(
            "The request has no bearer token.", remedy=Remedy.of(RemedyKind.SEND_TOKEN, issuer=issuer), issuer=issuer
        )


class TokenInvalid(Refusal):
    """A bearer token that proves nothing: it is malformed, has expired, or comes from elsewhere."""

    code = "token_invalid"

    def __init__(self, issuer: str, reason: str) -> None:
        super().__init__(
            f"The bearer token is not accepted: {reason}.",
            remedy=Remedy.of(RemedyKind.SEND_TOKEN, issuer=issuer),
            issuer=issuer,
            reason=reason,
        )


class IssuerUnavailable(Refusal):
    """An issuer whose keys cannot be read, so that no token can be verified."""

    code = "issuer_unavailable"

    def __init__(self, issuer: str) -> None:
        super().__init__(
            f"The keys of the issuer {issuer} cannot be read, so that no token can be verified.",
            remedy=Remedy.of(RemedyKind.RETRY_WHEN, when="the issuer answers"),
            issuer=issuer,
        )


class AccessNotConfigured(Refusal):
    """A door with principals that was started without an issuer."""

    code = "access_not_configured"

    def __init__(self) -> None:
        super().__init__(
            "No issuer of tokens is configured.",
            remedy=Remedy.of(
                RemedyKind.CONFIGURE,
                variable="OFFRAMP_OIDC_ISSUER",
                expected="the URL of the OpenID Connect issuer, exactly as its tokens name it",
            ),
        )


class IssuerWithoutTls(Refusal):
    """An address of keys without TLS, so that anybody on the way could put keys of their own there."""

    code = "issuer_without_tls"

    def __init__(self, url: str) -> None:
        super().__init__(
            f"The keys at {url} would come without TLS, and could be anybody's.",
            remedy=Remedy.of(
                RemedyKind.CONFIGURE,
                variable="OFFRAMP_OIDC_ISSUER",
                expected="an https URL, as OFFRAMP_OIDC_KEYS too, if that is a URL",
            ),
            url=url,
        )
