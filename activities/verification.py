"""Verifying the billing administrator by a one-time code: made, mailed and checked; never stored in the clear."""

from collections.abc import Callable

from sqlalchemy import Engine
from temporalio import activity

from activities.messaging.mail import Mail
from contract.steps import CodeTried, Step
from domain.vocabulary import Channel, message_id
from records.transaction import Transaction
from records.verification import check_code, fresh_code


class Verifier:
    """The records of codes, and the mail that carries them."""

    def __init__(self, engine: Engine, mail: Mail) -> None:
        self._engine = engine
        self._mail = mail

    @property
    def registered(self) -> list[Callable[..., object]]:
        """The activities that a worker runs."""
        return [self.send_code, self.check_code]

    @activity.defn
    def send_code(self, step: Step) -> None:
        """Mail a new one-time code to the billing administrator on record.

        Every try makes a code of its own, because the one before was never kept; its message id is its own too, so that
        nobody drops the mail that holds the code which counts.
        """
        with Transaction.begin(self._engine) as transaction:
            code = fresh_code(transaction, step)
        self._mail.send_code_mail(
            code, message_id(step.cancellation, f"code-{code.number}-{code.salt[:8]}", Channel.MAIL)
        )

    @activity.defn
    def check_code(self, tried: CodeTried) -> None:
        """Verify the billing administrator by a code; a refusal is kept as a try before it is raised."""
        with Transaction.begin(self._engine) as transaction:
            refusal = check_code(transaction, tried.step, tried.code)
        if refusal is not None:
            raise refusal
