"""Marketing services: cancel one alone, and pass on the ad centre's acknowledgements."""

from datetime import UTC, datetime
from functools import partial
from uuid import uuid4

from pydantic import BaseModel, ConfigDict
from temporalio.common import WorkflowIDReusePolicy

import contract
from contract.clean import refuse_unclean
from contract.readable import Readable
from contract.steps import OpenMarketingRequest, receipt_of_start
from domain.cases import CaseKind, CaseRef
from domain.refusals import Refusal
from domain.vocabulary import Channel
from records import late_requests
from records.cases import newest_id
from records.late_requests import LateRequest
from records.marketing.lists import asking_case, recorded_marketing_status, zone_of_organization
from records.marketing.service import open_marketing_case, record_refused_opening
from runtime.temporal_refusals import NothingThere
from starter.service.case_form import CaseForm, Opening
from starter.service.case_refusals import RequestLost
from starter.service.receipts import StatedReceipt
from starter.service.requests import about, request_made, sent_now, update_id
from starter.service.verification import VerifiedCaseClient


class StopStatus(BaseModel):
    """The state of the campaigns of the case that requested their stop."""

    model_config = ConfigDict(frozen=True)

    cancellation: str
    campaign: str
    campaigns_outstanding: tuple[str, ...]
    ads_may_still_run: bool


def _open_request(start: contract.StartMarketingCancellation, workflow_id: str, now: datetime) -> OpenMarketingRequest:
    at, receipt = receipt_of_start(start, now=now)
    return OpenMarketingRequest(
        workflow_id=workflow_id,
        organization=start.organization,
        request_id=f"{workflow_id}:{start.request_id}",
        actor=start.actor,
        at=at,
        receipt=receipt,
        administrator=start.administrator,
        campaign_actions=start.campaign_actions,
        attested_because=start.attestation.reason if start.attestation else None,
        reason=start.reason,
        digest=contract.digest_of(contract.UPDATE_RECEIVE, start),
    )


class MarketingClient(VerifiedCaseClient[contract.MarketingCancellationStatus]):
    """The area of marketing services.

    Commands and `status` go to the workflow; the records answer requests after the end of a case. ``request_id`` and
    errors: see `starter.service.offramp.Offramp`.
    """

    _form = CaseForm(
        contract.MarketingCancellationStatus,
        contract.marketing_workflow_id,
        partial(newest_id, kind=CaseKind.MARKETING_SERVICE),
        late_requests.refuse_of_marketing,
        Opening(_open_request, open_marketing_case, record_refused_opening),
    )

    async def cancel(
        self, start: contract.StartMarketingCancellation, *, receipt: StatedReceipt | None = None
    ) -> contract.MarketingCancellationStatus:
        """Start the cancellation of a marketing service, or return the running one: its ``request_id`` is then another.

        ``receipt`` as in `CancellationClient.start`.
        """
        start = start if start.request_id else start.model_copy(update={"request_id": str(uuid4())})
        received = await self._receipt_fields(
            receipt, lambda session: zone_of_organization(session, start.organization)
        )
        with contract.refusing_malformed():
            start = contract.StartMarketingCancellation.model_validate(start.model_dump() | received)
        return await self._start_or_join(
            contract.MARKETING_SERVICE_CANCELLATION,
            start,
            start.request_id,
            subject=start.organization,
            summary=f"Cancel the marketing service of {start.organization}",
            details=self._with_link(
                "Stages: `intake` → `stopping` → `canceled`, or `abandoned`.\n\nCurrent Details show the stage and what the "
                f"case waits for; so does `offramp marketing show {start.organization}`",
                f"/marketing?organization={start.organization}",
            ),
        )

    async def acknowledge_stop(self, campaign: str, *, actor: str, request_id: str | None = None) -> StopStatus:
        """Pass on that the ad centre has stopped a campaign, to the case that asked for it, even after that has ended.

        Raises:
            CampaignUnknown, StopNotRequested.

        """
        with contract.refusing_malformed():
            message = sent_now(contract.AcknowledgeStop(actor=actor, campaign=campaign))
        refuse_unclean(message)
        case = await self._read(lambda session: asking_case(session, campaign))
        name, sent = contract.ACKNOWLEDGE_STOP, update_id(contract.ACKNOWLEDGE_STOP, request_id)
        made = request_made(case.workflow_id, sent, name, message)
        known = await self._look_up(made, actor, lambda _: case.id if case.is_newest else None)
        if known and known.answer and known.answer.cancellation != known.newest:
            before = await self._recorded_answer(case.workflow_id, known.answer)
            outstanding: tuple[str, ...] = getattr(before, "campaigns_outstanding", ())
            return _status_of(known.answer.cancellation, campaign, outstanding)
        message = about(message, case.id)
        if case.is_newest:
            form = contract.STATUS_FORMS[CaseRef.parse(case.id).kind]
            status = await self._running(case.workflow_id, name, message, sent, form)
            if status is not None:
                return _status_of(case.id, campaign, getattr(status, "campaigns_outstanding", ()))
        late = LateRequest(name, sent, message, datetime.now(UTC), made)
        done = await self._write(
            lambda transaction: late_requests.acknowledge_late(transaction, case.id, campaign, late)
        )
        if isinstance(done, Refusal):
            raise done
        await self._deliver(case.id, done.last_message)
        return _status_of(case.id, campaign, done.stop.outstanding)

    async def status(self, organization: str) -> contract.MarketingCancellationStatus:
        """Return the status of the newest cancellation of a marketing service alone, live while its workflow runs.

        Raises:
            MarketingCancellationUnknown: there never was one.

        """
        return await self._live_or_recorded(organization, recorded_marketing_status)

    async def _deliver(self, case: str, last_message: dict[Channel, int]) -> None:
        """Have the messages delivered of a case whose own workflow has ended."""
        workflow_id = contract.delivery_workflow_id(case)
        try:
            async with self._calling():
                await self._temporal.start_workflow(
                    contract.MESSAGE_DELIVERY,
                    case,
                    id=workflow_id,
                    task_queue=self._connections.task_queue,
                    id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
                    start_signal=contract.SIGNAL_DELIVER,
                    start_signal_args=[last_message],
                    static_summary=Readable(f"Deliver the messages of {case}, whose own workflow has ended"),
                )
        except NothingThere:
            raise RequestLost(workflow_id, "it was about to end") from None


def _status_of(case: str, campaign: str, outstanding: tuple[str, ...]) -> StopStatus:
    return StopStatus(
        cancellation=case, campaign=campaign, campaigns_outstanding=outstanding, ads_may_still_run=bool(outstanding)
    )
