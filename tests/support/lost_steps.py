"""Steps that are in the database and in no history, the situations in which they are lost, and the requests after them."""

from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import contract
from activities.cancellation import Records
from activities.marketing import MarketingRecords
from contract.steps import Approval, Attested, ConsentGiven, ConsentRequest, Reminder, Reversal, Step
from domain.marketing import Consent, ConsentDecision
from domain.refusals import Refusal
from domain.vocabulary import Event, Question, Stage
from records.billing.credit_memos import post_credit_memo
from records.transaction import Transaction
from tests.support.lost_requests import MAIL, take_answers
from tests.support.outcomes import all_hold, answered
from tests.support.world import AGENT, SECOND_PERSON, World, eventually

Lost = Callable[[World, str], object]
Request = Callable[[World, str], Awaitable[Any]]
Situation = Callable[[World], Awaitable[str]]

CALLED = "called back on the number on file"
A_WHILE = timedelta(days=10)


class Life(NamedTuple):
    """A case in a situation, and the steps that its workflow does not know."""

    situation: Situation
    lost: tuple[Lost, ...]

    def __str__(self) -> str:
        """Return the name of the situation and of the steps."""
        return "-".join((self.situation.__name__, *(lost.__name__ for lost in self.lost)))


def a_step(world: World, subscription: str, name: str) -> Step:
    """A step that no history knows."""
    return Step(cancellation=world.case(subscription).id, name=name, actor="agent-lost", at=datetime.now(UTC))


def lost_answers(world: World, subscription: str, *questions: Question) -> None:
    """All answers, or those to some questions, from a request that got no answer itself."""
    answers = {
        name: answer for name, answer in world.answers(subscription).items() if not questions or name in questions
    }
    take_answers(world, a_step(world, subscription, "answer:lost"), answers)


def attested(world: World, subscription: str) -> None:
    """An attestation from a request that got no answer itself."""
    step = a_step(world, subscription, "attest:lost")
    Records(world.engine, MAIL).save_attestation(Attested(step=step, because=CALLED))


def _step_of_story(name: str, activity: Callable[[Records, Step], object]) -> Lost:
    def take(world: World, subscription: str) -> None:
        activity(Records(world.engine, MAIL), a_step(world, subscription, name))

    take.__name__ = name
    return take


withdrawn = _step_of_story("withdrawn", Records.withdraw)
abandoned = _step_of_story("abandoned", Records.abandon)
settle = _step_of_story("settle", Records.settle_lines)
looked = _step_of_story("billing", Records.look_at_billing)
effect = _step_of_story("effect", Records.take_effect)
reversed_ = _step_of_story("reversed", lambda records, step: records.reverse(Reversal(**dict(step))))
closed = _step_of_story("closed", Records.close)


def approved(world: World, subscription: str) -> None:
    """A second person's approval."""
    step = a_step(world, subscription, "approved")
    Records(world.engine, MAIL).approve_goodwill(Approval(step=step, reason="agreed"))


def reminded(world: World, subscription: str) -> None:
    """The first reminder of the credit memos."""
    since = world.audit(subscription, "cancellation.scheduled").at
    step = a_step(world, subscription, f"credit-memo-reminder-1-{int(since.timestamp())}")
    Records(world.engine, MAIL).remind_billing(Reminder(step=step, event=Event.CREDIT_MEMO_REMINDER))


def agreed(world: World, subscription: str) -> None:
    """The consent of the marketing service's own administrator."""
    _consent(world, subscription, ConsentDecision.AGREED)


def declined(world: World, subscription: str) -> None:
    """The refusal of that consent."""
    _consent(world, subscription, ConsentDecision.DECLINED)


def _consent(world: World, subscription: str, decision: ConsentDecision) -> None:
    given = ConsentGiven(step=a_step(world, subscription, "consent:lost"), decision=decision, attested_because=CALLED)
    MarketingRecords(world.engine, MAIL).save_consent(given)


