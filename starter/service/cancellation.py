"""Cancellations of subscriptions: start, answer and end them, and read their state."""

from datetime import UTC, date, datetime
from functools import partial
from uuid import uuid4

import contract
from contract.clean import refuse_unclean_words
from contract.steps import TaskConfirmed, TasksFollowed, open_request
from domain.cases import CaseKind
from domain.marketing import ConsentDecision
from domain.permissions import Operation
from domain.system_tasks import SystemTask
from records import late_requests
from records.billing.credit_memos import post_credit_memo
from records.cancellation import system_tasks
from records.cancellation.lists import organization_zone, recorded_status, time_zone_of
from records.cancellation.opening import open_case, record_refused_opening
from records.cases import newest_id
from records.marketing.lists import RequestedConsent, requested_consent
from records.outbox import last_of
from records.reconciliation.cases import closed_with_open_billing
from records.transaction import Transaction
from starter.service.cancellation_lists import CancellationLists
from starter.service.case_form import Opening, ReversibleForm
from starter.service.receipts import StatedReceipt
from starter.service.requests import NO_RECORDS
from starter.service.reversible import ReversibleCaseClient
from storage.refusals import DatabaseRightMissing


class CancellationClient(CancellationLists, ReversibleCaseClient[contract.CancellationStatus]):
    """The area of cancellations.

    Commands and `status` go to the workflow; `list`, `report`, `history` and `quote` come from the records, which also
    answer requests after the end of a case. ``request_id`` and errors: see `starter.service.offramp.Offramp`.
    """

    _form = ReversibleForm(
        contract.CancellationStatus,
        contract.cancellation_workflow_id,
        partial(newest_id, kind=CaseKind.SUBSCRIPTION),
        late_requests.refuse_of_cancellation,
        Opening(open_request, open_case, record_refused_opening),
        recorded=recorded_status,
        zone=time_zone_of,
    )

    async def start(
        self, start: contract.StartCancellation, *, receipt: StatedReceipt | None = None
    ) -> contract.CancellationStatus:
        """Start a cancellation, or return the running one: its ``request_id`` is then another.

        ``receipt`` states when it was received, as a civil day in the organization's zone or as an instant, and how.

        Raises:
            ForwardedRefusal: `cancellation_still_telling` after 30 seconds if the cancellation before has ended but cannot
                deliver its last messages.

        """
        start = start if start.request_id else start.model_copy(update={"request_id": str(uuid4())})
        received = await self._receipt_fields(receipt, lambda session: organization_zone(session, start.subscription))
        with contract.refusing_malformed():
            start = contract.StartCancellation.model_validate(start.model_dump() | received)
        summary, details = contract.cancellation_web_ui(start.subscription)
        status = await self._start_or_join(
            contract.SUBSCRIPTION_CANCELLATION,
            start,
            start.request_id,
            subject=start.subscription,
            summary=summary,
            details=self._with_link(details, f"/subscriptions/{start.subscription}"),
        )
        return await self._as_quoted_now(status)

    async def consent(
        self,
        subscription: str,
        decision: ConsentDecision,
        *,
        actor: str,
        link: str | None = None,
        because: str | None = None,
        cancellation: str | None = None,
        request_id: str | None = None,
    ) -> contract.CancellationStatus:
        """Give the answer of the marketing service's own administrator: by the token of their link, or as an agent."""
        with contract.refusing_malformed():
            message = contract.GiveConsent(
                actor=actor,
                cancellation=cancellation,
                decision=decision,
                link=link,
                attestation=contract.Attestation(reason=because) if because else None,
            ).sealed()
        return await self._update(subscription, contract.UPDATE_CONSENT, message, request_id)

    async def post_credit_memo(
        self,
        invoice: str,
        *,
        number: str,
        actor: str,
        credits_from: date | None = None,
        request_id: str | None = None,
    ) -> str:
        """Post the credit memo that takes an invoice back, and notify the cancellation that waits for it.

        With ``credits_from`` it takes back the invoice from that day on, and the rest stays billed. Returns the subscription.

        Raises:
            InvoiceUnknown, InvoiceAlreadyCredited, NewerInvoiceFirst, NewerInvoiceUnknown, InvoiceBeyondBilling,
            CreditOutsidePeriod, DocumentNumberUsed, DocumentNumberMalformed.

        """
        refuse_unclean_words(actor=actor, request_id=request_id)
        posted = await self._write_once(
            Operation.POST_CREDIT_MEMO,
            lambda transaction: post_credit_memo(
                transaction,
                invoice,
                number=number,
                actor=actor,
                at=datetime.now(UTC),
                credits_from=credits_from,
                request=request_id,
            ),
            actor=actor,
            request_id=request_id,
            invoice=invoice,
            number=number,
            credits_from=credits_from,
        )
        if posted.workflow_id is not None and posted.cancellation is not None:
            message = contract.CreditMemoPosted(invoice=invoice)
            await self._notify(posted.workflow_id, contract.SIGNAL_CREDIT_MEMO_POSTED, message)
            await self._announce_ends(posted.cancellation)
        return posted.subscription

    async def confirm_task(
        self,
        cancellation: str,
        system: str,
        task: SystemTask,
        *,
        actor: str,
        request_id: str | None = None,
    ) -> contract.SystemTasksStatus:
        """Record that a registered system has done what a cancellation asked of it; return what is open after that.

        Raises:
            CancellationUnknown, SystemTaskUnknown, SystemTaskSuperseded, RequestIdReused.

        """
        refuse_unclean_words(actor=actor, request_id=request_id)
        confirmed = TaskConfirmed(
            cancellation=cancellation,
            name=f"{contract.CONFIRM_TASK}:{request_id or uuid4()}",
            actor=actor,
            at=datetime.now(UTC),
            system=system,
            task=task,
        )

        def confirm(transaction: Transaction) -> TasksFollowed:
            # The installation's channels are those on which this case was announced.
            on_its_channels = Transaction(transaction.session, frozenset(last_of(transaction.session, cancellation)))
            found = system_tasks.followed(transaction.session, cancellation)
            system_tasks.confirm(on_its_channels, confirmed)
            tasks = system_tasks.open_tasks(transaction.session, cancellation)
            return found.model_copy(update={"tasks": tasks})

        left = await self._write_once(
            Operation.CONFIRM_TASK,
            confirm,
            actor=actor,
            request_id=request_id,
            cancellation=cancellation,
            system=system,
            task=task,
        )
        await self._notify(contract.system_tasks_workflow_id(cancellation), contract.SIGNAL_TASKS_CHANGED)
        return contract.SystemTasksStatus(cancellation=cancellation, open=left.tasks, reminder=left.reminder)

    async def _as_quoted_now(self, status: contract.CancellationStatus) -> contract.CancellationStatus:
        """Return a status also with what registered systems have not confirmed, which the records know."""
        status = await super()._as_quoted_now(status)
        if status.stage.before_effect:
            return status
        try:
            tasks = await self._read(lambda session: system_tasks.open_tasks(session, status.cancellation))
        except (*NO_RECORDS, DatabaseRightMissing):  # the pages see less, and show less
            return status
        return status.model_copy(update={"system_tasks": tasks})

    async def _announce_ends(self, cancellation: str) -> None:
        """Continue a closed case whose last line has just ended: its workflow is over, and announces that from the record."""
        case = await self._read(lambda session: closed_with_open_billing(session, cancellation))
        if case is not None:
            await self._started_again(case)

    async def requested_consent(self, cancellation: str) -> RequestedConsent | None:
        """Return the consent that a cancellation asks the marketing service's administrator for; None if it never did."""
        return await self._read(lambda session: requested_consent(session, cancellation))
