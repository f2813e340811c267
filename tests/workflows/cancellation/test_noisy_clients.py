"""Clients that repeat unlawful requests: a limit for the audit trail, no history beyond it, and the case stays able."""

from domain.cancellation.identity import Identity
from domain.policy import CancellationPolicy
from domain.vocabulary import Stage
from tests.support.histories import accepted_updates
from tests.support.world import AGENT, World, refused
from workflows.common.refused_requests import AUDITED_OF_A_CALLER, AUDITED_OF_ALL

REPEATED = AUDITED_OF_ALL + 25


async def test_one_caller_s_refusals_are_audited_up_to_a_limit_and_then_write_no_history(world: World) -> None:
    subscription = world.subscription()
    await world.start(subscription, complete=False)
    before = await accepted_updates(world.handle(subscription))

    for _ in range(AUDITED_OF_A_CALLER + 5):
        refusal = await refused(world.service.approve(subscription, actor="noise", reason="once more"))
        assert refusal.code == "approval_not_awaited"

    assert world.refusals(subscription) == [("approve.refused", "approval_not_awaited")] * AUDITED_OF_A_CALLER
    assert await accepted_updates(world.handle(subscription)) == before + AUDITED_OF_A_CALLER


async def test_callers_who_change_their_names_are_limited_together_and_a_lawful_request_is_taken(world: World) -> None:
    subscription = world.subscription()
    await world.start(subscription)
    wrong = Identity(
        billing_administrator="eve@evil.example", organization_url="https://x.example", organization_name="x"
    )

    async def ask(number: int) -> str:
        return (await refused(world.service.reverse(subscription, wrong, actor=f"noise-{number}"))).code

    codes = {await ask(number) for number in range(REPEATED)}

    assert codes <= {"identity_mismatch", "nothing_to_reverse"}
    assert len(world.refusals(subscription)) == AUDITED_OF_ALL
    status = await world.service.reverse(subscription, world.identity(subscription), actor=AGENT)
    assert status.stage is Stage.REVERSED


async def test_wrong_codes_beyond_the_limit_leave_no_more_in_the_audit_trail(world: World) -> None:
    subscription = world.subscription()
    await world.start(subscription, complete=False)
    await world.service.send_code(subscription, actor=AGENT)

    for number in range(2 * AUDITED_OF_A_CALLER):
        refusal = await refused(world.service.verify_code(subscription, "no code", actor=AGENT, request_id=f"{number}"))
        assert refusal.code in ("code_wrong", "code_attempts_exhausted")

    assert world.actions(subscription).count("code.tried") == CancellationPolicy().code_attempts
    assert world.actions(subscription).count("verify_code.refused") == AUDITED_OF_A_CALLER
    await world.service.attest(subscription, actor=AGENT, reason="called back")
    assert (await world.service.status(subscription)).verified
