"""The lives of a fault run: what the people of each do, whatever the parts are doing."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta

from sqlalchemy.exc import IntegrityError

from contract import Goodwill, StartMarketingCancellation
from domain.marketing import ConsentDecision, MarketingStage
from domain.migration import MigrationStage
from domain.vocabulary import Stage
from tests.faults.mails import CODE, LINK
from tests.faults.people import AGENT, CALLED, SECOND_PERSON, People
from tests.support.population import MARKETING_OWNER

SOON = timedelta(seconds=25)
ROWS = 40

Life = Callable[[People], Awaitable[None]]


async def closed(people: People) -> None:
    """Nobody changes their mind."""
    await people.settle()
    await people.start()


async def dated(people: People) -> None:
    """It takes effect at a midnight."""
    await people.settle(zone=people.site.zones.next_midnight(SOON))
    await people.start(in_days=1)


async def reversed_in_time(people: People) -> None:
    """The customer comes back, and cancels once more."""
    await people.settle()
    await people.start()
    await people.until(Stage.CANCELED)
    await asyncio.sleep(people.chance.uniform(0, 10))
    await people.reverse()
    if people.promised[people.case] == {Stage.REVERSED}:
        await people.start(number=2)


async def reversed_at_the_deadline(people: People) -> None:
    """The customer comes back in the last second, or in the first that is too late."""
    await people.settle(policy={"reversal_window": "PT20S"})
    await people.start()
    seen = await people.until(Stage.CANCELED)
    if seen.reversal_deadline is not None:
        await _sleep_until(seen.reversal_deadline + timedelta(seconds=people.chance.uniform(-1.5, 0.5)))
    await people.reverse()


async def withdrawn(people: People) -> None:
    """The customer changes their mind before the day."""
    await people.settle(zone=people.site.zones.next_midnight(SOON))
    await people.start(in_days=1)
    await asyncio.sleep(people.chance.uniform(0, 10))
    await people.withdraw()


async def withdrawn_at_midnight(people: People) -> None:
    """The customer changes their mind in the last second before the day, or in its first."""
    zone = people.site.zones.next_midnight(SOON)
    await people.settle(zone=zone)
    await people.start(in_days=1)
    await _sleep_until(people.site.zones.midnights[zone] + timedelta(seconds=people.chance.uniform(-1.5, 0.5)))
    await people.withdraw()


async def abandoned(people: People) -> None:
    """One question is answered, the others never are."""
    await people.settle(policy={"intake_timeout": "PT30S"})
    await people.start(complete=False)
    people.promised[people.case] = frozenset({Stage.ABANDONED.value})
    await people.ask(
        "answer",
        lambda request: people.service.cancellations.answer(
            people.subscription, {"data": "none"}, actor=AGENT, request_id=request
        ),
        may_refuse={"checklist_closed", "cancellation_ended"},
    )


async def answered(people: People) -> None:
    """The checklist is answered question by question, and verified by a code."""
    await people.settle()
    await people.start(complete=False)
    answers = await people.arrange(people.site.population.answers, people.subscription)
    for question, answer in answers.items():
        await people.ask(
            "answer",
            lambda request, given={question: answer}: people.service.cancellations.answer(  # type: ignore[misc]
                people.subscription, given, actor=AGENT, request_id=request
            ),
        )
    known: frozenset[str] = frozenset()
    while True:
        await people.ask(
            "send code",
            lambda request: people.service.cancellations.send_code(
                people.subscription, actor=AGENT, request_id=request
            ),
        )
        code = await people.mails.until(people.case, CODE, but=known)
        known |= {code}
        refused = await people.ask(
            "verify code",
            lambda request, code=code: people.service.cancellations.verify_code(  # type: ignore[misc]
                people.subscription, code, actor=AGENT, request_id=request
            ),
            may_refuse={"code_wrong"},  # a repeated attempt has made another one, which was mailed too
        )
        if refused is None:
            return


async def approved(people: People) -> None:
    """A second person agrees to the goodwill."""
    await people.settle()
    await people.start(goodwill=Goodwill(reason="a customer for ten years"))
    await people.until(Stage.PREPARING)
    await people.ask(
        "approve",
        lambda request: people.service.cancellations.approve(
            people.subscription, actor=SECOND_PERSON, reason="agreed", request_id=request
        ),
        may_refuse={"approval_not_awaited"},
    )


async def declined(people: People) -> None:
    """The second person does not agree to the goodwill."""
    await people.settle()
    await people.start(goodwill=Goodwill(reason="a customer for ten years"))
    await people.until(Stage.PREPARING)
    await people.withdraw()


async def credited(people: People) -> None:
    """The line is billed years ahead, so an invoice is credited while access ends."""
    await people.settle()
    invoice = f"{people.subscription}-INV"
    today = await people.arrange(people.site.population.today, people.subscription)

    def bill() -> None:
        with suppress(IntegrityError):  # by the try before this one, whose answer was lost
            people.site.population.invoice(people.subscription, invoice, today.replace(day=1), date(2040, 12, 31))

    await people.arrange(bill)
    await people.start()
    await people.until(Stage.CANCELED)
    await people.ask(
        "credit memo",
        lambda request: people.service.cancellations.post_credit_memo(
            invoice, number=f"CM-{invoice}", actor="billing", request_id=request
        ),
    )


async def exported(people: People) -> None:
    """The data is exported, downloaded and erased."""
    await people.settle(data_rows=ROWS)
    await people.start(answers={"data": "export"})
    await people.press(await people.mails.until(people.case, LINK), "downloaded")


async def migrated(people: People) -> None:
    """The data is migrated on premises first."""
    await _migration_requested(people)
    await _accepted(people)
    await people.board.until(people.case, lambda seen: seen.migration == MigrationStage.AVAILABLE)
    await people.press(await people.mails.until(people.case, LINK), "downloaded")
    await people.ask(
        "report",
        lambda request: people.service.migrations.report_completed(
            people.subscription, actor="support-3", request_id=request
        ),
    )


async def migration_withdrawn(people: People) -> None:
    """The customer changes their mind while the data is migrated."""
    await _migration_requested(people)
    if people.chance.random() < 0.7:
        await _accepted(people)
        await asyncio.sleep(people.chance.uniform(0, 5))
    await people.withdraw()


async def campaigns_stopped(people: People) -> None:
    """The marketing service's own administrator agrees or declines by a link, and the ad centre stops."""
    await people.settle(campaigns=["A"])
    await people.start(answers={"campaigns": "stop"})
    decision = people.chance.choice([*ConsentDecision])
    link = await people.mails.until(people.case, LINK)
    await people.press(link, "agree" if decision is ConsentDecision.AGREED else "decline")
    if decision is ConsentDecision.AGREED:
        await _stopped(people)


