"""What a case waits for: the records say in a query what the rule says of the same facts."""

from collections.abc import Callable
from datetime import date
from itertools import product

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from domain.cancellation.waiting import OBSTACLES, STAGES, Awaited, awaited
from domain.marketing import Consent
from domain.migration import MigrationStage
from domain.vocabulary import Stage
from records.cancellation.case_list import CaseFilter, case_summary, list_cases
from storage.tables import (
    CancellationLineRow,
    CancellationRow,
    ErasureRow,
    ExportRow,
    MigrationRow,
    SubscriptionLineRow,
)
from tests.records.cancellation.opened_cases import COMPLETE, opened
from tests.support.import_documents import NOON, Document, Import, line

CASE = "SUB-1/1"


def gesture(session: Session) -> None:
    session.get_one(CancellationRow, CASE).goodwill_reason = "a gesture"


def migrated(session: Session) -> None:
    stage = MigrationStage.REQUESTED.value
    session.add(
        MigrationRow(
            cancellation=CASE, organization="ORG-1", queue="billing_support", stage=stage, stage_since=NOON,
            requested_at=NOON,
        )
    )  # fmt: skip


def exported(session: Session) -> None:
    session.add(ExportRow(cancellation=CASE, started_at=NOON))


def asked_for_consent(session: Session) -> None:
    session.get_one(CancellationRow, CASE).marketing_consent = Consent.ASKED.value


def billed_beyond_its_end(session: Session) -> None:
    """A line waits for a credit memo, and its end for that."""
    session.get_one(SubscriptionLineRow, "SUB-1-C").frozen_by = CASE
    session.add(
        CancellationLineRow(
            cancellation=CASE, subscription_line="SUB-1-C", billing_ends_on=date(2027, 12, 31), waits_since=NOON
        )
    )


HINDERED: dict[Awaited, Callable[[Session], None]] = {
    Awaited.APPROVAL: gesture,
    Awaited.MIGRATION: migrated,
    Awaited.EXPORT: exported,
    Awaited.CONSENT: asked_for_consent,
}
"""What brings each obstacle about that the records know."""


@pytest.fixture
def case(imported: Import, document: Document, engine: Engine) -> Engine:
    """A case with a complete checklist, whose line needs no credit memo."""
    document["invoices"], line(document)["planned_lines"] = [], []
    imported(document)
    opened(engine, answers=COMPLETE, attested_because="called back")
    return engine


def run(engine: Engine, *statements: str) -> None:
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))


def hinder(engine: Engine, *obstacles: Awaited) -> None:
    with Session(engine) as session, session.begin():
        for one in obstacles:
            HINDERED[one](session)


def in_stage(engine: Engine, stage: Stage) -> None:
    with Session(engine) as session, session.begin():
        row = session.get_one(CancellationRow, CASE)
        row.stage = stage.value
        if stage in (Stage.CANCELED, Stage.CLOSED, Stage.REVERSED):
            row.access_ended_on, row.reversal_deadline = NOON.date(), NOON


def recorded(session: Session) -> tuple[Awaited, ...]:
    """What the record says, with which every filter must agree."""
    found = case_summary(session, CASE).waits_for
    listed = [one for one in Awaited if list_cases(session, CaseFilter(waits_for=one)).cancellations]
    assert set(listed) == set(found)
    return found


def waits_for(engine: Engine) -> tuple[Awaited, ...]:
    with Session(engine) as session:
        return recorded(session)


def test_every_obstacle_that_the_records_know_has_its_statements() -> None:
    assert set(HINDERED) == set(OBSTACLES) - {Awaited.BILLING}


def test_a_preparation_waits_for_the_first_obstacle(case: Engine) -> None:
    in_stage(case, Stage.PREPARING)
    for chosen in product((False, True), repeat=len(HINDERED)):
        obstacles = dict(zip(HINDERED, chosen, strict=True))
        expected = awaited(
            Stage.PREPARING, is_complete=True, obstacles=obstacles, is_to_be_erased=False, is_billing_open=False
        )
        assert expected == (next((one for one in OBSTACLES if obstacles.get(one)), Awaited.LINES),)
        with Session(case) as session:  # rolled back at its end
            for one, hinders in obstacles.items():
                if hinders:
                    HINDERED[one](session)
            assert recorded(session) == expected


