"""The operations of `Client` by area. Written by `make client`; not to be edited."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING

from offramp_client.calls import Call, new_request_id, path
from offramp_client.events import StreamEvent
from offramp_client.generated import models

if TYPE_CHECKING:
    from offramp_client.client import Client


class Cancellations:
    """Cancellations of subscriptions."""

    def __init__(self, client: "Client") -> None:
        self._client = client

    def list(
        self,
        *,
        cancellation: Sequence[str] | None = None,
        stage: Sequence[models.Stage | str] | None = None,
        received_from: date | None = None,
        received_until: date | None = None,
        deadline_until: datetime | None = None,
        waits_for: models.Awaited | str | None = None,
        open_system_tasks: bool = False,
        reason_code: str | None = None,
        text: str | None = None,
        after: str | None = None,
        limit: int = 100,
        counted: bool = False,
        organization: str | None = None,
    ) -> models.CasePage:
        """Return a page of cancellations, the last received first.

        Args:
            cancellation: these alone
            stage: any of these; all, if none is given
            deadline_until: the latest instant at which the stage ends by itself
            open_system_tasks: true for those in which a registered system has not confirmed what it was asked for
            text: a part of an id, a description or a unique name; of one or two letters its beginning
            after: the `next` of the page before
            counted: true to count all of them by stage, too

        Raises:
            Refused: with status 401, 403, 422, 500, 503.
            Unreachable: no answer in time.
        """
        return self._client.call(
            Call[models.CasePage](
                "GET",
                "/v1/cancellations",
                answer=models.CasePage,
                query={
                    "cancellation": cancellation,
                    "stage": stage,
                    "received_from": received_from,
                    "received_until": received_until,
                    "deadline_until": deadline_until,
                    "waits_for": waits_for,
                    "open_system_tasks": open_system_tasks,
                    "reason_code": reason_code,
                    "text": text,
                    "after": after,
                    "limit": limit,
                    "counted": counted,
                    "organization": organization,
                },
            )
        )

    def each(
        self,
        *,
        cancellation: Sequence[str] | None = None,
        stage: Sequence[models.Stage | str] | None = None,
        received_from: date | None = None,
        received_until: date | None = None,
        deadline_until: datetime | None = None,
        waits_for: models.Awaited | str | None = None,
        open_system_tasks: bool = False,
        reason_code: str | None = None,
        text: str | None = None,
        limit: int = 100,
        organization: str | None = None,
    ) -> Iterator[models.CaseSummary]:
        """Return all that `list` has, page after page as they are asked for.

        Args:
            cancellation: these alone
            stage: any of these; all, if none is given
            deadline_until: the latest instant at which the stage ends by itself
            open_system_tasks: true for those in which a registered system has not confirmed what it was asked for
            text: a part of an id, a description or a unique name; of one or two letters its beginning

        Raises:
            Refused: with status 401, 403, 422, 500, 503.
            Unreachable: no answer in time.
        """
        after: str | None = None
        while True:
            page = self.list(
                cancellation=cancellation,
                stage=stage,
                received_from=received_from,
                received_until=received_until,
                deadline_until=deadline_until,
                waits_for=waits_for,
                open_system_tasks=open_system_tasks,
                reason_code=reason_code,
                text=text,
                limit=limit,
                organization=organization,
                after=after,
            )
            yield from page.cancellations
            after = page.next
            if after is None:
                return

    def report(
        self, *, first: date | None = None, last: date | None = None, organization: str | None = None
    ) -> models.CancellationReport:
        """Return the outcomes of cancellations, by month of receipt and reason for leaving.

        Args:
            first: a day of the first month
            last: a day of the last month

        Raises:
            Refused: with status 401, 403, 422, 500, 503.
            Unreachable: no answer in time.
        """
        return self._client.call(
            Call[models.CancellationReport](
                "GET",
                "/v1/cancellations/report",
                answer=models.CancellationReport,
                query={"first": first, "last": last, "organization": organization},
            )
        )

    def history(self, subscription: str, *, after: int = 0, limit: int = 500) -> models.CaseHistory:
        """Return a page of the audit trail of a subscription, its lines and its cancellations, the oldest entry first.

        Args:
            subscription: the subscription's id
            after: the `next` of the page before

        Raises:
            Refused: with status 401, 403, 404, 422, 500, 503.
            Unreachable: no answer in time.
        """
        return self._client.call(
            Call[models.CaseHistory](
                "GET",
                path("/v1/subscriptions/{subscription}/history", subscription=subscription),
                answer=models.CaseHistory,
                query={"after": after, "limit": limit},
            )
        )

    def messages(self, subscription: str, *, limit: int = 200) -> tuple[models.SentMessage, ...]:
        """Return the newest mails and webhooks about a subscription's cancellations, newest first, without their
        texts.

        Args:
            subscription: the subscription's id

        Raises:
            Refused: with status 401, 403, 422, 500, 503.
            Unreachable: no answer in time.
        """
        return self._client.call(
            Call[tuple[models.SentMessage, ...]](
                "GET",
                path("/v1/subscriptions/{subscription}/messages", subscription=subscription),
                answer=tuple[models.SentMessage, ...],
                query={"limit": limit},
            )
        )

    def send_code(
        self, subscription: str, number: int | str = "newest", *, request_id: str | None = None
    ) -> models.CancellationStatus:
        """Mail a one-time code to the billing administrator on record.

        Args:
            number: the number of the case among those of its subject, or `newest`
            request_id: names this request; made here, if not given

        Raises:
            Refused: with status 401, 403, 404, 409, 422, 429, 500, 503.
            Unreachable: no answer in time.
        """
        return self._client.call(
            Call[models.CancellationStatus](
                "POST",
                path(
                    "/v1/subscriptions/{subscription}/cancellations/{number}/codes",
                    subscription=subscription,
                    number=number,
                ),
                answer=models.CancellationStatus,
                request_id=request_id or new_request_id(),
            )
        )

    def verify_code(
        self, subscription: str, number: int | str = "newest", *, code: str, request_id: str | None = None
    ) -> models.CancellationStatus:
        """Verify the billing administrator by the code that they have received.

        Args:
            number: the number of the case among those of its subject, or `newest`
            request_id: names this request; made here, if not given

        Raises:
            Refused: with status 401, 403, 404, 409, 422, 429, 500, 503.
            Unreachable: no answer in time.
        """
        return self._client.call(
            Call[models.CancellationStatus](
                "POST",
                path(
                    "/v1/subscriptions/{subscription}/cancellations/{number}/tries",
                    subscription=subscription,
                    number=number,
                ),
                answer=models.CancellationStatus,
                body={"code": code},
                request_id=request_id or new_request_id(),
            )
        )

    def attest(
        self, subscription: str, number: int | str = "newest", *, reason: str, request_id: str | None = None
    ) -> models.CancellationStatus:
        """Give the caller's word that the request comes from the billing administrator.

        Args:
            number: the number of the case among those of its subject, or `newest`
            request_id: names this request; made here, if not given

        Raises:
            Refused: with status 401, 403, 404, 409, 422, 429, 500, 503.
            Unreachable: no answer in time.
        """
        return self._client.call(
            Call[models.CancellationStatus](
                "POST",
                path(
                    "/v1/subscriptions/{subscription}/cancellations/{number}/attestations",
                    subscription=subscription,
                    number=number,
                ),
                answer=models.CancellationStatus,
                body={"reason": reason},
                request_id=request_id or new_request_id(),
            )
        )

    def quote(
        self,
        subscription: str,
        *,
        received_on: date | None = None,
        terminate_on: date | models.Termination | str | None = None,
        goodwill: bool = False,
    ) -> models.Quote:
        """Return what cancelling would mean; nothing is started.

        Args:
            received_on: a civil day in the organization's zone; today, if not given
            terminate_on: the wished last day, or a way without a date

        Raises:
            Refused: with status 401, 403, 404, 409, 422, 500, 503.
            Unreachable: no answer in time.
        """
        return self._client.call(
            Call[models.Quote](
                "GET",
                path("/v1/subscriptions/{subscription}/quote", subscription=subscription),
                answer=models.Quote,
                query={"received_on": received_on, "terminate_on": terminate_on, "goodwill": goodwill},
            )
        )

    def status(self, subscription: str, number: int | str = "newest") -> models.CancellationStatus:
        """Return the status of a cancellation: of its workflow while that runs, else of the record.

        Args:
            number: the number of the case among those of its subject, or `newest`

        Raises:
            Refused: with status 401, 403, 404, 422, 500, 503.
            Unreachable: no answer in time.
        """
        return self._client.call(
            Call[models.CancellationStatus](
                "GET",
                path(
                    "/v1/subscriptions/{subscription}/cancellations/{number}", subscription=subscription, number=number
                ),
                answer=models.CancellationStatus,
            )
        )

    def answer(
        self,
        subscription: str,
        number: int | str = "newest",
        *,
        answers: Mapping[str, str],
        campaign_actions: Mapping[str, models.CampaignAction | str] | None = None,
        request_id: str | None = None,
    ) -> models.CancellationStatus:
        """Answer questions of the checklist: all of them are taken, or none.

        Args:
            number: the number of the case among those of its subject, or `newest`
            request_id: names this request; made here, if not given

        Raises:
            Refused: with status 401, 403, 404, 409, 422, 429, 500, 503.
            Unreachable: no answer in time.
        """
        return self._client.call(
            Call[models.CancellationStatus](
                "POST",
                path(
                    "/v1/subscriptions/{subscription}/cancellations/{number}/answers",
                    subscription=subscription,
                    number=number,
                ),
                answer=models.CancellationStatus,
                body={"answers": answers, "campaign_actions": campaign_actions},
                request_id=request_id or new_request_id(),
            )
        )

    def approve(
        self,
        subscription: str,
        number: int | str = "newest",
        *,
        reason: str,
        proposal: str | None = None,
        request_id: str | None = None,
    ) -> models.CancellationStatus:
        """Approve, as a second person, the goodwill that was asked for.

        Args:
            number: the number of the case among those of its subject, or `newest`
            proposal: the digest of the proposal that the person was shown
            request_id: names this request; made here, if not given

        Raises:
            Refused: with status 401, 403, 404, 409, 422, 429, 500, 503.
            Unreachable: no answer in time.
        """
        return self._client.call(
            Call[models.CancellationStatus](
                "POST",
                path(
                    "/v1/subscriptions/{subscription}/cancellations/{number}/approvals",
                    subscription=subscription,
                    number=number,
                ),
                answer=models.CancellationStatus,
                body={"reason": reason, "proposal": proposal},
                request_id=request_id or new_request_id(),
            )
        )

    def correct(
        self,
        subscription: str,
        number: int | str = "newest",
        *,
        reason: str,
        expects: str | None = None,
        answers: Mapping[str, str] | None = None,
        campaign_actions: Mapping[str, models.CampaignAction | str] | None = None,
        goodwill: str | None = None,
        without_goodwill: bool = False,
        request_id: str | None = None,
    ) -> models.CancellationStatus:
        """Record other wishes of the customer before the cancellation takes effect; with If-Match, only of what was
        read.

        Args:
            number: the number of the case among those of its subject, or `newest`
            expects: the `version` of the status that it is decided upon; of another one it is refused
            request_id: names this request; made here, if not given

        Raises:
            Refused: with status 401, 403, 404, 409, 412, 422, 429, 500, 503.
            Unreachable: no answer in time.
        """
        return self._client.call(
            Call[models.CancellationStatus](
                "POST",
                path(
                    "/v1/subscriptions/{subscription}/cancellations/{number}/corrections",
                    subscription=subscription,
                    number=number,
                ),
                answer=models.CancellationStatus,
                body={
                    "reason": reason,
                    "answers": answers,
                    "campaign_actions": campaign_actions,
                    "goodwill": goodwill,
                    "without_goodwill": without_goodwill,
                },
                expects=expects,
                request_id=request_id or new_request_id(),
            )
        )

    def withdraw(
        self,
        subscription: str,
        number: int | str = "newest",
        *,
        reason: str,
        receipt: models.Receipt | None = None,
        request_id: str | None = None,
    ) -> models.CancellationStatus:
        """Withdraw a cancellation that has not taken effect.

        Args:
            number: the number of the case among those of its subject, or `newest`
            request_id: names this request; made here, if not given

        Raises:
            Refused: with status 401, 403, 404, 409, 422, 429, 500, 503.
            Unreachable: no answer in time.
        """
        return self._client.call(
            Call[models.CancellationStatus](
                "POST",
                path(
                    "/v1/subscriptions/{subscription}/cancellations/{number}/withdrawals",
                    subscription=subscription,
                    number=number,
                ),
                answer=models.CancellationStatus,
                body={"reason": reason, "receipt": receipt},
                request_id=request_id or new_request_id(),
            )
        )

    def reverse(
        self,
        subscription: str,
        number: int | str = "newest",
        *,
        identity: models.Identity,
        reason: str | None = None,
        receipt: models.Receipt | None = None,
        request_id: str | None = None,
    ) -> models.CancellationStatus:
        """Reverse a cancellation within its window; the identity must be that of the cancellation.

        Args:
            number: the number of the case among those of its subject, or `newest`
            request_id: names this request; made here, if not given

        Raises:
            Refused: with status 401, 403, 404, 409, 422, 429, 500, 503.
            Unreachable: no answer in time.
        """
        return self._client.call(
            Call[models.CancellationStatus](
                "POST",
                path(
                    "/v1/subscriptions/{subscription}/cancellations/{number}/reversals",
                    subscription=subscription,
                    number=number,
                ),
                answer=models.CancellationStatus,
                body={"identity": identity, "reason": reason, "receipt": receipt},
                request_id=request_id or new_request_id(),
            )
        )

    def start(
        self,
        subscription: str,
        *,
        answers: Mapping[str, str] | None = None,
        attestation: str | None = None,
        goodwill: str | None = None,
        reason: str | None = None,
        reason_code: str | None = None,
        receipt: models.Receipt | None = None,
        campaign_actions: Mapping[str, models.CampaignAction | str] | None = None,
        request_id: str | None = None,
    ) -> models.CancellationStatus:
        """Start a cancellation. Where one runs already, that is the answer, with status 200: its `request_id` is
        another.

        Args:
            subscription: the subscription's id
            answers: what is known already, by the name of the question
            attestation: how the agent knows that the billing administrator asks
            goodwill: why the notice deadline should be ignored
            reason: in the customer's words
            request_id: names this request; made here, if not given

        Raises:
            Refused: with status 401, 403, 404, 409, 422, 429, 500, 503.
            Unreachable: no answer in time.
        """
        return self._client.call(
            Call[models.CancellationStatus](
                "POST",
                path("/v1/subscriptions/{subscription}/cancellations", subscription=subscription),
                answer=models.CancellationStatus,
                body={
                    "answers": answers,
                    "attestation": attestation,
                    "goodwill": goodwill,
                    "reason": reason,
                    "reason_code": reason_code,
                    "receipt": receipt,
                    "campaign_actions": campaign_actions,
                },
                request_id=request_id or new_request_id(),
            )
        )

    def confirm_task(
        self,
        subscription: str,
        number: int | str = "newest",
        *,
        system: str,
        task: models.SystemTask | str,
        request_id: str | None = None,
    ) -> models.SystemTasksStatus:
        """Confirm that a registered system has done what a cancellation asked of it.

        Args:
            subscription: the subscription's id
            number: the number of the case among those of its subject, or `newest`
            request_id: names this request; made here, if not given

        Raises:
            Refused: with status 401, 403, 404, 409, 422, 500, 503.
            Unreachable: no answer in time.
        """
        return self._client.call(
            Call[models.SystemTasksStatus](
                "POST",
                path(
                    "/v1/subscriptions/{subscription}/cancellations/{number}/confirmations",
                    subscription=subscription,
                    number=number,
                ),
                answer=models.SystemTasksStatus,
                body={"system": system, "task": task},
                request_id=request_id or new_request_id(),
            )
        )

    def requested_consent(self, subscription: str, number: int | str = "newest") -> models.RequestedConsent:
        """Return the consent that the marketing service's own administrator is asked for.

        Args:
            subscription: the subscription's id
            number: the number of the case among those of its subject, or `newest`

        Raises:
            Refused: with status 401, 403, 404, 409, 422, 500, 503.
            Unreachable: no answer in time.
        """
        return self._client.call(
            Call[models.RequestedConsent](
                "GET",
                path(
                    "/v1/subscriptions/{subscription}/cancellations/{number}/consent",
                    subscription=subscription,
                    number=number,
                ),
                answer=models.RequestedConsent,
            )
        )

    def consent(
        self,
        subscription: str,
        number: int | str = "newest",
        *,
        decision: models.ConsentDecision | str,
        because: str,
        request_id: str | None = None,
    ) -> models.CancellationStatus:
        """Pass on the answer of the marketing service's own administrator.

        Args:
            subscription: the subscription's id
            number: the number of the case among those of its subject, or `newest`
            request_id: names this request; made here, if not given

        Raises:
            Refused: with status 401, 403, 404, 409, 422, 429, 500, 503.
            Unreachable: no answer in time.
        """
        return self._client.call(
            Call[models.CancellationStatus](
                "POST",
                path(
                    "/v1/subscriptions/{subscription}/cancellations/{number}/consents",
                    subscription=subscription,
                    number=number,
                ),
                answer=models.CancellationStatus,
                body={"decision": decision, "because": because},
                request_id=request_id or new_request_id(),
            )
        )

    def post_credit_memo(
        self, invoice: str, *, number: str, credits_from: date | None = None, request_id: str | None = None
    ) -> models.CreditMemoPosted:
        """Post the credit memo that takes an invoice back; a cancellation that waits for it continues.

        Args:
            invoice: the invoice's number
            credits_from: the first day that is taken back; the whole invoice, if not given
            request_id: names this request; made here, if not given

        Raises:
            Refused: with status 401, 403, 404, 409, 422, 500, 503.
            Unreachable: no answer in time.
        """
        return self._client.call(
            Call[models.CreditMemoPosted](
                "POST",
                path("/v1/invoices/{invoice}/credit-memos", invoice=invoice),
                answer=models.CreditMemoPosted,
                body={"number": number, "credits_from": credits_from},
                request_id=request_id or new_request_id(),
            )
        )


class LineCancellations:
    """Cancellations of single lines, while their subscription goes on."""

    def __init__(self, client: "Client") -> None:
        self._client = client

    def send_code(
        self, line: str, number: int | str = "newest", *, request_id: str | None = None
    ) -> models.LineCancellationStatus:
        """Mail a one-time code to the billing administrator on record.

        Args:
            number: the number of the case among those of its subject, or `newest`
            request_id: names this request; made here, if not given

        Raises:
            Refused: with status 401, 403, 404, 409, 422, 429, 500, 503.
            Unreachable: no answer in time.
        """
        return self._client.call(
            Call[models.LineCancellationStatus](
                "POST",
                path("/v1/lines/{line}/cancellations/{number}/codes", line=line, number=number),
                answer=models.LineCancellationStatus,
                request_id=request_id or new_request_id(),
            )
        )

    def verify_code(
        self, line: str, number: int | str = "newest", *, code: str, request_id: str | None = None
    ) -> models.LineCancellationStatus:
        """Verify the billing administrator by the code that they have received.

        Args:
            number: the number of the case among those of its subject, or `newest`
            request_id: names this request; made here, if not given

        Raises:
            Refused: with status 401, 403, 404, 409, 422, 429, 500, 503.
            Unreachable: no answer in time.
        """
        return self._client.call(
            Call[models.LineCancellationStatus](
                "POST",
                path("/v1/lines/{line}/cancellations/{number}/tries", line=line, number=number),
                answer=models.LineCancellationStatus,
                body={"code": code},
                request_id=request_id or new_request_id(),
            )
        )

    def attest(
        self, line: str, number: int | str = "newest", *, reason: str, request_id: str | None = None
    ) -> models.LineCancellationStatus:
        """Give the caller's word that the request comes from the billing administrator.

        Args:
            number: the number of the case among those of its subject, or `newest`
            request_id: names this request; made here, if not given

        Raises:
            Refused: with status 401, 403, 404, 409, 422, 429, 500, 503.
            Unreachable: no answer in time.
        """
        return self._client.call(
            Call[models.LineCancellationStatus](
                "POST",
                path("/v1/lines/{line}/cancellations/{number}/attestations", line=line, number=number),
                answer=models.LineCancellationStatus,
                body={"reason": reason},
                request_id=request_id or new_request_id(),
            )
        )

    def quote(
        self,
        line: str,
        *,
        received_on: date | None = None,
        terminate_on: date | models.Termination | str | None = None,
        goodwill: bool = False,
    ) -> models.Quote:
        """Return what cancelling would mean; nothing is started.

        Args:
            received_on: a civil day in the organization's zone; today, if not given
            terminate_on: the wished last day, or a way without a date

        Raises:
            Refused: with status 401, 403, 404, 409, 422, 500, 503.
            Unreachable: no answer in time.
        """
        return self._client.call(
            Call[models.Quote](
                "GET",
                path("/v1/lines/{line}/quote", line=line),
                answer=models.Quote,
                query={"received_on": received_on, "terminate_on": terminate_on, "goodwill": goodwill},
            )
        )

    def status(self, line: str, number: int | str = "newest") -> models.LineCancellationStatus:
        """Return the status of a cancellation: of its workflow while that runs, else of the record.

        Args:
            number: the number of the case among those of its subject, or `newest`

        Raises:
            Refused: with status 401, 403, 404, 422, 500, 503.
            Unreachable: no answer in time.
        """
        return self._client.call(
            Call[models.LineCancellationStatus](
                "GET",
                path("/v1/lines/{line}/cancellations/{number}", line=line, number=number),
                answer=models.LineCancellationStatus,
            )
        )

    def answer(
        self,
        line: str,
        number: int | str = "newest",
        *,
        answers: Mapping[str, str],
        campaign_actions: Mapping[str, models.CampaignAction | str] | None = None,
        request_id: str | None = None,
    ) -> models.LineCancellationStatus:
        """Answer questions of the checklist: all of them are taken, or none.

        Args:
            number: the number of the case among those of its subject, or `newest`
            request_id: names this request; made here, if not given

        Raises:
            Refused: with status 401, 403, 404, 409, 422, 429, 500, 503.
            Unreachable: no answer in time.
        """
        return self._client.call(
            Call[models.LineCancellationStatus](
                "POST",
                path("/v1/lines/{line}/cancellations/{number}/answers", line=line, number=number),
                answer=models.LineCancellationStatus,
                body={"answers": answers, "campaign_actions": campaign_actions},
                request_id=request_id or new_request_id(),
            )
        )

    def approve(
        self,
        line: str,
        number: int | str = "newest",
        *,
        reason: str,
        proposal: str | None = None,
        request_id: str | None = None,
    ) -> models.LineCancellationStatus:
        """Approve, as a second person, the goodwill that was asked for.

        Args:
            number: the number of the case among those of its subject, or `newest`
            proposal: the digest of the proposal that the person was shown
            request_id: names this request; made here, if not given

        Raises:
            Refused: with status 401, 403, 404, 409, 422, 429, 500, 503.
            Unreachable: no answer in time.
        """
        return self._client.call(
            Call[models.LineCancellationStatus](
                "POST",
                path("/v1/lines/{line}/cancellations/{number}/approvals", line=line, number=number),
                answer=models.LineCancellationStatus,
                body={"reason": reason, "proposal": proposal},
                request_id=request_id or new_request_id(),
            )
        )

    def correct(
        self,
        line: str,
        number: int | str = "newest",
        *,
        reason: str,
        expects: str | None = None,
        answers: Mapping[str, str] | None = None,
        campaign_actions: Mapping[str, models.CampaignAction | str] | None = None,
        goodwill: str | None = None,
        without_goodwill: bool = False,
        request_id: str | None = None,
    ) -> models.LineCancellationStatus:
        """Record other wishes of the customer before the cancellation takes effect; with If-Match, only of what was
        read.

        Args:
            number: the number of the case among those of its subject, or `newest`
            expects: the `version` of the status that it is decided upon; of another one it is refused
            request_id: names this request; made here, if not given

        Raises:
            Refused: with status 401, 403, 404, 409, 412, 422, 429, 500, 503.
            Unreachable: no answer in time.
        """
        return self._client.call(
            Call[models.LineCancellationStatus](
                "POST",
                path("/v1/lines/{line}/cancellations/{number}/corrections", line=line, number=number),
                answer=models.LineCancellationStatus,
                body={
                    "reason": reason,
                    "answers": answers,
                    "campaign_actions": campaign_actions,
                    "goodwill": goodwill,
                    "without_goodwill": without_goodwill,
                },
                expects=expects,
                request_id=request_id or new_request_id(),
            )
        )

    def withdraw(
        self,
        line: str,
        number: int | str = "newest",
        *,
        reason: str,
        receipt: models.Receipt | None = None,
        request_id: str | None = None,
    ) -> models.LineCancellationStatus:
        """Withdraw a cancellation that has not taken effect.

        Args:
            number: the number of the case among those of its subject, or `newest`
            request_id: names this request; made here, if not given

        Raises:
            Refused: with status 401, 403, 404, 409, 422, 429, 500, 503.
            Unreachable: no answer in time.
        """
        return self._client.call(
            Call[models.LineCancellationStatus](
                "POST",
                path("/v1/lines/{line}/cancellations/{number}/withdrawals", line=line, number=number),
                answer=models.LineCancellationStatus,
                body={"reason": reason, "receipt": receipt},
                request_id=request_id or new_request_id(),
            )
        )

    def reverse(
        self,
        line: str,
        number: int | str = "newest",
        *,
        identity: models.Identity,
        reason: str | None = None,
        receipt: models.Receipt | None = None,
        request_id: str | None = None,
    ) -> models.LineCancellationStatus:
        """Reverse a cancellation within its window; the identity must be that of the cancellation.

        Args:
            number: the number of the case among those of its subject, or `newest`
            request_id: names this request; made here, if not given

        Raises:
            Refused: with status 401, 403, 404, 409, 422, 429, 500, 503.
            Unreachable: no answer in time.
        """
        return self._client.call(
            Call[models.LineCancellationStatus](
                "POST",
                path("/v1/lines/{line}/cancellations/{number}/reversals", line=line, number=number),
                answer=models.LineCancellationStatus,
                body={"identity": identity, "reason": reason, "receipt": receipt},
                request_id=request_id or new_request_id(),
            )
        )

    def start(
        self,
        line: str,
        *,
        answers: Mapping[str, str] | None = None,
        attestation: str | None = None,
        goodwill: str | None = None,
        reason: str | None = None,
        reason_code: str | None = None,
        receipt: models.Receipt | None = None,
        request_id: str | None = None,
    ) -> models.LineCancellationStatus:
        """Start the cancellation of a line alone. Where one runs already, that is the answer, with status 200.

        Args:
            line: the subscription line's id
            answers: what is known already, by the name of the question
            attestation: how the agent knows that the billing administrator asks
            goodwill: why the notice deadline should be ignored
            reason: in the customer's words
            request_id: names this request; made here, if not given

        Raises:
            Refused: with status 401, 403, 404, 409, 422, 429, 500, 503.
            Unreachable: no answer in time.
        """
        return self._client.call(
            Call[models.LineCancellationStatus](
                "POST",
                path("/v1/lines/{line}/cancellations", line=line),
                answer=models.LineCancellationStatus,
                body={
                    "answers": answers,
                    "attestation": attestation,
                    "goodwill": goodwill,
                    "reason": reason,
                    "reason_code": reason_code,
                    "receipt": receipt,
                },
                request_id=request_id or new_request_id(),
            )
        )


class Bulk:
    """Bulk cancellations."""

    def __init__(self, client: "Client") -> None:
        self._client = client

    def plan(
        self,
        *,
        reason: str,
        csv: str | None = None,
        name: str | None = None,
        organization: str | None = None,
        answers: Mapping[str, str] | None = None,
        attestation: str | None = None,
        reason_code: str | None = None,
        at_once: int | None = None,
        per_minute: int | None = None,
        request_id: str | None = None,
    ) -> models.BulkStatus:
        """Have rows judged, and start nothing; the answer says where the plan will be.

        Args:
            csv: the file, as docs/bulk.md has it
            name: the file's name
            answers: of an organization: what counts for each of its subscriptions
            attestation: of an organization: how it is known that its billing administrator asks
            reason: why, for the audit trail
            at_once: how many starts are under way together
            per_minute: how many are begun in a minute at most
            request_id: names this request; made here, if not given

        Raises:
            Refused: with status 401, 403, 404, 409, 413, 415, 422, 429, 500, 503.
            Unreachable: no answer in time.
        """
        return self._client.call(
            Call[models.BulkStatus](
                "POST",
                "/v1/bulk-cancellations",
                answer=models.BulkStatus,
                body={
                    "csv": csv,
                    "name": name,
                    "organization": organization,
                    "answers": answers,
                    "attestation": attestation,
                    "reason_code": reason_code,
                    "reason": reason,
                    "at_once": at_once,
                    "per_minute": per_minute,
                },
                request_id=request_id or new_request_id(),
            )
        )

    def list(
        self, *, state: Sequence[models.BulkState | str] | None = None, after: str | None = None, limit: int = 100
    ) -> tuple[models.BulkView, ...]:
        """Return bulks, the last planned first.

        Args:
            state: any of these; all, if none is given
            after: the last bulk of the page before

        Raises:
            Refused: with status 401, 403, 404, 422, 500, 503.
            Unreachable: no answer in time.
        """
        return self._client.call(
            Call[tuple[models.BulkView, ...]](
                "GET",
                "/v1/bulk-cancellations",
                answer=tuple[models.BulkView, ...],
                query={"state": state, "after": after, "limit": limit},
            )
        )

    def status(self, bulk: str) -> models.BulkStatus:
        """Return what a plan would cost, and how far it is.

        Args:
            bulk: the bulk's id

        Raises:
            Refused: with status 401, 403, 404, 422, 500, 503.
            Unreachable: no answer in time.
        """
        return self._client.call(
            Call[models.BulkStatus]("GET", path("/v1/bulk-cancellations/{bulk}", bulk=bulk), answer=models.BulkStatus)
        )

    def rows(
        self, bulk: str, *, state: Sequence[models.RowState | str] | None = None, after: int = 0, limit: int = 100
    ) -> models.BulkRowPage:
        """Return rows by their numbers: what the plan shows of each, and its result.  Who may confirm a bulk also sees
        what a row is to be started with: its answers, words and attestation, and its goodwill.

        Args:
            bulk: the bulk's id
            state: any of these; all, if none is given
            after: the `next` of the page before

        Raises:
            Refused: with status 401, 403, 404, 422, 500, 503.
            Unreachable: no answer in time.
        """
        return self._client.call(
            Call[models.BulkRowPage](
                "GET",
                path("/v1/bulk-cancellations/{bulk}/rows", bulk=bulk),
                answer=models.BulkRowPage,
                query={"state": state, "after": after, "limit": limit},
            )
        )

    def confirm(self, bulk: str, *, digest: str, reason: str, request_id: str | None = None) -> models.BulkStatus:
        """Confirm a plan exactly as it was shown, and have it carried out in the name of the caller.

        Args:
            bulk: the bulk's id
            digest: that of the plan which was shown
            request_id: names this request; made here, if not given

        Raises:
            Refused: with status 401, 403, 404, 409, 422, 500, 503.
            Unreachable: no answer in time.
        """
        return self._client.call(
            Call[models.BulkStatus](
                "POST",
                path("/v1/bulk-cancellations/{bulk}/confirmations", bulk=bulk),
                answer=models.BulkStatus,
                body={"digest": digest, "reason": reason},
                request_id=request_id or new_request_id(),
            )
        )

    def stop(self, bulk: str, *, reason: str, request_id: str | None = None) -> models.BulkStatus:
        """Start nothing more until it is resumed.

        Args:
            bulk: the bulk's id
            request_id: names this request; made here, if not given

        Raises:
            Refused: with status 401, 403, 404, 409, 422, 500, 503.
            Unreachable: no answer in time.
        """
        return self._client.call(
            Call[models.BulkStatus](
                "POST",
                path("/v1/bulk-cancellations/{bulk}/stops", bulk=bulk),
                answer=models.BulkStatus,
                body={"reason": reason},
                request_id=request_id or new_request_id(),
            )
        )

    def resume(self, bulk: str, *, reason: str, request_id: str | None = None) -> models.BulkStatus:
        """Go on with a bulk that was stopped.

        Args:
            bulk: the bulk's id
            request_id: names this request; made here, if not given

        Raises:
            Refused: with status 401, 403, 404, 409, 422, 500, 503.
            Unreachable: no answer in time.
        """
        return self._client.call(
            Call[models.BulkStatus](
                "POST",
                path("/v1/bulk-cancellations/{bulk}/resumptions", bulk=bulk),
                answer=models.BulkStatus,
                body={"reason": reason},
                request_id=request_id or new_request_id(),
            )
        )

    def kill(self, bulk: str, *, reason: str, request_id: str | None = None) -> models.BulkStatus:
        """End a bulk for good; nothing more is started.

        Args:
            bulk: the bulk's id
            request_id: names this request; made here, if not given

        Raises:
            Refused: with status 401, 403, 404, 409, 422, 500, 503.
            Unreachable: no answer in time.
        """
        return self._client.call(
            Call[models.BulkStatus](
                "POST",
                path("/v1/bulk-cancellations/{bulk}/kills", bulk=bulk),
                answer=models.BulkStatus,
                body={"reason": reason},
                request_id=request_id or new_request_id(),
            )
        )

    def switch(self) -> models.BulkSwitch:
        """Return the kill switch of the installation.

        Raises:
            Refused: with status 401, 403, 422, 500, 503.
            Unreachable: no answer in time.
        """
        return self._client.call(Call[models.BulkSwitch]("GET", "/v1/bulk-switch", answer=models.BulkSwitch))

    def set_switch(self, *, off: bool, reason: str, request_id: str | None = None) -> models.BulkSwitch:
        """Let no bulk of the installation start anything, or let them again.

        Args:
            off: true to let no bulk start anything
            request_id: names this request; made here, if not given

        Raises:
            Refused: with status 401, 403, 409, 422, 500, 503.
            Unreachable: no answer in time.
        """
        return self._client.call(
            Call[models.BulkSwitch](
                "PUT",
                "/v1/bulk-switch",
                answer=models.BulkSwitch,
                body={"off": off, "reason": reason},
                request_id=request_id or new_request_id(),
            )
        )


class Events:
    """Events of cases as they happen."""

    def __init__(self, client: "Client") -> None:
        self._client = client

    def watch_list(self, *, organization: str | None = None, last_event_id: str | None = None) -> Iterator[StreamEvent]:
        """Follow the events of all cases, of every kind. It goes on by itself where it broke off. An event comes at
        least once.

        Args:
            last_event_id: the id of the last event that came; none to begin now

        Raises:
            Refused: with status 401, 403, 422, 429, 500, 503.
            Unreachable: no answer in time.
        """
        return self._client.follow(
            Call[str]("GET", "/v1/cancellations/events", query={"organization": organization}), after=last_event_id
        )

    def watch_subscription(
        self, subscription: str, *, cancellation: str | None = None, last_event_id: str | None = None
    ) -> Iterator[StreamEvent]:
        """Follow the events of a subscription's cancellations, and of those of its lines. It goes on by itself where
        it broke off. An event comes at least once.

        Args:
            subscription: the subscription's id
            cancellation: one case alone
            last_event_id: the id of the last event that came; none to begin now

        Raises:
            Refused: with status 401, 403, 422, 429, 500, 503.
            Unreachable: no answer in time.
        """
        return self._client.follow(
            Call[str](
                "GET",
                path("/v1/subscriptions/{subscription}/events", subscription=subscription),
                query={"cancellation": cancellation},
            ),
            after=last_event_id,
        )


class Exports:
    """Exports of organizations' data."""

    def __init__(self, client: "Client") -> None:
        self._client = client

    def status(self, subscription: str) -> models.ExportView:
        """Return the state of the newest cancellation's export, live while it is under way.

        Args:
            subscription: the subscription's id

        Raises:
            Refused: with status 401, 403, 404, 422, 500, 503.
            Unreachable: no answer in time.
        """
        return self._client.call(
            Call[models.ExportView](
                "GET",
                path("/v1/subscriptions/{subscription}/export", subscription=subscription),
                answer=models.ExportView,
            )
        )

    def describe(self, subscription: str, number: int | str = "newest") -> models.DescribedExport:
        """Return the contents of the finished export of a cancellation.

        Args:
            subscription: the subscription's id
            number: the number of the case among those of its subject, or `newest`

        Raises:
            Refused: with status 401, 403, 404, 422, 500, 503.
            Unreachable: no answer in time.
        """
        return self._client.call(
            Call[models.DescribedExport](
                "GET",
                path(
                    "/v1/subscriptions/{subscription}/cancellations/{number}/export",
                    subscription=subscription,
                    number=number,
                ),
                answer=models.DescribedExport,
            )
        )

    def links(self, subscription: str, number: int | str = "newest") -> tuple[models.FileLink, ...]:
        """Return links to the files of a finished export, the manifest first. Each works for 15 minutes, for anyone
        who has it.

        Args:
            subscription: the subscription's id
            number: the number of the case among those of its subject, or `newest`

        Raises:
            Refused: with status 401, 403, 404, 409, 410, 422, 500, 503.
            Unreachable: no answer in time.
        """
        return self._client.call(
            Call[tuple[models.FileLink, ...]](
                "GET",
                path(
                    "/v1/subscriptions/{subscription}/cancellations/{number}/export/files",
                    subscription=subscription,
                    number=number,
                ),
                answer=tuple[models.FileLink, ...],
            )
        )

    def acknowledge(
        self,
        subscription: str,
        number: int | str = "newest",
        *,
        receipt: models.Receipt | None = None,
        request_id: str | None = None,
    ) -> models.CancellationStatus:
        """Acknowledge that an export was downloaded: from now on the data may be erased.

        Args:
            subscription: the subscription's id
            number: the number of the case among those of its subject, or `newest`
            request_id: names this request; made here, if not given

        Raises:
            Refused: with status 401, 403, 404, 409, 422, 429, 500, 503.
            Unreachable: no answer in time.
        """
        return self._client.call(
            Call[models.CancellationStatus](
                "POST",
                path(
                    "/v1/subscriptions/{subscription}/cancellations/{number}/export/acknowledgements",
                    subscription=subscription,
                    number=number,
                ),
                answer=models.CancellationStatus,
                body={"receipt": receipt},
                request_id=request_id or new_request_id(),
            )
        )

    def renew_link(
        self, subscription: str, number: int | str = "newest", *, request_id: str | None = None
    ) -> models.CancellationStatus:
        """Have a fresh link mailed to the billing administrator on record.

        Args:
            subscription: the subscription's id
            number: the number of the case among those of its subject, or `newest`
            request_id: names this request; made here, if not given

        Raises:
            Refused: with status 401, 403, 404, 409, 422, 429, 500, 503.
            Unreachable: no answer in time.
        """
        return self._client.call(
            Call[models.CancellationStatus](
                "POST",
                path(
                    "/v1/subscriptions/{subscription}/cancellations/{number}/export/links",
                    subscription=subscription,
                    number=number,
                ),
                answer=models.CancellationStatus,
                request_id=request_id or new_request_id(),
            )
        )


