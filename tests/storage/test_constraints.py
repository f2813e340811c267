"""The database refuses what the rules refuse, also for whoever goes round the service with SQL."""

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError

from tests.storage.conftest import Document, Import

SETUP = """
    INSERT INTO cancellations (id, subscription, ordinal, request_id, workflow_id, opened_by, stage, received_at, received_on)
    VALUES ('SUB-1/1', 'SUB-1', 1, 'r', 'w', 'agent', 'intake', now(), '2026-11-01');
    INSERT INTO audit_trail (at, actor, action) VALUES (now(), 'agent', 'test');
    INSERT INTO billing_documents (number, kind, subscription_line, period_start, period_end)
    VALUES ('INV-0', 'invoice', 'SUB-1-C', '2026-10-01', '2026-10-31');
"""

REFUSED = {
    "end_not_before_start": "UPDATE subscription_lines SET end_date = '2025-12-31', next_billing_date = NULL "
    "WHERE id = 'SUB-1-V'",
    "not_billed_beyond_end": "UPDATE subscription_lines SET next_billing_date = '2028-01-02' WHERE id = 'SUB-1-V'",
    "billing_not_before_start": "UPDATE subscription_lines SET next_billing_date = '2025-12-31' WHERE id = 'SUB-1-C'",
    "closed_has_no_term": "UPDATE subscription_lines SET closed = true WHERE id = 'SUB-1-C'",
    "planned_line_exists": "UPDATE subscription_lines SET end_date = '2026-12-31' WHERE id = 'SUB-1-C'",
    "uq_planned_lines_pending": "INSERT INTO planned_lines (id, subscription_line, kind, effective_on, terms) "
    "VALUES ('PLAN-2', 'SUB-1-C', 'renewal', '2027-01-01', '{}')",
    "newer_invoice_first": "INSERT INTO billing_documents (number, kind, subscription_line, period_start, period_end, "
    "credits) VALUES ('CM-0', 'credit_memo', 'SUB-1-C', '2026-10-01', '2026-10-31', 'INV-0')",
    "audit_append_only": "UPDATE audit_trail SET actor = 'nobody'",
    "uq_organizations_url": "INSERT INTO organizations SELECT 'ORG-2', url, 'o', time_zone, platform, purpose, "
    "billing_administrator, policy FROM organizations",
    "uq_cancellations_running": "INSERT INTO cancellations (id, subscription, ordinal, request_id, workflow_id, opened_by, "
    "stage, received_at, received_on) VALUES ('SUB-1/2', 'SUB-1', 2, 'r2', 'w', 'agent', 'intake', now(), '2026-11-01')",
    "uq_contract_lines_subscription_line": "INSERT INTO contract_lines VALUES ('VC-1', 9, 'SUB-1-C', false)",
}


@pytest.fixture
def filled(imported: Import, document: Document, engine: Engine) -> Engine:
    imported(document)
    with engine.begin() as connection:
        connection.execute(text(SETUP))
    return engine


def _refused_by(engine: Engine, *statements: str) -> str | None:
    with engine.connect() as connection:
        for statement in statements[:-1]:
            connection.execute(text(statement))
        with pytest.raises(IntegrityError) as refused:
            connection.execute(text(statements[-1]))
    diagnostics = getattr(refused.value.orig, "diag", None)
    name: str | None = getattr(diagnostics, "constraint_name", None)
    return name


@pytest.mark.parametrize("rule", REFUSED)
def test_a_statement_that_breaks_a_rule_is_refused_by_the_rules_name(filled: Engine, rule: str) -> None:
    assert (_refused_by(filled, REFUSED[rule]) or "").endswith(rule)


@pytest.mark.parametrize("statement", ["DELETE FROM audit_trail", "TRUNCATE audit_trail"])
def test_the_audit_trail_is_never_emptied(filled: Engine, statement: str) -> None:
    assert _refused_by(filled, statement) == "audit_append_only"


def test_a_frozen_line_is_not_rolled(filled: Engine) -> None:
    freeze = "UPDATE subscription_lines SET frozen_by = 'SUB-1/1' WHERE id = 'SUB-1-C'"
    roll = "UPDATE subscription_lines SET term_until = '2027-12-31' WHERE id = 'SUB-1-C'"
    assert _refused_by(filled, freeze, roll) == "line_frozen"


def test_a_closed_line_neither_ends_on_another_day_nor_is_renewed(filled: Engine) -> None:
    close = (
        "UPDATE planned_lines SET withdrawn_by = 'SUB-1/1'; UPDATE subscription_lines SET closed = true, "
        "term_until = NULL, cancellation_possible_until = NULL, end_date = '2026-11-30' WHERE id = 'SUB-1-C'"
    )
    end = "UPDATE subscription_lines SET end_date = '2026-12-31' WHERE id = 'SUB-1-C'"
    assert _refused_by(filled, close, end) == "line_closed"
    assert _refused_by(filled, close, "UPDATE planned_lines SET withdrawn_by = NULL") == "line_closed"
