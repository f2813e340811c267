"""Exports, holds and erasures in the records: what counts, what is refused, what stays (rules, sections 8 and 10)."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from contract.steps import Obstacle, Step
from domain.export.requests import ExportErased, NoExport
from domain.legal_holds import DataAlreadyErased, HoldReleased, HoldUnknown
from domain.messaging import ErasureFacts
from domain.refusals import Refusal
from domain.vocabulary import Channel
from records import erasure as erasures
from records import export as exports
from records import legal_holds as holds
from records.erasure import ErasedThing, ErasureBlocked
from records.export import AttemptSuperseded, ExportAttempt, ExportSummary
from storage.tables import AuditRow, MessageRow
from storage.tenants.organizations import OrganizationNotFound
from tests.support.import_documents import NOON, Document, Import

CASE = "SUB-1/1"
BOTH = frozenset(Channel)


@pytest.fixture
def case(imported: Import, document: Document, engine: Engine) -> Engine:
    """A cancellation whose checklist is complete, of an organization with data."""
    document["organizations"][0]["data_schema"] = "crm_contoso"
    imported(document)
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO cancellations (id, subscription, ordinal, request_id, workflow_id, opened_by, stage, "
                "received_at, received_on, termination_date, data, campaigns, verified_by, access_ended_on, "
                "reversal_deadline) VALUES (:case, 'SUB-1', 1, 'r', 'w', 'agent', 'intake', :noon, '2026-11-22', "
                "'2026-11-22', 'export', 'keep', 'attestation', '2026-11-22', :noon)"
            ),
            {"case": CASE, "noon": NOON},
        )
    return engine


@pytest.fixture
def closed(case: Engine) -> Engine:
    set_stage(case, "closed")
    return case


def set_stage(engine: Engine, stage: str) -> None:
    with engine.begin() as connection:
        connection.execute(text("UPDATE cancellations SET stage = :stage"), {"stage": stage})


def step(name: str, at: datetime = NOON) -> Step:
    return Step(cancellation=CASE, name=name, actor="agent-7", at=at)


def begin(engine: Engine) -> ExportSummary | ExportAttempt:
    with Session(engine) as session, session.begin():
        return exports.begin_export(session, step("export"))


def attempt(engine: Engine) -> ExportAttempt:
    begun = begin(engine)
    assert isinstance(begun, ExportAttempt)
    return begun


def finish(engine: Engine, of: ExportAttempt) -> None:
    summary = ExportSummary(prefix=of.prefix, manifest_sha256="ab" * 32, tables=3, rows=70, bytes=1000, warnings=1)
    with Session(engine) as session, session.begin():
        exports.finish_export(session, step("export"), of.number, summary, at=NOON, channels=BOTH)


def acknowledge(engine: Engine, actor: str = "ann") -> None:
    with Session(engine) as session, session.begin():
        exports.acknowledge(session, step(f"acknowledge-{actor}").model_copy(update={"actor": actor}))


def messages(engine: Engine) -> list[tuple[str, str]]:
    with Session(engine) as session:
        return [(row.id, row.channel) for row in session.query(MessageRow).order_by(MessageRow.sequence)]


def erase(engine: Engine, *things: ErasedThing) -> ErasureFacts:
    with Session(engine) as session, session.begin():
        erasures.begin_erasure(session, step("erase"))
    with Session(engine) as session, session.begin():
        erasures.note(session, CASE, things, at=NOON)
    with Session(engine) as session, session.begin():
        return erasures.finish_erasure(session, step("erase"), at=NOON + timedelta(minutes=5), channels=BOTH)


def place_hold(engine: Engine, request: str = "request-1") -> holds.Hold:
    with Session(engine) as session, session.begin():
        return holds.place_hold(session, "ORG-1", reason="litigation", actor="legal", at=NOON, request=request)


def test_each_attempt_has_a_place_of_its_own_and_the_newest_alone_may_finish(case: Engine) -> None:
    first, second = attempt(case), attempt(case)

    assert (first.prefix, second.prefix) == (f"cancellations/{CASE}/export/1/", f"cancellations/{CASE}/export/2/")
    assert second.prefix.startswith(second.prefix_of_all)
    with pytest.raises(AttemptSuperseded):
        finish(case, first)
    finish(case, second)
    assert begin(case) == ExportSummary(
        prefix=second.prefix, manifest_sha256="ab" * 32, tables=3, rows=70, bytes=1000, warnings=1
    )


def test_an_export_prepares_the_case_and_is_told_once_however_often_it_is_finished(case: Engine) -> None:
    only = attempt(case)
    finish(case, only)
    finish(case, only)

    assert messages(case) == [(f"{CASE}/export.ready/mail", "mail"), (f"{CASE}/export.ready/webhook", "webhook")]
    with Session(case) as session:
        assert session.execute(text("SELECT stage FROM cancellations")).scalar() == "preparing"


def test_an_export_of_a_case_that_was_withdrawn_meanwhile_does_not_count(case: Engine) -> None:
    only = attempt(case)
    set_stage(case, "withdrawn")

    with pytest.raises(AttemptSuperseded):
        finish(case, only)


def test_a_fresh_link_is_told_again_and_lasts_as_long_as_the_first(case: Engine) -> None:
    finish(case, attempt(case))
    later = NOON + timedelta(days=30)
    for _ in range(2):
        with Session(case) as session, session.begin():
            exports.renew_link(session, step("renew", later), channels=frozenset({Channel.MAIL}))

    assert [id_ for id_, channel in messages(case) if channel == "mail"] == [
        f"{CASE}/export.ready/mail",
        f"{CASE}/export.ready/2/mail",
    ]
    with Session(case) as session:
        state = exports.export_of(session, CASE)
    assert state is not None
    assert state.link_expires_at == later + timedelta(days=7)


def test_the_first_acknowledgement_stands(case: Engine) -> None:
    finish(case, attempt(case))
    acknowledge(case, "ann")
    acknowledge(case, "bob")

    with Session(case) as session:
        state = exports.export_of(session, CASE)
    assert state is not None
    assert (state.acknowledged_by, state.acknowledged_at) == ("ann", NOON)


def test_nothing_is_asked_of_an_export_that_is_not_finished_or_is_erased(case: Engine) -> None:
    def asked() -> list[Callable[[Session], object]]:
        return [
            lambda session: exports.acknowledge(session, step("a")),
            lambda session: exports.renew_link(session, step("b"), channels=BOTH),
        ]

    def refused_as(refusal: type[Refusal]) -> None:
        for ask in asked():
            with pytest.raises(refusal), Session(case) as session, session.begin():
                ask(session)

    refused_as(NoExport)
    only = attempt(case)
    refused_as(NoExport)
    finish(case, only)
    with Session(case) as session, session.begin():
        erasures.note_discarded(session, step("discard"), objects=7, at=NOON)
    refused_as(ExportErased)


def test_no_fresh_link_leads_to_an_export_that_is_being_erased(closed: Engine) -> None:
    finish_before_closing(closed)
    acknowledge(closed)
    with Session(closed) as session, session.begin():
        erasures.begin_erasure(session, step("erase"))

    acknowledge(closed, "said again")
    with pytest.raises(ExportErased), Session(closed) as session, session.begin():
        exports.renew_link(session, step("renew"), channels=BOTH)
    with Session(closed) as session:
        state = exports.export_of(session, CASE)
    assert state is not None
    assert (state.is_gone, state.erased_at) == (True, None)


def test_nothing_is_erased_before_the_export_is_acknowledged_nor_under_a_hold(closed: Engine) -> None:
    finish_before_closing(closed)
    hold = place_hold(closed)

    def obstacle() -> Obstacle | None:
        with Session(closed) as session, session.begin():
            found = erasures.obstacle_to_erasing(session, CASE)
        if found is not None:
            with pytest.raises(ErasureBlocked), Session(closed) as session, session.begin():
                erasures.begin_erasure(session, step("erase"))
        return found

    assert obstacle() is Obstacle.HOLD
    with Session(closed) as session, session.begin():
        holds.release_hold(session, hold.id, reason="settled", actor="legal", at=NOON)
    assert obstacle() is Obstacle.ACKNOWLEDGEMENT
    acknowledge(closed)
    assert obstacle() is None


def finish_before_closing(engine: Engine) -> None:
    set_stage(engine, "preparing")
    finish(engine, attempt(engine))
    set_stage(engine, "closed")


def test_a_hold_that_is_placed_meanwhile_stops_the_erasure_at_its_next_step(closed: Engine) -> None:
    with Session(closed) as session, session.begin():
        erasures.begin_erasure(session, step("erase"))
    place_hold(closed)

    with pytest.raises(ErasureBlocked), Session(closed) as session, session.begin():
        erasures.refuse_when_blocked(session, CASE)


def test_the_certificate_counts_what_was_noted_and_is_the_same_the_second_time(closed: Engine) -> None:
    things = (
        ErasedThing(kind="object", name="export/1/001-accounts.csv.gz", bytes=300),
        ErasedThing(kind="object", name="export/1/manifest.json", bytes=20),
        ErasedThing(kind="table", name="accounts", rows=40, bytes=8192),
        ErasedThing(kind="table", name="contacts", rows=2, bytes=8192),
        ErasedThing(kind="schema", name="crm_contoso"),
    )
    first = erase(closed, *things)

    assert first == ErasureFacts(
        started_at=NOON, finished_at=NOON + timedelta(minutes=5), tables=2, rows=42, objects=2, bytes=16704
    )
    with Session(closed) as session, session.begin():
        again = erasures.finish_erasure(session, step("erase"), at=datetime.now(UTC), channels=BOTH)
        assert erasures.certificate_of(session, CASE) == again == first
        assert {thing.name for thing in erasures.erased_things(session, CASE)} == {thing.name for thing in things}
    assert [id_ for id_, _ in messages(closed)] == [f"{CASE}/data.erased/mail", f"{CASE}/data.erased/webhook"]


def test_a_certificate_says_when_the_schema_was_not_there_to_be_erased(closed: Engine) -> None:
    """As where the tenants' database is not the right one: nobody is told that nothing is left."""
    assert erase(closed).absent_schema == "crm_contoso"