class Migrations:
    """On-premises migrations."""

    def __init__(self, client: "Client") -> None:
        self._client = client

    def list(
        self,
        *,
        cancellation: Sequence[str] | None = None,
        stage: models.MigrationStage | str | None = None,
        queue: str | None = None,
        limit: int = 100,
        organization: str | None = None,
    ) -> tuple[models.MigrationSummary, ...]:
        """Return migrations, the last requested first.

        Args:
            cancellation: those of these alone
            queue: the support queue that it was requested from

        Raises:
            Refused: with status 401, 403, 422, 500, 503.
            Unreachable: no answer in time.
        """
        return self._client.call(
            Call[tuple[models.MigrationSummary, ...]](
                "GET",
                "/v1/migrations",
                answer=tuple[models.MigrationSummary, ...],
                query={
                    "cancellation": cancellation,
                    "stage": stage,
                    "queue": queue,
                    "limit": limit,
                    "organization": organization,
                },
            )
        )

    def status(self, subscription: str) -> models.MigrationView:
        """Return the state of a subscription's newest migration, live while its workflow runs.

        Args:
            subscription: the subscription's id

        Raises:
            Refused: with status 401, 403, 404, 422, 500, 503.
            Unreachable: no answer in time.
        """
        return self._client.call(
            Call[models.MigrationView](
                "GET",
                path("/v1/subscriptions/{subscription}/migration", subscription=subscription),
                answer=models.MigrationView,
            )
        )

    def get(self, subscription: str, number: int | str = "newest") -> models.MigrationSummary:
        """Return the migration of one cancellation, as recorded.

        Args:
            subscription: the subscription's id
            number: the number of the case among those of its subject, or `newest`

        Raises:
            Refused: with status 401, 403, 404, 422, 500, 503.
            Unreachable: no answer in time.
        """
        return self._client.call(
            Call[models.MigrationSummary](
                "GET",
                path(
                    "/v1/subscriptions/{subscription}/cancellations/{number}/migration",
                    subscription=subscription,
                    number=number,
                ),
                answer=models.MigrationSummary,
            )
        )

    def accept(
        self,
        subscription: str,
        number: int | str = "newest",
        *,
        contact: str,
        transfer_at: datetime,
        request_id: str | None = None,
    ) -> models.MigrationStatus:
        """Accept a request, with the IT department's address and the time of the transfer.

        Args:
            subscription: the subscription's id
            number: the number of the case among those of its subject, or `newest`
            contact: the address of the IT department
            transfer_at: without an offset, a civil time in the organization's zone
            request_id: names this request; made here, if not given

        Raises:
            Refused: with status 401, 403, 404, 409, 422, 429, 500, 503.
            Unreachable: no answer in time.
        """
        return self._client.call(
            Call[models.MigrationStatus](
                "POST",
                path(
                    "/v1/subscriptions/{subscription}/cancellations/{number}/migration/acceptances",
                    subscription=subscription,
                    number=number,
                ),
                answer=models.MigrationStatus,
                body={"contact": contact, "transfer_at": transfer_at},
                request_id=request_id or new_request_id(),
            )
        )

    def correct(
        self,
        subscription: str,
        number: int | str = "newest",
        *,
        reason: str,
        contact: str | None = None,
        transfer_at: datetime | None = None,
        transfer_again: bool = False,
        request_id: str | None = None,
    ) -> models.MigrationStatus:
        """Correct the address or the time, or have the data transferred again.

        Args:
            subscription: the subscription's id
            number: the number of the case among those of its subject, or `newest`
            request_id: names this request; made here, if not given

        Raises:
            Refused: with status 401, 403, 404, 409, 422, 429, 500, 503.
            Unreachable: no answer in time.
        """
        return self._client.call(
            Call[models.MigrationStatus](
                "POST",
                path(
                    "/v1/subscriptions/{subscription}/cancellations/{number}/migration/corrections",
                    subscription=subscription,
                    number=number,
                ),
                answer=models.MigrationStatus,
                body={
                    "reason": reason,
                    "contact": contact,
                    "transfer_at": transfer_at,
                    "transfer_again": transfer_again,
                },
                request_id=request_id or new_request_id(),
            )
        )

    def renew_link(
        self,
        subscription: str,
        number: int | str = "newest",
        *,
        transfer: int | None = None,
        request_id: str | None = None,
    ) -> models.MigrationStatus:
        """Have a fresh link mailed to the IT department.

        Args:
            subscription: the subscription's id
            number: the number of the case among those of its subject, or `newest`
            transfer: only while this is the newest transfer
            request_id: names this request; made here, if not given

        Raises:
            Refused: with status 401, 403, 404, 409, 422, 429, 500, 503.
            Unreachable: no answer in time.
        """
        return self._client.call(
            Call[models.MigrationStatus](
                "POST",
                path(
                    "/v1/subscriptions/{subscription}/cancellations/{number}/migration/links",
                    subscription=subscription,
                    number=number,
                ),
                answer=models.MigrationStatus,
                body={"transfer": transfer},
                request_id=request_id or new_request_id(),
            )
        )

    def acknowledge_download(
        self,
        subscription: str,
        number: int | str = "newest",
        *,
        transfer: int | None = None,
        receipt: models.Receipt | None = None,
        request_id: str | None = None,
    ) -> models.MigrationStatus:
        """Acknowledge that the IT department has the data.

        Args:
            subscription: the subscription's id
            number: the number of the case among those of its subject, or `newest`
            transfer: the newest transfer, if not given
            request_id: names this request; made here, if not given

        Raises:
            Refused: with status 401, 403, 404, 409, 422, 429, 500, 503.
            Unreachable: no answer in time.
        """
        return self._client.call(
            Call[models.MigrationStatus](
                "POST",
                path(
                    "/v1/subscriptions/{subscription}/cancellations/{number}/migration/acknowledgements",
                    subscription=subscription,
                    number=number,
                ),
                answer=models.MigrationStatus,
                body={"transfer": transfer, "receipt": receipt},
                request_id=request_id or new_request_id(),
            )
        )

    def report_completed(
        self, subscription: str, number: int | str = "newest", *, request_id: str | None = None
    ) -> models.MigrationStatus:
        """Report that the data is in use on premises: the cancellation continues.

        Args:
            subscription: the subscription's id
            number: the number of the case among those of its subject, or `newest`
            request_id: names this request; made here, if not given

        Raises:
            Refused: with status 401, 403, 404, 409, 422, 429, 500, 503.
            Unreachable: no answer in time.
        """
        return self._client.call(
            Call[models.MigrationStatus](
                "POST",
                path(
                    "/v1/subscriptions/{subscription}/cancellations/{number}/migration/completions",
                    subscription=subscription,
                    number=number,
                ),
                answer=models.MigrationStatus,
                request_id=request_id or new_request_id(),
            )
        )

    def links(
        self, subscription: str, number: int | str = "newest", *, transfer: int | None = None
    ) -> tuple[models.FileLink, ...]:
        """Return links to the transferred files. Each works for 15 minutes, for anyone who has it.

        Args:
            subscription: the subscription's id
            number: the number of the case among those of its subject, or `newest`
            transfer: the newest transfer, if not given

        Raises:
            Refused: with status 401, 403, 404, 409, 410, 422, 500, 503.
            Unreachable: no answer in time.
        """
        return self._client.call(
            Call[tuple[models.FileLink, ...]](
                "GET",
                path(
                    "/v1/subscriptions/{subscription}/cancellations/{number}/migration/files",
                    subscription=subscription,
                    number=number,
                ),
                answer=tuple[models.FileLink, ...],
                query={"transfer": transfer},
            )
        )


