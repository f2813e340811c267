"""Activities on the records: each is one transaction in PostgreSQL, and changes nothing when it is run again."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from sqlalchemy import Engine
from sqlalchemy.orm import Session
from temporalio import activity

from contract.steps import (
    AnswersGiven,
    Approval,
    Attested,
    Opened,
    OpenRequest,
    Recorded,
    RefusedRequest,
    Reminder,
    Settled,
    Step,
    TookEffect,
)
from domain.refusals import Refusal
from domain.vocabulary import Channel
from records import audit, outbox
from records.cancellation import transitions
from records.cancellation.cases import hold_case, save_answers
from records.cancellation.opening import open_case
from records.verification import attest

Result = TypeVar("Result")


class Records:
    """The records in PostgreSQL.

    ``channels`` are those that this installation tells on: a message for a channel that nobody reads is not written.
    """

    def __init__(self, engine: Engine, channels: frozenset[Channel]) -> None:
        self._engine = engine
        self._channels = channels

    @property
    def registered(self) -> list[Callable[..., object]]:
        """The activities that a worker runs."""
        return [
            self.open_case,
            self.save_answers,
            self.save_attestation,
            self.await_approval,
            self.approve_goodwill,
            self.settle_lines,
            self.take_effect,
            self.reverse,
            self.withdraw,
            self.abandon,
            self.close,
            self.remind,
            self.record_refusal,
        ]

    @activity.defn
    def open_case(self, request: OpenRequest) -> Opened:
        """Open a cancellation; a refusal is kept in the audit trail of the subscription."""
        try:
            with self._transaction() as session:
                case = open_case(session, request, channels=self._channels)
                return Opened(case=case, last_message=last_messages(session, case.cancellation))
        except Refusal as refusal:
            with self._transaction() as session:
                audit.record(
                    session,
                    "cancellation.refused",
                    actor=request.actor,
                    at=request.at,
                    step=f"{request.subscription}:open:{request.request_id}:refused",
                    why=str(refusal),
                    subscription=request.subscription,
                    after={"code": refusal.code},
                )
            raise

    @activity.defn
    def save_answers(self, given: AnswersGiven) -> Recorded:
        """Keep answers to the checklist."""

        def save(session: Session) -> None:
            case = hold_case(session, given.step.cancellation).row
            if audit.after_of(session, f"{given.step.key}:answers") is None:
                save_answers(
                    session,
                    case,
                    given.checklist,
                    answered=set(given.answered),
                    step=given.step,
                    campaign_actions=given.campaign_actions,
                )

        return self._done(given.step, save)

    @activity.defn
    def save_attestation(self, attested: Attested) -> Recorded:
        """Keep that the billing administrator was verified by an agent's word."""

        return self._done(attested.step, lambda session: attest(session, attested.step, attested.because))

    @activity.defn
    def await_approval(self, step: Step) -> Recorded:
        """Note that the case waits for a second person."""
        return self._done(step, lambda session: transitions.await_approval(session, step))

    @activity.defn
    def approve_goodwill(self, approval: Approval) -> Recorded:
        """Keep who agreed to the goodwill."""
        return self._done(
            approval.step,
            lambda session: transitions.approve_goodwill(
                session, approval.step, approver=approval.step.actor, reason=approval.reason
            ),
        )

    @activity.defn
    def settle_lines(self, step: Step) -> Settled:
        """Set the end dates and freeze the lines, or ask for the credit memos that are needed first."""
        with self._transaction() as session:
            settlement = transitions.settle_lines(session, step, channels=self._channels)
            return Settled(settlement=settlement, last_message=last_messages(session, step.cancellation))

    @activity.defn
    def take_effect(self, step: Step) -> TookEffect:
        """End access and open the reversal window."""
        with self._transaction() as session:
            effect = transitions.take_effect(session, step, channels=self._channels)
            return TookEffect(effect=effect, last_message=last_messages(session, step.cancellation))

    @activity.defn
    def reverse(self, step: Step) -> Recorded:
        """Give access back and restore the lines."""
        return self._done(step, lambda session: transitions.reverse(session, step, channels=self._channels))

    @activity.defn
    def withdraw(self, step: Step) -> Recorded:
        """Undo a cancellation that has not taken effect."""
        return self._done(step, lambda session: transitions.withdraw(session, step, channels=self._channels))

    @activity.defn
    def abandon(self, step: Step) -> Recorded:
        """End a case whose checklist was not finished."""
        return self._done(step, lambda session: transitions.abandon(session, step, channels=self._channels))

    @activity.defn
    def close(self, step: Step) -> Recorded:
        """End a case whose reversal window is over."""
        return self._done(step, lambda session: transitions.close(session, step, channels=self._channels))

    @activity.defn
    def remind(self, reminder: Reminder) -> Recorded:
        """Note a reminder, once per occasion."""
        return self._done(
            reminder.step,
            lambda session: transitions.remind(session, reminder.step, reminder.event, channels=self._channels),
        )

    @activity.defn
    def record_refusal(self, refused: RefusedRequest) -> None:
        """Keep what somebody tried in vain."""
        with self._transaction() as session:
            audit.record(
                session,
                refused.action,
                actor=refused.step.actor,
                at=refused.step.at,
                step=refused.step.key,
                why=f"{refused.refusal.message} {refused.refusal.way_out}".strip(),
                subscription=refused.subscription,
                cancellation=refused.step.cancellation,
                after={"code": refused.refusal.code},
            )

    @contextmanager
    def _transaction(self) -> Iterator[Session]:
        # Without autoflush a row that a step changes in several places is written once, when the step says so.
        with Session(self._engine, autoflush=False) as session, session.begin():
            yield session

    def _done(self, step: Step, write: Callable[[Session], object]) -> Recorded:
        with self._transaction() as session:
            write(session)
            return told_of(session, step.cancellation)


def told_of(session: Session, cancellation: str) -> Recorded:
    """Return how far the record of what to tell goes."""
    return Recorded(last_message=last_messages(session, cancellation))


def last_messages(session: Session, cancellation: str) -> dict[Channel, int]:
    """Return how far the record of what to tell goes."""
    session.flush()
    return outbox.last_of(session, cancellation)
