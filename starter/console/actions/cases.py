"""The actions on a cancellation of a subscription or a line: those that the stage of the case admits."""

from collections.abc import Iterator, Mapping
from typing import Any

import contract
from contract import CancellationStatus, LineCancellationStatus, StartCancellation, StartLineCancellation
from domain.cancellation.identity import Identity
from domain.cancellation.lifecycle import InputMalformed
from domain.cases import CaseKind, CaseRef
from domain.permissions import Operation, SubjectKind
from domain.vocabulary import CampaignChoice, DataChoice, Question, Stage, Termination
from starter.console.actions.action import Action, Asked, Offer
from starter.console.forms import REASON, RECEIPT, Field, Given, choices
from starter.console.paths import case_path
from starter.service.cancellation import CancellationClient
from starter.service.line_cancellations import LineCancellationClient

Status = CancellationStatus | LineCancellationStatus

_O = Operation
OF_LINE: Mapping[Operation, Operation] = {
    _O.START_CANCELLATION: _O.START_LINE_CANCELLATION,
    _O.ANSWER: _O.ANSWER_LINE,
    _O.SEND_CODE: _O.SEND_LINE_CODE,
    _O.VERIFY_CODE: _O.VERIFY_LINE_CODE,
    _O.ATTEST: _O.ATTEST_LINE,
    _O.CORRECT: _O.CORRECT_LINE,
    _O.WITHDRAW: _O.WITHDRAW_LINE,
    _O.REVERSE: _O.REVERSE_LINE,
    _O.APPROVE: _O.APPROVE_LINE,
}
"""Each operation on a whole subscription, and the same on a line alone."""

WISH = (
    Field(
        "termination",
        "Access ends",
        "select",
        required=False,
        options=[
            ("", "as it is"),
            (Termination.ON_DATE.value, "on the day below"),
            (Termination.NOW.value, "now, at once"),
            (Termination.END_OF_TERM.value, "with the end of the term"),
        ],
    ),
    Field("termination_date", "Last day of access", "date", required=False),
)
_TEXTS = {
    Question.BILLING_ADMINISTRATOR: ("Billing administrator", "The address that the customer names."),
    Question.ORGANIZATION_URL: ("Organization's URL", ""),
    Question.ORGANIZATION_NAME: ("Organization's unique name", ""),
}
_CHOICES = {
    Question.DATA: Field(
        "data", "Keep the data", "select", required=False, options=choices(DataChoice, empty="as it is")
    ),
    Question.CAMPAIGNS: Field(
        "campaigns", "Campaigns", "select", required=False, options=choices(CampaignChoice, empty="as it is")
    ),
}
IDENTITY = [Field(question.value, label, help=help_) for question, (label, help_) in _TEXTS.items()]


def offers(status: Status, *, shows_goodwill: str) -> Iterator[Offer]:
    """Yield what can be done to a case as it stands; ``shows_goodwill`` is what its goodwill would do, in words."""
    is_line = isinstance(status, LineCancellationStatus)
    case = status.cancellation

    def of(operation: Operation, title: str, button: str, fields: list[Field], **more: object) -> Offer:
        named = OF_LINE[operation] if is_line else operation
        return Offer(named, title, button, fields, case=case, **more)  # type: ignore[arg-type]

    if status.proposal is not None and not status.stage.is_final:
        digest = Field("proposal", "", "hidden", value=status.proposal.digest)
        yield of(_O.APPROVE, "Approve the goodwill", "Approve", [REASON, digest], note=shows_goodwill)
    if status.stage is Stage.INTAKE:
        if status.open_questions:
            yield of(_O.ANSWER, "Answer the checklist", "Save the answers", _questions(status, is_line=is_line))
        if not status.verified:
            yield of(_O.SEND_CODE, "Mail a one-time code", "Mail a code", [], note="It goes to the address on record.")
            yield of(_O.VERIFY_CODE, "Enter the one-time code", "Verify", [Field("code", "Code")])
            basis = Field("reason", "How you know that the billing administrator asks", "textarea")
            yield of(_O.ATTEST, "Attest who is asking", "Attest", [basis])
    if status.stage is Stage.CANCELED:
        fields = [*IDENTITY, Field("reason", "Reason", "textarea", required=False), *RECEIPT]
        yield of(_O.REVERSE, "Reverse the cancellation", "Reverse", fields)
    if status.stage.before_effect:
        yield of(_O.CORRECT, "Correct the request", "Correct", _correction(status, is_line=is_line))
        yield of(_O.WITHDRAW, "Withdraw the cancellation", "Withdraw", [REASON, *RECEIPT], careful=True)


def start_offer(subscription: str, line: str | None, wish: str, goodwill: bool) -> Offer:
    """Return the offer to start a cancellation with the wish of a quote."""
    operation = _O.START_LINE_CANCELLATION if line else _O.START_CANCELLATION
    fields = [
        Field("wish", "", "hidden", value=wish),
        *(Field(one.name, one.label, required=False, help=one.help) for one in IDENTITY),
        *([] if line else [_CHOICES[Question.DATA], _CHOICES[Question.CAMPAIGNS]]),
        Field("attestation", "How you know that the billing administrator asks", "textarea", required=False),
        *([Field("goodwill", "Why the notice deadline should be ignored", "textarea")] if goodwill else []),
        Field("reason", "Reason for leaving, in the customer's words", "textarea", required=False),
        Field("reason_code", "Reason code of the policy", required=False),
        *RECEIPT,
    ]
    title = f"Start the cancellation of {'line ' + line if line else subscription}"
    return Offer(operation, title, "Start", fields, subject=line or subscription)


