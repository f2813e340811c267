"""Legal holds in the records: their effect, and their refusals (rules, section 8)."""

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from domain.legal_holds import DataAlreadyErased, HoldReleased, HoldUnknown
from records import erasure as erasures
from records import legal_holds as holds
from records.erasure import ErasureBlocked
from records.transaction import Transaction
from storage.tables import AuditRow
from storage.tenants.organizations import OrganizationNotFound
from tests.records.closed_cases import CASE, erase, place_hold, step
from tests.support.import_documents import NOON, Document, Import


def test_a_hold_that_is_placed_meanwhile_stops_the_erasure_at_its_next_step(closed: Engine) -> None:
    with Transaction.begin(closed) as transaction:
        erasures.begin_erasure(transaction, step("erase"))
    place_hold(closed)

    with pytest.raises(ErasureBlocked), Transaction.begin(closed) as transaction:
        erasures.refuse_when_blocked(transaction, CASE)


def test_a_hold_is_placed_once_per_request_and_released_once(closed: Engine) -> None:
    first, again, other = place_hold(closed), place_hold(closed), place_hold(closed, "request-2")
    assert first == again != other

    with Transaction.begin(closed) as transaction:
        holds.release_hold(transaction, first.id, reason="settled", actor="legal", at=NOON)
    with pytest.raises(HoldReleased), Transaction.begin(closed) as transaction:
        holds.release_hold(transaction, first.id, reason="settled", actor="legal", at=NOON)
    with Session(closed) as session:
        assert [hold.id for hold in holds.holds(session)] == [other.id]
        assert [hold.id for hold in holds.holds(session, released=True)] == [first.id, other.id]
        trail = session.query(AuditRow.action, AuditRow.actor).filter(AuditRow.action.startswith("hold"))
        assert sorted(map(tuple, trail)) == [("hold.placed", "legal")] * 2 + [("hold.released", "legal")]


def test_holds_on_nothing_are_refused(closed: Engine) -> None:
    with pytest.raises(OrganizationNotFound), Transaction.begin(closed) as transaction:
        holds.place_hold(transaction, "ORG-9", reason="litigation", actor="legal", at=NOON, request="r")
    with pytest.raises(HoldUnknown), Transaction.begin(closed) as transaction:
        holds.release_hold(transaction, 99, reason="settled", actor="legal", at=NOON)
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
