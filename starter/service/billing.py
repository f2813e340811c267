"""The billing feed: what invoice runs posted, line by line (docs/billing-format.md)."""

import asyncio
from datetime import UTC, datetime

import contract
from contract.clean import refuse_unclean_words
from domain.permissions import Operation
from domain.refusals import Refusal
from records.billing import BillingReport, import_billing, waiting_workflows
from starter.service.direct import DirectClient, marks


class BillingClient(DirectClient):
    """The area of billing, which goes to the records."""

    async def load(self, content: bytes, *, actor: str, document: str, request_id: str | None = None) -> BillingReport:
        """Import a document of a billing feed, each entry for itself, and notify the cancellations that wait for credit memos.

        ``document`` is its name, for the audit trail. It carries its place in its feed, so that a repetition changes nothing; under
        the same request id it gets the first report.

        Raises:
            ImportMalformed: the document as a whole cannot be read.
            RequestIdReused.

        """
        refuse_unclean_words(actor=actor, document=document)

        async def load() -> BillingReport:
            report = await self._with_engine(
                lambda engine: import_billing(engine, content, actor=actor, at=datetime.now(UTC), document=document)
            )
            await self._notify_waiting(report)
            return report

        request = await asyncio.to_thread(marks, Operation.REPORT_BILLING, request_id, actor, content)
        return await self._reported_once(request, BillingReport, load)

    async def _notify_waiting(self, report: BillingReport) -> None:
        credited = [(line.line or "", invoice) for line in report.lines for invoice in line.credited]
        if not credited:
            return
        waiting = await self._read(lambda session: waiting_workflows(session, {of for of, _ in credited}))
        for line, invoice in credited:
            if line in waiting:
                message = contract.CreditMemoPosted(invoice=invoice)
                try:
                    await self._notify(waiting[line], contract.SIGNAL_CREDIT_MEMO_POSTED, message)
                except Refusal:
                    return  # the memos are posted; a case checks again by itself within a day
