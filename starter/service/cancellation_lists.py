"""Cancellations as the records have them: lists, the report, histories and quotes, which need no Temporal."""

from collections.abc import Collection, Sequence
from datetime import UTC, date, datetime

import contract
from domain.cancellation.waiting import Awaited
from domain.civil_dates import refuse_out_of_bounds
from domain.lines.quote import Quote
from domain.vocabulary import Stage, Termination
from records.cancellation.case_list import CaseFilter, CasePage, list_cases
from records.cancellation.lists import MOST_ENTRIES, CaseHistory, history_of, quote_of
from records.cancellation.report import CancellationReport, report
from records.messages import SentMessage, messages_of
from starter.service.direct import DirectClient


class CancellationLists(DirectClient):
    """The part of the area of cancellations that only reads the records."""

    async def list(
        self,
        *,
        cancellations: Collection[str] | None = None,
        stages: Collection[Stage] = (),
        organization: str | None = None,
        organizations: Collection[str] | None = None,
        reason_code: str | None = None,
        received_from: date | None = None,
        received_until: date | None = None,
        deadline_until: datetime | None = None,
        waits_for: Awaited | None = None,
        open_system_tasks: bool = False,
        text: str | None = None,
        after: str | None = None,
        limit: int = 100,
        counted: bool = True,
    ) -> CasePage:
        """Return a page of cancellations, the last received first; the conditions are those of `CaseFilter`.

        ``after`` is the ``next`` of the page before; ``counted`` has those on all pages counted by stage, which takes longer the
        more there are.

        Raises:
            InputMalformed, CursorUnknown.

        """
        with contract.refusing_malformed():
            wanted = CaseFilter(
                cancellations=None if cancellations is None else frozenset(cancellations),
                stages=frozenset(stages),
                organization=organization,
                organizations=None if organizations is None else frozenset(organizations),
                reason_code=reason_code,
                received_from=received_from,
                received_until=received_until,
                deadline_until=deadline_until,
                waits_for=waits_for,
                open_system_tasks=open_system_tasks,
                text=text,
            )
        return await self._read(lambda session: list_cases(session, wanted, after=after, limit=limit, counted=counted))

    async def report(
        self,
        *,
        first: date | None = None,
        last: date | None = None,
        organization: str | None = None,
        organizations: Collection[str] | None = None,
    ) -> CancellationReport:
        """Return the outcomes of the cancellations received from the month of a day to that of another, by month and reason.

        ``organizations`` are those of which whoever asks may see something; None for all.
        """
        return await self._read(
            lambda session: report(
                session, first=first, last=last, organization=organization, organizations=organizations
            )
        )

    async def history(self, subscription: str, *, after: int = 0, limit: int = MOST_ENTRIES) -> CaseHistory:
        """Return a page of the audit trail of a subscription, oldest entry first; ``after`` is the ``next`` of the page before.

        Raises:
            CancellationUnknown.

        """
        return await self._read(lambda session: history_of(session, subscription, after=after, limit=limit))

    async def messages(self, subscription: str, *, limit: int = 200) -> Sequence[SentMessage]:
        """Return the newest mails and webhooks about a subscription's cancellations, newest first; none for an unknown one."""
        return await self._read(lambda session: messages_of(session, subscription, limit=limit))

    async def quote(
        self,
        subscription: str,
        *,
        received_on: date | None = None,
        terminate_on: date | Termination | None = None,
        goodwill: bool = False,
    ) -> Quote:
        """Return what cancelling a subscription would mean; nothing is started.

        ``terminate_on`` is the last day of access, or a way without a date; the day of receipt if it is not named.

        ``received_on`` is a civil day in the organization's zone: today, unless one is given. On a day in the past, the lines
        are taken as they were then.

        Raises:
            DayOutOfBounds, SubscriptionUnknown, LineUnknownOnDay, and what a decision about a line raises (`domain.lines.decision.decide`).

        """
        refuse_out_of_bounds(received_on, terminate_on)
        termination = terminate_on if isinstance(terminate_on, Termination) else Termination.ON_DATE
        wished_on = None if isinstance(terminate_on, Termination) else terminate_on
        now = datetime.now(UTC)
        return await self._read(
            lambda session: quote_of(
                session,
                subscription,
                received_on=received_on,
                now=now,
                wished_on=wished_on,
                termination=termination,
                goodwill=goodwill,
            )
        )
