"""How the cancellation of a subscription stops the campaigns, with the consent of their own administrator."""

import asyncio
from typing import Any

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    import contract
    from activities.marketing import MarketingRecords
    from contract.steps import ConsentGiven, ConsentRequest, Step
    from domain.marketing import Consent, ConsentNotAwaited
    from domain.vocabulary import CampaignChoice, Event, Stage

# Our own workflow code is loaded anew for every workflow, under the sandbox's eyes; that is meant, so it is not announced.
with workflow.unsafe.sandbox_import_notification_policy(workflow.SandboxImportNotificationPolicy.SILENT):
    from workflows.cancellation.requests import CancellationRequests
    from workflows.cancellation.state import Case
    from workflows.common.ad_centre import AdCentre
    from workflows.common.steps import recorded


class CampaignStops(CancellationRequests, AdCentre[Case, contract.CancellationStatus]):
    """The part of the story that stops campaigns, and the consent that reaches it."""

    def __init__(self) -> None:
        super().__init__()
        self._consent_lock = asyncio.Lock()

    @workflow.update(name=contract.UPDATE_CONSENT)
    async def consent(self, *received: Any) -> contract.CancellationStatus:
        """Take the answer of the marketing service's own administrator: agreed or declined."""

        async def take(message: contract.GiveConsent, step: Step) -> None:
            async with self._consent_lock:
                if self.case.consent is not Consent.ASKED or self._withdrawal is not None:
                    raise ConsentNotAwaited(self.case.id, self.case.consent)
                given = ConsentGiven(
                    step=step,
                    decision=message.decision,
                    token=message.link,
                    attested_because=message.attestation.reason if message.attestation else None,
                )
                told = await recorded(MarketingRecords.save_consent, given, summary=f"consent: {message.decision}")
                self._teller.note(told.last_message)
                self.case.consent = Consent(message.decision.value)

        return await self._answer_to(received, contract.GiveConsent, "consent", take)

    async def _campaigns_settled(self) -> bool:
        """Stop the campaigns where that was asked for and may be done; False on withdrawal."""
        if self.case.checklist.campaigns is not CampaignChoice.STOP:
            return True
        await self._consent_settled()
        if self._withdrawal is not None:
            return False
        if self.case.consent in (None, Consent.AGREED):
            step = self._step("campaigns-stopped", self._requester)
            self._take_stop(await recorded(MarketingRecords.stop_campaigns, step, summary="stop the campaigns"))
            self._start_reminding()
        return True

    async def _consent_settled(self) -> None:
        """Ask the other person for consent where it is needed, and wait for it: at most as long as the policy says."""
        policy, asked_at = self.case.policy, workflow.now()
        until = asked_at + policy.consent_timeout
        request = ConsentRequest(step=self._step("consent", self._requester), until=until)
        asked = await recorded(MarketingRecords.request_consent, request, summary="may the campaigns be stopped?")
        self._teller.note(asked.last_message)
        self.case.stage = Stage.PREPARING
        if not asked.needed:
            return
        self.case.consent = Consent.ASKED
        await self._wait(
            lambda: self.case.consent is not Consent.ASKED or self._withdrawal is not None,
            until=until,
            what="time limit of the consent",
            reminders=[
                (asked_at + after, Event.MARKETING_CONSENT_REQUESTED, f"consent-reminder-{number}")
                for number, after in enumerate(policy.consent_reminders, start=1)
            ],
        )
        self.case.stage_deadline = None
        # An answer that arrived before the limit holds the lock: it was first, and is written before anybody looks.
        async with self._consent_lock:
            if self.case.consent is Consent.ASKED and self._withdrawal is None:
                step = self._step("consent-timed-out", why="the consent was not given in time")
                told = await recorded(MarketingRecords.time_consent_out, step, summary="the consent did not come")
                self._teller.note(told.last_message)
                self.case.consent = Consent.TIMED_OUT

    async def _remind(self, event: Event, occasion: str) -> None:
        if event is not Event.MARKETING_CONSENT_REQUESTED:
            return await super()._remind(event, occasion)
        told = await recorded(MarketingRecords.remind_of_consent, self._step(occasion), summary=occasion)
        self._teller.note(told.last_message)
        return None
