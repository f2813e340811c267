"""The page to which the mail about a consent leads: what would be stopped, and the buttons that agree and decline."""

from activities.messaging.letters import campaigns_in_words
from activities.messaging.links import Links, LinkTarget
from domain.actors import CONSENT_LINK
from domain.marketing import Consent, ConsentDecision
from domain.words import FOR_CUSTOMERS
from records.marketing.lists import RequestedConsent
from starter.pages.downloads import by_link
from starter.pages.page import Button, Page
from starter.service.cancellation import CancellationClient
from starter.web.refusals import NothingThere

AGREE = "agree"
DECLINE = "decline"

_DONE = {
    Consent.AGREED: "You have agreed: the campaigns are being stopped.",
    Consent.DECLINED: "You have declined: the campaigns are kept running.",
    Consent.TIMED_OUT: "The time to answer is over: the campaigns are kept running.",
}
_WITHDRAWN = "The cancellation was withdrawn: the campaigns are kept running."


class ConsentPages:
    """The pages behind the link to the marketing service's own administrator."""

    def __init__(self, cancellations: CancellationClient, links: Links) -> None:
        self._cancellations = cancellations
        self._links = links

    async def show(self, target: LinkTarget) -> Page:
        """Return the page with the campaigns to stop, and its two buttons."""
        asked = await self._asked(target)
        done = "" if asked.is_open else _DONE.get(asked.consent, _WITHDRAWN)
        return Page(
            title="May we stop these campaigns?",
            done=done,
            sentences=[
                f"A subscription of {asked.organization_name} is being cancelled, and we are asked to stop the campaigns of "
                "its marketing service. You are its billing administrator, so nothing is stopped without your consent.",
                *campaigns_in_words(asked.campaigns),
            ],
            facts=[
                ("Case", target.subject),
                ("Organization", f"{asked.organization_name}, {asked.organization_url}"),
                ("Please answer before", FOR_CUSTOMERS.instant(target.expires, asked.time_zone)),
            ],
            buttons=[
                Button(AGREE, "I agree: stop them", careful=True),
                Button(DECLINE, "I decline: keep them running"),
            ]
            if asked.is_open
            else [],
            small_print=["A stopped campaign cannot be reinstated; to advertise again, you sign up anew."],
        )

    async def agree(self, target: LinkTarget) -> Page:
        """Record that the administrator agrees."""
        return await self._answer(target, ConsentDecision.AGREED)

    async def decline(self, target: LinkTarget) -> Page:
        """Record that the administrator declines."""
        return await self._answer(target, ConsentDecision.DECLINED)

    async def _asked(self, target: LinkTarget) -> RequestedConsent:
        """Return what is asked, of the administrator to whom the link was mailed. Raises NothingThere, LinkReplaced."""
        asked = await self._cancellations.requested_consent(target.subject)
        if asked is None:
            raise NothingThere
        self._links.refuse_other_recipient(target, asked.administrator)
        return asked

    async def _answer(self, target: LinkTarget, decision: ConsentDecision) -> Page:
        await self._asked(target)
        await self._cancellations.consent(
            target.subject.rpartition("/")[0],
            decision,
            actor=CONSENT_LINK,
            cancellation=target.subject,
            link=self._links.token(target),
            request_id=by_link(target.subject, decision),
        )
        return await self.show(target)
