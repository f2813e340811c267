"""Free text in the life of a case: what unverified people say reaches no letter."""

from datetime import timedelta

from contract import Goodwill, StartMarketingCancellation
from domain.vocabulary import Stage
from tests.support.world import MARKETING_OWNER, World, eventually

SAID = "ring-0900"
"""In every text that a request can carry."""

CALLER = f"caller {SAID}"


async def test_letters_of_a_whole_life_repeat_nothing_that_requests_said(world: World) -> None:
    subscription = world.subscription()
    service = world.service
    goodwill = Goodwill(reason=f"a gesture, {SAID}")
    await world.start(subscription, complete=False, reason=f"leaving, {SAID}", goodwill=goodwill, actor=CALLER)
    await world.pass_time(subscription, timedelta(days=4))
    day = world.today(subscription) + timedelta(days=9)
    await service.answer(subscription, world.answers(subscription, terminate_on=day), actor=CALLER)
    await service.attest(subscription, actor=CALLER, reason=f"called back, {SAID}")
    await eventually(lambda: _is(world, subscription, Stage.PREPARING))
    await service.approve(subscription, actor=f"second {SAID}", reason=f"agreed, {SAID}")
    await world.pass_time(subscription, timedelta(days=10))
    await eventually(lambda: _is(world, subscription, Stage.CANCELED))
    identity = world.identity(subscription)
    await service.reverse(subscription, identity, actor=CALLER, reason=f"staying, {SAID}")
    await world.handle(subscription).result()

    await world.mails_arrived(subscription, 5)  # received, reminder, scheduled, effective, reversed
    assert not said_in_mails(world, subscription)
    assert SAID in str(world.audit(subscription, "cancellation.reversed").why)


async def test_letters_of_a_case_that_is_withdrawn_unverified_repeat_nothing(world: World) -> None:
    subscription = world.subscription()
    await world.start(subscription, complete=False, reason=f"leaving, {SAID}", actor=CALLER)
    await world.service.withdraw(subscription, actor=CALLER, reason=f"staying, {SAID}")
    await world.handle(subscription).result()

    await world.mails_arrived(subscription, 2)
    assert not said_in_mails(world, subscription)


async def test_letters_of_a_marketing_service_repeat_nothing(world: World) -> None:
    subscription = world.subscription(marketing=True, campaigns=["Spring"])
    organization = world.organization(subscription)
    start = StartMarketingCancellation(
        organization=organization, administrator=MARKETING_OWNER, actor=CALLER, reason=f"leaving, {SAID}"
    )
    with world.environment.with_time_skipping_disabled():
        await world.marketing.cancel(start)

    def received() -> list[str]:
        mails = [mail for mail in world.mailbox.mails if f"{organization}/marketing/1" in str(mail["Message-ID"])]
        return [world.mailbox.text_of(mail) for mail in mails]

    async def arrived() -> bool:
        return bool(received())

    await eventually(arrived)
    assert not any(SAID in text for text in received())


def said_in_mails(world: World, subscription: str) -> bool:
    return any(SAID in f"{mail['Subject']}{world.mailbox.text_of(mail)}" for mail in world.mailbox.of(subscription))


async def _is(world: World, subscription: str, stage: Stage) -> bool:
    return await world.stage(subscription) is stage
