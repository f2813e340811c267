"""The limits across cases: a flood through one case after another ends, and what people want does not count."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, select, text
from sqlalchemy.orm import Session

from contract.steps import OpenRequest, Step
from domain.limits import STANDARD_LIMITS, Limited, LimitReached, LimitScope
from domain.refusals import Refusal
from records import cases, limit_settings, limits
from records.cancellation.opening import open_case, record_refused_opening
from records.transaction import Transaction
from storage.schema import migrate
from storage.tables import LimitedUseRow
from tests.records.cancellation.opened_cases import opened, step
from tests.records.limited_requests import (
    ADDRESS,
    CALLER,
    CODES,
    ORGANIZATION,
    STARTS,
    TRIES,
    age_all,
    code_for,
    limited,
    subscriptions,
    tried,
    withdrawn,
    wrong,
)
from tests.support.import_documents import NOON

__all__ = ["subscriptions"]


def test_a_new_installation_has_the_standard_limits(engine: Engine) -> None:
    migrate.downgrade(engine.url)
    migrate.upgrade(engine.url)

    with Session(engine) as session:
        found = limit_settings.limits(session)
    assert {(limit.limited, limit.scope): limit.number for limit in found} == STANDARD_LIMITS


@pytest.mark.usefixtures("subscriptions")
@pytest.mark.parametrize("scope", list(LimitScope))
def test_codes_are_limited_over_all_cases(engine: Engine, scope: LimitScope) -> None:
    limited(engine, CODES, scope, 2)
    other = "SUB-B-3" if scope is ORGANIZATION else "SUB-C-1"
    for subscription in ("SUB-B-1", "SUB-B-2"):
        code_for(engine, opened(engine, subscription).cancellation)
    third = opened(engine, other).cancellation

    with pytest.raises(LimitReached) as refused:
        code_for(engine, third)

    assert refused.value.values["limited"] == "codes"
    assert refused.value.values["scope"] == scope
    assert "boss@" not in str(refused.value)
    # Another organization, another caller; the address is the same.
    free = opened(engine, "SUB-C-2", actor="agent-8").cancellation
    if scope is ADDRESS:
        with pytest.raises(LimitReached):
            code_for(engine, free, actor="agent-8")
    else:
        assert code_for(engine, free, actor="agent-8")


@pytest.mark.usefixtures("subscriptions")
@pytest.mark.parametrize("scope", list(LimitScope))
def test_without_a_number_there_is_room_for_any(engine: Engine, scope: LimitScope) -> None:
    limited(engine, CODES, scope, None)
    case = opened(engine, "SUB-B-1").cancellation
    assert all(code_for(engine, case, name) for name in ("one", "two", "three"))


@pytest.mark.usefixtures("subscriptions")
def test_the_refusal_says_when_there_is_room_again(engine: Engine) -> None:
    limited(engine, CODES, ADDRESS, 2)
    case = opened(engine, "SUB-B-1").cancellation
    code_for(engine, case, "first")
    age_all(engine, timedelta(hours=23))
    code_for(engine, case, "second")

    with pytest.raises(LimitReached) as refused:
        code_for(engine, case, "third")

    with engine.connect() as connection:
        first = connection.scalar(
            select(LimitedUseRow.used_at).where(LimitedUseRow.limited == CODES).order_by("used_at")
        )
    assert first is not None
    assert refused.value.values["free_at"] == (first + timedelta(hours=24)).isoformat()
    age_all(engine, timedelta(hours=1))
    assert code_for(engine, case, "third")


@pytest.mark.usefixtures("subscriptions")
def test_a_code_cannot_be_guessed_through_many_cases(engine: Engine) -> None:
    limited(engine, TRIES, ADDRESS, 3)
    refusals = []
    case = right = ""
    for subscription in ("SUB-B-1", "SUB-B-2", "SUB-C-1", "SUB-C-2"):
        case = opened(engine, subscription).cancellation
        right = code_for(engine, case)
        refusals += [tried(engine, case, wrong(right), f"try-{number}") for number in range(2)]

    assert [refusal and refusal.code for refusal in refusals] == ["code_wrong"] * 3 + ["limit_reached"] * 5
    # The right code is of no use either, and nothing says that it was right.
    last = tried(engine, case, right, "right")
    assert last is not None
    assert last.code == "limit_reached"


@pytest.mark.usefixtures("subscriptions")
def test_what_the_administrator_wanted_does_not_count(engine: Engine) -> None:
    for limit in Limited:
        limited(engine, limit, ADDRESS, 1)
        limited(engine, limit, ORGANIZATION, 1)
    for subscription in ("SUB-B-1", "SUB-B-2", "SUB-C-1"):
        case = opened(engine, subscription).cancellation
        assert tried(engine, case, code_for(engine, case), "right") is None


@pytest.mark.usefixtures("subscriptions")
def test_what_the_administrator_wanted_counts_for_the_caller(engine: Engine) -> None:
    limited(engine, CODES, CALLER, 1)
    case = opened(engine, "SUB-B-1").cancellation
    assert tried(engine, case, code_for(engine, case), "right") is None
    another = opened(engine, "SUB-C-1").cancellation

    with pytest.raises(LimitReached):
        code_for(engine, another)
    with pytest.raises(LimitReached):
        code_for(engine, another, "other", actor=" AGENT-7")


@pytest.mark.usefixtures("subscriptions")
@pytest.mark.parametrize("scope", list(LimitScope))
def test_starts_are_limited_also_of_the_same_subscription(engine: Engine, scope: LimitScope) -> None:
    limited(engine, STARTS, scope, 2)
    for request in ("1", "2"):
        withdrawn(engine, opened(engine, "SUB-B-1", request=request).cancellation)

    with pytest.raises(LimitReached):
        opened(engine, "SUB-B-1", request="3")
    assert opened(engine, "SUB-B-1", request="2").cancellation == "SUB-B-1/2", "a repetition is no start"
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM cancellations")) == 2


def start(request: str, **fields: Any) -> OpenRequest:
    """A start that guesses who the administrator is."""
    values = {"answers": {"billing_administrator": "guess@example.com"}, "digest": request, **fields}
    return OpenRequest(
        workflow_id="cancellation:SUB-B-1", subscription="SUB-B-1", request_id="R", at=NOON, actor="guesser", **values
    )


def refusal_of(engine: Engine, asked: OpenRequest) -> str:
    """The code with which a start is refused, and recorded as an activity does."""
    try:
        with Transaction.begin(engine) as transaction:
            open_case(transaction, asked)
    except Refusal as refusal:
        with Transaction.begin(engine) as transaction:
            record_refused_opening(transaction, asked, refusal)
        return refusal.code
    return "opened"


@pytest.mark.usefixtures("subscriptions")
def test_guesses_of_the_administrator_are_limited_and_the_right_one_shows_nothing(engine: Engine) -> None:
    """All of them under one request id."""
    limited(engine, STARTS, ORGANIZATION, 2)

    codes = [refusal_of(engine, start(f"guess {number}")) for number in (1, 2, 2, 3, 4)]
    right = refusal_of(engine, start("right", answers={"billing_administrator": "boss@example.com"}))

    assert codes == ["identity_mismatch"] * 3 + ["limit_reached"] * 2, "the same guess again shows nothing new"
    assert right == "limit_reached"
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM limited_uses")) == 2
        audited = connection.scalar(text("SELECT count(*) FROM audit_trail WHERE action = 'cancellation.refused'"))
        assert audited == 5, "each guess once"


@pytest.mark.usefixtures("subscriptions")
def test_an_attestation_makes_no_guess_free(engine: Engine) -> None:
    limited(engine, STARTS, ORGANIZATION, 2)

    codes = [refusal_of(engine, start(f"{number}", attested_because="I am sure")) for number in range(4)]

    assert codes == ["identity_mismatch"] * 2 + ["limit_reached"] * 2


@pytest.mark.usefixtures("subscriptions")
def test_a_flood_of_nonsense_keeps_nobody_else_away(engine: Engine) -> None:
    for scope in (ADDRESS, ORGANIZATION):
        limited(engine, STARTS, scope, 2)
    limited(engine, STARTS, CALLER, 3)

    codes = [refusal_of(engine, start(f"{number}", answers={}, reason_code="bored")) for number in range(4)]

    assert codes == ["reason_code_unknown"] * 3 + ["limit_reached"]
    assert opened(engine, "SUB-B-2").cancellation == "SUB-B-2/1"


@pytest.mark.usefixtures("subscriptions")
def test_an_attested_start_is_limited_for_its_caller_alone(engine: Engine) -> None:
    for scope in (ADDRESS, ORGANIZATION):
        limited(engine, STARTS, scope, 1)
    for number in range(2):
        refusal_of(engine, start(f"guess {number}"))
    limited(engine, STARTS, CALLER, 1)

    assert opened(engine, "SUB-C-1", attested_because="called back").cancellation == "SUB-C-1/1"
    with pytest.raises(LimitReached) as reached:
        opened(engine, "SUB-C-2", attested_because="called back")
    assert reached.value.values["scope"] == "caller"


@pytest.mark.usefixtures("subscriptions")
def test_the_refusal_names_the_limit_that_lasts_for_longest(engine: Engine) -> None:
    code_for(engine, opened(engine, "SUB-C-1").cancellation)
    age_all(engine, timedelta(hours=10))
    code_for(engine, opened(engine, "SUB-B-1").cancellation)
    limited(engine, CODES, ADDRESS, 2)  # there is room again when the older one is gone
    limited(engine, CODES, ORGANIZATION, 1)
    case = opened(engine, "SUB-B-2").cancellation

    with pytest.raises(LimitReached) as reached:
        code_for(engine, case)

    assert reached.value.values["scope"] == "organization"


@pytest.mark.usefixtures("subscriptions")
def test_a_repetition_counts_once(engine: Engine) -> None:
    limited(engine, CODES, ADDRESS, 1)
    limited(engine, TRIES, ADDRESS, 1)
    case = opened(engine, "SUB-B-1").cancellation

    codes = [code_for(engine, case, "the same") for _ in range(3)]
    refusals = [tried(engine, case, wrong(codes[-1]), "the same") for _ in range(3)]

    assert [refusal and refusal.code for refusal in refusals] == ["code_wrong"] * 3
    again = tried(engine, case, codes[-1], "another")
    assert isinstance(again, LimitReached)


@pytest.mark.usefixtures("subscriptions")
def test_what_counts_no_more_is_removed(engine: Engine) -> None:
    opened(engine, "SUB-B-1")
    age_all(engine, timedelta(hours=49))
    opened(engine, "SUB-B-2")

    with Transaction.begin(engine) as transaction:
        assert limits.forget_old_uses(transaction) == 1
        assert limits.forget_old_uses(transaction) == 0


@pytest.mark.usefixtures("subscriptions")
def test_no_address_is_kept(engine: Engine) -> None:
    code_for(engine, opened(engine, "SUB-B-1").cancellation)

    with engine.connect() as connection:
        rows = connection.scalars(text("SELECT limited_uses::text FROM limited_uses")).all()
    assert len(rows) == 2
    assert not [row for row in rows if "boss" in row]


@pytest.mark.usefixtures("subscriptions")
def test_those_of_one_organization_wait_for_one_another(engine: Engine) -> None:
    limited(engine, CODES, ORGANIZATION, 1)
    first, second = (opened(engine, subscription).cancellation for subscription in ("SUB-B-1", "SUB-B-2"))

    def counted(transaction: Transaction, asked: Step) -> LimitReached | None:
        return limits.use_for(transaction, CODES, cases.lock(transaction, asked.cancellation), asked)

    with Transaction.begin(engine) as one:
        assert counted(one, step(first, "code")) is None
        with engine.connect() as connection:
            free = text("SELECT pg_try_advisory_xact_lock(hashtextextended('offramp limit of ORG-B', 0))")
            assert connection.scalar(free) is False
    with Transaction.begin(engine) as other:
        assert isinstance(counted(other, step(second, "code")), LimitReached)
