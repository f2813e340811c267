"""Answered requests: as they were answered, whoever has the password of a role."""

import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from storage.rights import DatabaseRole
from tests.records.closed_cases import case
from tests.records.test_audit_by_role import Engines, engines, executed
from tests.support.import_documents import document, engine, imported

__all__ = ["case", "document", "engine", "engines", "imported"]

REQUEST = (
    "INSERT INTO requests (workflow_id, id, digest, cancellation, actor, at, accepted_at, refusal) "
    "VALUES ('w', :id, 'd', 'SUB-1/1', 'a', now(), {accepted}, {refusal})"
)


REFUSE = "UPDATE requests SET refusal = CAST(:refusal AS jsonb) WHERE id = 'open'"


@pytest.fixture
def requests(engine: Engine, case: Engine) -> None:
    refusal = """'{"code": "too_late", "message": "it was"}'"""
    executed(engine, REQUEST.format(accepted="now()", refusal="NULL"), id="accepted")
    executed(engine, REQUEST.format(accepted="NULL", refusal=refusal), id="refused")
    executed(engine, REQUEST.format(accepted="NULL", refusal="NULL"), id="open")


@pytest.mark.usefixtures("requests")
@pytest.mark.parametrize("role", list(DatabaseRole))
@pytest.mark.parametrize(
    "attack",
    [
        "UPDATE requests SET accepted_at = NULL WHERE id = 'accepted'",
        'UPDATE requests SET accepted_at = NULL, refusal = \'{"code": "x", "message": "y"}\' WHERE id = \'accepted\'',
        "UPDATE requests SET refusal = NULL WHERE id = 'refused'",
        'UPDATE requests SET refusal = \'{"code": "another", "message": "x"}\' WHERE id = \'refused\'',
        "UPDATE requests SET refusal = NULL, accepted_at = now() WHERE id = 'refused'",
        "UPDATE requests SET digest = 'x' WHERE id = 'open'",
        "UPDATE requests SET cancellation = 'SUB-2/1' WHERE id = 'open'",
        "LOCK TABLE requests IN ACCESS EXCLUSIVE MODE",
        "DELETE FROM requests",
    ],
)
def test_an_answered_request_stays_as_it_was_answered(engines: Engines, role: DatabaseRole, attack: str) -> None:
    with pytest.raises(DBAPIError, match=r"permission denied|is answered once"):
        executed(engines[role], attack)


@pytest.mark.usefixtures("requests")
def test_the_pages_accept_no_request_and_refuse_an_open_one(engines: Engines) -> None:
    pages = engines[DatabaseRole.PAGES]
    for attack in (
        "UPDATE requests SET accepted_at = now() WHERE id = 'open'",
        REQUEST.format(accepted="now()", refusal="NULL"),
    ):
        with pytest.raises(DBAPIError, match="permission denied"):
            executed(pages, attack, **({"id": "new"} if ":id" in attack else {}))
    for malformed in ("{}", "null", "[]", "5", '{"code": 5, "message": "x"}'):
        with pytest.raises(DBAPIError, match="check constraint"):
            executed(pages, REFUSE, refusal=malformed)
    refusal = '{"code": "too_late", "message": "it was"}'
    assert executed(pages, REFUSE, refusal=refusal) == 1
    for other in (
        '{"code": "too_late", "message": "call this number"}',
        '{"code": "too_late", "message": "it was", "a": 1}',
    ):
        with pytest.raises(DBAPIError, match="is answered once"):
            executed(pages, REFUSE, refusal=other)


@pytest.mark.usefixtures("requests")
def test_of_a_refusal_the_words_can_be_removed(engines: Engines) -> None:
    forget = 'UPDATE requests SET refusal = \'{"code": "too_late", "message": "removed"}\' WHERE id = \'refused\''
    assert executed(engines[DatabaseRole.WORKER], forget) == 1
