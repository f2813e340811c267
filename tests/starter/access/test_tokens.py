"""Bearer tokens: a principal for each that the issuer has signed for this service, and a refusal for every other."""

import asyncio
import base64
import hmac
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from domain.principals import Principal, Role
from starter.access import keys as issuer_keys
from starter.access.keys import FileKeys, IssuerKeys, UrlKeys
from starter.access.refusals import AccessNotConfigured, IssuerUnavailable, IssuerWithoutTls, TokenInvalid
from starter.access.settings import AccessSettings
from starter.access.tokens import LONGEST_TOKEN, TokenVerifier
from tests.support.issuer import AUDIENCE, NULL, Issuer, unsigned
from tests.support.ports import free_port


@pytest.fixture
def issuer() -> Issuer:
    return Issuer()


@pytest.fixture
def keys(issuer: Issuer, tmp_path: Path) -> FileKeys:
    """The issuer's keys in a file."""
    file = tmp_path / "keys.json"
    file.write_text(issuer.key_set_text)
    return FileKeys(issuer.issuer, str(file))


@pytest.fixture
def verifier(issuer: Issuer, keys: FileKeys) -> TokenVerifier:
    return verifying(keys, issuer.issuer)


def verifying(keys: IssuerKeys, issuer: str, **changed: Any) -> TokenVerifier:
    return TokenVerifier(issuer=issuer, audience=AUDIENCE, keys=keys, **changed)


async def test_a_token_of_the_issuer_is_a_principal_with_its_known_roles(
    issuer: Issuer, verifier: TokenVerifier
) -> None:
    found = await verifier.principal(issuer.token(roles=["supervisor", "auditor", "president"]))
    assert found == Principal(subject="agent-7", roles=frozenset({Role.SUPERVISOR, Role.AUDITOR}))
    assert (await verifier.principal(issuer.token(roles="supervisor auditor"))).roles == found.roles
    assert (await verifier.principal(issuer.token(roles=None))).roles == frozenset()
    assert (await verifier.principal(issuer.token(aud=["another", AUDIENCE]))).subject == "agent-7"


async def test_a_token_may_be_limited_to_organizations(issuer: Issuer, verifier: TokenVerifier) -> None:
    limited = await verifier.principal(issuer.token(organizations=["ORG-1", "ORG-2"]))
    assert limited.organizations == frozenset({"ORG-1", "ORG-2"})
    assert (await verifier.principal(issuer.token(organizations=[]))).organizations == frozenset()
    assert (await verifier.principal(issuer.token())).organizations is None


async def test_claims_are_found_where_an_issuer_puts_them(issuer: Issuer, keys: FileKeys) -> None:
    verifier = verifying(keys, issuer.issuer, roles_claim="realm_access.roles", organizations_claim="a.b")
    claims: dict[str, Any] = {"realm_access": {"roles": ["billing"]}, "a.b": ["ORG-1"]}
    deep = issuer.token(**claims)
    assert await verifier.principal(deep) == Principal(
        subject="agent-7", roles=frozenset({Role.BILLING}), organizations=frozenset({"ORG-1"})
    )
    assert (await verifier.principal(issuer.token(realm_access="none"))).roles == frozenset()


def signed_with_public_key(issuer: Issuer) -> str:
    """A token that whoever knows the public key can make, for a verifier that takes it for a shared secret."""
    public = issuer.keys["one"].public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    signed = unsigned(issuer.claims(), alg="HS256", kid="one").removesuffix(".")
    signature = hmac.digest(public, signed.encode(), "sha256")
    return f"{signed}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def spliced(issuer: Issuer) -> str:
    header, _, signature = issuer.token().split(".")
    return ".".join((header, issuer.token(roles=["admin"]).split(".")[1], signature))


def hour(by: int) -> int:
    return int(time.time()) + by * 3600


INVALID: dict[str, Callable[[Issuer], str]] = {
    "it is no signed JSON Web Token": lambda _: "not.a.token",
    "its algorithm is not one": lambda issuer: unsigned(issuer.claims(), alg="none", kid="one"),
    "the issuer has no such key": lambda issuer: issuer.token(named="two"),
    "its signature or a claim is not valid": lambda issuer: Issuer(issuer.issuer).token(),
    "another issuer made it": lambda issuer: issuer.token(iss="https://evil.example"),
    "it is for another audience": lambda issuer: issuer.token(aud="another"),
    "it has expired": lambda issuer: issuer.token(exp=hour(-1)),
    "it has no exp": lambda issuer: issuer.token(exp=None),
    "it has no sub": lambda issuer: issuer.token(sub=None),
    "it has no iat": lambda issuer: issuer.token(iat=None),
    "it has no aud": lambda issuer: issuer.token(aud=None),
    "its subject is a name of the service's own": lambda issuer: issuer.token(sub="Temporal:agent-7"),
    "its subject must be a name": lambda issuer: issuer.token(sub="ada@acme.example"),
    f"longer than {LONGEST_TOKEN}": lambda issuer: issuer.token(roles=["x" * LONGEST_TOKEN]),
}
FORGED: dict[str, Callable[[Issuer], str]] = {
    "not valid before tomorrow": lambda issuer: issuer.token(nbf=hour(24)),
    "made tomorrow": lambda issuer: issuer.token(iat=hour(24), exp=hour(48)),
    "a name that is too long": lambda issuer: issuer.token(sub="x" * 101),
    "an invisible name": lambda issuer: issuer.token(sub="agent-7\u202e"),
    "no name": lambda issuer: issuer.token(sub=""),
    "a number for a name": lambda issuer: issuer.token(roles=[7]),
    "organizations that are a table": lambda issuer: issuer.token(organizations={"ORG-1": True}),
    "organizations that are null": lambda issuer: issuer.token(organizations=NULL),
    "the public key as a secret": signed_with_public_key,
    "another algorithm than the key's": lambda issuer: unsigned(issuer.claims(), alg="HS256", kid="one"),
    "a signature cut off": lambda issuer: issuer.token().rpartition(".")[0] + ".",
    "claims of another token": spliced,
    "nothing": lambda _: "",
    "a NUL": lambda _: "a\0.b.c",
}


