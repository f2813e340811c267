"""``offramp marketing``, and campaigns in ``offramp cancellations``, as a support agent uses them against a real service."""

from domain.marketing import MarketingStage
from domain.vocabulary import Stage
from tests.starter.cli.test_cancellations import ATTESTED, everything
from tests.support.command_line import CommandLine
from tests.support.world import ADMINISTRATOR, MARKETING_OWNER, World, eventually


async def stage_is(world: World, subscription: str, stage: Stage) -> bool:
    return await world.stage(subscription) is stage


async def test_campaigns_are_stopped_each_in_its_way_and_acknowledged_one_by_one(
    world: World, offramp: CommandLine
) -> None:
    subscription = world.subscription(campaigns=["A", "B"], marketing_owner=ADMINISTRATOR)
    first, second = world.campaign(subscription, "A"), world.campaign(subscription, "B")
    stop = ("--campaigns", "stop", "--campaign-action", f"{second}=delete")

    started = await offramp("cancellations", "start", subscription, *everything(world, subscription), *stop)
    assert started.status == 0, started.err
    await eventually(lambda: stage_is(world, subscription, Stage.SCHEDULED))
    shown = await offramp("cancellations", "show", subscription)
    assert "ads may still run and bill until the ad centre acknowledges" in " ".join(shown.out.split())

    one = await offramp("marketing", "acknowledge", first)
    assert f"Ads of these may still run and bill: {second}." in " ".join(one.out.split())
    last = await offramp("marketing", "acknowledge", second, "--json")
    assert (last.json["cancellation"], last.json["ads_may_still_run"]) == (f"{subscription}/1", False)
    assert world.activities(subscription)["B-3"] == "deleted"
    shown = await offramp("cancellations", "show", subscription)
    assert f"stopped: {first}, {second}" in " ".join(shown.out.split())


async def test_an_agent_passes_on_the_consent_of_the_marketing_service_s_administrator(
    world: World, offramp: CommandLine
) -> None:
    subscription = world.subscription(campaigns=["A"])
    answers = everything(world, subscription)
    await offramp("cancellations", "start", subscription, *answers, "--campaigns", "stop")
    await eventually(lambda: stage_is(world, subscription, Stage.PREPARING))
    shown = await offramp("cancellations", "show", subscription)
    assert f"offramp marketing consent {subscription}" in " ".join(shown.out.split())

    declined = await offramp("marketing", "consent", subscription, "--decline", "--attest", "told us on the phone")
    assert declined.status == 0, declined.err
    assert "kept running: the consent was declined" in " ".join(declined.out.split())
    again = await offramp("marketing", "consent", subscription, "--agree", "--attest", "told us on the phone")
    assert again.status == 1
    assert "does not wait for a consent" in " ".join(again.err.split())


async def test_a_marketing_service_is_cancelled_alone_by_a_code(world: World, offramp: CommandLine) -> None:
    subscription = world.subscription(campaigns=["A"])
    organization = world.organization(subscription)
    opened = await offramp("marketing", "cancel", organization, "--administrator", MARKETING_OWNER)
    assert opened.status == 0, opened.err
    assert f"Cancellation of the marketing service {organization}/marketing/1: intake." in " ".join(opened.out.split())
    assert f"offramp marketing verify {organization} --send-code" in " ".join(opened.out.split())
    again = await offramp("marketing", "cancel", organization, "--administrator", MARKETING_OWNER, "--json")
    assert again.json["already_running"]

    await offramp("marketing", "verify", organization, "--send-code")
    [code] = world.codes(f"{organization}/marketing")
    verified = await offramp("marketing", "verify", organization, "--code", code)
    assert verified.status == 0, verified.err

    async def stopping() -> bool:
        return (await world.marketing.status(organization)).stage is MarketingStage.STOPPING

    await eventually(stopping)
    shown = await offramp("marketing", "show", organization)
    assert f"offramp marketing acknowledge {world.campaign(subscription, 'A')}" in " ".join(shown.out.split())
    await offramp("marketing", "acknowledge", world.campaign(subscription, "A"))

    async def canceled() -> bool:
        return (await world.marketing.status(organization)).stage is MarketingStage.CANCELED

    await eventually(canceled)
    assert (await offramp("marketing", "show", organization, "--json")).json["stage"] == "canceled"


async def test_a_stranger_is_refused_and_a_wrong_call_is_told_before_any_work(
    world: World, offramp: CommandLine
) -> None:
    subscription = world.subscription(campaigns=["A"])
    organization = world.organization(subscription)
    stranger = await offramp("marketing", "cancel", organization, "--administrator", "eve@else.example", "--json")
    assert (stranger.status, stranger.json["error"]["code"]) == (1, "marketing_identity_mismatch")
    for wrong in ("A", "A=stop", "=pause"):
        called = await offramp(
            "marketing", "cancel", organization, "--administrator", MARKETING_OWNER, "--campaign-action", wrong
        )
        assert called.status == 2, wrong
    unverified = await offramp("marketing", "verify", organization, "--send-code", *ATTESTED)
    assert unverified.status == 2
    unanswered = await offramp("cancellations", "answer", subscription, "--campaign-action", "A=pause", *ATTESTED)
    assert unanswered.status == 2
    assert set(world.activities(subscription).values()) == {"running", "paused"}