class Marketing:
    """Marketing services cancelled alone, and campaigns that the ad centre stops."""

    def __init__(self, client: "Client") -> None:
        self._client = client

    def send_code(
        self, organization: str, number: int | str = "newest", *, request_id: str | None = None
    ) -> models.MarketingCancellationStatus:
        """Mail a one-time code to the billing administrator on record.

        Args:
            number: the number of the case among those of its subject, or `newest`
            request_id: names this request; made here, if not given

        Raises:
            Refused: with status 401, 403, 404, 409, 422, 429, 500, 503.
            Unreachable: no answer in time.
        """
        return self._client.call(
            Call[models.MarketingCancellationStatus](
                "POST",
                path(
                    "/v1/organizations/{organization}/marketing-cancellations/{number}/codes",
                    organization=organization,
                    number=number,
                ),
                answer=models.MarketingCancellationStatus,
                request_id=request_id or new_request_id(),
            )
        )

    def verify_code(
        self, organization: str, number: int | str = "newest", *, code: str, request_id: str | None = None
    ) -> models.MarketingCancellationStatus:
        """Verify the billing administrator by the code that they have received.

        Args:
            number: the number of the case among those of its subject, or `newest`
            request_id: names this request; made here, if not given

        Raises:
            Refused: with status 401, 403, 404, 409, 422, 429, 500, 503.
            Unreachable: no answer in time.
        """
        return self._client.call(
            Call[models.MarketingCancellationStatus](
                "POST",
                path(
                    "/v1/organizations/{organization}/marketing-cancellations/{number}/tries",
                    organization=organization,
                    number=number,
                ),
                answer=models.MarketingCancellationStatus,
                body={"code": code},
                request_id=request_id or new_request_id(),
            )
        )

    def attest(
        self, organization: str, number: int | str = "newest", *, reason: str, request_id: str | None = None
    ) -> models.MarketingCancellationStatus:
        """Give the caller's word that the request comes from the billing administrator.

        Args:
            number: the number of the case among those of its subject, or `newest`
            request_id: names this request; made here, if not given

        Raises:
            Refused: with status 401, 403, 404, 409, 422, 429, 500, 503.
            Unreachable: no answer in time.
        """
        return self._client.call(
            Call[models.MarketingCancellationStatus](
                "POST",
                path(
                    "/v1/organizations/{organization}/marketing-cancellations/{number}/attestations",
                    organization=organization,
                    number=number,
                ),
                answer=models.MarketingCancellationStatus,
                body={"reason": reason},
                request_id=request_id or new_request_id(),
            )
        )

    def cancel(
        self,
        organization: str,
        *,
        administrator: str,
        campaign_actions: Mapping[str, models.CampaignAction | str] | None = None,
        attestation: str | None = None,
        reason: str | None = None,
        receipt: models.Receipt | None = None,
        request_id: str | None = None,
    ) -> models.MarketingCancellationStatus:
        """Start the cancellation of a marketing service alone. Where one runs already, that is the answer, with status
        200.

        Args:
            organization: the organization's id
            administrator: the address of its own administrator, as on record
            attestation: how the agent knows that the administrator asks
            request_id: names this request; made here, if not given

        Raises:
            Refused: with status 401, 403, 404, 409, 422, 429, 500, 503.
            Unreachable: no answer in time.
        """
        return self._client.call(
            Call[models.MarketingCancellationStatus](
                "POST",
                path("/v1/organizations/{organization}/marketing-cancellations", organization=organization),
                answer=models.MarketingCancellationStatus,
                body={
                    "administrator": administrator,
                    "campaign_actions": campaign_actions,
                    "attestation": attestation,
                    "reason": reason,
                    "receipt": receipt,
                },
                request_id=request_id or new_request_id(),
            )
        )

    def status(self, organization: str) -> models.MarketingCancellationStatus:
        """Return the status of the newest cancellation of a marketing service alone.

        Args:
            organization: the organization's id

        Raises:
            Refused: with status 401, 403, 404, 422, 500, 503.
            Unreachable: no answer in time.
        """
        return self._client.call(
            Call[models.MarketingCancellationStatus](
                "GET",
                path("/v1/organizations/{organization}/marketing-cancellations/newest", organization=organization),
                answer=models.MarketingCancellationStatus,
            )
        )

    def acknowledge_stop(self, campaign: str, *, request_id: str | None = None) -> models.StopStatus:
        """Pass on that the ad centre has stopped a campaign.

        Args:
            campaign: the campaign's id
            request_id: names this request; made here, if not given

        Raises:
            Refused: with status 401, 403, 404, 409, 422, 500, 503.
            Unreachable: no answer in time.
        """
        return self._client.call(
            Call[models.StopStatus](
                "POST",
                path("/v1/campaigns/{campaign}/stops", campaign=campaign),
                answer=models.StopStatus,
                request_id=request_id or new_request_id(),
            )
        )


