"""Constraints: the database refuses what the rules refuse, also to plain SQL that bypasses the service."""

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError

from tests.support.import_documents import Document, Import

SETUP = """
    INSERT INTO cancellations (id, subscription, ordinal, request_id, workflow_id, opened_by, stage, received_at, received_on)
    VALUES ('SUB-1/1', 'SUB-1', 1, 'r', 'w', 'agent', 'intake', now(), '2026-11-01');
    INSERT INTO audit_trail (at, actor, action) VALUES (now(), 'agent', 'test');
    INSERT INTO billing_documents (number, kind, subscription_line, period_start, period_end)
    VALUES ('INV-0', 'invoice', 'SUB-1-C', '2026-10-01', '2026-10-31');
    INSERT INTO billing_documents (number, kind, subscription_line, period_start, period_end)
    VALUES ('INV-V', 'invoice', 'SUB-1-V', '2026-10-01', '2026-10-31');
    INSERT INTO billing_documents (number, kind, subscription_line, period_start, period_end, credits)
    VALUES ('CM-V', 'credit_memo', 'SUB-1-V', '2026-10-01', '2026-10-31', 'INV-V');
"""

CREDIT_MEMO = (
    "INSERT INTO billing_documents (number, kind, subscription_line, period_start, period_end, credits) "
    "VALUES ('{number}', 'credit_memo', '{line}', '{start}', '{end}', '{credits}')"
)


def credit_memo(
    line: str = "SUB-1-C",
    start: str = "2026-11-01",
    end: str = "2026-11-30",
    credited: str = "INV-1",
    number: str = "CM",
) -> str:
    """A statement that credits the newest invoice as it should be, but for what is said."""
    return CREDIT_MEMO.format(number=number, line=line, start=start, end=end, credits=credited)


