"""The identity on record: no history shows it, also where payloads are not encrypted, and the records keep it as it is."""

from datetime import timedelta

from sqlalchemy import text

from domain.vocabulary import Stage
from tests.support.world import ADMINISTRATOR, AGENT, World, refused

POINTS = ("billing_administrator", "organization_url", "organization_name")


async def shown(world: World, subscription: str) -> list[str]:
    """What the history of a case shows of the identity on record."""
    history = (await world.handle(subscription).fetch_history()).to_json()
    return [value for value in world.identity(subscription).model_dump().values() if value in history]


def kept(world: World, subscription: str) -> dict[str, str]:
    """The answers about the identity, as the records have them."""
    query = text("SELECT question, answer FROM checklist_answers WHERE cancellation = :case")
    with world.engine.connect() as connection:
        rows = connection.execute(query, {"case": f"{subscription}/1"}).all()
    return {row.question: row.answer for row in rows if row.question in POINTS}


async def test_no_step_returns_the_identity_on_record(world: World) -> None:
    subscription = world.subscription()
    await world.start(subscription, complete=False)
    await world.service.send_code(subscription, actor=AGENT)
    answers = {name: answer for name, answer in world.answers(subscription).items() if name not in POINTS}
    await world.service.answer(subscription, answers, actor=AGENT)
    wrong = world.identity(subscription).model_dump() | {"organization_name": "another"}
    assert (await refused(world.service.answer(subscription, wrong, actor=AGENT))).code == "identity_mismatch"

    assert set(await shown(world, subscription)) <= {wrong["billing_administrator"], wrong["organization_url"]}
    assert world.identity(subscription).organization_name not in await shown(world, subscription)


async def test_answers_are_kept_as_they_are_on_record_whatever_their_spelling(world: World) -> None:
    subscription = world.subscription()
    await world.start(subscription, complete=False)
    record = world.identity(subscription)
    spelled = {
        "billing_administrator": f" {ADMINISTRATOR.upper()}",
        "organization_url": record.organization_url.removeprefix("https://"),
        "organization_name": record.organization_name.upper(),
    }

    await world.service.answer(subscription, spelled, actor=AGENT)

    assert kept(world, subscription) == record.model_dump()
    again = await world.service.answer(subscription, record.model_dump(), actor=AGENT)
    assert again.stage is Stage.INTAKE, "an equal answer is accepted again"
    assert "sha256" not in str(world.audit(subscription, "checklist.answered").after)


async def test_a_record_that_was_replaced_before_it_was_answered_is_kept_by_its_digest_and_reverses(
    world: World,
) -> None:
    """The case was opened for the identity of before, and knows that one alone."""
    subscription = world.subscription()
    await world.start(subscription, complete=False)
    then = world.identity(subscription)
    world.change_organization(subscription, billing_administrator="bea@contoso.example")

    await world.service.answer(subscription, world.answers(subscription) | then.model_dump(), actor=AGENT)
    await world.service.attest(subscription, actor=AGENT, reason="called back")

    answers = kept(world, subscription)
    assert answers["organization_name"] == then.organization_name
    assert answers["billing_administrator"].startswith(f"sha256:{subscription}/1:")
    await world.pass_time(subscription, timedelta(minutes=1))
    assert await world.stage(subscription) is Stage.CANCELED
    assert (await world.service.reverse(subscription, then, actor=AGENT)).stage is Stage.REVERSED
