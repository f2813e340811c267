"""The constraints on credit memos, and the immutability of posted documents.

A trigger checks a document when it is written; existing documents are not checked, because they are posted and could not
be corrected.
"""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

# As in 0002.
NEWEST_FIRST = """
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
"""

# Rules, section 6. An invoice that is not visible yet does not count: the foreign key alone would wait for its writer,
# and then not check what it is.
TAKES_BACK_AN_INVOICE = """
            IF NEW.kind = 'credit_memo' THEN
                SELECT * INTO taken_back FROM billing_documents WHERE number = NEW.credits;
                IF taken_back.kind IS DISTINCT FROM 'invoice' THEN
                    RAISE EXCEPTION 'credit memo % does not credit an invoice', NEW.number
                        USING ERRCODE = 'check_violation', CONSTRAINT = 'only_an_invoice_is_credited';
                ELSIF taken_back.subscription_line <> NEW.subscription_line THEN
                    RAISE EXCEPTION 'credit memo % is for line %, invoice % for line %', NEW.number,
                        NEW.subscription_line, NEW.credits, taken_back.subscription_line
                        USING ERRCODE = 'check_violation', CONSTRAINT = 'credit_memo_of_another_line';
                ELSIF (taken_back.period_start, taken_back.period_end) <> (NEW.period_start, NEW.period_end) THEN
                    RAISE EXCEPTION 'credit memo % is not for the period of invoice %', NEW.number, NEW.credits
                        USING ERRCODE = 'check_violation', CONSTRAINT = 'credit_memo_of_another_period';
                END IF;
            END IF;
"""

# The facts of a credit memo stay true: neither it nor the invoice that it credits can become another document.
STANDS = """
        BEGIN
            IF (NEW.number, NEW.kind, NEW.subscription_line, NEW.period_start, NEW.period_end, NEW.credits)
                IS DISTINCT FROM
                (OLD.number, OLD.kind, OLD.subscription_line, OLD.period_start, OLD.period_end, OLD.credits)
            THEN
                RAISE EXCEPTION 'billing document % is posted', OLD.number
                    USING ERRCODE = 'check_violation', CONSTRAINT = 'billing_document_stands';
            END IF;
            RETURN NEW;
        END
"""


def _credit_memo_rules(declared: str, rules: str) -> None:
    op.execute(
        "CREATE OR REPLACE FUNCTION credit_memo_rules() RETURNS trigger LANGUAGE plpgsql AS "
        f"$rule${declared}\n        BEGIN{rules}            RETURN NEW;\n        END\n    $rule$"
    )


def upgrade() -> None:
    """Apply."""
    _credit_memo_rules("\n        DECLARE taken_back billing_documents;", TAKES_BACK_AN_INVOICE + NEWEST_FIRST)
    op.execute(f"CREATE FUNCTION billing_document_stands() RETURNS trigger LANGUAGE plpgsql AS $rule${STANDS}$rule$")
    op.execute(
        "CREATE TRIGGER billing_document_stands BEFORE UPDATE ON billing_documents "
        "FOR EACH ROW EXECUTE FUNCTION billing_document_stands()"
    )


def downgrade() -> None:
    """Revert."""
    op.execute("DROP FUNCTION billing_document_stands() CASCADE")
    _credit_memo_rules("", NEWEST_FIRST)
