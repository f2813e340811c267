"""What reaches the case of a single line that is not what it should be, and what its letters repeat of what people wrote."""

from datetime import timedelta

from contract import LineCancellationStatus
from domain.vocabulary import Stage
from tests.support.histories import accepted_updates
from tests.support.prepaid import letters, mailed
from tests.support.single_lines import cancel, line_handle, line_reached, pass_line_time, reverse_line, two_lines
from tests.support.world import AGENT, World, refused
from tests.workflows.cancellation.test_malformed_messages import GARBAGE, REQUESTS

SAID = "ring 0900-666 to keep your account"


async def test_malformed_requests_are_refused_without_history_and_the_case_goes_on(world: World) -> None:
    subscription, line = two_lines(world)
    await cancel(world, line, complete=False)
    handle = line_handle(world, line)
    before = await accepted_updates(handle)

    for name in (*REQUESTS, "correct"):
        for what, messages in GARBAGE.items():
            sent = handle.execute_update(name, args=messages, result_type=LineCancellationStatus)
            assert (await refused(sent)).code == "input_malformed", (name, what)

    assert await accepted_updates(handle) == before
    assert world.refusals(subscription) == []


async def test_a_malformed_start_ends_as_refused(world: World) -> None:
    _, line = two_lines(world)
    for what, messages in GARBAGE.items():
        with world.environment.with_time_skipping_disabled():
            handle = await world.environment.client.start_workflow(
                "SubscriptionLineCancellation",
                args=messages,
                id=f"line-cancellation:{line}",
                task_queue=world.task_queue,
            )
            assert (await refused(handle.result())).code == "input_malformed", what


async def test_letters_of_a_line_repeat_nothing_that_unverified_people_said(world: World) -> None:
    subscription, line = two_lines(world)
    await cancel(world, line, complete=False, reason=f"leaving, {SAID}")
    await mailed(world, subscription, "received")
    await world.lines.answer(
        line, {**world.identity(subscription).model_dump(), "termination_date": "end_of_term"}, actor=AGENT
    )
    await world.lines.attest(line, actor=AGENT, reason=f"called back, {SAID}")
    await line_reached(world, line, Stage.SCHEDULED)
    day = world.today(subscription) + timedelta(days=25)
    await world.lines.correct(
        line, answers={"termination_date": day.isoformat()}, actor=AGENT, reason=f"a wish, {SAID}"
    )
    await line_reached(world, line, Stage.SCHEDULED)
    await pass_line_time(world, line, timedelta(days=28))
    await line_reached(world, line, Stage.CANCELED)
    await reverse_line(world, subscription, line)
    await mailed(world, subscription, "reversed")

    written = letters(world, subscription, "")
    assert len(written) >= 6
    assert not any(SAID in letter for letter in written)
