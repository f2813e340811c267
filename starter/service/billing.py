"""The billing feed: what invoice runs posted, line by line (docs/billing-format.md)."""

from datetime import UTC, datetime

import contract
from contract.clean import refuse_unclean_words
from domain.refusals import Refusal
from records.billing import BillingReport, import_billing, waiting_workflows
from starter.service.area import AreaClient


class BillingClient(AreaClient):
    """The area of billing, which goes to the records. A document carries its place in its feed, so it takes no request id."""

    async def load(self, content: bytes, *, actor: str, document: str) -> BillingReport:
        """Import a document of a billing feed, each entry for itself, and notify the cancellations that wait for credit memos.

        ``document`` is its name, for the audit trail.

        Raises:
            ImportMalformed: the document as a whole cannot be read.

        """
        refuse_unclean_words(actor=actor, document=document)
        report = await self._with_engine(
            lambda engine: import_billing(engine, content, actor=actor, at=datetime.now(UTC), document=document)
        )
        await self._notify_waiting(report)
        return report

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
