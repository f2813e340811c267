"""Ends that wait for credit memos: set by the last memo on the dates by which they were decided, whatever those are by then."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from domain.vocabulary import Stage
from storage.tables import AuditRow, SubscriptionLineRow
from tests.support.prepaid import post, reached
from tests.support.single_lines import cancel, line_reached
from tests.support.world import AGENT, World

WHY: dict[str, Any] = {"actor": AGENT, "reason": "the customer called again"}


def overdue(world: World) -> tuple[str, str]:
    """A subscription with a line whose nightly update is overdue, and which is billed beyond its end, and its invoice."""
    before = world.today(world.subscription()) - timedelta(days=70)
    late = {"subsequent_term": "1M", "term_until": before, "cancellation_possible_until": before}
    subscription = world.subscription(lines=[{**late, "billing_rhythm": "1Y"}, {}])
    invoice, first = f"{subscription}-INV", world.today(subscription) + timedelta(days=1)
    world.invoice(subscription, invoice, first, first + timedelta(days=364))
    return subscription, invoice


def term_dates(world: World, subscription: str) -> tuple[date | None, date | None]:
    row = world.line(subscription)
    return row.term_until, row.cancellation_possible_until


async def test_a_corrected_case_ends_its_line_with_the_memo(world: World) -> None:
    subscription, invoice = overdue(world)
    before = term_dates(world, subscription)
    day = world.today(subscription) + timedelta(days=90)
    await world.start(subscription, answers=world.answers(subscription, terminate_on=day))
    await reached(world, subscription, Stage.SCHEDULED)
    sooner = day - timedelta(days=40)
    await world.service.correct(subscription, answers={"termination_date": sooner.isoformat()}, **WHY)

    status = await reached(world, subscription, Stage.SCHEDULED)
    assert status.outstanding_credit_memos == (invoice,)
    assert term_dates(world, subscription) == before
    await post(world, invoice)

    assert status.quote is not None
    assert world.line(subscription).end_date == status.quote.lines[0].decision.end_date


async def test_a_corrected_case_of_a_line_does_so_too_and_its_withdrawal_catches_up(world: World) -> None:
    subscription, invoice = overdue(world)
    line, day = f"{subscription}-1", world.today(subscription) + timedelta(days=90)
    await cancel(world, line, on=day)
    await line_reached(world, line, Stage.SCHEDULED)
    await world.lines.correct(line, answers={"termination_date": "end_of_term"}, **WHY)
    status = await line_reached(world, line, Stage.SCHEDULED)

    await post(world, invoice)
    assert world.line(subscription).end_date == status.line_ends_on
    await world.lines.withdraw(line, **WHY)

    row = world.line(subscription)
    assert (row.end_date, row.frozen_by) == (None, None)
    assert row.term_until is not None
    assert row.term_until >= world.today(subscription)


async def test_a_receipt_before_the_last_roll_ends_the_line_by_the_dates_of_then(world: World) -> None:
    today = world.today(world.subscription())
    then = {"term_until": today + timedelta(days=35), "cancellation_possible_until": today - timedelta(days=1)}
    now = {"term_until": today + timedelta(days=400), "cancellation_possible_until": today + timedelta(days=364)}
    subscription = world.subscription(
        lines=[{**now, "subsequent_term": "365D", "notice_period": "36D", "billing_rhythm": "1Y"}, {}]
    )
    rolled_this_morning(world, f"{subscription}-1", then, now)
    invoice, first = f"{subscription}-INV", today + timedelta(days=1)
    world.invoice(subscription, invoice, first, first + timedelta(days=364))

    received_at = datetime.now(UTC) - timedelta(days=1)
    day = today + timedelta(days=3)
    await world.start(subscription, answers=world.answers(subscription, terminate_on=day), received_at=received_at)
    await reached(world, subscription, Stage.SCHEDULED)
    await post(world, invoice)

    assert world.line(subscription).end_date == then["term_until"]
    await world.service.withdraw(subscription, **WHY)
    assert term_dates(world, subscription) == (now["term_until"], now["cancellation_possible_until"])


def rolled_this_morning(world: World, line: str, before: dict[str, date], after: dict[str, date]) -> None:
    """Record that a line which is known for long was rolled just now."""
    with Session(world.engine) as session, session.begin():
        row = session.get_one(SubscriptionLineRow, line)
        row.known_since = datetime(2020, 1, 1, tzinfo=UTC)
        dates = [{name: day.isoformat() for name, day in one.items()} for one in (before, after)]
        session.add(
            AuditRow(
                at=datetime.now(UTC), actor="nightly update", action="line.term_rolled", subscription=row.subscription,
                subscription_line=line, before=dates[0], after=dates[1],
            )
        )  # fmt: skip
