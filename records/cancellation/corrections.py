"""The correction of a running cancellation: other wishes, quoted anew, and promised again (rules, section 8)."""

from typing import Any

from contract.steps import CaseCorrection
from domain.cancellation.checklist import Checklist
from domain.cancellation.corrections import CampaignsAlreadyStopped, check_correction
from domain.cancellation.single_lines import SubscriptionBeingCancelled
from domain.civil_time import day_of
from domain.lines.quote import Quote
from domain.vocabulary import CampaignChoice, Event, Question, Stage
from records import audit, cases, limits
from records.cancellation.answers import checklist_of, replace_answers
from records.cancellation.goodwill_askers import note_asker
from records.cancellation.locked_case import LockedCase, lock_case
from records.cancellation.notices import last_promised, notify
from records.cancellation.quotes import current_quote, requote
from records.cancellation.single_lines import whole_settled
from records.cancellation.transitions import take_back_ends
from records.cancellation.version import refuse_other_version
from records.marketing.stops import stop_of
from records.transaction import Transaction


def correct_case(transaction: Transaction, correction: CaseCorrection) -> Quote:
    """Record other wishes of the customer, once per step; return what the case now means for its lines.

    The day of receipt stays. A case whose dates are fixed goes back to its preparation, with its lines as they were. Another
    wish voids the approval of a goodwill. Wishes that are the present ones change nothing, whatever stage the case is at.

    Raises:
        CancellationEnded, CorrectionTooLate, CaseChangedSince, CampaignsAlreadyStopped, SubscriptionBeingCancelled (of a line whose subscription is
            cancelled, and takes it along once the case is withdrawn), and the refusals of `Checklist.corrected` and of
            ``campaign_actions`` (`save_answers`).

    """
    session, step = transaction.session, correction.step
    case = lock_case(transaction, step.cancellation)
    row = case.row
    if audit.after_of(session, f"{step.key}:corrected") is not None:
        return Quote.model_validate(row.quote)
    check_correction(row.id, case.stage)
    refuse_other_version(session, row, correction.expects)
    before = checklist_of(session, case)
    now = before.corrected(correction.answers, today=day_of(step.dated, case.zone))
    _check_campaigns(transaction, case, before, now)
    changed = {question for question, answer in now.answers.items() if before.answers.get(question) != answer}
    goodwill_reason = None if correction.without_goodwill else correction.goodwill_reason or row.goodwill_reason
    if not changed and goodwill_reason == row.goodwill_reason and not correction.campaign_actions:
        return current_quote(session, row)
    if (whole := whole_settled(session, case)) is not None:
        raise SubscriptionBeingCancelled(str(row.subscription_line), row.subscription, whole.id)
    promised = last_promised(session, case)
    said = {"before": _said(before, changed), "after": _said(now, changed)}
    if goodwill_reason != row.goodwill_reason:
        said["before"]["goodwill_reason"], said["after"]["goodwill_reason"] = row.goodwill_reason, goodwill_reason
    replace_answers(transaction, row, now, answered=changed, step=step, campaign_actions=correction.campaign_actions)
    row.goodwill_reason, row.goodwill_approved_by, row.goodwill_quote = goodwill_reason, None, None
    note_asker(row, step.actor)
    row.corrections += 1
    _take_back(transaction, correction, case, other_work=bool(changed - {Question.TERMINATION_DATE}))
    audit.record_step(
        transaction,
        f"{cases.audited_as(step)}.corrected",
        step,
        "corrected",
        before=said["before"],
        after=said["after"],
    )
    quote = requote(session, row)
    occasion = f"{Event.RESCHEDULED}/{row.corrections}"
    mailing = limits.with_room_for_mail(transaction, case, step)
    notify(mailing, case, Event.RESCHEDULED, step, occasion=occasion, promised_before=promised)
    return quote


def _take_back(transaction: Transaction, correction: CaseCorrection, case: LockedCase, *, other_work: bool) -> None:
    """Take a case back to its preparation where its dates are fixed, or where something else is to be prepared."""
    if case.stage is Stage.SCHEDULED:
        take_back_ends(transaction, case, correction.step)
    elif case.stage is Stage.PREPARING and other_work:
        case.row.restarts += 1


def _check_campaigns(transaction: Transaction, case: LockedCase, before: Checklist, now: Checklist) -> None:
    if before.campaigns is not CampaignChoice.STOP or now.campaigns is CampaignChoice.STOP:
        return
    if stop_of(transaction.session, case.row.id).requested:
        raise CampaignsAlreadyStopped(case.row.id)


def _said(checklist: Checklist, changed: set[Question]) -> dict[str, Any]:
    return {question.value: checklist.answers.get(question) for question in sorted(changed)}
