"""Reasons for leaving: of the policy's list, beside the words, and in everything that systems and people read of a case."""

import pytest
from sqlalchemy import Engine, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from domain.imports.refusals import ImportMalformed
from domain.policy import STANDARD_REASON_CODES, ReasonCodeUnknown
from domain.requests import RequestIdReused
from records.cancellation.case_list import list_cases
from records.cancellation.lists import recorded_status
from storage.tables import AuditRow, CancellationRow, MessageRow, PolicyRow
from tests.records.cancellation.opened_cases import opened
from tests.support.import_documents import Document, Import, problems


@pytest.fixture
def organization(imported: Import, document: Document) -> Import:
    imported(document)
    return imported


@pytest.mark.usefixtures("organization")
@pytest.mark.parametrize("code", STANDARD_REASON_CODES)
def test_a_policy_that_names_no_reasons_has_the_standard_ones(engine: Engine, code: str) -> None:
    assert opened(engine, reason_code=code).reason_code == code


@pytest.mark.usefixtures("organization")
def test_a_reason_that_the_policy_does_not_list_opens_nothing_and_names_the_possible_ones(engine: Engine) -> None:
    with pytest.raises(ReasonCodeUnknown) as refused:
        opened(engine, reason_code="Too expensive")
    assert refused.value.details.code == "reason_code_unknown"
    for code in STANDARD_REASON_CODES:
        assert code in refused.value.details.way_out
    with Session(engine) as session:
        assert session.scalars(select(CancellationRow.id)).all() == []


def test_a_policy_names_reasons_of_its_own(organization: Import, document: Document, engine: Engine) -> None:
    document["policies"]["patient"]["reason_codes"] = ["merger", "other"]
    assert organization(document).total.changed == 1
    assert organization(document).total.changed == 0
    with pytest.raises(ReasonCodeUnknown) as refused:
        opened(engine, reason_code="too_expensive")
    assert "merger, other" in refused.value.details.way_out
    assert opened(engine, reason_code="merger").reason_code == "merger"


def test_a_case_keeps_its_reason_when_the_policy_loses_it(
    organization: Import, document: Document, engine: Engine
) -> None:
    opened(engine, reason_code="unused")
    document["policies"]["patient"]["reason_codes"] = ["merger"]
    organization(document)
    again = opened(engine, reason_code="unused")  # the same request, answered by the record
    assert again.reason_code == "unused"


def test_a_policy_that_leaves_its_reasons_out_has_the_standard_ones_again(
    organization: Import, document: Document, engine: Engine
) -> None:
    document["policies"]["patient"]["reason_codes"] = ["merger"]
    organization(document)
    del document["policies"]["patient"]["reason_codes"]
    assert organization(document).total.changed == 1
    assert opened(engine, reason_code="unused").reason_code == "unused"


@pytest.mark.parametrize(
    "codes",
    [
        [],
        ["Too expensive"],
        ["=cmd"],
        ["other", "other"],
        [f"reason_{number}" for number in range(101)],
        "other",
        [None],
    ],
)
def test_a_list_of_reasons_that_cannot_be_meant_is_refused(imported: Import, document: Document, codes: object) -> None:
    document["policies"]["patient"]["reason_codes"] = codes
    with pytest.raises(ImportMalformed) as refused:
        imported(document)
    ((path, code),) = problems(refused)
    assert path.startswith("policies.patient.reason_codes")
    assert code == "field_malformed"


@pytest.mark.usefixtures("organization")
def test_list_status_audit_trail_and_messages_carry_the_reason(engine: Engine) -> None:
    opened(engine, reason_code="switched_service", reason="we moved to Fabrikam")
    with Session(engine) as session:
        (listed,) = list_cases(session).cancellations
        status = recorded_status(session, "SUB-1")
        row = session.scalars(select(CancellationRow)).one()
        audited = session.scalars(select(AuditRow).where(AuditRow.action == "cancellation.opened")).one()
        contents = session.scalars(select(MessageRow.content)).all()
    assert listed.reason_code == status.reason_code == row.reason_code == "switched_service"
    assert row.reason == audited.why == "we moved to Fabrikam"
    assert audited.after == {"stage": "intake", "reason_code": "switched_service"}
    assert [content["reason_code"] for content in contents] == ["switched_service"] * 2


@pytest.mark.usefixtures("organization")
def test_a_case_without_a_reason_has_none(engine: Engine) -> None:
    assert opened(engine).reason_code is None
    with Session(engine) as session:
        assert [case.reason_code for case in list_cases(session).cancellations] == [None]


@pytest.mark.usefixtures("organization")
def test_a_repetition_with_another_reason_is_another_request(engine: Engine) -> None:
    opened(engine, reason_code="unused", digest="one")
    with pytest.raises(RequestIdReused):
        opened(engine, reason_code="other", digest="two")


@pytest.mark.usefixtures("organization")
@pytest.mark.parametrize("code", ["Too expensive", "=1+1", "", "x" * 64])
def test_the_database_refuses_a_reason_of_another_form(engine: Engine, code: str) -> None:
    opened(engine)
    with pytest.raises(IntegrityError), engine.begin() as connection:
        connection.execute(text("UPDATE cancellations SET reason_code = :code"), {"code": code})


@pytest.mark.usefixtures("organization")
@pytest.mark.parametrize("codes", [[], ["Too expensive"], ["other", "=1+1"]])
def test_the_database_refuses_a_list_of_another_form(engine: Engine, codes: list[str]) -> None:
    with pytest.raises(IntegrityError), Session(engine) as session, session.begin():
        session.get_one(PolicyRow, "patient").reason_codes = codes