async def marketing_service(people: People) -> None:
    """The marketing service is cancelled alone."""
    await people.settle(campaigns=["A"])
    organization = await people.arrange(people.site.population.organization, people.subscription)
    people.promised[f"{organization}/marketing/1"] = frozenset({MarketingStage.CANCELED.value})
    await people.ask(
        "cancel marketing",
        lambda request: people.service.marketing.cancel(
            StartMarketingCancellation(
                organization=organization, actor=AGENT, administrator=MARKETING_OWNER, request_id=request
            )
        ),
    )
    await people.ask(
        "attest",
        lambda request: people.service.marketing.attest(organization, actor=AGENT, reason=CALLED, request_id=request),
    )
    await people.board.until(people.case, lambda seen: seen.stage == MarketingStage.STOPPING)
    await _stopped(people)


async def _migration_requested(people: People) -> None:
    await people.settle(data_rows=ROWS)
    await people.start(answers={"data": "migrate"})
    await people.board.until(people.case, lambda seen: seen.migration is not None)


async def _accepted(people: People) -> None:
    """Accept for a time that is soon; once more, where the request arrives after it."""
    refused: str | None = "transfer_time_in_past"
    while refused == "transfer_time_in_past":
        at = datetime.now(UTC) + timedelta(seconds=3)
        refused = await people.ask(
            "accept",
            lambda request, at=at: people.service.migrations.accept(  # type: ignore[misc]
                people.subscription, contact="it@contoso.example", transfer_at=at, actor="support-3", request_id=request
            ),
            may_refuse={"transfer_time_in_past"},
        )


async def _stopped(people: People) -> None:
    campaign = await people.arrange(people.site.population.campaign, people.subscription, "A")
    await people.ask(
        "acknowledge stop",
        lambda request: people.service.marketing.acknowledge_stop(campaign, actor="ad-centre", request_id=request),
    )


async def _sleep_until(instant: datetime) -> None:
    await asyncio.sleep(max(0, (instant - datetime.now(UTC)).total_seconds()))


LIVES: dict[str, tuple[Life, int]] = {
    "closed": (closed, 3),
    "dated": (dated, 3),
    "reversed": (reversed_in_time, 3),
    "reversed-at-deadline": (reversed_at_the_deadline, 5),
    "withdrawn": (withdrawn, 3),
    "withdrawn-at-midnight": (withdrawn_at_midnight, 5),
    "abandoned": (abandoned, 3),
    "answered": (answered, 3),
    "approved": (approved, 2),
    "declined": (declined, 2),
    "credited": (credited, 2),
    "exported": (exported, 3),
    "migrated": (migrated, 3),
    "migration-withdrawn": (migration_withdrawn, 3),
    "campaigns": (campaigns_stopped, 2),
    "marketing": (marketing_service, 3),
}
"""Every life, and how often it is lived among the others."""
