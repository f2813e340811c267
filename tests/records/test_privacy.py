"""The retention of personal data: what goes, what stays, what keeps it; and what is known about a person."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.privacy import Retention
from contract.steps import OpenRequest, RetentionSlice
from domain.cancellation.identity import Identity
from domain.privacy import REMOVED
from domain.refusals import ForwardedRefusal, RefusalDetails
from domain.vocabulary import Channel, Event, Stage
from records import legal_holds, privacy
from records.cancellation import notices, transitions
from records.cancellation.locked_case import lock_case
from records.cancellation.opening import record_refused_opening
from records.statuses import recorded_status_of
from records.transaction import Transaction
from tests.records.cancellation.opened_cases import COMPLETE, opened, step, with_subscriptions
from tests.records.closed_cases import erase
from tests.records.ended_cases import (
    BEGAN,
    DUE,
    PERSON,
    WORDS,
    changed,
    ended,
    everything,
    forced,
    forgotten,
    found,
    trail,
    worker,
)
from tests.support.import_documents import Document, Import

__all__ = ["ended", "worker"]


def test_addresses_names_letters_and_words_are_removed_and_facts_stay(ended: Engine) -> None:
    before = trail(ended)

    assert forgotten(ended) == ["SUB-1/1"]

    with ended.connect() as connection:
        left = everything(connection, "organizations").lower()  # the record itself stays, with whatever was imported
        assert [word for word in (*WORDS, PERSON) if word.lower() in left] == []
        row = connection.execute(text("SELECT * FROM cancellations")).one()
        assert (row.stage, row.reason, row.reason_code, row.goodwill_reason) == ("withdrawn", None, "other", REMOVED)
        assert row.forgotten_at == DUE
        rows = connection.execute(text("SELECT question, answer FROM checklist_answers")).all()
        answers = {row.question: row.answer for row in rows}
        assert answers.pop("data") == "none"
        assert {answers[point] for point in Identity.model_fields} == {REMOVED}
        refusal = connection.scalar(text("SELECT refusal FROM requests WHERE id = 'u'"))
        assert refusal == {"code": "answer_not_understood", "message": REMOVED}
        after = connection.scalar(text("SELECT after FROM audit_trail WHERE action = 'personal_data.removed'"))
        assert after["answers"] == 3
        assert after["messages"] > 0
        assert after["contacts"] == 0
    assert list(trail(ended))[: len(before)] == list(before)


def test_the_status_of_a_forgotten_case_can_still_be_read(ended: Engine) -> None:
    forgotten(ended)

    with Session(ended) as session:
        status = recorded_status_of(session, "cancellation:SUB-1", "SUB-1/1")
    assert status is not None
    assert status.stage == Stage.WITHDRAWN
    repeated = opened(ended, at=BEGAN, reason=WORDS[0], answers=COMPLETE)
    assert repeated.cancellation == "SUB-1/1"


def test_nothing_is_removed_a_moment_too_early_and_nothing_twice(ended: Engine) -> None:
    assert forgotten(ended, DUE - timedelta(seconds=1)) == []
    assert forgotten(ended) == ["SUB-1/1"]
    assert forgotten(ended) == []
    with Transaction.begin(ended) as transaction:
        assert not privacy.forget(transaction, "SUB-1/1", at=DUE)


@pytest.mark.parametrize(("months", "due"), [(1, "2023-12-22"), (12, "2024-11-22"), (240, "2043-11-22")])
def test_the_policy_says_when(
    engine: Engine, imported: Import, document: Document, ended: Engine, months: int, due: str
) -> None:
    document["policies"]["patient"]["retention_months"] = months
    imported(document)
    over = datetime.fromisoformat(f"{due}T12:00:00+00:00")

    with Session(ended) as session:
        assert privacy.kept_until(session, "SUB-1/1") == over
    assert forgotten(ended, over - timedelta(seconds=1)) == []
    assert forgotten(ended, over) == ["SUB-1/1"]


def test_the_certificate_of_erasure_names_the_end_of_our_own_records(closed: Engine) -> None:
    forced(closed, "UPDATE cancellations SET ended_at = '2026-11-30T12:00:00Z'")

    assert erase(closed).own_records_until == datetime.fromisoformat("2028-11-30T12:00:00+00:00")


def test_a_legal_hold_keeps_everything_until_it_is_released(ended: Engine) -> None:
    with Transaction.begin(ended) as transaction:
        hold = legal_holds.place_hold(transaction, "ORG-1", reason="litigation", actor="legal", at=BEGAN, request="r")
    assert forgotten(ended) == []
    assert all(kept.held for kept in found(ended) if kept.until)
    with Transaction.begin(ended) as transaction:
        legal_holds.release_hold(transaction, hold.id, reason="settled", actor="legal", at=BEGAN, request="r2")

    assert forgotten(ended) == ["SUB-1/1"]


@pytest.mark.parametrize(
    "obstacle",
    [
        "UPDATE messages SET delivered_at = NULL",
        "UPDATE cancellations SET ended_at = NULL",
        "UPDATE cancellations SET stage = 'closed', access_ended_on = '2023-11-22', reversal_deadline = ended_at",
    ],
    ids=["an undelivered letter", "a case that runs", "data that is not erased"],
)
def test_what_is_not_done_keeps_its_addresses(ended: Engine, obstacle: str) -> None:
    with ended.begin() as connection:
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        connection.execute(text(obstacle))

    assert forgotten(ended) == []


def test_words_of_a_refused_start_are_removed_too(ended: Engine, worker: Engine) -> None:
    asked = OpenRequest(
        workflow_id="w", subscription="SUB-1", request_id="R9", at=BEGAN, actor="agent-7", answers={"data": WORDS[2]}
    )
    earlier = RefusalDetails(code="answer_not_understood", message=f"{WORDS[2]!r} is not an answer to 'data'.")
    with Transaction.begin(ended) as transaction:
        record_refused_opening(transaction, asked, ForwardedRefusal(earlier))
    assert [(kept.about, kept.until) for kept in found(ended) if kept.about == "SUB-1"] == [("SUB-1", DUE)]

    for at, removed in ((DUE - timedelta(seconds=1), 0), (DUE, 1), (DUE, 0)):
        with Transaction.begin(worker) as transaction:
            assert privacy.forget_refused_starts(transaction, at=at, most=10) == removed
    assert not [kept for kept in found(ended) if kept.about == "SUB-1"]


def test_what_comes_later_is_forgotten_later(ended: Engine) -> None:
    forgotten(ended)
    with Transaction.begin(ended, frozenset(Channel)) as transaction:
        late = step("SUB-1/1", "late", DUE)
        notices.notify(transaction, lock_case(transaction, "SUB-1/1"), Event.WITHDRAWN, late, occasion="late")
    assert "letter" in {kept.place.value for kept in found(ended)}
    changed(ended, "UPDATE messages SET delivered_at = now() WHERE delivered_at IS NULL")

    assert forgotten(ended, DUE + timedelta(days=1)) == ["SUB-1/1"]
    assert "letter" not in {kept.place.value for kept in found(ended)}


def test_words_that_came_late_are_removed_when_they_are_old_enough(ended: Engine, worker: Engine) -> None:
    """The database keeps every entry for 28 days, and forgets the case all the same."""
    changed(
        ended,
        "INSERT INTO audit_trail (at, actor, action, why, subscription, cancellation) "
        "VALUES (now(), 'agent-7', 'withdraw.refused', 'she wrote to ann@example.com', 'SUB-1', 'SUB-1/1')",
    )
    assert forgotten(worker) == ["SUB-1/1"]
    assert [kept.place.value for kept in found(ended) if kept.about == "SUB-1/1"] == ["audit_trail"]
    now = datetime.now(UTC)
    for days, removed in ((27, 0), (2, 1), (0, 0)):
        for _ in range(days):
            forced(ended, "UPDATE audit_trail SET at = at - interval '1 day' WHERE action = 'withdraw.refused'")
        with Transaction.begin(worker) as transaction:
            assert privacy.forget_late_words(transaction, at=now, most=10) == removed
    assert [kept.place.value for kept in found(ended) if kept.about == "SUB-1/1"] == []


def test_an_address_at_the_beginning_of_a_line_is_found(ended: Engine) -> None:
    changed(
        ended,
        "INSERT INTO messages (id, cancellation, event, channel, recipient, content, created_at) VALUES ('m', 'SUB-1/1', 'e', "
        "'mail', 'x', jsonb_build_object('reason', E'please call\nzoe@example.com\tor not'), now())",
    )
    assert [(kept.place.value, kept.number) for kept in found(ended, "zoe@example.com")] == [("letter", 1)]


def test_a_case_that_cannot_be_forgotten_holds_up_no_other(
    ended: Engine, imported: Import, document: Document, monkeypatch: pytest.MonkeyPatch
) -> None:
    imported(with_subscriptions(document, {"B": 2}))
    for subscription in ("SUB-B-1", "SUB-B-2"):
        case = opened(ended, subscription, at=BEGAN).cancellation
        with Transaction.begin(ended) as transaction:
            transitions.withdraw(transaction, step(case, "withdraw", BEGAN))
    changed(ended, "UPDATE messages SET delivered_at = now()")
    forced(ended, "UPDATE cancellations SET end_recorded_at = ended_at")
    forget = privacy.forget

    def failing(transaction: Transaction, case: str, *, at: datetime) -> bool:
        if case == "SUB-1/1":
            raise OperationalError("", None, Exception())
        return forget(transaction, case, at=at)

    monkeypatch.setattr(privacy, "forget", failing)
    retention = Retention(ended, frozenset())
    done = ActivityEnvironment().run(retention.forget_cases, RetentionSlice(at=DUE))
    assert (done.cases, done.more, done.failed) == (2, False, 1)

    with ended.connect() as connection:
        left = connection.scalars(text("SELECT id FROM cancellations WHERE forgotten_at IS NULL")).all()
    assert left == ["SUB-1/1"]


def test_a_slice_stops_when_its_worker_does(ended: Engine) -> None:
    environment = ActivityEnvironment()
    environment.worker_shutdown()

    with pytest.raises(ApplicationError, match="The worker stops"):
        environment.run(Retention(ended, frozenset()).forget_cases, RetentionSlice(at=DUE))
    assert forgotten(ended) == ["SUB-1/1"]


def test_a_worker_has_the_rights_to_forget(ended: Engine, worker: Engine) -> None:
    assert ended is not worker
    assert forgotten(worker) == ["SUB-1/1"]


def test_everything_that_is_kept_about_a_person_is_found(ended: Engine) -> None:
    kept = {(each.place.value, each.about): each for each in found(ended)}

    assert set(kept) == {
        ("organization", "ORG-1"),
        ("checklist", "SUB-1/1"),
        ("reason", "SUB-1/1"),
        ("letter", "SUB-1/1"),
        ("audit_trail", "SUB-1/1"),
        ("refusal", "SUB-1/1"),
    }
    assert {each.until for place, each in kept.items() if place[0] != "organization"} == {DUE}
    assert kept["organization", "ORG-1"].until is None
    assert found(ended, "somebody@else.example") == []


def test_nothing_but_the_record_is_found_about_somebody_who_was_forgotten(ended: Engine) -> None:
    forgotten(ended)

    assert [(each.place.value, each.about) for each in found(ended)] == [("organization", "ORG-1")]


@pytest.mark.parametrize("part", ["nn@example.com", "ann@example.co", "ann@example.com.au", "xann@example.com"])
def test_a_part_of_an_address_is_somebody_elses(ended: Engine, part: str) -> None:
    assert found(ended, part) == []
