"""The actions on the cancellation of a marketing service alone."""

from collections.abc import Iterator

import contract
from contract import MarketingCancellationStatus, StartMarketingCancellation
from domain.marketing import MarketingStage
from domain.permissions import Operation, SubjectKind
from starter.console.actions.action import Action, Asked, Offer
from starter.console.forms import RECEIPT, Field

_O = Operation
_BASIS = Field("attestation", "How you know that its administrator asks", "textarea", required=False)


def offers(organization: str, status: MarketingCancellationStatus | None) -> Iterator[Offer]:
    """Yield what can be done about the marketing service of an organization; ``status`` is that of its newest case."""
    if status is None or status.stage.is_final:
        fields = [
            Field("administrator", "Its own billing administrator", "email", help="The address on record."),
            _BASIS,
            Field("reason", "Reason for leaving, in their words", "textarea", required=False),
            *RECEIPT,
        ]
        title = "Cancel the marketing service alone"
        yield Offer(_O.CANCEL_MARKETING_SERVICE, title, "Start", fields, subject=organization)
        return
    case = status.cancellation
    if status.stage is MarketingStage.INTAKE and not status.verified:
        yield Offer(_O.SEND_MARKETING_CODE, "Mail a one-time code", "Mail a code", case=case, subject=organization)
        yield Offer(
            _O.VERIFY_MARKETING_CODE,
            "Enter the one-time code",
            "Verify",
            [Field("code", "Code")],
            case=case,
            subject=organization,
        )
        basis = Field("reason", "How you know that its administrator asks", "textarea")
        yield Offer(_O.ATTEST_MARKETING, "Attest who is asking", "Attest", [basis], case=case, subject=organization)
    for campaign in status.campaigns_outstanding:
        title = f"Campaign {campaign} is stopped"
        yield Offer(_O.ACKNOWLEDGE_STOP, title, "Acknowledge", subject=campaign, part=campaign)


async def _cancel(asked: Asked) -> None:
    given = asked.given
    attested = given.optional("attestation")
    with contract.refusing_malformed():
        start = StartMarketingCancellation.model_validate(
            {
                "organization": asked.subject,
                "administrator": given.text("administrator"),
                "attestation": {"reason": attested} if attested else None,
                "reason": given.optional("reason"),
                **asked.once,
            }
        )
    await asked.service.marketing.cancel(start, receipt=given.receipt())


async def _send_code(asked: Asked) -> None:
    await asked.service.marketing.send_code(asked.subject, **asked.of_case)


async def _verify_code(asked: Asked) -> None:
    await asked.service.marketing.verify_code(asked.subject, asked.given.text("code"), **asked.of_case)


async def _attest(asked: Asked) -> None:
    await asked.service.marketing.attest(asked.subject, reason=asked.given.text("reason"), **asked.of_case)


ACTIONS = [
    Action(_O.CANCEL_MARKETING_SERVICE, SubjectKind.ORGANIZATION, _cancel),
    Action(_O.SEND_MARKETING_CODE, SubjectKind.ORGANIZATION, _send_code),
    Action(_O.VERIFY_MARKETING_CODE, SubjectKind.ORGANIZATION, _verify_code),
    Action(_O.ATTEST_MARKETING, SubjectKind.ORGANIZATION, _attest),
]