def test_what_is_noted_again_before_it_went_has_the_counts_of_the_second_look(closed: Engine) -> None:
    with Session(closed) as session, session.begin():
        erasures.begin_erasure(session, step("erase"))
        erasures.note(session, CASE, [ErasedThing(kind="table", name="accounts", rows=40)], at=NOON)

    certificate = erase(closed, ErasedThing(kind="table", name="accounts", rows=41))

    assert (certificate.tables, certificate.rows) == (1, 41)


def test_the_organizations_data_stays_while_another_of_its_subscriptions_lives(
    closed: Engine, imported: Import, document: Document
) -> None:
    document["subscriptions"] = [{"id": "SUB-2", "organization": "ORG-1", "description": "Sales", "lines": []}]
    document["invoices"] = []
    imported(document)

    with Session(closed) as session, session.begin():
        plan = erasures.begin_erasure(session, step("erase"))

    assert plan.data_schema is None
    assert plan.kept_because == "subscription SUB-2 of the organization still uses it"


def test_a_hold_is_placed_once_per_request_and_released_once(closed: Engine) -> None:
    first, again, other = place_hold(closed), place_hold(closed), place_hold(closed, "request-2")
    assert first == again != other

    with Session(closed) as session, session.begin():
        holds.release_hold(session, first.id, reason="settled", actor="legal", at=NOON)
    with pytest.raises(HoldReleased), Session(closed) as session, session.begin():
        holds.release_hold(session, first.id, reason="settled", actor="legal", at=NOON)
    with Session(closed) as session:
        assert [hold.id for hold in holds.holds(session)] == [other.id]
        assert [hold.id for hold in holds.holds(session, released=True)] == [first.id, other.id]
        trail = session.query(AuditRow.action, AuditRow.actor).filter(AuditRow.action.startswith("hold"))
        assert sorted(map(tuple, trail)) == [("hold.placed", "legal")] * 2 + [("hold.released", "legal")]


