"""The campaigns in the cancellation of a subscription: stopped with the consent of their own administrator."""

import asyncio

from temporalio import workflow

from workflows.cancellation.owner import CancellationOwner
from workflows.common.ad_centre import AdCentre

with workflow.unsafe.imports_passed_through():
    import contract
    from activities.marketing import MarketingRecords
    from contract.steps import ConsentGiven, ConsentRequest, Step
    from domain.marketing import Consent, ConsentNotAwaited
    from domain.vocabulary import CampaignChoice, Stage


class CampaignStops:
    """The collaborator that stops the campaigns, and asks for consent where it is needed."""

    def __init__(self, owner: CancellationOwner, ad_centre: AdCentre) -> None:
        self._owner = owner
        self._ad_centre = ad_centre
        self._lock = asyncio.Lock()
        """The lock for recording an answer or the end of its time limit."""

    async def take_consent(self, message: contract.GiveConsent, step: Step) -> None:
        """Record the answer of the marketing service's own administrator: agreed or declined."""
        case = self._owner.case
        async with self._lock:
            self.check_consent_awaited()
            given = ConsentGiven(
                step=step,
                decision=message.decision,
                token=message.link,
                attested_because=message.attestation.reason if message.attestation else None,
            )
            await self._owner.record(MarketingRecords.save_consent, given, summary=f"consent: {message.decision}")
            case.consent = Consent(message.decision.value)

    def check_consent_awaited(self) -> None:
        """Raise ConsentNotAwaited unless the case waits for the answer."""
        case = self._owner.case
        if case.consent is not Consent.ASKED or self._owner.is_withdrawn:
            raise ConsentNotAwaited(case.id, case.consent)

    async def settled(self) -> bool:
        """Stop the campaigns where that is requested and allowed; return False on withdrawal."""
        owner, case = self._owner, self._owner.case
        if case.checklist.campaigns is not CampaignChoice.STOP:
            return True
        await self._consent_settled()
        if owner.is_withdrawn:
            return False
        if case.consent in (None, Consent.AGREED):
            step = owner.step("campaigns-stopped", owner.requester)
            stopped = await owner.record(MarketingRecords.stop_campaigns, step, summary="stop the campaigns")
            self._ad_centre.take(stopped)
            self._ad_centre.start_reminding()
        return True

    async def _consent_settled(self) -> None:
        """Ask the other person for consent where it is needed, and wait for it, at most for the policy's time limit."""
        owner, case, asked_at = self._owner, self._owner.case, workflow.now()
        until = asked_at + case.policy.consent_timeout
        request = ConsentRequest(step=owner.step("consent", owner.requester), until=until)
        summary = "may the campaigns be stopped?"
        asked = await owner.record(MarketingRecords.request_consent, request, summary=summary)
        if not asked.needed:
            # The earlier deadline stays, as it always did: another one would change the search attributes of running cases.
            case.enter(Stage.PREPARING, deadline=case.stage_deadline)
            return
        if asked.record is None:  # a history of a version that returned no record
            case.consent, case.consent_until = Consent.ASKED, until
        until = case.consent_until or until
        case.enter(Stage.PREPARING, deadline=until)
        await owner.wait(
            lambda: case.consent is not Consent.ASKED or owner.is_withdrawn,
            what="time limit of the consent",
            reminders=[
                (asked_at + after, f"consent-reminder-{number}", self._remind)
                for number, after in enumerate(case.policy.consent_reminders, start=1)
            ],
        )
        case.enter(Stage.PREPARING)
        # An answer that arrived before the limit has the lock: it was first, and is recorded before the check.
        async with self._lock:
            if case.consent is Consent.ASKED and not owner.is_withdrawn:
                step = owner.step("consent-timed-out", why="the consent was not given in time")
                await owner.record(
                    MarketingRecords.time_consent_out, step, summary="record that the consent was not given in time"
                )
                case.consent = Consent.TIMED_OUT

    async def _remind(self, occasion: str) -> None:
        await self._owner.record(MarketingRecords.remind_of_consent, self._owner.step(occasion), summary=occasion)
