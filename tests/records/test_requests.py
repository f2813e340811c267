"""Requests in the records: kept once, answered once, and never answered for another content or by another case."""

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

import contract
from contract.steps import FirstAnswer, RequestMade, Step
from domain.cancellation.lifecycle import CancellationEnded, WithdrawalTooLate
from domain.requests import RequestIdReused, RequestOfAnotherCase
from domain.vocabulary import Stage
from records import requests
from records.transaction import Transaction
from storage.tables import RequestRow
from tests.support.import_documents import NOON

WORKFLOW = "cancellation:SUB-1"
REFUSAL = WithdrawalTooLate("SUB-1/1", Stage.CANCELED).details


def made(name: str = "withdraw", *, digest: str = "one", named: str | None = None) -> RequestMade:
    return RequestMade(workflow_id=WORKFLOW, id=f"{name}:R", name=name, digest=digest, named=named)


def step(request: RequestMade | None = None, case: str = "SUB-1/1") -> Step:
    request = request or made()
    return Step(cancellation=case, name=f"{request.name}:{request.id}", actor="crm", at=NOON, request=request)


def received(engine: Engine, of: Step) -> FirstAnswer | None:
    with Transaction.begin(engine) as transaction:
        return requests.receive(transaction, of)


def test_a_request_that_was_interrupted_is_answered_when_it_comes_again(engine: Engine) -> None:
    assert received(engine, step()) is None
    assert received(engine, step()) is None


def test_an_accepted_request_stays_so(engine: Engine) -> None:
    with Transaction.begin(engine) as transaction:
        requests.accept(transaction, step())
        assert requests.refuse(transaction, step(), REFUSAL) == FirstAnswer(cancellation="SUB-1/1")

    assert received(engine, step(case="SUB-1/2")) == FirstAnswer(cancellation="SUB-1/1")


def test_a_refused_request_stays_so(engine: Engine) -> None:
    with Transaction.begin(engine) as transaction:
        assert requests.refuse(transaction, step(), REFUSAL) is None
        assert requests.refuse(transaction, step(), REFUSAL) is None
        other = CancellationEnded("SUB-1/2", Stage.CLOSED).details
        first = requests.refuse(transaction, step(case="SUB-1/2"), other)
        requests.accept(transaction, step(case="SUB-1/2"))

    assert first == received(engine, step(case="SUB-1/2")) == FirstAnswer(cancellation="SUB-1/1", refusal=REFUSAL)


def test_what_an_earlier_case_received_and_did_not_answer_never_acts_upon_another(engine: Engine) -> None:
    received(engine, step())
    with pytest.raises(RequestOfAnotherCase):
        received(engine, step(case="SUB-1/2"))


@pytest.mark.parametrize("other", [made(digest="two"), made(named="SUB-1/2")])
def test_other_content_under_the_same_id_is_refused_and_changes_nothing(engine: Engine, other: RequestMade) -> None:
    received(engine, step())

    with pytest.raises(RequestIdReused) as refused:
        received(engine, step(other))
    with pytest.raises(RequestIdReused), Transaction.begin(engine) as transaction:
        requests.check(transaction, step(other))
    with Transaction.begin(engine) as transaction:
        requests.refuse(transaction, step(other), refused.value.details)

    assert received(engine, step()) is None


def test_a_step_of_the_story_is_not_checked_again(engine: Engine) -> None:
    received(engine, step())
    with Transaction.begin(engine) as transaction:
        requests.check(transaction, step(made(digest="two")).model_copy(update={"name": "withdrawn"}))


def test_a_digest_of_a_one_time_code_is_salted_and_slow(engine: Engine) -> None:
    request = made(contract.UPDATE_VERIFY_CODE)
    received(engine, step(request))

    with Session(engine) as session:
        (row,) = session.query(RequestRow).all()
    assert row.digest != request.digest
    assert received(engine, step(request)) is None
    with pytest.raises(RequestIdReused):
        received(engine, step(made(contract.UPDATE_VERIFY_CODE, digest="two")))
