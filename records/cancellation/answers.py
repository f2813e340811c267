"""The answers to the checklist of a cancellation, and the facts against which it checks them."""

from collections.abc import Mapping
from datetime import date

from sqlalchemy import exists, func, select, true
from sqlalchemy.orm import Session

from contract.steps import Step
from domain.cancellation.checklist import IDENTITY_CHECKS, CaseFacts, Checklist
from domain.cancellation.identity import Identity, is_sealed
from domain.cancellation.lifecycle import ChecklistClosed
from domain.lines.quote import Quote
from domain.marketing import CampaignAction
from domain.vocabulary import Question, Stage
from records import audit
from records.cancellation.goodwill_askers import note_asker
from records.cancellation.locked_case import LockedCase, lock_case, organization_of
from records.cancellation.quotes import current_quote, requote
from records.marketing.campaigns import check_actions
from records.transaction import Transaction
from storage.tables import (
    CancellationRow,
    ChecklistAnswerRow,
    MarketingServiceRow,
    OrganizationRow,
    SubscriptionLineRow,
    SubscriptionRow,
)


def give_answers(
    transaction: Transaction,
    step: Step,
    checklist: Checklist,
    *,
    answered: set[Question],
    campaign_actions: Mapping[str, CampaignAction],
) -> Quote:
    """Record answers to the checklist of a case, and return what they now mean for its lines; once per step, beside those that are recorded already.

    ``checklist`` has the answers as its caller knows them; the record may have more. An equal answer is accepted again.

    Raises:
        CancellationEnded, ChecklistClosed, QuestionAlreadyAnswered: by the record; and what `save_answers` raises.

    """
    case = lock_case(transaction, step.cancellation)
    if audit.after_of(transaction.session, f"{step.key}:answers") is not None:
        return current_quote(transaction.session, case.row)
    refuse_after_intake(case)
    known = checklist.model_copy(update={"answers": _answers_of(transaction.session, case)})
    given = _unsealed(case, known.answers, {question: checklist.answers[question] for question in answered})
    merged = known.with_answers(given)
    new = {question for question in answered if question not in known.answers}
    save_answers(transaction, case.row, merged, answered=new, step=step, campaign_actions=campaign_actions)
    if Question.TERMINATION_DATE in new:
        note_asker(case.row, step.actor)  # who says until when, says what a goodwill covers, whoever asks for it when
    return requote(transaction.session, case.row)


def _unsealed(case: LockedCase, known: Mapping[Question, str], given: Mapping[Question, str]) -> dict[Question, str]:
    """Return answers as they are kept: the workflow knows the identity on record by its digest alone.

    The digest of a record that an import has replaced since is kept as it is: what a reversal gives can be held against it.
    """
    record, answers = _identity_of(case.organization), dict(given)
    for question, answer in given.items():
        if question in IDENTITY_CHECKS and is_sealed(answer):
            plain = known.get(question) or getattr(record, question.value)
            if IDENTITY_CHECKS[question](plain, answer):
                answers[question] = plain
    return answers


def refuse_after_intake(case: LockedCase) -> None:
    """Raise CancellationEnded or ChecklistClosed if the case is past its intake."""
    case.refuse_if_ended()
    if case.stage is not Stage.INTAKE:
        raise ChecklistClosed(case.row.id, case.stage)


def save_answers(
    transaction: Transaction,
    case: CancellationRow,
    checklist: Checklist,
    *,
    answered: set[Question],
    step: Step,
    campaign_actions: Mapping[str, CampaignAction] | None = None,
) -> None:
    """Record answers that the checklist has accepted, each with its actor and time.

    Raises:
        CampaignActionWithoutStop, CampaignUnknown, CampaignDeleted: of ``campaign_actions``, the way in which each
            campaign is to be stopped.

    """
    session = transaction.session
    actions = _campaign_actions(session, case, checklist, campaign_actions)
    for question in sorted(answered):
        session.add(
            ChecklistAnswerRow(
                cancellation=case.id,
                question=question.value,
                answer=checklist.answers[question],
                answered_by=step.actor,
                answered_at=step.dated,
            )
        )
    _take_answers(case, checklist, answered)
    if answered or actions:
        audit.record_step(
            transaction,
            "checklist.answered",
            step,
            "answers",
            after={question.value: _shown(question, checklist) for question in sorted(answered)}
            | ({"campaign_actions": case.campaign_actions} if actions else {}),
        )