class LineDates:
    """Subscription lines, and the update of their dates."""

    def __init__(self, client: "Client") -> None:
        self._client = client

    def list(
        self,
        *,
        customer_contract: str | None = None,
        vendor_contract: str | None = None,
        subscription: str | None = None,
        line: str | None = None,
        due_as_of: date | None = None,
        after: str = "",
        limit: int = 100,
        organization: str | None = None,
    ) -> tuple[models.ListedLine, ...]:
        """Return lines by id.

        Args:
            line: this one alone
            due_as_of: only those that the nightly update of this day changes
            after: the id of the last line of the page before

        Raises:
            Refused: with status 401, 403, 404, 422, 500, 503.
            Unreachable: no answer in time.
        """
        return self._client.call(
            Call[tuple[models.ListedLine, ...]](
                "GET",
                "/v1/lines",
                answer=tuple[models.ListedLine, ...],
                query={
                    "customer_contract": customer_contract,
                    "vendor_contract": vendor_contract,
                    "subscription": subscription,
                    "line": line,
                    "due_as_of": due_as_of,
                    "after": after,
                    "limit": limit,
                    "organization": organization,
                },
            )
        )

    def each(
        self,
        *,
        customer_contract: str | None = None,
        vendor_contract: str | None = None,
        subscription: str | None = None,
        line: str | None = None,
        due_as_of: date | None = None,
        limit: int = 100,
        organization: str | None = None,
    ) -> Iterator[models.ListedLine]:
        """Return all that `list` has, page after page as they are asked for.

        Args:
            line: this one alone
            due_as_of: only those that the nightly update of this day changes

        Raises:
            Refused: with status 401, 403, 404, 422, 500, 503.
            Unreachable: no answer in time.
        """
        after: str | None = None
        while True:
            page = self.list(
                customer_contract=customer_contract,
                vendor_contract=vendor_contract,
                subscription=subscription,
                line=line,
                due_as_of=due_as_of,
                limit=limit,
                organization=organization,
                after=after or "",
            )
            yield from page
            after = page[-1].id if len(page) == limit else None
            if after is None:
                return

    def reopen(self, line: str, *, reason: str, request_id: str | None = None) -> models.SubscriptionLine:
        """Take away the end date of a line that no case has set.

        Args:
            line: the subscription line's id
            request_id: names this request; made here, if not given

        Raises:
            Refused: with status 401, 403, 404, 409, 422, 500, 503.
            Unreachable: no answer in time.
        """
        return self._client.call(
            Call[models.SubscriptionLine](
                "POST",
                path("/v1/lines/{line}/reopenings", line=line),
                answer=models.SubscriptionLine,
                body={"reason": reason},
                request_id=request_id or new_request_id(),
            )
        )

    def runs(self, *, limit: int = 10) -> tuple[models.LineDatesProgress, ...]:
        """Return the newest runs of the update, the newest first.

        Raises:
            Refused: with status 401, 403, 422, 500, 503.
            Unreachable: no answer in time.
        """
        return self._client.call(
            Call[tuple[models.LineDatesProgress, ...]](
                "GET", "/v1/line-dates/runs", answer=tuple[models.LineDatesProgress, ...], query={"limit": limit}
            )
        )

    def begin(
        self,
        *,
        as_of: date | None = None,
        force: bool = False,
        customer_contract: str | None = None,
        vendor_contract: str | None = None,
        subscription: str | None = None,
        request_id: str | None = None,
    ) -> models.RunView:
        """Update the dates of lines now; the answer says where its progress is shown.

        Args:
            as_of: the day as of which; each organization's own day, if not given
            force: also ahead of the day that a zone has reached
            request_id: names this request; made here, if not given

        Raises:
            Refused: with status 401, 403, 404, 409, 422, 500, 503.
            Unreachable: no answer in time.
        """
        return self._client.call(
            Call[models.RunView](
                "POST",
                "/v1/line-dates/runs",
                answer=models.RunView,
                body={
                    "as_of": as_of,
                    "force": force,
                    "customer_contract": customer_contract,
                    "vendor_contract": vendor_contract,
                    "subscription": subscription,
                },
                request_id=request_id or new_request_id(),
            )
        )

    def progress(self, name: str) -> models.RunView:
        """Return how far an update on request is; the refusal, if it was refused.

        Raises:
            Refused: with status 401, 403, 404, 409, 422, 500, 503.
            Unreachable: no answer in time.
        """
        return self._client.call(
            Call[models.RunView]("GET", path("/v1/line-dates/runs/{name}", name=name), answer=models.RunView)
        )

    def restore(self, *, run: str, reason: str, request_id: str | None = None) -> models.RunRestored:
        """Take back what a run changed on lines that were not changed since.

        Args:
            run: the `run` of its progress
            request_id: names this request; made here, if not given

        Raises:
            Refused: with status 401, 403, 404, 409, 422, 500, 503.
            Unreachable: no answer in time.
        """
        return self._client.call(
            Call[models.RunRestored](
                "POST",
                "/v1/line-dates/restorations",
                answer=models.RunRestored,
                body={"run": run, "reason": reason},
                request_id=request_id or new_request_id(),
            )
        )

    def schedule(self) -> models.ScheduleView:
        """Return the schedule of the nightly update.

        Raises:
            Refused: with status 401, 403, 404, 422, 500, 503.
            Unreachable: no answer in time.
        """
        return self._client.call(
            Call[models.ScheduleView]("GET", "/v1/line-dates/schedule", answer=models.ScheduleView)
        )

    def ensure_schedule(self, *, zone: str, request_id: str | None = None) -> models.ScheduleView:
        """Create the schedule, or bring it up to date; a pause stays.

        Args:
            zone: the IANA zone in which it runs
            request_id: names this request; made here, if not given

        Raises:
            Refused: with status 401, 403, 409, 422, 500, 503.
            Unreachable: no answer in time.
        """
        return self._client.call(
            Call[models.ScheduleView](
                "PUT",
                "/v1/line-dates/schedule",
                answer=models.ScheduleView,
                body={"zone": zone},
                request_id=request_id or new_request_id(),
            )
        )

    def pause(self, *, note: str, request_id: str | None = None) -> models.ScheduleView:
        """Pause the nightly update; the next run catches up on what it misses.

        Args:
            request_id: names this request; made here, if not given

        Raises:
            Refused: with status 401, 403, 404, 409, 422, 500, 503.
            Unreachable: no answer in time.
        """
        return self._client.call(
            Call[models.ScheduleView](
                "POST",
                "/v1/line-dates/schedule/pauses",
                answer=models.ScheduleView,
                body={"note": note},
                request_id=request_id or new_request_id(),
            )
        )

    def resume(self, *, note: str, request_id: str | None = None) -> models.ScheduleView:
        """Resume the nightly update.

        Args:
            request_id: names this request; made here, if not given

        Raises:
            Refused: with status 401, 403, 404, 409, 422, 500, 503.
            Unreachable: no answer in time.
        """
        return self._client.call(
            Call[models.ScheduleView](
                "POST",
                "/v1/line-dates/schedule/resumptions",
                answer=models.ScheduleView,
                body={"note": note},
                request_id=request_id or new_request_id(),
            )
        )

    def backfill(
        self, *, first: date, last: date, force: bool = False, request_id: str | None = None
    ) -> models.ScheduleView:
        """Run the update of each night from the first day to the last, one after the other.

        Args:
            request_id: names this request; made here, if not given

        Raises:
            Refused: with status 401, 403, 404, 409, 422, 500, 503.
            Unreachable: no answer in time.
        """
        return self._client.call(
            Call[models.ScheduleView](
                "POST",
                "/v1/line-dates/schedule/backfills",
                answer=models.ScheduleView,
                body={"first": first, "last": last, "force": force},
                request_id=request_id or new_request_id(),
            )
        )