@pytest.mark.parametrize("why", INVALID)
async def test_what_proves_nothing_is_refused_with_the_reason(
    issuer: Issuer, verifier: TokenVerifier, why: str
) -> None:
    token = INVALID[why](issuer)
    with pytest.raises(TokenInvalid, match=why) as refused:
        await verifier.principal(token)
    assert token not in str(refused.value.details)


@pytest.mark.parametrize("how", FORGED)
async def test_no_other_token_is_accepted(issuer: Issuer, verifier: TokenVerifier, how: str) -> None:
    with pytest.raises(TokenInvalid):
        await verifier.principal(FORGED[how](issuer))


async def test_clocks_may_be_a_little_apart(issuer: Issuer, verifier: TokenVerifier) -> None:
    now = int(time.time())
    await verifier.principal(issuer.token(exp=now - 20, iat=now - 300))
    await verifier.principal(issuer.token(iat=now + 20))


async def test_keys_are_found_by_discovery_and_a_rotated_key_counts_when_a_token_names_it(
    issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with issuer.listening() as url:
        verifier = verifying(UrlKeys(url, None), url)
        await verifier.principal(issuer.token())
        old = issuer.token()
        issuer.rotate("two", curve=True)
        with pytest.raises(TokenInvalid, match="no such key"):
            await verifier.principal(issuer.token())  # strangers cannot have the issuer asked all the time
        assert issuer.reads == 2
        monkeypatch.setattr(issuer_keys, "ASK_AGAIN_SECONDS", 0.0)
        assert (await verifier.principal(issuer.token())).subject == "agent-7"
        assert issuer.reads == 4
        with pytest.raises(TokenInvalid, match="no such key"):
            await verifier.principal(old)


async def test_keys_that_are_taken_back_end_though_no_token_names_another(
    issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with issuer.listening() as url:
        verifier = verifying(UrlKeys(url, f"{url}/keys"), url)
        stolen = issuer.token()
        await verifier.principal(stolen)
        issuer.rotate("two")
        monkeypatch.setattr(issuer_keys, "FRESH_SECONDS", 0.0)
        with pytest.raises(TokenInvalid, match="no such key"):
            await verifier.principal(stolen)


async def test_an_issuer_that_is_away_ends_nothing_that_is_known_and_proves_nothing_new(
    issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(IssuerUnavailable, match=nowhere):
        await verifying(UrlKeys(nowhere, None), nowhere).principal(issuer.token())
    with issuer.listening() as url:
        verifier = verifying(UrlKeys(url, f"{url}/keys"), url)
        await verifier.principal(issuer.token())
        monkeypatch.setattr(issuer_keys, "FRESH_SECONDS", 0.0)
        issuer.statuses = [503, 500]
        for _ in range(2):
            await verifier.principal(issuer.token())


async def test_whoever_has_a_known_key_does_not_wait_for_the_issuer(
    issuer: Issuer, keys: FileKeys, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Strangers can have it asked for keys that nobody knows, and it may take its time to answer."""
    verifier = verifying(keys, issuer.issuer)
    await verifier.principal(issuer.token())
    asked, answered = asyncio.Event(), asyncio.Event()

    async def slow() -> dict[str, Any]:
        asked.set()
        await answered.wait()
        return issuer.key_set

    monkeypatch.setattr(keys, "_read", slow)
    monkeypatch.setattr(issuer_keys, "ASK_AGAIN_SECONDS", 0.0)
    stranger = asyncio.create_task(verifier.principal(issuer.token(named="two")))
    await asked.wait()
    assert (await verifier.principal(issuer.token())).subject == "agent-7"
    monkeypatch.setattr(issuer_keys, "FRESH_SECONDS", 0.0)
    assert (await verifier.principal(issuer.token())).subject == "agent-7"
    answered.set()
    with pytest.raises(TokenInvalid, match="no such key"):
        await stranger


async def test_a_discovery_document_of_another_issuer_is_not_followed(issuer: Issuer) -> None:
    with issuer.listening() as url:
        token = issuer.token()
        issuer.issuer = "https://evil.example"
        with pytest.raises(IssuerUnavailable):
            await verifying(UrlKeys(url, None), url).principal(token)


def test_keys_come_by_tls_or_from_this_machine() -> None:
    assert AccessSettings(issuer="https://issuer.example").verifier().issuer == "https://issuer.example"
    assert AccessSettings(issuer="http://127.0.0.1:8080/realms/acme").verifier().issuer
    for issuer, url in (("http://issuer.example", None), ("https://a.example", "http://127.0.0.1.evil.example/")):
        with pytest.raises(IssuerWithoutTls):
            AccessSettings(issuer=issuer, keys=url)
    with pytest.raises(AccessNotConfigured):
        AccessSettings().verifier()