def replace_answers(
    transaction: Transaction,
    case: CancellationRow,
    checklist: Checklist,
    *,
    answered: set[Question],
    step: Step,
    campaign_actions: Mapping[str, CampaignAction],
) -> None:
    """Record answers instead of earlier ones; whoever corrects the case audits that. Raises like `save_answers`."""
    _campaign_actions(transaction.session, case, checklist, campaign_actions)
    for question in answered:
        transaction.session.merge(
            ChecklistAnswerRow(
                cancellation=case.id,
                question=question.value,
                answer=checklist.answers[question],
                answered_by=step.actor,
                answered_at=step.dated,
            )
        )
    _take_answers(case, checklist, answered)
    transaction.session.flush()


def _campaign_actions(
    session: Session,
    case: CancellationRow,
    checklist: Checklist,
    given: Mapping[str, CampaignAction] | None,
) -> dict[str, CampaignAction]:
    """Add the ways of stopping campaigns that were given to those of the case, and return them."""
    actions = dict(given or {})
    if actions:
        subscription = session.get_one(SubscriptionRow, case.subscription)
        check_actions(session, subscription.organization, actions, checklist)
        case.campaign_actions = {
            **(case.campaign_actions or {}),
            **{key: actions[key].value for key in sorted(actions)},
        }
    return actions


def _take_answers(case: CancellationRow, checklist: Checklist, answered: set[Question]) -> None:
    """Take the answers over into the case itself."""
    if Question.TERMINATION_DATE in answered:
        case.termination = checklist.termination.value
        # The day of receipt stands for the end of the term until that is quoted.
        case.termination_date = checklist.termination_date or case.received_on
    if not checklist.facts.single_line:
        case.data = checklist.data
        case.campaigns = checklist.campaigns


def facts_of(
    session: Session, organization: OrganizationRow, subscription: str, *, line: str | None = None
) -> CaseFacts:
    """Return the facts against which the checklist checks answers; ``line`` is the one that ends alone, if one does."""
    row = SubscriptionLineRow
    terms_end_on, has_marketing_service = session.execute(
        select(
            select(func.max(func.greatest(row.term_until, row.end_date)))
            .where(row.subscription == subscription, row.closed.is_(False), true() if line is None else row.id == line)
            .scalar_subquery(),
            exists().where(
                MarketingServiceRow.organization == organization.id,
                MarketingServiceRow.canceled_sign_up.is_distinct_from(MarketingServiceRow.sign_up),
            ),
        )
    ).one()
    return facts_about(organization, terms_end_on, has_marketing_service=has_marketing_service, line=line)


def facts_about(
    organization: OrganizationRow, terms_end_on: date | None, *, has_marketing_service: bool, line: str | None = None
) -> CaseFacts:
    """Return the same facts for somebody who has read what they are made of."""
    return CaseFacts(
        identity=_identity_of(organization),
        time_zone=organization.time_zone,
        purpose=organization.purpose,
        has_marketing_service=has_marketing_service,
        terms_end_on=terms_end_on,
        single_line=line is not None,
        has_data=line is None and organization.data_schema is not None,
    )


def checklist_of(session: Session, case: LockedCase) -> Checklist:
    """Return the checklist of a case with its answers so far.

    A marketing service that was cancelled since the case was opened stays a question that was answered; so does an identity
    that an import has changed since: it is that of the cancellation.
    """
    answers = _answers_of(session, case)
    facts = facts_of(session, case.organization, case.subscription.id, line=case.row.subscription_line)
    had_marketing_service = facts.has_marketing_service or Question.CAMPAIGNS in answers
    given = {question.value: answers[question] for question in IDENTITY_CHECKS if question in answers}
    identity = facts.identity.model_copy(update=given)
    return Checklist(
        facts=facts.model_copy(
            update={"has_marketing_service": had_marketing_service, "identity": identity, "time_zone": case.zone}
        ),
        answers=answers,
        verification=case.row.verified_by,
    )


def identity_on_record(session: Session, cancellation: str) -> Identity:
    """Return the identity of a case's organization as it is on record now, as the workflow of the case gets it."""
    row = session.get_one(CancellationRow, cancellation)
    return _identity_of(organization_of(session, row)).sealed(row.id)


def _identity_of(organization: OrganizationRow) -> Identity:
    return Identity(
        billing_administrator=organization.billing_administrator,
        organization_url=organization.url,
        organization_name=organization.unique_name,
    )


def _answers_of(session: Session, case: LockedCase) -> dict[Question, str]:
    rows = session.scalars(select(ChecklistAnswerRow).where(ChecklistAnswerRow.cancellation == case.row.id))
    return {Question(row.question): row.answer for row in rows}


def _shown(question: Question, checklist: Checklist) -> str:
    hidden = question is Question.BILLING_ADMINISTRATOR or is_sealed(checklist.answers[question])
    return "as on record" if hidden else checklist.answers[question]
