"""Cancellations of single lines, while their subscriptions go on: start, answer and end them, and read their state."""

from datetime import UTC, date, datetime
from functools import partial
from uuid import uuid4

import contract
from contract.steps import open_request
from domain.cases import CaseKind
from domain.civil_dates import refuse_out_of_bounds
from domain.lines.quote import Quote
from domain.vocabulary import Termination
from records import late_requests
from records.cancellation.lists import line_quote_of, line_zone, recorded_line_status
from records.cancellation.opening import open_case, record_refused_opening
from records.cases import newest_id
from starter.service.case_form import Opening, ReversibleForm
from starter.service.receipts import StatedReceipt
from starter.service.reversible import ReversibleCaseClient


class LineCancellationClient(ReversibleCaseClient[contract.LineCancellationStatus]):
    """The area of line cancellations. The subject of a command is a line.

    Lists and histories of cancellations have those of lines, too. ``request_id`` and errors: see
    `starter.service.offramp.Offramp`.
    """

    _form = ReversibleForm(
        contract.LineCancellationStatus,
        contract.line_cancellation_workflow_id,
        partial(newest_id, kind=CaseKind.SUBSCRIPTION_LINE),
        late_requests.refuse_of_line,
        Opening(open_request, open_case, record_refused_opening),
        recorded=recorded_line_status,
        zone=line_zone,
    )

    async def start(
        self, start: contract.StartLineCancellation, *, receipt: StatedReceipt | None = None
    ) -> contract.LineCancellationStatus:
        """Start a cancellation of a line, or return the running one: its ``request_id`` is then another.

        ``receipt`` states when it was received, as for the cancellation of a subscription.
        """
        start = start if start.request_id else start.model_copy(update={"request_id": str(uuid4())})
        line = start.subscription_line
        received = await self._receipt_fields(receipt, lambda session: line_zone(session, line))
        with contract.refusing_malformed():
            start = contract.StartLineCancellation.model_validate(start.model_dump() | received)
        status = await self._start_or_join(
            contract.SUBSCRIPTION_LINE_CANCELLATION,
            start,
            start.request_id,
            subject=line,
            summary=f"Cancel line {line} alone",
            details=self._with_link(
                "Stages: `intake` → `preparing` → `scheduled` → `canceled` → `closed`, or `reversed`; `withdrawn` or "
                "`abandoned` before the line has ended. The subscription and its access go on.\n\nCurrent Details show the "
                f"stage, the dates, and what the case waits for: `offramp lines show {line}`",
                f"/lines/{line}",
            ),
        )
        return await self._as_quoted_now(status)

    async def quote(
        self,
        line: str,
        *,
        received_on: date | None = None,
        terminate_on: date | Termination | None = None,
        goodwill: bool = False,
    ) -> Quote:
        """Return what cancelling a line alone would mean; nothing is started.

        ``terminate_on`` is the wished last day, or ``end_of_term``, which is the earliest one and the default. ``received_on``: as for a subscription.

        Raises:
            DayOutOfBounds, LineUnknown, LineUnknownOnDay, and what a decision about a line raises (`domain.lines.decision.decide`).

        """
        refuse_out_of_bounds(received_on, terminate_on)
        wished_on = None if isinstance(terminate_on, Termination) else terminate_on
        termination = Termination.END_OF_TERM if wished_on is None else Termination.ON_DATE
        now = datetime.now(UTC)
        return await self._read(
            lambda session: line_quote_of(
                session,
                line,
                received_on=received_on,
                now=now,
                wished_on=wished_on,
                termination=termination,
                goodwill=goodwill,
            )
        )
