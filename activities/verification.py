"""The verification of the billing administrator by a one-time code: made, mailed, checked; never stored in the clear."""

from sqlalchemy import Engine
from temporalio import activity

from activities.common.records import recorded, refusing_with_record
from activities.common.registration import Registered
from activities.messaging.mail import Mail
from contract import WorkQueue
from contract.steps import CodeTried, Recorded, Step
from domain.vocabulary import Channel, message_id
from records import requests
from records.one_time_codes import check_code, fresh_code
from records.transaction import Transaction


class Verifier:
    """The activities that send and check one-time codes."""

    def __init__(self, engine: Engine, mail: Mail) -> None:
        self._engine = engine
        self._mail = mail

    @property
    def registered(self) -> Registered:
        """The activities that a worker runs."""
        return {WorkQueue.CODES: [self.send_code], WorkQueue.RECORDS: [self.check_code]}

    @activity.defn(no_thread_cancel_exception=True)
    def send_code(self, step: Step) -> None:
        """Mail a new one-time code to the billing administrator on record.

        Every attempt makes a code of its own, because the one before was never stored, and gives the mail an id of its own,
        so that no receiver drops the mail with the valid code as a duplicate.
        """
        with refusing_with_record(self._engine, step), Transaction.begin(self._engine) as transaction:
            requests.check(transaction, step)
            code = fresh_code(transaction, step)
            requests.accept(transaction, step)
        self._mail.send_code_mail(
            code, message_id(step.cancellation, f"code-{code.number}-{code.salt[:8]}", Channel.MAIL)
        )

    @activity.defn(no_thread_cancel_exception=True)
    def check_code(self, tried: CodeTried) -> Recorded | None:
        """Verify the billing administrator by a code; a refused attempt is recorded before the refusal is raised.

        None is in histories of versions that returned nothing.
        """
        with refusing_with_record(self._engine, tried.step):
            with Transaction.begin(self._engine) as transaction:
                requests.check(transaction, tried.step)
                refusal = check_code(transaction, tried.step, tried.code)
                if refusal is None:
                    requests.accept(transaction, tried.step)
                outcome = recorded(transaction, tried.step)
            if refusal is not None:
                raise refusal
        return outcome
