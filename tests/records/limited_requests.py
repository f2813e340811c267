"""Requests that the limits across cases count, in two organizations with one administrator."""

from datetime import timedelta

import pytest
from sqlalchemy import Engine, text

from contract.sealing import sealed_code
from domain.cases import CaseRef
from domain.limits import Limited, LimitScope
from domain.refusals import Refusal
from records import limit_settings
from records.cancellation import transitions
from records.limit_settings import Limit
from records.one_time_codes import check_code, fresh_code
from records.transaction import Transaction
from tests.records.cancellation.opened_cases import step, with_subscriptions
from tests.support.import_documents import NOON, Document, Import

ADDRESS, ORGANIZATION, CALLER = LimitScope
STARTS, CODES, TRIES, LINKS, CORRECTIONS = Limited


@pytest.fixture
def subscriptions(imported: Import, document: Document) -> None:
    """Two organizations with three subscriptions each: ``SUB-B-1`` to ``SUB-C-3``, all of one administrator."""
    imported(with_subscriptions(document, {"B": 3, "C": 3}, billing_administrator="boss@example.com"))


def limited(engine: Engine, limit: Limited, scope: LimitScope, number: int | None) -> None:
    with Transaction.begin(engine) as transaction:
        limit_settings.set_limit(
            transaction, Limit(limited=limit, scope=scope, number=number), actor="admin", at=NOON, reason="a test"
        )


def code_for(engine: Engine, case: str, name: str = "code", **fields: str) -> str:
    with Transaction.begin(engine) as transaction:
        return fresh_code(transaction, step(case, name).model_copy(update=fields)).code


def tried(engine: Engine, case: str, code: str, name: str) -> Refusal | None:
    with Transaction.begin(engine) as transaction:
        return check_code(transaction, step(case, name), sealed_code(CaseRef.parse(case).subject, code))


def withdrawn(engine: Engine, case: str) -> None:
    with Transaction.begin(engine) as transaction:
        transitions.withdraw(transaction, step(case, "withdraw"))


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 1_000_000:06d}"


def age_all(engine: Engine, by: timedelta) -> None:
    """Let everything counted so far be older, as if that time had passed."""
    with engine.begin() as connection:
        connection.execute(text("UPDATE limited_uses SET used_at = used_at - :by"), {"by": by})
