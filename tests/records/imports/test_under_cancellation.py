"""Imports during a cancellation: the values that they do not change, and the way out."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime

import pytest
from sqlalchemy import Engine, text, update
from sqlalchemy.orm import Session

from domain.imports.refusals import ImportMalformed
from storage.tables import CancellationRow, PlannedLineRow, SubscriptionLineRow, SubscriptionRow
from tests.support.import_documents import LINE, Document, Import, line, problems
from tests.support.processes import wait_until

WAITED_FOR = "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY (pg_blocking_pids(pid)))"
"""Whether somebody waits for what this connection holds."""


def a_case() -> CancellationRow:
    return CancellationRow(
        id="SUB-1/1", subscription="SUB-1", ordinal=1, request_id="r", workflow_id="cancellation:SUB-1",
        opened_by="agent", stage="intake", received_at=datetime(2026, 11, 1, tzinfo=UTC), received_on=date(2026, 11, 1),
    )  # fmt: skip


@pytest.fixture
def under_cancellation(imported: Import, document: Document, engine: Engine) -> Document:
    """The document, imported, and its customer line frozen by a running cancellation."""
    imported(document)
    with Session(engine) as session, session.begin():
        session.add(a_case())
        session.flush()
        session.execute(update(PlannedLineRow).values(withdrawn_by="SUB-1/1"))
        session.execute(
            update(SubscriptionLineRow)
            .where(SubscriptionLineRow.id == "SUB-1-C")
            .values(frozen_by="SUB-1/1", end_date=date(2026, 12, 31))
        )
    return document


def test_the_same_document_again_is_no_change_to_a_line_under_cancellation(
    imported: Import, under_cancellation: Document
) -> None:
    assert imported(under_cancellation).total.changed == 0


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("start_date", "2025-12-01"),
        ("next_billing_date", "2026-11-01"),
        ("term_until", "2027-12-31"),
        ("end_date", "2027-12-31"),
        ("closed", True),
    ],
)
def test_the_dates_of_a_line_under_cancellation_are_not_an_imports_to_change(
    imported: Import, under_cancellation: Document, name: str, value: object
) -> None:
    line(under_cancellation)[name] = value
    line(under_cancellation)["planned_lines"] = []
    with pytest.raises(ImportMalformed) as refused:
        imported(under_cancellation)
    assert problems(refused) == [(f"{LINE}.{name}", "line_under_cancellation")]


def test_a_planned_line_that_a_cancellation_withdrew_does_not_change(
    imported: Import, under_cancellation: Document
) -> None:
    line(under_cancellation)["planned_lines"][0]["terms"] = {"price": "2.00"}
    with pytest.raises(ImportMalformed) as refused:
        imported(under_cancellation)
    assert problems(refused) == [(f"{LINE}.planned_lines[0]", "planned_line_withdrawn")]


def a_new_line(document: Document) -> None:
    lines = document["subscriptions"][0]["lines"]
    lines.append({"id": "SUB-1-N", "start_date": "2026-12-01", "billing_rhythm": "1M", "contract": "CC-1"})


def test_a_subscription_under_cancellation_gets_no_new_line(imported: Import, under_cancellation: Document) -> None:
    a_new_line(under_cancellation)
    under_cancellation["invoices"].append(
        {"number": "INV-N", "line": "SUB-1-N", "period_start": "2026-12-01", "period_end": "2026-12-31"}
    )
    with pytest.raises(ImportMalformed) as refused:
        imported(under_cancellation)
    assert problems(refused) == [("subscriptions[0].lines[2]", "subscription_under_cancellation")]
    refusal = refused.value.problems[0].refusal
    assert refusal.values == {"line": "SUB-1-N", "subscription": "SUB-1", "cancellation": "SUB-1/1"}
    assert "under another subscription" in refusal.way_out


def test_a_subscription_that_was_cancelled_for_good_gets_no_new_line(
    imported: Import, under_cancellation: Document, engine: Engine
) -> None:
    a_new_line(under_cancellation)
    end_for_good(engine, "closed")
    with pytest.raises(ImportMalformed) as refused:
        imported(under_cancellation)
    assert problems(refused) == [("subscriptions[0].lines[2]", "subscription_ended")]
    assert refused.value.problems[0].refusal.values["cancellation"] == "SUB-1/1"


def test_a_subscription_whose_cancellation_was_reversed_gets_new_lines(
    imported: Import, under_cancellation: Document, engine: Engine
) -> None:
    a_new_line(under_cancellation)
    end_for_good(engine, "reversed")
    assert imported(under_cancellation).kinds["lines"].created == 1


def end_for_good(engine: Engine, stage: str) -> None:
    effect = {"termination_date": date(2026, 12, 31), "data": "none", "campaigns": "keep", "verified_by": "attestation"}
    over = {"access_ended_on": date(2026, 12, 31), "reversal_deadline": datetime(2027, 1, 31, tzinfo=UTC)}
    with Session(engine) as session, session.begin():
        session.execute(update(CancellationRow).values(stage=stage, **effect, **over))
        if stage == "closed":
            session.execute(update(SubscriptionRow).values(access="off", access_ended_on=date(2026, 12, 31)))


def test_the_way_out_leads_out_a_new_line_is_taken_once_the_cancellation_is_withdrawn(
    imported: Import, under_cancellation: Document, engine: Engine
) -> None:
    with Session(engine) as session, session.begin():
        session.execute(update(CancellationRow).values(stage="withdrawn"))
    a_new_line(under_cancellation)
    assert imported(under_cancellation).kinds["lines"].created == 1


def test_a_cancellation_that_is_opened_while_an_import_runs_and_the_imports_new_line_see_one_another(
    imported: Import, document: Document, engine: Engine
) -> None:
    """Held back at its last look, the import finds what was opened after its first."""
    imported(document)
    a_new_line(document)
    with Session(engine) as opening, opening.begin(), ThreadPoolExecutor(1) as executor:
        opening.get(SubscriptionRow, "SUB-1", with_for_update=True)
        opening.add(a_case())
        opening.flush()
        importing = executor.submit(imported, document)
        wait_until(lambda: bool(opening.scalar(text(WAITED_FOR))), "the import waits for the subscription")
        opening.commit()
        with pytest.raises(ImportMalformed) as refused:
            importing.result()
    assert problems(refused) == [("subscriptions[0].lines[2]", "subscription_under_cancellation")]


def test_a_description_may_change_during_a_cancellation(imported: Import, under_cancellation: Document) -> None:
    under_cancellation["subscriptions"][0]["description"] = "leaving"
    assert imported(under_cancellation).total.changed == 1