@pytest.mark.parametrize("stage", [stage for stage in Stage if stage is not Stage.PREPARING])
def test_at_every_other_stage_obstacles_of_the_preparation_do_not_count(case: Engine, stage: Stage) -> None:
    in_stage(case, stage)
    hinder(case, *HINDERED)
    assert waits_for(case) == awaited(
        stage, is_complete=True, obstacles={}, is_to_be_erased=False, is_billing_open=False
    )


@pytest.mark.parametrize("stage", Stage)
def test_billing_has_something_to_do_beside_the_next_event(case: Engine, stage: Stage) -> None:
    in_stage(case, stage)
    with Session(case) as session, session.begin():
        billed_beyond_its_end(session)
    found = waits_for(case)
    assert found == awaited(stage, is_complete=True, obstacles={}, is_to_be_erased=False, is_billing_open=True)
    assert (Awaited.BILLING in found) == (stage in (Stage.SCHEDULED, Stage.CANCELED, Stage.CLOSED))


def test_billing_has_nothing_more_to_do_when_the_line_has_its_end(case: Engine) -> None:
    in_stage(case, Stage.CANCELED)
    with Session(case) as session, session.begin():
        billed_beyond_its_end(session)
    assert waits_for(case) == (Awaited.REVERSAL_WINDOW, Awaited.BILLING)
    with Session(case) as session, session.begin():
        session.get_one(SubscriptionLineRow, "SUB-1-C").end_date = date(2027, 12, 31)
    assert waits_for(case) == (Awaited.REVERSAL_WINDOW,)


@pytest.mark.parametrize(
    "missing",
    [
        "UPDATE cancellations SET verified_by = NULL",
        "UPDATE cancellations SET termination = NULL, termination_date = NULL",
        "UPDATE cancellations SET data = NULL",
        "UPDATE cancellations SET campaigns = NULL",
        "DELETE FROM checklist_answers WHERE question = 'organization_url'",
    ],
)
def test_an_intake_waits_for_the_customer_until_everything_is_answered(case: Engine, missing: str) -> None:
    assert waits_for(case) == (Awaited.LINES,)
    run(case, missing)
    assert waits_for(case) == (Awaited.CUSTOMER,)


def test_a_closed_case_waits_until_its_data_is_erased(case: Engine) -> None:
    in_stage(case, Stage.CLOSED)
    assert waits_for(case) == ()
    run(case, "UPDATE organizations SET data_schema = 'crm'")
    assert waits_for(case) == (Awaited.ERASURE,)
    with Session(case) as session, session.begin():
        session.add(ErasureRow(cancellation=CASE, organization="ORG-1", started_at=NOON))
    assert waits_for(case) == (Awaited.ERASURE,)
    run(case, "UPDATE erasures SET finished_at = now(), tables = 1, rows = 1, objects = 0, bytes = 0")
    assert waits_for(case) == ()


def test_what_is_over_is_not_awaited(case: Engine) -> None:
    in_stage(case, Stage.PREPARING)
    hinder(case, *HINDERED)
    run(
        case,
        "UPDATE cancellations SET goodwill_approved_by = 'boss', marketing_consent = 'agreed'",
        "UPDATE on_premises_migrations SET stage = 'withdrawn', ended_at = now()",
        "UPDATE exports SET finished_at = now(), prefix = 'x', tables = 1, rows = 1, bytes = 1, warnings = 0, "
        "manifest_sha256 = 'x', link_expires_at = now()",
    )
    assert waits_for(case) == (Awaited.LINES,)


def test_the_stages_of_everything_awaited_are_those_of_the_rule() -> None:
    """A filter looks at these stages alone."""
    found: dict[Awaited, set[Stage]] = {one: set() for one in Awaited}
    for stage, complete, erased, billing in product(Stage, (True, False), (True, False), (True, False)):
        for obstacle in (None, *OBSTACLES):
            obstacles = {one: one is obstacle for one in OBSTACLES}
            for one in awaited(
                stage, is_complete=complete, obstacles=obstacles, is_to_be_erased=erased, is_billing_open=billing
            ):
                found[one].add(stage)
    assert found == {one: set(stages) for one, stages in STAGES.items()}
