"""Activities on the marketing service's records: consent, stopping campaigns, and the cancellation of the service alone.

Each is one transaction in PostgreSQL; run again, it changes nothing.
"""

from datetime import datetime

from sqlalchemy import Engine
from temporalio import activity

from activities.common.records import OnRecords
from activities.common.registration import Registered
from activities.messaging.links import LinkExpired, LinkPurpose, Links, LinkTampered, LinkTarget
from contract import WorkQueue
from contract.sealing import is_sealed_link
from contract.steps import (
    AdCentreReminder,
    CampaignStop,
    ConsentAsked,
    ConsentGiven,
    ConsentRequest,
    MarketingOpened,
    OpenMarketingRequest,
    Recorded,
    Step,
    StopAcknowledged,
    StopRecorded,
)
from domain.marketing import ConsentUnfounded
from domain.refusals import Refusal
from domain.vocabulary import Channel
from records import outbox
from records.marketing import consent
from records.marketing import service as marketing_service
from records.marketing import stops as marketing
from records.marketing.service import open_marketing_case, record_refused_opening


class MarketingRecords(OnRecords):
    """The records of marketing services in PostgreSQL. ``links`` reads the links of our mails; None without pages."""

    def __init__(self, engine: Engine, channels: frozenset[Channel], links: Links | None = None) -> None:
        super().__init__(engine, channels)
        self._links = links

    @property
    def registered(self) -> Registered:
        """The activities that a worker runs."""
        return {
            WorkQueue.RECORDS: [
                self.request_consent,
                self.remind_of_consent,
                self.save_consent,
                self.time_consent_out,
                self.stop_campaigns,
                self.remind_ad_centre,
                self.acknowledge_stop,
                self.open_marketing_case,
                self.cancel_marketing_service,
                self.complete_marketing_case,
                self.abandon_marketing_case,
            ]
        }

    @activity.defn(no_thread_cancel_exception=True)
    def request_consent(self, request: ConsentRequest) -> ConsentAsked:
        """Ask the marketing service's own administrator for consent, where that is another person."""
        needed, outcome = self._written(consent.request_consent, request.step, until=request.until)
        return ConsentAsked(needed=needed, **dict(outcome))

    @activity.defn(no_thread_cancel_exception=True)
    def remind_of_consent(self, step: Step) -> Recorded:
        """Ask for the consent again, once per occasion."""
        return self._recorded(consent.remind_of_consent, step)

    @activity.defn(no_thread_cancel_exception=True)
    def save_consent(self, given: ConsentGiven) -> Recorded:
        """Record the answer about the consent.

        Raises:
            ConsentUnfounded, LinkTampered, LinkExpired, ConsentNotAwaited.

        """
        how = self._how_given(given)
        step = given.step.model_copy(update={"why": given.attested_because})
        return self._recorded(consent.save_consent, step, given.decision, how=how)

    @activity.defn(no_thread_cancel_exception=True)
    def time_consent_out(self, step: Step) -> Recorded:
        """Record that the consent was not answered in time."""
        return self._recorded(consent.time_consent_out, step)

    @activity.defn(no_thread_cancel_exception=True)
    def stop_campaigns(self, step: Step) -> StopRecorded:
        """Mark every current activity as stopping, and record the request to the ad centre to stop it."""
        return _stopped(*self._written(marketing.stop_campaigns, step))

    @activity.defn(no_thread_cancel_exception=True)
    def remind_ad_centre(self, reminder: AdCentreReminder) -> StopRecorded:
        """Record that the ad centre is asked again for outstanding acknowledgements."""
        return _stopped(*self._written(marketing.remind_ad_centre, reminder.step, reminder.number))

    @activity.defn(no_thread_cancel_exception=True)
    def acknowledge_stop(self, acknowledged: StopAcknowledged) -> StopRecorded:
        """Record that the ad centre has stopped a campaign.

        Raises:
            CampaignUnknown, StopNotRequested, StopOfAnotherCase.

        """
        return _stopped(*self._written(marketing.acknowledge_stop, acknowledged.step, acknowledged.campaign))

    @activity.defn(no_thread_cancel_exception=True)
    def open_marketing_case(self, request: OpenMarketingRequest) -> MarketingOpened:
        """Open the cancellation of a marketing service; a refusal is recorded in the audit trail."""
        try:
            with self._transaction() as transaction:
                case = open_marketing_case(transaction, request)
                return MarketingOpened(case=case, last_message=outbox.last_of(transaction.session, case.cancellation))
        except Refusal as refusal:
            with self._transaction() as transaction:
                record_refused_opening(transaction, request, refusal)
            raise

    @activity.defn(no_thread_cancel_exception=True)
    def cancel_marketing_service(self, step: Step) -> StopRecorded:
        """Cancel the service for ever, and record the requests to the ad centre to stop its campaigns."""
        return _stopped(*self._written(marketing_service.cancel_service, step))

    @activity.defn(no_thread_cancel_exception=True)
    def complete_marketing_case(self, step: Step) -> Recorded:
        """End a case whose campaigns are all stopped."""
        return self._recorded(marketing_service.complete, step)

    @activity.defn(no_thread_cancel_exception=True)
    def abandon_marketing_case(self, step: Step) -> Recorded:
        """End a case whose administrator was not verified in time."""
        return self._recorded(marketing_service.abandon, step)

    def _how_given(self, given: ConsentGiven) -> str:
        if (given.token is None) == (given.attested_because is None):
            raise ConsentUnfounded
        if given.token is None:
            return "attestation"
        if self._links is None:
            raise LinkTampered
        if is_sealed_link(given.token):
            self._check_sealed(self._links, given.token, given.step)
        else:
            target = self._links.read(given.token, now=given.step.at)
            if (target.purpose, target.subject) != (LinkPurpose.MARKETING_CONSENT, given.step.cancellation):
                raise LinkTampered
            self._links.refuse_other_recipient(target, self._asked(given.step)[1])
        return "link"

    def _asked(self, step: Step) -> tuple[datetime, str]:
        """Return until when the consent may be given, and the address of who may give it; raises LinkTampered."""
        with self._transaction() as transaction:
            asked = consent.asked_until(transaction.session, step.cancellation)
        if asked is None:
            raise LinkTampered
        return asked

    def _check_sealed(self, links: Links, sealed: str, step: Step) -> None:
        """Hold a sealed token against that of the link that was mailed."""
        until, owner = self._asked(step)
        target = LinkTarget(purpose=LinkPurpose.MARKETING_CONSENT, subject=step.cancellation, expires=until)
        if sealed not in links.sealed(target, owner):
            raise LinkTampered
        if step.at >= until:
            raise LinkExpired(until)


def _stopped(stop: CampaignStop, outcome: Recorded) -> StopRecorded:
    return StopRecorded(stop=stop, **dict(outcome))