class Billing:
    """Billing documents."""

    def __init__(self, client: "Client") -> None:
        self._client = client

    def load(self, document: bytes, *, name: str, request_id: str | None = None) -> models.BillingReport:
        """Take a document of a billing feed, each line for itself: the report has a result for each, also a refused
        one.

        Args:
            name: the document's name, for the audit trail
            document: the document (docs/billing-format.md), at most 8 MiB
            request_id: names this request; made here, if not given

        Raises:
            Refused: with status 401, 403, 409, 413, 415, 422, 429, 500, 503.
            Unreachable: no answer in time.
        """
        return self._client.call(
            Call[models.BillingReport](
                "POST",
                "/v1/billing-documents",
                answer=models.BillingReport,
                query={"name": name},
                content=document,
                request_id=request_id or new_request_id(),
            )
        )


class Imports:
    """Master data."""

    def __init__(self, client: "Client") -> None:
        self._client = client

    def load(self, document: bytes, *, name: str, request_id: str | None = None) -> models.ImportReport:
        """Import organizations, contracts, subscriptions and lines: all of a document or, if anything is wrong,
        nothing.

        Args:
            name: the document's name, for the audit trail
            document: the document (docs/import-format.md), at most 8 MiB
            request_id: names this request; made here, if not given

        Raises:
            Refused: with status 401, 403, 409, 413, 415, 422, 429, 500, 503.
            Unreachable: no answer in time.
        """
        return self._client.call(
            Call[models.ImportReport](
                "POST",
                "/v1/imports",
                answer=models.ImportReport,
                query={"name": name},
                content=document,
                request_id=request_id or new_request_id(),
            )
        )


