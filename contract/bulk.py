"""Bulk cancellations: names, workflow id and messages, and the start that each row stands for."""

from collections.abc import Mapping
from datetime import datetime
from typing import Self

from pydantic import BaseModel, ConfigDict, ValidationError

from contract.cancellation import Answers, Goodwill, StartCancellation
from contract.clean import unclean_fields
from contract.common import Attestation, Instant, Message, ReasonCodeText
from domain.bulk import BulkId, BulkState, RowState
from domain.bulk.reading import ANSWERS
from domain.bulk.refusals import BulkRowMalformed
from domain.civil_dates import EnteredDate
from domain.vocabulary import Identifier, Reason, ReceiptChannel

BULK_CANCELLATION = "BulkCancellation"
"""The type of the workflow that judges the rows of a bulk, and starts them once a person has confirmed its plan: takes `CarryOutBulk`, returns `BulkProgress`."""

SIGNAL_BULK_CHANGED = "bulk_changed"
"""Signal to BulkCancellation, without input: the record of the bulk has changed, and is looked at."""

QUERY_BULK_PROGRESS = "bulk_progress"
"""Query of BulkCancellation: returns `BulkProgress`; null before the first look at the record."""


def bulk_workflow_id(bulk: str) -> str:
    """Return the only workflow id under which a bulk is carried out."""
    return f"bulk:{bulk}"


class CarryOutBulk(Message):
    """Input of BulkCancellation. What is to be done, and whether somebody has confirmed it, is in the records alone."""

    bulk: BulkId


class BulkProgress(BaseModel):
    """The result of BulkCancellation, and of its query."""

    model_config = ConfigDict(frozen=True)

    bulk: str
    state: BulkState
    rows: dict[RowState, int]
    """The number of rows by their state."""
    is_switched_off: bool = False
    """True while the kill switch keeps every bulk of the installation from starting anything."""

    @property
    def total(self) -> int:
        """The number of rows."""
        return sum(self.rows.values())

    @property
    def settled(self) -> int:
        """The number of rows to which nothing more happens."""
        return sum(number for state, number in self.rows.items() if state.is_settled)


class RowStart(Message):
    """The content of the start that a row stands for, without who sends it, when and under which id."""

    subscription: Identifier
    answers: Answers = {}
    attestation: Reason | None = None
    goodwill: Reason | None = None
    reason: Reason | None = None
    reason_code: ReasonCodeText | None = None
    received_on: EnteredDate | None = None
    """A day in the zone of the organization, which counts until its last moment."""
    received_at: Instant | None = None
    channel: ReceiptChannel | None = None
    received_because: Reason | None = None

    @classmethod
    def of_cells(cls, cells: Mapping[str, str]) -> Self:
        """Return the start of a row of a file. Raises BulkRowMalformed, which names the columns."""
        answers = {name: cells[name] for name in ANSWERS if name in cells}
        try:
            row = cls.model_validate({name: cell for name, cell in cells.items() if name not in answers})
            row = row.model_copy(update={"answers": answers})
        except ValidationError as error:
            problems = error.errors(include_input=False, include_url=False, include_context=False)
            raise BulkRowMalformed([f"{problem['loc'][0]}: {problem['msg']}" for problem in problems]) from None
        problems_of_text = unclean_fields(row)
        if row.received_on is not None and row.received_at is not None:
            problems_of_text.append("received_on: received_at says it already")
        if problems_of_text:
            raise BulkRowMalformed(problems_of_text)
        return row

    def start(
        self, *, actor: str, request_id: str, sent_at: datetime, received_at: datetime | None, because: str
    ) -> StartCancellation:
        """Return the start.

        Args:
            actor: who has confirmed the bulk, or plans it.
            request_id: the id of the row's request.
            sent_at: when the bulk was planned, which is the legal instant of a row that states no earlier receipt.
            received_at: the instant of the receipt that the row states, if it states one.
            because: why it is entered late, if the row does not say.

        """
        return StartCancellation(
            subscription=self.subscription,
            actor=actor,
            request_id=request_id,
            sent_at=sent_at,
            answers=self.answers,
            attestation=Attestation(reason=self.attestation) if self.attestation else None,
            goodwill=Goodwill(reason=self.goodwill) if self.goodwill else None,
            reason=self.reason,
            reason_code=self.reason_code,
            received_at=received_at,
            channel=self.channel,
            received_because=self.received_because or because,
        )
