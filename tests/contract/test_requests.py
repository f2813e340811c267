"""The digest of a request: the same for every repetition, another for other content."""

from datetime import UTC, datetime
from typing import Any

import pytest

import contract
from domain.cancellation.identity import Identity

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
IDENTITY = Identity(
    billing_administrator="ann@example.com",
    organization_url="https://contoso.example.com",
    organization_name="contoso",
)
REVERSAL = contract.RequestReversal(actor="agent-7", identity=IDENTITY)
EXPORT = contract.AcknowledgeExport(actor="agent-7", export="SUB-1/1")


@pytest.mark.parametrize(
    ("message", "differs"),
    [
        (REVERSAL, {"sent_at": NOW, "requested_at": NOW, "cancellation": "SUB-1/1"}),
        (EXPORT, {"export": "SUB-1/2", "sent_at": NOW}),
        (contract.StartCancellation(actor="crm", subscription="SUB-1"), {"request_id": "7", "sent_at": NOW}),
    ],
)
def test_instants_ids_and_cases_are_no_content(message: contract.Request, differs: dict[str, Any]) -> None:
    assert contract.digest_of("it", message.model_copy(update=differs)) == contract.digest_of("it", message)


@pytest.mark.parametrize(
    ("message", "differs"),
    [
        (REVERSAL, {"reason": "they found the budget"}),
        (REVERSAL, {"actor": "agent-8"}),
        (REVERSAL, {"identity": IDENTITY.model_copy(update={"organization_name": "fabrikam"})}),
        (contract.VerifyCode(actor="agent-7", code="123456"), {"code": "123457"}),
    ],
)
def test_everything_else_is_content(message: contract.Request, differs: dict[str, Any]) -> None:
    assert contract.digest_of("it", message.model_copy(update=differs)) != contract.digest_of("it", message)
    assert contract.digest_of("another", message) != contract.digest_of("it", message)


def test_a_new_optional_field_changes_no_digest() -> None:
    class Grown(contract.Withdraw):
        remark: str | None = None

    before = contract.Withdraw(actor="crm", reason="stays")
    assert contract.digest_of("withdraw", Grown(actor="crm", reason="stays")) == contract.digest_of("withdraw", before)


def test_a_digest_never_changes() -> None:
    """It is kept for ever: a change here would refuse every repetition of what was asked before."""
    known = "66cd0f9c04c0273c9b552fe10ff02f4f98e999b2177ff071199c45fc9d1cfe09"
    message = contract.Withdraw(actor="crm", reason="the customer stays")
    assert contract.digest_of("withdraw", message) == known


@pytest.mark.parametrize(
    ("message", "named"),
    [(REVERSAL, None), (REVERSAL.model_copy(update={"cancellation": "SUB-1/2"}), "SUB-1/2"), (EXPORT, "SUB-1/1")],
)
def test_a_request_names_its_case(message: contract.Request, named: str | None) -> None:
    assert contract.named_case(message) == named