def asked_for_consent(world: World, subscription: str) -> None:
    """The request for that consent."""
    until = datetime.now(UTC) + A_WHILE
    request = ConsentRequest(step=a_step(world, subscription, "consent"), until=until)
    MarketingRecords(world.engine, MAIL).request_consent(request)


def timed_out(world: World, subscription: str) -> None:
    """The end of the wait for that consent."""
    MarketingRecords(world.engine, MAIL).time_consent_out(a_step(world, subscription, "consent-timed-out"))


def stopped(world: World, subscription: str) -> None:
    """The request to the ad centre to stop the campaigns."""
    MarketingRecords(world.engine, MAIL).stop_campaigns(a_step(world, subscription, "campaigns-stopped"))


def credited(world: World, subscription: str) -> None:
    """The credit memo, which is posted beside the workflow."""
    invoice = f"{subscription}-INV"
    with Transaction.begin(world.engine) as transaction:
        post_credit_memo(transaction, invoice, number=f"{invoice}-CM", actor="billing", at=datetime.now(UTC))


async def answer(world: World, subscription: str) -> Any:
    return await world.service.answer(subscription, world.answers(subscription), actor=AGENT)


async def answer_otherwise(world: World, subscription: str) -> Any:
    later = world.today(subscription) + timedelta(days=40)
    return await world.service.answer(subscription, {"termination_date": later.isoformat()}, actor=AGENT)


async def attest(world: World, subscription: str) -> Any:
    return await world.service.attest(subscription, actor=AGENT, reason="met in person")


async def send_code(world: World, subscription: str) -> Any:
    return await world.service.send_code(subscription, actor=AGENT)


async def verify(world: World, subscription: str) -> Any:
    return await world.service.verify_code(subscription, "000000", actor=AGENT)


async def approve(world: World, subscription: str) -> Any:
    return await world.service.approve(subscription, actor=SECOND_PERSON, reason="a good customer")


async def consent(world: World, subscription: str) -> Any:
    return await world.service.consent(subscription, ConsentDecision.DECLINED, actor=AGENT, because=CALLED)


async def withdraw(world: World, subscription: str) -> Any:
    return await world.service.withdraw(subscription, actor=AGENT, reason="changed their mind")


async def reverse(world: World, subscription: str) -> Any:
    return await world.service.reverse(subscription, world.identity(subscription), actor=AGENT)


REQUESTS: list[Request] = [answer, answer_otherwise, attest, send_code, verify, approve, consent, withdraw, reverse]


async def intake(world: World) -> str:
    """A case of which nothing is answered."""
    subscription = world.subscription()
    await world.start(subscription, complete=False)
    return subscription


async def scheduled(world: World) -> str:
    """A case that waits for its termination day."""
    subscription = world.subscription()
    await world.start(subscription, answers=_answers(world, subscription))
    await in_stage(world, subscription, Stage.SCHEDULED)
    return subscription


async def canceled(world: World) -> str:
    """A case that can be reversed."""
    subscription = world.subscription()
    await world.start(subscription)
    await world.pass_time(subscription, timedelta(minutes=1))
    await in_stage(world, subscription, Stage.CANCELED)
    return subscription


async def approval_awaited(world: World) -> str:
    """A case with goodwill, which a second person must approve."""
    subscription = world.subscription()
    goodwill = contract.Goodwill(reason="ill for weeks")
    await world.start(subscription, answers=_answers(world, subscription), goodwill=goodwill)
    await in_stage(world, subscription, Stage.PREPARING)
    return subscription


async def credit_memo_awaited(world: World) -> str:
    """A case whose line is billed beyond its end, and whose termination day is to come."""
    subscription = world.subscription()
    start = world.today(subscription) + timedelta(days=1)
    world.invoice(subscription, f"{subscription}-INV", start, start + timedelta(days=29))
    await world.start(subscription, answers=_answers(world, subscription))
    await in_stage(world, subscription, Stage.SCHEDULED)
    return subscription


