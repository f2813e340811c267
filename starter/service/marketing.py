"""The typed client of marketing services: cancel one alone, and pass on what the ad centre says."""

import asyncio
from datetime import UTC, datetime
from uuid import uuid4

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Engine
from sqlalchemy.orm import Session
from temporalio.client import Client
from temporalio.common import WorkflowIDReusePolicy
from temporalio.service import RPCError, RPCStatusCode

import contract
from contract.steps import CampaignStop, Step
from domain.cases import CaseRef
from domain.marketing import (
    CampaignUnknown,
    MarketingCancellationEnded,
    MarketingCancellationUnknown,
    MarketingStage,
    StopNotRequested,
)
from domain.vocabulary import Channel
from records import outbox
from records.cases import newest_of
from records.marketing.campaigns import case_of, open_stop
from records.marketing.locked_case import newest_marketing_case
from records.marketing.stops import acknowledge_stop, stop_of
from records.transaction import Transaction
from starter.service.updates import UPDATE_TIMEOUT, Reaching
from storage.tables import CampaignRow, OrganizationRow


class StopStatus(BaseModel):
    """How it stands with the campaigns of the case that asked to stop them."""

    model_config = ConfigDict(frozen=True)

    cancellation: str
    campaign: str
    campaigns_outstanding: tuple[str, ...]
    ads_may_still_run: bool