def _questions(status: Status, *, is_line: bool) -> list[Field]:
    found: list[Field] = []
    for question in status.open_questions:
        if question in _TEXTS:
            label, help_ = _TEXTS[question]
            found.append(Field(question.value, label, required=False, help=help_))
        elif question is Question.TERMINATION_DATE:
            found.extend(WISH)
        elif not is_line:
            found.append(_CHOICES[question])
    return found


def _correction(status: Status, *, is_line: bool) -> list[Field]:
    found = [*WISH, *([] if is_line else _CHOICES.values())]
    found.append(Field("goodwill", "Ask for goodwill, because", required=False, help="A second person decides on it."))
    found.append(Field("without_goodwill", "Give the goodwill up", "checkbox", required=False))
    return [*found, Field("expects", "", "hidden", value=status.version), REASON]


def _client(asked: Asked) -> CancellationClient | LineCancellationClient:
    is_line = asked.case is not None and CaseRef.parse(asked.case).kind is CaseKind.SUBSCRIPTION_LINE
    return asked.service.line_cancellations if is_line else asked.service.cancellations


def answers_of(given: Given) -> dict[str, str]:
    """Return the answers that a form has, as the checklist takes them. Raises InputMalformed."""
    names = [*(question.value for question in _TEXTS), *(field.name for field in _CHOICES.values())]
    found = {name: text for name in names if (text := given.optional(name))}
    way, day = given.choice("termination", Termination), given.day("termination_date")
    if way is Termination.ON_DATE and day is None:
        raise InputMalformed(["termination date: it is needed for an end on a day"])
    of_day = day.isoformat() if day else given.optional("wish")
    wish = of_day if way in (None, Termination.ON_DATE) else way
    return found | ({Question.TERMINATION_DATE.value: wish} if wish else {})


async def _start(asked: Asked) -> str:
    with contract.refusing_malformed():
        start = StartCancellation.model_validate({"subscription": asked.subject, **_start_fields(asked)})
    status = await asked.service.cancellations.start(start, receipt=asked.given.receipt())
    return case_path(status.cancellation)


async def _start_line(asked: Asked) -> str:
    with contract.refusing_malformed():
        start = StartLineCancellation.model_validate({"subscription_line": asked.subject, **_start_fields(asked)})
    status = await asked.service.line_cancellations.start(start, receipt=asked.given.receipt())
    return case_path(status.cancellation)


def _start_fields(asked: Asked) -> dict[str, Any]:
    given = asked.given
    attested, goodwill = given.optional("attestation"), given.optional("goodwill")
    return {
        "answers": answers_of(asked.given),
        "attestation": {"reason": attested} if attested else None,
        "goodwill": {"reason": goodwill} if goodwill else None,
        "reason": given.optional("reason"),
        "reason_code": given.optional("reason_code"),
        **asked.once,
    }


async def _answer(asked: Asked) -> None:
    await _client(asked).answer(asked.subject, answers_of(asked.given), **asked.of_case)


async def _send_code(asked: Asked) -> None:
    await _client(asked).send_code(asked.subject, **asked.of_case)


async def _verify_code(asked: Asked) -> None:
    await _client(asked).verify_code(asked.subject, asked.given.text("code"), **asked.of_case)


async def _attest(asked: Asked) -> None:
    await _client(asked).attest(asked.subject, reason=asked.given.text("reason"), **asked.of_case)


async def _approve(asked: Asked) -> None:
    given = asked.given
    await _client(asked).approve(
        asked.subject, reason=given.text("reason"), proposal=given.optional("proposal"), **asked.of_case
    )


async def _correct(asked: Asked) -> None:
    given = asked.given
    await _client(asked).correct(
        asked.subject,
        reason=given.text("reason"),
        answers=answers_of(asked.given),
        goodwill=given.optional("goodwill"),
        without_goodwill=given.is_set("without_goodwill"),
        expects=given.optional("expects"),
        **asked.of_case,
    )


async def _withdraw(asked: Asked) -> None:
    given = asked.given
    await _client(asked).withdraw(asked.subject, reason=given.text("reason"), receipt=given.receipt(), **asked.of_case)


async def _reverse(asked: Asked) -> None:
    given = asked.given
    identity = Identity(**{question.value: given.text(question.value) for question in _TEXTS})
    await _client(asked).reverse(
        asked.subject, identity, reason=given.optional("reason"), receipt=given.receipt(), **asked.of_case
    )


_PERFORMED = {
    _O.ANSWER: _answer,
    _O.SEND_CODE: _send_code,
    _O.VERIFY_CODE: _verify_code,
    _O.ATTEST: _attest,
    _O.APPROVE: _approve,
    _O.CORRECT: _correct,
    _O.WITHDRAW: _withdraw,
    _O.REVERSE: _reverse,
}
ACTIONS = [
    Action(_O.START_CANCELLATION, SubjectKind.SUBSCRIPTION, _start),
    Action(_O.START_LINE_CANCELLATION, SubjectKind.LINE, _start_line),
    *(Action(operation, SubjectKind.SUBSCRIPTION, perform) for operation, perform in _PERFORMED.items()),
    *(Action(OF_LINE[operation], SubjectKind.LINE, perform) for operation, perform in _PERFORMED.items()),
]