class Holds:
    """Legal holds."""

    def __init__(self, client: "Client") -> None:
        self._client = client

    def list(self, *, released: bool = False, organization: str | None = None) -> tuple[models.Hold, ...]:
        """Return legal holds, the oldest first; released ones too, on request.

        Raises:
            Refused: with status 401, 403, 422, 500, 503.
            Unreachable: no answer in time.
        """
        return self._client.call(
            Call[tuple[models.Hold, ...]](
                "GET",
                "/v1/holds",
                answer=tuple[models.Hold, ...],
                query={"released": released, "organization": organization},
            )
        )

    def place(self, organization: str, *, reason: str, request_id: str | None = None) -> models.Hold:
        """Place a legal hold on an organization's data, which is then not erased.

        Args:
            organization: the organization's id
            request_id: names this request; made here, if not given

        Raises:
            Refused: with status 401, 403, 404, 409, 422, 500, 503.
            Unreachable: no answer in time.
        """
        return self._client.call(
            Call[models.Hold](
                "POST",
                path("/v1/organizations/{organization}/holds", organization=organization),
                answer=models.Hold,
                body={"reason": reason},
                request_id=request_id or new_request_id(),
            )
        )

    def release(self, hold: int, *, reason: str, request_id: str | None = None) -> models.Hold:
        """Release a legal hold; closed cancellations that waited for it erase the data, if it was the last.

        Args:
            request_id: names this request; made here, if not given

        Raises:
            Refused: with status 401, 403, 404, 409, 422, 500, 503.
            Unreachable: no answer in time.
        """
        return self._client.call(
            Call[models.Hold](
                "POST",
                path("/v1/holds/{hold}/releases", hold=hold),
                answer=models.Hold,
                body={"reason": reason},
                request_id=request_id or new_request_id(),
            )
        )


