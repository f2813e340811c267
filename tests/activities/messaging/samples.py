"""The facts of one cancellation, from which the tests write letters and webhooks."""

from datetime import UTC, date, datetime, timedelta

from domain.civil_time import start_of_day
from domain.lines.date_formula import DateFormula
from domain.lines.line import Partner, SubscriptionLine
from domain.lines.quote import Invoice, quote
from domain.messaging import LineMessageFacts, MessageFacts
from domain.vocabulary import Stage, Termination

CANCELLATION = "SUB-1001/1"
LINE_CANCELLATION = "SUB-1001/line/L-1/1"
ADDRESS = "kim.meyer@contoso.example"


def line(number: str, partner: Partner = Partner.CUSTOMER) -> SubscriptionLine:
    return SubscriptionLine(
        id=number,
        partner=partner,
        start_date=date(2026, 1, 1),
        subsequent_term=DateFormula.parse("1Y"),
        notice_period=DateFormula.parse("3M"),
        billing_rhythm=DateFormula.parse("1M"),
        next_billing_date=date(2027, 2, 1),
        term_until=date(2026, 12, 31),
        cancellation_possible_until=date(2026, 9, 30),
    )


def facts(stage: Stage, **changed: object) -> MessageFacts:
    """A case in Berlin, received at half past midnight there, when it was still the day before in UTC."""
    termination = date(2026, 12, 31)
    invoice = Invoice(number="INV-77", line="L-1", period_start=date(2027, 1, 1), period_end=date(2027, 1, 31))
    described = MessageFacts(
        cancellation=CANCELLATION,
        subscription="SUB-1001",
        description="CRM <Enterprise>",
        organization="ORG-1",
        organization_name="contoso & sons",
        organization_url="https://contoso.crm.example",
        time_zone="Europe/Berlin",
        stage=stage,
        occurred_at=datetime(2026, 9, 21, 22, 45, tzinfo=UTC),
        received_at=datetime(2026, 9, 21, 22, 30, tzinfo=UTC),
        received_on=date(2026, 9, 22),
        termination=Termination.ON_DATE,
        termination_date=termination,
        access_ends_at=start_of_day(termination + timedelta(days=1), "Europe/Berlin"),
        data="none",
        campaigns="keep",
        verified=True,
        quote=quote(
            "SUB-1001",
            [line("L-1"), line("L-2"), line("V-1", Partner.VENDOR)],
            [invoice],
            received_on=date(2026, 9, 22),
            wished_on=termination,
        ),
        intake_ends_at=datetime(2026, 10, 5, 22, 30, tzinfo=UTC),
    )
    if stage in (Stage.CANCELED, Stage.REVERSED, Stage.CLOSED):
        described = described.model_copy(
            update={
                "access_ended_on": termination,
                "reversal_deadline": datetime(2027, 1, 30, 23, tzinfo=UTC),
                "occurred_at": datetime(2027, 1, 31, 1, tzinfo=UTC),
            }
        )
    return described.model_copy(update=changed)


def line_facts(stage: Stage, **changed: object) -> LineMessageFacts:
    """The same for a case that ends the line L-1 alone."""
    whole = facts(stage)
    decided = quote("SUB-1001", [line("L-1")], [], received_on=date(2026, 9, 22), wished_on=date(2026, 12, 31))
    described = LineMessageFacts(
        **whole.model_dump(exclude={"cancellation", "quote", "data", "campaigns", "access_ended_on"}),
        cancellation=LINE_CANCELLATION,
        subscription_line="L-1",
        line_ends_on=date(2026, 12, 31),
        quote=decided.model_copy(update={"line": "L-1"}),
    )
    return described.model_copy(update=changed)
