"""The rules that only a trigger can keep, and the standard policy.

A trigger's refusal carries the rule's name as constraint name, as a check constraint would.
"""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

FUNCTIONS = {
    "audit_trail_append_only": """
        BEGIN
            RAISE EXCEPTION 'the audit trail is append-only'
                USING ERRCODE = 'restrict_violation', CONSTRAINT = 'audit_append_only';
        END
    """,
    # Rules, section 6: no end date on a closed line, nor while a planned line is pending; section 5.3: frozen lines stand.
    "subscription_line_rules": """
        BEGIN
            IF NEW.end_date IS DISTINCT FROM OLD.end_date THEN
                IF OLD.closed AND NEW.closed THEN
                    RAISE EXCEPTION 'line % is closed', OLD.id
                        USING ERRCODE = 'check_violation', CONSTRAINT = 'line_closed';
                END IF;
                IF NEW.end_date IS NOT NULL AND EXISTS (
                    SELECT 1 FROM planned_lines WHERE subscription_line = OLD.id AND withdrawn_by IS NULL
                ) THEN
                    RAISE EXCEPTION 'line % has a planned line', OLD.id
                        USING ERRCODE = 'check_violation', CONSTRAINT = 'planned_line_exists';
                END IF;
            END IF;
            IF OLD.frozen_by IS NOT NULL AND NEW.frozen_by IS NOT DISTINCT FROM OLD.frozen_by AND (
                NEW.term_until IS NOT NULL AND NEW.term_until IS DISTINCT FROM OLD.term_until
                OR NEW.cancellation_possible_until IS NOT NULL
                AND NEW.cancellation_possible_until IS DISTINCT FROM OLD.cancellation_possible_until
            ) THEN
                RAISE EXCEPTION 'line % is frozen by cancellation %', OLD.id, OLD.frozen_by
                    USING ERRCODE = 'check_violation', CONSTRAINT = 'line_frozen';
            END IF;
            RETURN NEW;
        END
    """,
    # Locks the line, so that a plan and an end date set at the same moment meet here or in the rule above.
    "planned_line_rules": """
        BEGIN
            IF NEW.withdrawn_by IS NULL AND EXISTS (
                SELECT 1 FROM (
                    SELECT closed FROM subscription_lines WHERE id = NEW.subscription_line FOR UPDATE
                ) line WHERE line.closed
            ) THEN
                RAISE EXCEPTION 'line % is closed', NEW.subscription_line
                    USING ERRCODE = 'check_violation', CONSTRAINT = 'line_closed';
            END IF;
            RETURN NEW;
        END
    """,
    # Rules, section 6: credit memos go from the newest invoice to the oldest.
    "credit_memo_rules": """
        BEGIN
            IF NEW.kind = 'credit_memo' AND EXISTS (
                SELECT 1 FROM billing_documents newer
                JOIN billing_documents credited ON credited.number = NEW.credits
                WHERE newer.subscription_line = credited.subscription_line AND newer.kind = 'invoice'
                AND newer.period_start > credited.period_start
                AND NOT EXISTS (SELECT 1 FROM billing_documents memo WHERE memo.credits = newer.number)
            ) THEN
                RAISE EXCEPTION 'a newer invoice than % is not credited yet', NEW.credits
                    USING ERRCODE = 'check_violation', CONSTRAINT = 'newer_invoice_first';
            END IF;
            RETURN NEW;
        END
    """,
}

TRIGGERS = (
    "CREATE TRIGGER audit_trail_append_only BEFORE UPDATE OR DELETE ON audit_trail "
    "FOR EACH ROW EXECUTE FUNCTION audit_trail_append_only()",
    "CREATE TRIGGER audit_trail_never_emptied BEFORE TRUNCATE ON audit_trail "
    "FOR EACH STATEMENT EXECUTE FUNCTION audit_trail_append_only()",
    "CREATE TRIGGER subscription_line_rules BEFORE UPDATE ON subscription_lines "
    "FOR EACH ROW EXECUTE FUNCTION subscription_line_rules()",
    "CREATE TRIGGER planned_line_rules BEFORE INSERT OR UPDATE ON planned_lines "
    "FOR EACH ROW EXECUTE FUNCTION planned_line_rules()",
    "CREATE TRIGGER credit_memo_rules BEFORE INSERT ON billing_documents "
    "FOR EACH ROW EXECUTE FUNCTION credit_memo_rules()",
)


def upgrade() -> None:
    """Apply."""
    for name, body in FUNCTIONS.items():
        op.execute(f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $rule${body}$rule$")
    for trigger in TRIGGERS:
        op.execute(trigger)
    op.execute("INSERT INTO policies (name, durations) VALUES ('standard', '{}')")


def downgrade() -> None:
    """Revert."""
    op.execute("DELETE FROM policies WHERE name = 'standard' AND NOT EXISTS (SELECT 1 FROM organizations)")
    for name in FUNCTIONS:
        op.execute(f"DROP FUNCTION {name}() CASCADE")