class MarketingClient(Reaching):
    """A client of marketing services. ``request_id`` as in `starter.service.cancellation.Offramp`."""

    def __init__(self, temporal: Client, engine: Engine, *, task_queue: str = contract.TASK_QUEUE) -> None:
        super().__init__(temporal, task_queue)
        self._engine = engine

    async def cancel(self, start: contract.StartMarketingCancellation) -> contract.MarketingCancellationStatus:
        """Start the cancellation of a marketing service, or return the running one: its ``request_id`` is then another.

        Raises:
            ForwardedRefusal: the service refused, with the code of the refusal.
            StillWaiting: no answer yet; the request is kept.

        """
        start = start if start.request_id else start.model_copy(update={"request_id": str(uuid4())})
        return await self._start_or_join(
            contract.MARKETING_SERVICE_CANCELLATION,
            start,
            start.request_id,
            workflow_id=contract.marketing_workflow_id(start.organization),
            form=contract.MarketingCancellationStatus,
            summary=f"Cancel the marketing service of {start.organization}",
            details=(
                "Stages: `intake` → `stopping` → `canceled`, or `abandoned`.\n\nCurrent Details say where it stands and "
                f"what it waits for; so does: `offramp marketing show {start.organization}`"
            ),
        )

    async def send_code(
        self, organization: str, *, actor: str, request_id: str | None = None
    ) -> contract.MarketingCancellationStatus:
        """Have a one-time code mailed to the marketing service's own administrator."""
        return await self._update(organization, contract.UPDATE_SEND_CODE, contract.SendCode(actor=actor), request_id)

    async def verify_code(
        self, organization: str, code: str, *, actor: str, request_id: str | None = None
    ) -> contract.MarketingCancellationStatus:
        """Verify the administrator by the code they received."""
        message = contract.VerifyCode(actor=actor, code=code)
        return await self._update(organization, contract.UPDATE_VERIFY_CODE, message, request_id)

    async def attest(
        self, organization: str, *, actor: str, reason: str, request_id: str | None = None
    ) -> contract.MarketingCancellationStatus:
        """Vouch, as an agent, that the marketing service's own administrator is asking."""
        message = contract.Attest(actor=actor, attestation=contract.Attestation(reason=reason))
        return await self._update(organization, contract.UPDATE_ATTEST, message, request_id)

    async def status(self, organization: str) -> contract.MarketingCancellationStatus:
        """Return the status of the newest cancellation of a marketing service alone: live, or from the records.

        Raises:
            MarketingCancellationUnknown: there never was one.
            StillWaiting: no worker answers.

        """
        workflow_id = contract.marketing_workflow_id(organization)
        try:
            async with self._refusing_when_unreachable(workflow_id):
                live = await self._temporal.get_workflow_handle(workflow_id).query(
                    contract.QUERY_STATUS, rpc_timeout=UPDATE_TIMEOUT
                )
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            live = None
        if live is not None:
            status = contract.MarketingCancellationStatus.model_validate(live)
            if not status.stage.is_final:
                return status
        return await asyncio.to_thread(self._recorded_status, organization)

    async def acknowledge_stop(self, campaign: str, *, actor: str, request_id: str | None = None) -> StopStatus:
        """Pass on that the ad centre has stopped a campaign, to the case that asked for it; also after that has ended.

        Raises:
            CampaignUnknown, StopNotRequested.
            ForwardedRefusal, StillWaiting: as for every update.

        """
        case, workflow_id = await asyncio.to_thread(self._who_asked, campaign)
        update_id = f"{contract.ACKNOWLEDGE_STOP}:{request_id or uuid4()}"
        if workflow_id is not None:
            message = contract.AcknowledgeStop(actor=actor, campaign=campaign)
            form = contract.STATUS_FORMS[CaseRef.parse(case).kind]
            update = self._temporal.get_workflow_handle(workflow_id).execute_update(
                contract.ACKNOWLEDGE_STOP, message, id=update_id, result_type=form, rpc_timeout=UPDATE_TIMEOUT
            )
            try:
                status = await self._outcome(workflow_id, update, form)
                return _status_of(case, campaign, status.campaigns_outstanding)
            except RPCError as error:
                if error.status is not RPCStatusCode.NOT_FOUND:
                    raise
        stop, last_message = await asyncio.to_thread(self._acknowledge_in_records, case, campaign, actor, update_id)
        await self._temporal.start_workflow(
            contract.MESSAGE_DELIVERY,
            case,
            id=f"delivery:{case}",
            task_queue=self._task_queue,
            id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
            start_signal=contract.SIGNAL_DELIVER,
            start_signal_args=[last_message],
            static_summary=f"Deliver the messages of {case}, whose own workflow has ended",
        )
        return _status_of(case, campaign, stop.outstanding)

    def _who_asked(self, campaign: str) -> tuple[str, str | None]:
        """The case that asked to stop a campaign, and its workflow unless another case runs under that id by now."""
        with Session(self._engine) as session:
            if session.get(CampaignRow, campaign) is None:
                raise CampaignUnknown(campaign)
            stop = open_stop(session, campaign)
            if stop is None:
                raise StopNotRequested(campaign)
            case = case_of(stop)
            named = CaseRef.parse(case)
            newest = newest_of(session, named.kind, named.subject)
            return case, newest.workflow_id if newest is not None and newest.id == case else None

    def _acknowledge_in_records(
        self, case: str, campaign: str, actor: str, update_id: str
    ) -> tuple[CampaignStop, dict[Channel, int]]:
        step = Step(cancellation=case, name=update_id, actor=actor, at=datetime.now(UTC))
        with Transaction.begin(self._engine) as transaction:
            session = transaction.session
            # The installation notifies on the channels on which this case was announced.
            stop = acknowledge_stop(Transaction(session, frozenset(outbox.last_of(session, case))), step, campaign)
            return stop, outbox.last_of(session, case)

    def _recorded_status(self, organization: str) -> contract.MarketingCancellationStatus:
        with Session(self._engine) as session:
            case = newest_marketing_case(session, organization)
            if case is None:
                raise MarketingCancellationUnknown(organization)
            stop, stage = stop_of(session, case.id), MarketingStage(case.stage)
            return contract.MarketingCancellationStatus(
                cancellation=case.id,
                organization=organization,
                time_zone=session.get_one(OrganizationRow, organization).time_zone,
                stage=stage,
                request_id=case.request_id.removeprefix(f"{contract.marketing_workflow_id(organization)}:"),
                received_at=case.received_at,
                waiting_for="" if stage.is_final else "an operator: its workflow is not running",
                verified=case.verified_by is not None,
                campaigns_stopped=stop.requested if stage is not MarketingStage.INTAKE else None,
                campaigns_outstanding=stop.outstanding,
                ads_may_still_run=bool(stop.outstanding),
            )

    async def _update(
        self, organization: str, name: str, message: contract.Request, request_id: str | None
    ) -> contract.MarketingCancellationStatus:
        workflow_id = contract.marketing_workflow_id(organization)
        form = contract.MarketingCancellationStatus
        update = self._temporal.get_workflow_handle(workflow_id).execute_update(
            name, message, id=f"{name}:{request_id or uuid4()}", result_type=form, rpc_timeout=UPDATE_TIMEOUT
        )
        try:
            return await self._outcome(workflow_id, update, form)
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
        await asyncio.to_thread(self._refuse_after_end, organization)
        raise MarketingCancellationUnknown(organization)

    def _refuse_after_end(self, organization: str) -> None:
        with Session(self._engine) as session:
            case = newest_marketing_case(session, organization)
        if case is not None:
            raise MarketingCancellationEnded(case.id, MarketingStage(case.stage))


def _status_of(case: str, campaign: str, outstanding: tuple[str, ...]) -> StopStatus:
    return StopStatus(
        cancellation=case, campaign=campaign, campaigns_outstanding=outstanding, ads_may_still_run=bool(outstanding)
    )