async def campaigns_to_be_asked_for(world: World) -> str:
    """A case whose campaigns are to be stopped, but for the attestation that completes its checklist."""
    subscription = world.subscription(campaigns=["A"])
    await world.start(subscription, complete=False, answers=_answers(world, subscription, campaigns="stop"))
    return subscription


async def consent_awaited(world: World) -> str:
    """A case that waits for another person's consent to stop the campaigns."""
    subscription = world.subscription(campaigns=["A"])
    await world.start(subscription, answers=_answers(world, subscription, campaigns="stop"))

    async def is_asked() -> bool:
        return (await world.service.status(subscription)).marketing_consent is Consent.ASKED

    await eventually(is_asked)
    return subscription


def _answers(world: World, subscription: str, **others: str) -> dict[str, str]:
    return world.answers(subscription, terminate_on=world.today(subscription) + A_WHILE, **others)


async def in_stage(world: World, subscription: str, stage: Stage) -> None:
    """Wait until the workflow is in a stage."""

    async def is_in() -> bool:
        return await world.stage(subscription) is stage

    await eventually(is_in)


LIVES = [
    *(Life(intake, lost) for lost in [(lost_answers,), (attested,), (withdrawn,), (abandoned,)]),
    *(Life(intake, (lost_answers, attested, *more)) for more in [(), (settle,), (settle, effect)]),
    *(Life(approval_awaited, lost) for lost in [(approved,), (approved, settle), (withdrawn,)]),
    *(
        Life(credit_memo_awaited, lost)
        for lost in [(credited,), (credited, looked), (reminded,), (credited, looked, effect)]
    ),
    *(
        Life(campaigns_to_be_asked_for, (attested, *more))
        for more in [(asked_for_consent,), (asked_for_consent, agreed)]
    ),
    *(Life(consent_awaited, lost) for lost in [(agreed,), (declined,), (timed_out,), (agreed, stopped)]),
    *(Life(consent_awaited, lost) for lost in [(agreed, stopped, settle), (declined, settle), (withdrawn,)]),
    *(Life(scheduled, lost) for lost in [(effect,), (withdrawn,)]),
    *(Life(canceled, lost) for lost in [(reversed_,), (closed,)]),
]


async def agrees(world: World, subscription: str) -> bool:
    """Whether the workflow knows what is recorded; one that is over has nothing to know any more."""
    live, case = await world.service.status(subscription), world.case(subscription)
    return live.stage is Stage(case.stage) and live.verified is (case.verified_by is not None)


async def requests_after(world: World, lives: Iterable[tuple[Life, Request]]) -> None:
    """Many cases at the same time, each with lost steps and one request after them."""
    await all_hold(_request_after(world, life, request) for life, request in lives)


async def _request_after(world: World, life: Life, request: Request) -> None:
    subscription = await life.situation(world)
    for lost in life.lost:
        lost(world, subscription)
    about = f"{life}, then {request.__name__}"
    try:
        with world.environment.with_time_skipping_disabled():
            await answered(request(world, subscription), contract.CancellationStatus)
            await eventually(lambda: agrees(world, subscription))
        await ends_once(world, subscription)
    except (AssertionError, TimeoutError, Refusal) as failed:
        raise AssertionError(about) from failed


async def ends_once(world: World, subscription: str) -> None:
    """The case is as able as ever: it can be ended, and has one end in the audit trail."""
    case = world.case(subscription)
    if not Stage(case.stage).is_final:
        last = reverse if case.access_ended_on else withdraw
        await last(world, subscription)
    case = world.case(subscription)
    assert Stage(case.stage).is_final
    ended = await world.handle(subscription).result()
    assert contract.CancellationStatus.model_validate(ended).stage is Stage(case.stage)
    assert world.actions(subscription).count(f"cancellation.{case.stage}") == 1
    assert world.access(subscription) == ("off" if case.stage == Stage.CLOSED else "on")
