"""Steps of requests that are in the database and in no history; the requests come again, under the same id or another."""

from datetime import UTC, datetime

import contract
from activities.cancellation import Records
from contract.steps import AnswersGiven, Step
from domain.vocabulary import Channel, Question
from records.cancellation.answers import checklist_of
from records.cancellation.locked_case import lock_case
from records.transaction import Transaction
from starter.service.requests import request_made, sent_now, update_id
from tests.support.world import World

MAIL = frozenset({Channel.MAIL})


def step_of(workflow_id: str, name: str, message: contract.Request, request_id: str, *, prefix: str = "") -> Step:
    """The step that a case takes for a request, to be taken in its place; the message names the case."""
    sent, made = update_id(name, request_id), sent_now(message)
    case = contract.named_case(message)
    assert case is not None
    return Step(
        cancellation=case,
        name=f"{prefix}{name}:{sent}",
        actor=message.actor,
        at=datetime.now(UTC),
        request=request_made(workflow_id, sent, name, made),
    )


def take_answers(world: World, step: Step, answers: dict[str, str]) -> None:
    """Answers in the database alone."""
    with Transaction.begin(world.engine) as transaction:
        case = lock_case(transaction, step.cancellation)
        known = checklist_of(transaction.session, case)
        today = world.today(case.subscription.id)
    checklist = known.answered(answers, today=today)
    answered = tuple(Question(name) for name in answers)
    Records(world.engine, MAIL).save_answers(AnswersGiven(step=step, checklist=checklist, answered=answered))
