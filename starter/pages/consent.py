"""The page to which the mail about a consent leads: what would be stopped, and the buttons that agree and decline."""

import asyncio

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from activities.messaging.letters import campaigns_in_words
from activities.messaging.links import Links, LinkTarget
from domain.marketing import Consent, ConsentDecision
from domain.words import FOR_CUSTOMERS
from records.cancellation.locked_case import organization_of
from records.marketing.campaigns import current_campaigns, stops_of
from starter.pages.page import Button, NothingThere, Page
from starter.service.cancellation import Offramp
from storage.tables import CancellationRow

BY_LINK = "marketing administrator, by link"
"""Who acts, for the audit trail: whoever has the link that was mailed to the marketing service's administrator."""

AGREE = "agree"
DECLINE = "decline"

_DONE = {
    Consent.AGREED: "You have agreed: the campaigns are being stopped.",
    Consent.DECLINED: "You have declined: the campaigns are kept running.",
    Consent.TIMED_OUT: "The time to answer is over: the campaigns are kept running.",
}


class ConsentPages:
    """What the marketing service's own administrator sees and does with their link."""

    def __init__(self, engine: Engine, service: Offramp, links: Links) -> None:
        self._engine = engine
        self._service = service
        self._links = links

    async def show(self, target: LinkTarget) -> Page:
        """What would be stopped, and the two buttons."""
        return await asyncio.to_thread(self._page, target)

    async def agree(self, target: LinkTarget) -> Page:
        """Keep that they agree."""
        return await self._answer(target, ConsentDecision.AGREED)

    async def decline(self, target: LinkTarget) -> Page:
        """Keep that they decline."""
        return await self._answer(target, ConsentDecision.DECLINED)

    async def _answer(self, target: LinkTarget, decision: ConsentDecision) -> Page:
        await self._service.consent(
            target.subject.rpartition("/")[0],
            decision,
            actor=BY_LINK,
            link=self._links.token(target),
            request_id=f"{target.subject}:link-{decision}",
        )
        return await self.show(target)

    def _page(self, target: LinkTarget) -> Page:
        with Session(self._engine) as session:
            case = session.get(CancellationRow, target.subject)
            if case is None or case.marketing_consent is None:
                raise NothingThere
            consent, organization = Consent(case.marketing_consent), organization_of(session, case)
            campaigns = stops_of(session, case.id) or current_campaigns(session, organization.id, case.campaign_actions)
        # A case that was withdrawn meanwhile asks nobody any more.
        asked = consent is Consent.ASKED and case.ended_at is None
        done = "" if asked else _DONE.get(consent, "The cancellation was withdrawn: the campaigns are kept running.")
        return Page(
            title="May we stop these campaigns?",
            done=done,
            sentences=[
                f"A subscription of {organization.unique_name} is being cancelled, and we are asked to stop the campaigns of "
                "its marketing service. You are its billing administrator, so nothing is stopped without your consent.",
                *campaigns_in_words(campaigns),
            ],
            facts=[
                ("Case", target.subject),
                ("Organization", f"{organization.unique_name}, {organization.url}"),
                ("Please answer before", FOR_CUSTOMERS.instant(target.expires, organization.time_zone)),
            ],
            buttons=[
                Button(AGREE, "I agree: stop them", careful=True),
                Button(DECLINE, "I decline: keep them running"),
            ]
            if asked
            else [],
            small_print=["A stopped campaign cannot be reinstated; to advertise again, you sign up anew."],
        )