class Reconciliation:
    """Reconciliations of records, workflows and copies of data."""

    def __init__(self, client: "Client") -> None:
        self._client = client

    def begin(self, *, dry_run: bool = False, request_id: str | None = None) -> models.ReconciliationView:
        """Reconcile records, workflows and copies of data now; the answer says where the report will be.

        Args:
            dry_run: true to report what is found, and to change nothing
            request_id: names this request; made here, if not given

        Raises:
            Refused: with status 401, 403, 409, 422, 500, 503.
            Unreachable: no answer in time.
        """
        return self._client.call(
            Call[models.ReconciliationView](
                "POST",
                "/v1/reconciliations",
                answer=models.ReconciliationView,
                body={"dry_run": dry_run},
                request_id=request_id or new_request_id(),
            )
        )

    def progress(self, name: str) -> models.ReconciliationView:
        """Return how far a reconciliation is, and its report.

        Raises:
            Refused: with status 401, 403, 404, 422, 500, 503.
            Unreachable: no answer in time.
        """
        return self._client.call(
            Call[models.ReconciliationView](
                "GET", path("/v1/reconciliations/{name}", name=name), answer=models.ReconciliationView
            )
        )


class Audit:
    """The sealed audit trail."""

    def __init__(self, client: "Client") -> None:
        self._client = client

    def head(self) -> models.SealedHead | None:
        """Return the head of the sealed audit trail, to be kept elsewhere; null before the first seal.

        Raises:
            Refused: with status 401, 403, 422, 500, 503.
            Unreachable: no answer in time.
        """
        return self._client.call(
            Call[models.SealedHead | None]("GET", "/v1/audit/head", answer=models.SealedHead | None)
        )

    def verify(self, *, kept: str | None = None) -> models.AuditVerification:
        """Calculate every seal of the audit trail anew.

        Args:
            kept: a head from before, as it was published

        Raises:
            Refused: with status 401, 403, 422, 429, 500, 503.
            Unreachable: no answer in time.
        """
        return self._client.call(
            Call[models.AuditVerification](
                "GET", "/v1/audit/verification", answer=models.AuditVerification, query={"kept": kept}
            )
        )


class Limits:
    """Limits across cases."""

    def __init__(self, client: "Client") -> None:
        self._client = client

    def list(self) -> tuple[models.Limit, ...]:
        """Return the limits across cases.

        Raises:
            Refused: with status 401, 403, 422, 500, 503.
            Unreachable: no answer in time.
        """
        return self._client.call(Call[tuple[models.Limit, ...]]("GET", "/v1/limits", answer=tuple[models.Limit, ...]))

    def set(
        self,
        *,
        limited: models.Limited | str,
        scope: models.LimitScope | str,
        number: int | None,
        reason: str,
        request_id: str | None = None,
    ) -> models.Limit:
        """Set one limit for the whole installation.

        Args:
            number: null for none
            request_id: names this request; made here, if not given

        Raises:
            Refused: with status 401, 403, 409, 422, 500, 503.
            Unreachable: no answer in time.
        """
        return self._client.call(
            Call[models.Limit](
                "PUT",
                "/v1/limits",
                answer=models.Limit,
                body={"limited": limited, "scope": scope, "number": number, "reason": reason},
                null=["number"],
                request_id=request_id or new_request_id(),
            )
        )

    def release(
        self, *, scope: models.LimitScope | str, subject: str, reason: str, request_id: str | None = None
    ) -> models.LimitRelease:
        """Count nothing more of what was counted until now for a caller, or for an organization and its
        administrators.

        Args:
            subject: the caller, or the organization's id
            request_id: names this request; made here, if not given

        Raises:
            Refused: with status 401, 403, 404, 409, 422, 500, 503.
            Unreachable: no answer in time.
        """
        return self._client.call(
            Call[models.LimitRelease](
                "POST",
                "/v1/limits/releases",
                answer=models.LimitRelease,
                body={"scope": scope, "subject": subject, "reason": reason},
                request_id=request_id or new_request_id(),
            )
        )


class Privacy:
    """What is kept about persons."""

    def __init__(self, client: "Client") -> None:
        self._client = client

    def find(self, *, address: str) -> tuple[models.Kept, ...]:
        """Return everything that is kept about a person, by an address of theirs, and until when.

        Raises:
            Refused: with status 401, 403, 422, 429, 500, 503.
            Unreachable: no answer in time.
        """
        return self._client.call(
            Call[tuple[models.Kept, ...]](
                "POST", "/v1/persons/searches", answer=tuple[models.Kept, ...], body={"address": address}
            )
        )