def test_holds_on_nothing_are_refused(closed: Engine) -> None:
    with pytest.raises(OrganizationNotFound), Session(closed) as session:
        holds.place_hold(session, "ORG-9", reason="litigation", actor="legal", at=NOON, request="r")
    with pytest.raises(HoldUnknown), Session(closed) as session:
        holds.release_hold(session, 99, reason="settled", actor="legal", at=NOON)
    erase(closed)
    with pytest.raises(DataAlreadyErased):
        place_hold(closed)


def test_who_signs_up_anew_after_an_erasure_has_new_data_that_can_be_held(
    closed: Engine, imported: Import, document: Document
) -> None:
    erase(closed)
    document["subscriptions"] = [{"id": "SUB-2", "organization": "ORG-1", "description": "Sales", "lines": []}]
    document["invoices"] = []
    imported(document)

    assert place_hold(closed).organization == "ORG-1"


@pytest.mark.parametrize(
    ("rule", "statement"),
    [
        ("erasure_after_the_window", "UPDATE cancellations SET stage = 'canceled'; {begin}"),
        (
            "erasure_under_a_hold",
            "INSERT INTO holds (organization, reason, placed_by, placed_at, request) "
            "VALUES ('ORG-1', 'litigation', 'legal', now(), 'r'); {begin}",
        ),
        (
            "erasure_before_acknowledgement",
            "INSERT INTO exports (cancellation, started_at) VALUES ('SUB-1/1', now()); {begin}",
        ),
        ("certificates_stay", "{begin}; DELETE FROM erasures"),
        (
            "certificates_stay",
            "{begin}; UPDATE erasures SET finished_at = now(), tables = 0, rows = 0, objects = 0, bytes = 0; "
            "UPDATE erasures SET rows = 1",
        ),
        (
            "certificates_stay",
            "{begin}; INSERT INTO erased_things (cancellation, kind, name, noted_at) "
            "VALUES ('SUB-1/1', 'table', 'accounts', now()); DELETE FROM erased_things",
        ),
        (
            "certificates_stay",
            "INSERT INTO holds (organization, reason, placed_by, placed_at, request) "
            "VALUES ('ORG-1', 'litigation', 'legal', now(), 'r'); DELETE FROM holds",
        ),
        (
            "ck_exports_acknowledged_after_finished",
            "INSERT INTO exports (cancellation, started_at, acknowledged_at, acknowledged_by) "
            "VALUES ('SUB-1/1', now(), now(), 'ann')",
        ),
    ],
)
def test_the_database_refuses_what_the_rules_refuse(closed: Engine, rule: str, statement: str) -> None:
    begun = "INSERT INTO erasures (cancellation, organization, started_at) VALUES ('SUB-1/1', 'ORG-1', now())"
    with pytest.raises(IntegrityError) as refused, closed.begin() as connection:
        connection.exec_driver_sql(statement.format(begin=begun))
    assert refused.value.orig.diag.constraint_name == rule  # type: ignore[union-attr]
