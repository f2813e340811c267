"""Activities on the records of cancellations: each is one transaction in PostgreSQL; run again, it changes nothing."""

from temporalio import activity

from activities.common.records import OnRecords, recorded
from activities.common.registration import Registered
from contract import WorkQueue
from contract.steps import (
    AnswersGiven,
    Approval,
    Attested,
    BillingLooked,
    CaseCorrection,
    FirstAnswer,
    IdentityRead,
    Opened,
    OpenRequest,
    Quoted,
    Recorded,
    RefusedRequest,
    Reminder,
    Reversal,
    Settled,
    Step,
    TookEffect,
    Undone,
)
from domain.refusals import Refusal
from records import audit, outbox, requests
from records.cancellation import open_billing, transitions
from records.cancellation.answers import give_answers, identity_on_record
from records.cancellation.corrections import correct_case
from records.cancellation.goodwill import approve_goodwill
from records.cancellation.opening import open_case, record_refused_opening
from records.one_time_codes import attest
from records.statuses import recorded_status_of
from records.transaction import Transaction


class Records(OnRecords):
    """The records of cancellations in PostgreSQL."""

    @property
    def registered(self) -> Registered:
        """The activities that a worker runs."""
        return {
            WorkQueue.RECORDS: [
                self.open_case,
                self.save_answers,
                self.save_attestation,
                self.await_approval,
                self.approve_goodwill,
                self.correct_case,
                self.settle_lines,
                self.take_effect,
                self.read_identity,
                self.reverse,
                self.withdraw,
                self.abandon,
                self.close,
                self.remind,
                self.look_at_billing,
                self.remind_billing,
                self.receive_request,
                self.record_refusal,
            ]
        }

    @activity.defn(no_thread_cancel_exception=True)
    def open_case(self, request: OpenRequest) -> Opened:
        """Open a cancellation; a refusal is recorded in the audit trail of the subscription."""
        try:
            with self._transaction() as transaction:
                case = open_case(transaction, request)
                return Opened(case=case, last_message=outbox.last_of(transaction.session, case.cancellation))
        except Refusal as refusal:
            with self._transaction() as transaction:
                record_refused_opening(transaction, request, refusal)
            raise

    @activity.defn(no_thread_cancel_exception=True)
    def save_answers(self, given: AnswersGiven) -> Quoted:
        """Record answers to the checklist."""
        quote, outcome = self._written(
            give_answers,
            given.step,
            given.checklist,
            answered=set(given.answered),
            campaign_actions=given.campaign_actions,
        )
        return Quoted(quote=quote.without_explanations(), **dict(outcome))

    @activity.defn(no_thread_cancel_exception=True)
    def save_attestation(self, attested: Attested) -> Recorded:
        """Record that an agent vouches for the billing administrator."""
        return self._recorded(attest, attested.step, attested.because)

    @activity.defn(no_thread_cancel_exception=True)
    def await_approval(self, step: Step) -> Recorded:
        """Record that the case waits for a second person."""
        return self._recorded(transitions.await_approval, step)

    @activity.defn(no_thread_cancel_exception=True)
    def approve_goodwill(self, approval: Approval) -> Quoted:
        """Record the approver of the goodwill."""
        step = approval.step
        quote, outcome = self._written(
            approve_goodwill, step, approver=step.actor, reason=approval.reason, proposal=approval.proposal
        )
        return Quoted(quote=quote.without_explanations(), **dict(outcome))

    @activity.defn(no_thread_cancel_exception=True)
    def correct_case(self, correction: CaseCorrection) -> Quoted:
        """Record other wishes of the customer."""
        quote, outcome = self._written(lambda transaction, _: correct_case(transaction, correction), correction.step)
        return Quoted(quote=quote.without_explanations(), **dict(outcome))

    @activity.defn(no_thread_cancel_exception=True)
    def settle_lines(self, step: Step) -> Settled:
        """Set the end dates and freeze the lines; ask for the credit memos that the others need first."""
        settlement, outcome = self._written(transitions.settle_lines, step)
        return Settled(settlement=settlement, **dict(outcome))

    @activity.defn(no_thread_cancel_exception=True)
    def take_effect(self, step: Step) -> TookEffect:
        """End access and open the reversal window."""
        effect, outcome = self._written(transitions.take_effect, step)
        return TookEffect(effect=effect, **dict(outcome))

    @activity.defn(no_thread_cancel_exception=True)
    def read_identity(self, step: Step) -> IdentityRead:
        """Read the identity of the case's organization as it is on record now; changes nothing."""
        with self._transaction() as transaction:
            return IdentityRead(identity=identity_on_record(transaction.session, step.cancellation))

    @activity.defn(no_thread_cancel_exception=True)
    def reverse(self, step: Reversal) -> Undone:
        """Restore access and lines."""
        over, outcome = self._written(transitions.reverse, step, identity_on_record_now=step.identity_on_record_now)
        return Undone(taken_over_by=over, **dict(outcome))

    @activity.defn(no_thread_cancel_exception=True)
    def withdraw(self, step: Step) -> Undone:
        """Undo a cancellation that has not taken effect."""
        over, outcome = self._written(transitions.withdraw, step)
        return Undone(taken_over_by=over, **dict(outcome))

    @activity.defn(no_thread_cancel_exception=True)
    def abandon(self, step: Step) -> Recorded:
        """End a case whose checklist or migration was not finished in time."""
        return self._recorded(transitions.abandon, step)

    @activity.defn(no_thread_cancel_exception=True)
    def close(self, step: Step) -> Recorded:
        """End a case whose reversal window is over."""
        return self._recorded(transitions.close, step)

    @activity.defn(no_thread_cancel_exception=True)
    def remind(self, reminder: Reminder) -> Recorded:
        """Record a reminder, once per occasion."""
        return self._recorded(transitions.remind, reminder.step, reminder.event)

    @activity.defn(no_thread_cancel_exception=True)
    def look_at_billing(self, step: Step) -> BillingLooked:
        """End the lines whose credit memos are posted, announce that, and ask for those of newer invoices."""
        billing, outcome = self._written(open_billing.look, step)
        return BillingLooked(billing=billing, **dict(outcome))

    @activity.defn(no_thread_cancel_exception=True)
    def remind_billing(self, reminder: Reminder) -> BillingLooked:
        """Remind billing of outstanding credit memos, or escalate, once per occasion."""
        billing, outcome = self._written(open_billing.remind, reminder.step, reminder.event)
        return BillingLooked(billing=billing, **dict(outcome))

    @activity.defn(no_thread_cancel_exception=True)
    def receive_request(self, step: Step) -> FirstAnswer | None:
        """Keep the request that a step is to answer; return the answer that it had before, if it had one.

        Raises:
            RequestIdReused, RequestOfAnotherCase.

        """
        with self._transaction() as transaction:
            answer = requests.receive(transaction, step)
            return answer and _with_status(transaction, step, answer)

    @activity.defn(no_thread_cancel_exception=True)
    def record_refusal(self, refused: RefusedRequest) -> Recorded | None:
        """Record a refused request, unless the workflow refused it by another record than the present one.

        A request that had another answer before, whatever the record was, is not refused: the outcome has that answer. None
        is in histories of versions that returned nothing.
        """
        with self._transaction() as transaction:
            outcome = recorded(transaction, refused.step)
            answer = requests.other_answer(transaction.session, refused.step, refused.refusal)
            if answer is None and refused.is_outdated(outcome.record):
                return outcome
            answer = answer or requests.refuse(transaction, refused.step, refused.refusal)
            if answer is not None:
                return outcome.model_copy(update={"first": _with_status(transaction, refused.step, answer)})
            audit.record_refusal(
                transaction,
                refused.action.removesuffix(".refused"),
                refused.refusal,
                actor=refused.step.actor,
                at=refused.step.dated,
                step=refused.step.key,
                subscription=refused.subscription,
                cancellation=refused.step.cancellation,
            )
        return outcome


def _with_status(transaction: Transaction, step: Step, answer: FirstAnswer) -> FirstAnswer:
    """Return the answer that a request had before, with the recorded status of an earlier case that accepted it."""
    if step.request is None or answer.refusal is not None or answer.cancellation == step.cancellation:
        return answer
    status = recorded_status_of(transaction.session, step.request.workflow_id, answer.cancellation)
    return answer.model_copy(update={"status": status})