class Tenants:
    """Organizations' own data."""

    def __init__(self, client: "Client") -> None:
        self._client = client

    def list(self) -> tuple[models.TenantSchema, ...]:
        """Return the schemas of the organizations that have data.

        Raises:
            Refused: with status 401, 403, 404, 422, 500, 503.
            Unreachable: no answer in time.
        """
        return self._client.call(
            Call[tuple[models.TenantSchema, ...]]("GET", "/v1/data", answer=tuple[models.TenantSchema, ...])
        )

    def prepare(self, organization: str, *, request_id: str | None = None) -> models.TenantLogin:
        """Make the login of an organization, or set its password anew.

        Args:
            organization: the organization's id
            request_id: names this request; made here, if not given

        Raises:
            Refused: with status 401, 403, 404, 409, 422, 500, 503.
            Unreachable: no answer in time.
        """
        return self._client.call(
            Call[models.TenantLogin](
                "POST",
                path("/v1/organizations/{organization}/data/preparations", organization=organization),
                answer=models.TenantLogin,
                request_id=request_id or new_request_id(),
            )
        )

    def code(self, organization: str) -> models.TenantCodeFound:
        """Return the code of its own that an organization's schema calls, and whether it was reviewed.

        Args:
            organization: the organization's id

        Raises:
            Refused: with status 401, 403, 404, 409, 422, 500, 503.
            Unreachable: no answer in time.
        """
        return self._client.call(
            Call[models.TenantCodeFound](
                "GET",
                path("/v1/organizations/{organization}/data/code", organization=organization),
                answer=models.TenantCodeFound,
            )
        )

    def review(
        self, organization: str, *, digest: str, reason: str, request_id: str | None = None
    ) -> models.TenantCodeReview:
        """Record that a person has reviewed the code of an organization's schema, which from now on may run.

        Args:
            organization: the organization's id
            request_id: names this request; made here, if not given

        Raises:
            Refused: with status 401, 403, 404, 409, 422, 500, 503.
            Unreachable: no answer in time.
        """
        return self._client.call(
            Call[models.TenantCodeReview](
                "POST",
                path("/v1/organizations/{organization}/data/reviews", organization=organization),
                answer=models.TenantCodeReview,
                body={"digest": digest, "reason": reason},
                request_id=request_id or new_request_id(),
            )
        )

    def sample(
        self, organization: str, *, rows: int, seed: int | None = None, request_id: str | None = None
    ) -> models.TenantSample:
        """Fill the schema of an organization with sample data, unless it has been filled before.

        Args:
            organization: the organization's id
            request_id: names this request; made here, if not given

        Raises:
            Refused: with status 401, 403, 404, 409, 422, 500, 503.
            Unreachable: no answer in time.
        """
        return self._client.call(
            Call[models.TenantSample](
                "POST",
                path("/v1/organizations/{organization}/data/samples", organization=organization),
                answer=models.TenantSample,
                body={"rows": rows, "seed": seed},
                request_id=request_id or new_request_id(),
            )
        )


class Webhooks:
    """Webhook endpoints, and what they were sent."""

    def __init__(self, client: "Client") -> None:
        self._client = client

    def list(self) -> tuple[models.Endpoint, ...]:
        """Return the endpoints, by name.

        Raises:
            Refused: with status 401, 403, 422, 500, 503.
            Unreachable: no answer in time.
        """
        return self._client.call(
            Call[tuple[models.Endpoint, ...]]("GET", "/v1/webhook-endpoints", answer=tuple[models.Endpoint, ...])
        )

    def add(
        self,
        *,
        endpoint: str,
        url: str,
        events: Sequence[str] | None = None,
        duties: Sequence[models.Duty | str] | None = None,
        owner: str | None = None,
        request_id: str | None = None,
    ) -> models.EndpointSecret:
        """Add an endpoint, which hears of what is recorded from now on; the answer alone has its secret.

        Args:
            events: events, or areas of them such as `cancellation.*`; all of them where there are none
            duties: what it does as a system: it is asked for that, and confirms it
            owner: who is notified when it is paused by itself, or confirms nothing
            request_id: names this request; made here, if not given

        Raises:
            Refused: with status 401, 403, 409, 422, 500, 503.
            Unreachable: no answer in time.
        """
        return self._client.call(
            Call[models.EndpointSecret](
                "POST",
                "/v1/webhook-endpoints",
                answer=models.EndpointSecret,
                body={"endpoint": endpoint, "url": url, "events": events, "duties": duties, "owner": owner},
                request_id=request_id or new_request_id(),
            )
        )

    def remove(self, endpoint: str, *, reason: str, request_id: str | None = None) -> models.Endpoint:
        """Send an endpoint nothing more, for good; what it is owed is given up.

        Args:
            endpoint: the endpoint's name
            request_id: names this request; made here, if not given

        Raises:
            Refused: with status 401, 403, 404, 409, 422, 500, 503.
            Unreachable: no answer in time.
        """
        return self._client.call(
            Call[models.Endpoint](
                "POST",
                path("/v1/webhook-endpoints/{endpoint}/removals", endpoint=endpoint),
                answer=models.Endpoint,
                body={"reason": reason},
                request_id=request_id or new_request_id(),
            )
        )

    def rotate(self, endpoint: str, *, request_id: str | None = None) -> models.EndpointSecret:
        """Give an endpoint another secret, which the answer alone has; the one before signs as well for a day.

        Args:
            endpoint: the endpoint's name
            request_id: names this request; made here, if not given

        Raises:
            Refused: with status 401, 403, 404, 409, 422, 500, 503.
            Unreachable: no answer in time.
        """
        return self._client.call(
            Call[models.EndpointSecret](
                "POST",
                path("/v1/webhook-endpoints/{endpoint}/rotations", endpoint=endpoint),
                answer=models.EndpointSecret,
                request_id=request_id or new_request_id(),
            )
        )

    def pause(self, endpoint: str, *, reason: str, request_id: str | None = None) -> models.Endpoint:
        """Keep the messages of an endpoint until it is resumed.

        Args:
            endpoint: the endpoint's name
            request_id: names this request; made here, if not given

        Raises:
            Refused: with status 401, 403, 404, 409, 422, 500, 503.
            Unreachable: no answer in time.
        """
        return self._client.call(
            Call[models.Endpoint](
                "POST",
                path("/v1/webhook-endpoints/{endpoint}/pauses", endpoint=endpoint),
                answer=models.Endpoint,
                body={"reason": reason},
                request_id=request_id or new_request_id(),
            )
        )

    def resume(self, endpoint: str, *, reason: str, request_id: str | None = None) -> models.Endpoint:
        """Let messages go to an endpoint again, and have everything sent that it is owed.

        Args:
            endpoint: the endpoint's name
            request_id: names this request; made here, if not given

        Raises:
            Refused: with status 401, 403, 404, 409, 422, 500, 503.
            Unreachable: no answer in time.
        """
        return self._client.call(
            Call[models.Endpoint](
                "POST",
                path("/v1/webhook-endpoints/{endpoint}/resumptions", endpoint=endpoint),
                answer=models.Endpoint,
                body={"reason": reason},
                request_id=request_id or new_request_id(),
            )
        )

    def test(self, endpoint: str, *, request_id: str | None = None) -> models.WebhookTested:
        """Have an endpoint sent a message of trial, once, and return its answer.

        Args:
            endpoint: the endpoint's name
            request_id: names this request; made here, if not given

        Raises:
            Refused: with status 401, 403, 404, 409, 422, 500, 503.
            Unreachable: no answer in time.
        """
        return self._client.call(
            Call[models.WebhookTested](
                "POST",
                path("/v1/webhook-endpoints/{endpoint}/tests", endpoint=endpoint),
                answer=models.WebhookTested,
                request_id=request_id or new_request_id(),
            )
        )

    def deliveries(
        self, endpoint: str, *, state: Sequence[str] | None = None, after: int | None = None, limit: int = 100
    ) -> models.DeliveryPage:
        """Return what an endpoint was sent and is owed, the newest first.

        Args:
            endpoint: the endpoint's name
            state: several: any of them
            after: the `next` of the page before

        Raises:
            Refused: with status 401, 403, 404, 422, 500, 503.
            Unreachable: no answer in time.
        """
        return self._client.call(
            Call[models.DeliveryPage](
                "GET",
                path("/v1/webhook-endpoints/{endpoint}/deliveries", endpoint=endpoint),
                answer=models.DeliveryPage,
                query={"state": state, "after": after, "limit": limit},
            )
        )

    def resend(
        self,
        endpoint: str,
        *,
        reason: str,
        deliveries: Sequence[str] | None = None,
        since: datetime | None = None,
        failed_only: bool = False,
        request_id: str | None = None,
    ) -> models.Endpoint:
        """Have messages sent to an endpoint again, under their ids: those that are named, or all since an instant.

        Args:
            endpoint: the endpoint's name
            deliveries: the ids of messages
            since: or all messages since this instant
            failed_only: of these, only what was given up
            request_id: names this request; made here, if not given

        Raises:
            Refused: with status 401, 403, 404, 409, 422, 500, 503.
            Unreachable: no answer in time.
        """
        return self._client.call(
            Call[models.Endpoint](
                "POST",
                path("/v1/webhook-endpoints/{endpoint}/resendings", endpoint=endpoint),
                answer=models.Endpoint,
                body={"deliveries": deliveries, "since": since, "failed_only": failed_only, "reason": reason},
                request_id=request_id or new_request_id(),
            )
        )


class Areas:
    """Every area, as an attribute of a client."""

    def __init__(self, client: "Client") -> None:
        self.cancellations = Cancellations(client)
        self.line_cancellations = LineCancellations(client)
        self.bulk = Bulk(client)
        self.events = Events(client)
        self.exports = Exports(client)
        self.migrations = Migrations(client)
        self.marketing = Marketing(client)
        self.line_dates = LineDates(client)
        self.billing = Billing(client)
        self.imports = Imports(client)
        self.holds = Holds(client)
        self.reconciliation = Reconciliation(client)
        self.audit = Audit(client)
        self.limits = Limits(client)
        self.privacy = Privacy(client)
        self.tenants = Tenants(client)
        self.webhooks = Webhooks(client)
