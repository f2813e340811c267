"""The quote: what cancelling would mean, as dates change; nothing is started."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Self
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response

from domain.lines.line import SubscriptionLine
from domain.lines.quote import Quote
from domain.lines.runs import Scope
from domain.permissions import Operation, SubjectKind
from domain.principals import Principal
from domain.refusals import Refusal, RefusalDetails
from domain.vocabulary import Termination
from starter.console.actions.cases import start_offer
from starter.console.callers import Person, Service, permit
from starter.console.case_view import MOST_LINES
from starter.console.diagrams import TermDiagram, term_diagram
from starter.console.forms import Given
from starter.console.pages import page
from starter.console.refused import Refused
from starter.service import Offramp
from starter.web.statuses import status_of

router = APIRouter()


@dataclass(frozen=True)
class Wished:
    """What is asked about, as the form has it."""

    subscription: str
    line: str
    received_on: str
    termination: str
    terminate_on: str
    goodwill: bool

    @classmethod
    def of(cls, query: Mapping[str, str]) -> Self:
        """Return the fields of a form, or of an address."""
        names = ("subscription", "line", "received_on", "termination", "terminate_on")
        return cls(**{name: query.get(name, "").strip()[:100] for name in names}, goodwill=bool(query.get("goodwill")))

    @property
    def address(self) -> str:
        """The address that asks the same."""
        fields = {name: value for name, value in vars(self).items() if value and name != "goodwill"}
        return f"/quote?{urlencode(fields | ({'goodwill': 'yes'} if self.goodwill else {}))}"

    @property
    def wish(self) -> str:
        """The wish as the checklist takes it; empty for none."""
        way = self.termination if self.termination in (Termination.NOW, Termination.END_OF_TERM) else ""
        return way or self.terminate_on


@router.get("/quote")
async def show(request: Request, person: Person, service: Service) -> Response:
    """Return the form, and the quote as soon as it names a subscription or a line."""
    return await quote_page(Wished.of(request.query_params), request, person, service)


async def quote_page(
    wished: Wished, request: Request, person: Principal, service: Offramp, refused: Refused | None = None
) -> Response:
    """Return the page, with a start that was refused, if one was."""
    quote: Quote | None = None
    diagrams: list[TermDiagram] = []
    refusal: RefusalDetails | None = None
    if wished.subscription or wished.line:
        try:
            quote, diagrams = await _quote(wished, person, service)
        except Refusal as found:
            refusal = found.details
    offers = []
    if quote is not None and quote.ended_on is None:
        offers = [start_offer(quote.subscription, quote.line, wished.wish, wished.goodwill)]
    status = refused.status if refused else status_of(refusal.code) if refusal else 200
    return page(
        request,
        "quote.html.j2",
        status=status,
        wished=wished,
        quote=quote,
        diagrams=diagrams,
        refusal=refusal,
        offers=[offer for offer in offers if offer.is_for(person.roles)],
        refused=refused,
        back=wished.address,
        ways=[(Termination.ON_DATE, "on a day"), (Termination.NOW, "now, at once"), (Termination.END_OF_TERM, "with the end of the term")],
    )  # fmt: skip


async def _quote(wished: Wished, person: Principal, service: Offramp) -> tuple[Quote, list[TermDiagram]]:
    given = Given(vars(wished) | {"goodwill": ""})
    way = given.choice("termination", Termination) or Termination.ON_DATE
    terminate_on = given.day("terminate_on") if way is Termination.ON_DATE else way
    received_on = given.day("received_on")
    if wished.line:
        await permit(service, person, (SubjectKind.LINE, wished.line), Operation.QUOTE_LINE)
        quote = await service.line_cancellations.quote(
            wished.line, received_on=received_on, terminate_on=terminate_on, goodwill=wished.goodwill
        )
    else:
        await permit(service, person, (SubjectKind.SUBSCRIPTION, wished.subscription), Operation.QUOTE_CANCELLATION)
        quote = await service.cancellations.quote(
            wished.subscription, received_on=received_on, terminate_on=terminate_on, goodwill=wished.goodwill
        )
    await permit(service, person, (SubjectKind.SUBSCRIPTION, quote.subscription), Operation.LIST_LINES)
    lines = await service.line_dates.list(Scope(subscription=quote.subscription), limit=MOST_LINES)
    today = datetime.now(UTC).date() if received_on else quote.received_on  # which is today where the organization is
    return quote, _diagrams(quote, lines, today)


def _diagrams(quote: Quote, lines: Sequence[SubscriptionLine], today: date) -> list[TermDiagram]:
    decisions = {line.decision.line_id: line.decision for line in quote.lines}
    access = None if quote.line else quote.access_ends_on
    return [
        term_diagram(line, today=today, decision=decisions[line.id], access_ends_on=access)
        for line in lines
        if line.id in decisions
    ]