REFUSED = {
    "end_not_before_start": "UPDATE subscription_lines SET end_date = '2025-12-30', next_billing_date = NULL "
    "WHERE id = 'SUB-1-V'",
    "not_billed_beyond_end": "UPDATE subscription_lines SET next_billing_date = '2028-01-02' WHERE id = 'SUB-1-V'",
    "billing_not_before_start": "UPDATE subscription_lines SET next_billing_date = '2025-12-31' WHERE id = 'SUB-1-C'",
    "closed_has_no_term": "UPDATE subscription_lines SET closed = true WHERE id = 'SUB-1-C'",
    "planned_line_exists": "UPDATE subscription_lines SET end_date = '2026-12-31' WHERE id = 'SUB-1-C'",
    "uq_planned_lines_pending": "INSERT INTO planned_lines (id, subscription_line, kind, effective_on, terms) "
    "VALUES ('PLAN-2', 'SUB-1-C', 'renewal', '2027-01-01', '{}')",
    "newer_invoice_first": "INSERT INTO billing_documents (number, kind, subscription_line, period_start, period_end, "
    "credits) VALUES ('CM-0', 'credit_memo', 'SUB-1-C', '2026-10-01', '2026-10-31', 'INV-0')",
    "only_an_invoice_is_credited": credit_memo(credited="CM-V"),
    "credit_memo_of_another_line": credit_memo(line="SUB-1-V"),
    "credit_memo_of_another_period": credit_memo(start="2026-10-31"),
    "period_already_billed": "INSERT INTO billing_documents (number, kind, subscription_line, period_start, period_end) "
    "VALUES ('INV-2', 'invoice', 'SUB-1-C', '2026-11-30', '2026-12-31')",
    "start_date_billed": "UPDATE subscription_lines SET start_date = '2025-12-01' WHERE id = 'SUB-1-C'",
    "billing_document_stands": "UPDATE billing_documents SET period_end = '2026-11-29' WHERE number = 'INV-1'",
    "announced_after_a_wait": "INSERT INTO cancellation_lines (cancellation, subscription_line, billing_ends_on, announced_at) "
    "VALUES ('SUB-1/1', 'SUB-1-C', '2026-12-31', now())",
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


def test_a_credit_memo_for_nothing_that_is_there_is_refused_before_anybody_asks_the_foreign_key(filled: Engine) -> None:
    assert _refused_by(filled, credit_memo(credited="INV-2")) == "only_an_invoice_is_credited"


def test_a_credit_memo_for_the_line_and_the_period_of_the_newest_invoice_is_taken(filled: Engine) -> None:
    with filled.begin() as connection:
        assert connection.execute(text(credit_memo())).rowcount == 1


def test_credit_memos_for_parts_of_an_invoice_go_from_its_end_to_its_start(filled: Engine) -> None:
    first = credit_memo(start="2026-11-16")
    assert _refused_by(filled, credit_memo(end="2026-11-15")) == "credit_memo_of_another_period"
    assert _refused_by(filled, first, credit_memo(number="CM-2")) == "credit_memo_of_another_period"
    older = credit_memo(number="CM-2", start="2026-10-01", end="2026-10-31", credited="INV-0")
    assert _refused_by(filled, first, older) == "newer_invoice_first", "the rest of the newer one is still billed"
    with filled.begin() as connection:
        for memo in (first, credit_memo(number="CM-2", end="2026-11-15"), older.replace("CM-2", "CM-3")):
            assert connection.execute(text(memo)).rowcount == 1


def test_what_is_credited_may_be_billed_again(filled: Engine) -> None:
    again = (
        "INSERT INTO billing_documents (number, kind, subscription_line, period_start, period_end) "
        "VALUES ('INV-2', 'invoice', 'SUB-1-C', '2026-11-16', '2026-11-30')"
    )
    assert _refused_by(filled, credit_memo(start="2026-11-17"), again) == "period_already_billed"
    with filled.begin() as connection:
        connection.execute(text(credit_memo(start="2026-11-16")))
        assert connection.execute(text(again)).rowcount == 1


@pytest.mark.parametrize(
    "change",
    [
        "kind = 'invoice', credits = NULL WHERE number = 'CM-V'",
        "credits = 'INV-1', subscription_line = 'SUB-1-C' WHERE number = 'CM-V'",
        "kind = 'credit_memo', credits = 'INV-0' WHERE number = 'INV-V'",
        "subscription_line = 'SUB-1-C' WHERE number = 'INV-V'",
        "number = 'INV-2' WHERE number = 'INV-1'",
    ],
)
def test_no_document_becomes_another_one_afterwards(filled: Engine, change: str) -> None:
    assert _refused_by(filled, f"UPDATE billing_documents SET {change}") == "billing_document_stands"  # noqa: S608


@pytest.mark.parametrize("statement", ["DELETE FROM audit_trail", "TRUNCATE audit_trail CASCADE"])
def test_the_audit_trail_is_never_emptied(filled: Engine, statement: str) -> None:
    assert _refused_by(filled, statement) == "audit_append_only"


def test_a_frozen_line_is_not_rolled(filled: Engine) -> None:
    freeze = "UPDATE subscription_lines SET frozen_by = 'SUB-1/1' WHERE id = 'SUB-1-C'"
    roll = "UPDATE subscription_lines SET term_until = '2027-12-31' WHERE id = 'SUB-1-C'"
    assert _refused_by(filled, freeze, roll) == "line_frozen"


@pytest.mark.parametrize(
    "change",
    [
        "start_date = '2025-12-01'",
        "initial_term = '2Y'",
        "subsequent_term = '2Y'",
        "notice_period = NULL",
        "billing_rhythm = '1Y'",
    ],
)
def test_the_start_and_the_terms_of_a_frozen_line_stand(filled: Engine, change: str) -> None:
    freeze = "UPDATE subscription_lines SET frozen_by = 'SUB-1/1' WHERE id = 'SUB-1-C'"
    assert _refused_by(filled, freeze, f"UPDATE subscription_lines SET {change} WHERE id = 'SUB-1-C'") == "line_frozen"  # noqa: S608


def test_a_closed_line_neither_ends_on_another_day_nor_is_renewed(filled: Engine) -> None:
    close = (
        "UPDATE planned_lines SET withdrawn_by = 'SUB-1/1'; UPDATE subscription_lines SET closed = true, "
        "term_until = NULL, cancellation_possible_until = NULL, end_date = '2026-11-30' WHERE id = 'SUB-1-C'"
    )
    end = "UPDATE subscription_lines SET end_date = '2026-12-31' WHERE id = 'SUB-1-C'"
    assert _refused_by(filled, close, end) == "line_closed"
    assert _refused_by(filled, close, "UPDATE planned_lines SET withdrawn_by = NULL") == "line_closed"
