"""Importing where an organization's data is: which names there can be, whose they are, and when they stay."""

import threading
from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlalchemy import Engine, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from domain.imports.refusals import ImportMalformed
from storage.tables import CancellationRow, OrganizationRow
from tests.support.import_documents import NOON, Document, Import

PATH = "organizations[0].data_schema"


@pytest.fixture
def document(document: Document) -> Document:
    organization(document)["data_schema"] = "contoso"
    return document


def organization(document: Document) -> dict[str, Any]:
    found: dict[str, Any] = document["organizations"][0]
    return found


def another(document: Document, schema: str | None) -> Document:
    common = {"id": "ORG-2", "url": "https://o.example.com", "unique_name": "o", "data_schema": schema}
    return {"organizations": [{**organization(document), **common, "policy": "standard", "marketing_service": None}]}


def schema_of(engine: Engine, identifier: str = "ORG-1") -> str | None:
    with Session(engine) as session:
        return session.get_one(OrganizationRow, identifier).data_schema


def problems(refused: pytest.ExceptionInfo[ImportMalformed]) -> list[tuple[str, str]]:
    return [(problem.path, problem.refusal.code) for problem in refused.value.problems]


def cancel(engine: Engine, *, data: str | None, stage: str = "intake") -> None:
    with Session(engine) as session, session.begin():
        session.add(
            CancellationRow(
                id="SUB-1/1", subscription="SUB-1", ordinal=1, request_id="r", workflow_id="cancellation:SUB-1",
                opened_by="agent", stage=stage, received_at=datetime(2026, 11, 1, tzinfo=UTC),
                received_on=date(2026, 11, 1), data=data,
            )
        )  # fmt: skip


@pytest.mark.parametrize(
    "name",
    [
        "contoso",
        "Contoso GmbH",
        """Bob's "Äußerungen" 2026""",
        "select",
        "PG_catalog",
        " x ",
        "й" * 31,
        "x" * 63,
        "%s{}\\",
    ],
)
def test_any_name_that_postgresql_can_have_is_kept_as_it_is(
    imported: Import, document: Document, engine: Engine, name: str
) -> None:
    organization(document)["data_schema"] = name
    imported(document)
    assert schema_of(engine) == name
    assert imported(document).total.changed == 0


@pytest.mark.parametrize(
    "name",
    ["pg_catalog", "pg_x", "public", "information_schema", "offramp", "x" * 64, "й" * 32, "a\nb", "a\x00", "\ud800"],
)
def test_a_name_that_belongs_to_others_or_that_postgresql_would_cut_is_refused(
    imported: Import, document: Document, name: str
) -> None:
    organization(document)["data_schema"] = name
    with pytest.raises(ImportMalformed) as refused:
        imported(document)
    assert (PATH, "data_schema_malformed") in problems(refused)


@pytest.mark.parametrize("name", ["", "pg_catalog", "public", "information_schema", "offramp", "й" * 32])
def test_the_database_refuses_the_same_names(imported: Import, document: Document, engine: Engine, name: str) -> None:
    imported(document)
    with Session(engine) as session, pytest.raises(IntegrityError, match="data_schema_is_possible"):
        session.execute(update(OrganizationRow).values(data_schema=name))


def test_two_organizations_never_share_a_schema(imported: Import, document: Document, engine: Engine) -> None:
    both = {**document, "organizations": [organization(document), *another(document, "contoso")["organizations"]]}
    with pytest.raises(ImportMalformed) as refused:
        imported(both)
    assert problems(refused) == [("organizations[1].data_schema", "duplicate_data_schema")]
    imported(document)
    with pytest.raises(ImportMalformed) as refused:
        imported(another(document, "contoso"))
    assert problems(refused) == [(PATH, "data_schema_taken")]
    imported(another(document, None))
    with Session(engine) as session, pytest.raises(IntegrityError, match="uq_organizations_data_schema"):
        session.execute(update(OrganizationRow).values(data_schema="contoso"))


@pytest.mark.parametrize("left_out", [None, "", "absent"])
def test_a_document_that_does_not_name_the_schema_keeps_it(
    imported: Import, document: Document, engine: Engine, left_out: str | None
) -> None:
    imported(document)
    organization(document)["data_schema"] = left_out
    if left_out == "absent":
        del organization(document)["data_schema"]
    assert imported(document).total.changed == 0
    assert schema_of(engine) == "contoso"


def test_it_can_be_corrected_while_nobody_has_decided_on_the_data(
    imported: Import, document: Document, engine: Engine
) -> None:
    imported(document)
    cancel(engine, data=None)
    organization(document)["data_schema"] = "contoso_2"
    assert imported(document).total.changed == 1
    assert schema_of(engine) == "contoso_2"


@pytest.mark.parametrize("data", ["export", "migrate", "none"])
def test_it_stays_while_a_cancellation_has_decided_on_the_data(
    imported: Import, document: Document, engine: Engine, data: str
) -> None:
    imported(document)
    cancel(engine, data=data)
    assert imported(document).total.changed == 0
    organization(document)["data_schema"] = "contoso_2"
    with pytest.raises(ImportMalformed) as refused:
        imported(document)
    assert problems(refused) == [(PATH, "data_schema_under_cancellation")]


def test_it_can_be_changed_once_the_cancellation_has_ended(
    imported: Import, document: Document, engine: Engine
) -> None:
    imported(document)
    cancel(engine, data="export", stage="withdrawn")
    organization(document)["data_schema"] = "contoso_2"
    assert imported(document).total.changed == 1


def test_what_is_closed_and_not_erased_yet_keeps_the_name_of_what_is_to_be_erased(
    imported: Import, document: Document, engine: Engine
) -> None:
    imported(document)
    cancel(engine, data="none")
    day = date(2026, 11, 1)
    closed = {"stage": "closed", "termination_date": day, "access_ended_on": day, "reversal_deadline": NOON}
    with engine.begin() as connection:
        connection.execute(update(CancellationRow).values(campaigns="keep", verified_by="attestation", **closed))
    organization(document)["data_schema"] = "contoso_2"
    with pytest.raises(ImportMalformed) as refused:
        imported(document)
    assert problems(refused) == [(PATH, "data_schema_under_cancellation")]


def test_an_answer_that_is_given_while_the_import_runs_is_not_overlooked(
    imported: Import, document: Document, engine: Engine
) -> None:
    imported(document)
    cancel(engine, data=None)
    organization(document)["data_schema"] = "contoso_2"
    refused: list[ImportMalformed] = []

    def import_it() -> None:
        try:
            imported(document)
        except ImportMalformed as refusal:
            refused.append(refusal)

    importing = threading.Thread(target=import_it)
    with engine.begin() as answering:
        answering.execute(text("SELECT FROM subscriptions WHERE id = 'SUB-1' FOR UPDATE"))
        importing.start()
        while not answering.scalar(text("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)")):
            assert importing.is_alive()
        answering.execute(update(CancellationRow).values(data="export"))
    importing.join()
    assert [problem.refusal.code for problem in refused[0].problems] == ["data_schema_under_cancellation"]
    assert schema_of(engine) == "contoso"
