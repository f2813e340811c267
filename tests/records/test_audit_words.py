"""The audit trail without the words whose time is over: nothing else of it can be removed, and its seals hold."""

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from records import audit_seals, legal_holds
from records.transaction import Transaction
from tests.records.ended_cases import (
    BEGAN,
    WORDS,
    changed,
    ended,
    forced,
    forgotten,
    seal,
    worker,
)

__all__ = ["ended", "worker"]


def test_the_seals_hold_though_words_are_gone(ended: Engine) -> None:
    seal(ended)
    forgotten(ended)
    seal(ended)

    with Session(ended) as session:
        verified = audit_seals.verify(session, at=BEGAN)
        assert verified.holds
        assert (verified.seals, verified.unsealed) == (2, 0)


def test_words_within_a_change_stay_under_a_seal_of_the_first_form(
    ended: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its digest was made of them. The reason counted by its digest even then, and goes."""
    first_form = audit_seals._DIGEST.replace("audit_without_words(a.before)", "a.before").replace(
        "audit_without_words(a.after)", "a.after"
    )
    with monkeypatch.context() as before:
        before.setattr(audit_seals, "_DIGESTS", audit_seals._DIGESTS.replace(audit_seals._DIGEST, first_form))
        before.setattr(audit_seals, "FORM", 1)
        seal(ended)
    forgotten(ended)

    with Session(ended) as session:
        assert audit_seals.verify(session, at=BEGAN).holds
        entries = session.execute(text("SELECT why, after FROM audit_trail WHERE action = 'cancellation.opened'"))
        assert entries.one() == (None, {"stage": "intake", "reason_code": "other", "goodwill_reason": WORDS[2]})


REMOVAL = (
    "UPDATE audit_trail SET why = NULL, why_digest = encode(sha256(convert_to(why, 'UTF8')), 'hex') "
    "WHERE cancellation = 'SUB-1/1' AND why IS NOT NULL"
)


@pytest.mark.parametrize(
    "change",
    [
        REMOVAL.replace("why = NULL, why_digest = encode(sha256(convert_to(why, 'UTF8')), 'hex')", "why_digest = 'x'"),
        REMOVAL.replace("why = NULL, why_digest = encode(sha256(convert_to(why, 'UTF8')), 'hex')", "why = 'another'"),
        REMOVAL.replace("encode(sha256(convert_to(why, 'UTF8')), 'hex')", "NULL"),
        REMOVAL.replace("'UTF8'", "'LATIN1'").replace("convert_to(why", "convert_to('ä'"),
        REMOVAL.replace(" WHERE", ", actor = 'nobody' WHERE"),
        REMOVAL.replace(" WHERE", ", after = '{}' WHERE"),
        REMOVAL.replace(" WHERE", ", before = NULL, after = NULL WHERE"),
        "DELETE FROM audit_trail WHERE cancellation = 'SUB-1/1'",
    ],
)
def test_nothing_but_words_can_be_removed(ended: Engine, change: str) -> None:
    with pytest.raises(DBAPIError, match="append-only"):
        changed(ended, change)


@pytest.mark.parametrize(
    "reason",
    [
        "UPDATE cancellations SET end_recorded_at = now() - interval '27 days'",
        "UPDATE cancellations SET end_recorded_at = NULL",
        "UPDATE audit_trail SET at = now() - interval '27 days'",
        "INSERT INTO holds (organization, reason, placed_by, placed_at, request) OVERRIDING USER VALUE VALUES ('ORG-1', 'x', 'y', now(), 'r')",
    ],
)
def test_words_of_what_ended_lately_or_is_under_a_hold_cannot_be_removed(ended: Engine, reason: str) -> None:
    forced(ended, reason)

    with pytest.raises(DBAPIError, match="append-only"):
        changed(ended, REMOVAL)


ATTACKS = {
    "temporary tables in the place of the real ones": (
        "CREATE TEMP TABLE cancellations AS SELECT id, subscription, timestamptz '2020-01-01' AS ended_at FROM public.cancellations",
        "CREATE TEMP TABLE holds (organization text, released_at timestamptz)",
        REMOVAL,
    ),
    "a false end": ("UPDATE cancellations SET ended_at = '2020-01-01'", REMOVAL),
    "a false end that was recorded": ("UPDATE cancellations SET end_recorded_at = '2020-01-01'", REMOVAL),
    "a case of the same name": (
        "INSERT INTO marketing_cancellations (id, organization, ordinal, request_id, workflow_id, opened_by, stage, received_at, "
        "ended_at) VALUES ('SUB-1/1', 'ORG-1', 9, 'x', 'x', 'x', 'abandoned', '2020-01-01', '2020-01-01')",
        REMOVAL,
    ),
    "another subscription for a moment": ("UPDATE cancellations SET subscription = 'SUB-2'", REMOVAL),
    "another organization for a moment": ("UPDATE subscriptions SET organization = 'ORG-2'", REMOVAL),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_worker_removes_no_word_before_its_time(ended: Engine, worker: Engine, attack: str) -> None:
    running = "UPDATE cancellations SET ended_at = NULL, end_recorded_at = NULL, stage = 'intake'"
    forced(ended, running)
    with Transaction.begin(ended) as transaction:
        legal_holds.place_hold(transaction, "ORG-1", reason="litigation", actor="legal", at=BEGAN, request="r")

    with pytest.raises(DBAPIError, match=r"append-only|has ended already|permission denied"):
        changed(worker, *ATTACKS[attack])


def test_every_rule_of_the_database_looks_at_the_real_tables(engine: Engine) -> None:
    """A name without its schema is looked for among temporary tables first."""
    with engine.connect() as connection:
        rules = connection.execute(
            text(
                "SELECT proname, proconfig FROM pg_proc "
                "WHERE pronamespace = 'public'::regnamespace AND prorettype = 'trigger'::regtype"
            )
        ).all()
    assert rules
    assert [row.proname for row in rules if row.proconfig != ["search_path=pg_catalog, public, pg_temp"]] == []
