"""The billing feed: credit memos for a part of an invoice, the place of each line in its feeds, and what billing never does.

An invoice may have several credit memos, each for the last part of what it still bills; the next of them ends on another day,
so that two at once meet in the unique constraint. Existing documents are not checked, because they are posted.
"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

# As in 0004, but for the period.
BEFORE = """
        DECLARE taken_back billing_documents;
        BEGIN
            IF NEW.kind = 'credit_memo' THEN
                SELECT * INTO taken_back FROM billing_documents WHERE number = NEW.credits;
                IF taken_back.kind IS DISTINCT FROM 'invoice' THEN
                    RAISE EXCEPTION 'credit memo % does not credit an invoice', NEW.number
                        USING ERRCODE = 'check_violation', CONSTRAINT = 'only_an_invoice_is_credited';
                ELSIF taken_back.subscription_line <> NEW.subscription_line THEN
                    RAISE EXCEPTION 'credit memo % is for line %, invoice % for line %', NEW.number,
                        NEW.subscription_line, NEW.credits, taken_back.subscription_line
                        USING ERRCODE = 'check_violation', CONSTRAINT = 'credit_memo_of_another_line';
                ELSIF {other_period} THEN
                    RAISE EXCEPTION 'credit memo % is not for the period of invoice %', NEW.number, NEW.credits
                        USING ERRCODE = 'check_violation', CONSTRAINT = 'credit_memo_of_another_period';
                END IF;
            END IF;
            IF NEW.kind = 'credit_memo' AND EXISTS (
                SELECT 1 FROM billing_documents newer
                JOIN billing_documents credited ON credited.number = NEW.credits
                WHERE newer.subscription_line = credited.subscription_line AND newer.kind = 'invoice'
                AND newer.period_start > credited.period_start
                AND NOT EXISTS (SELECT 1 FROM billing_documents memo WHERE memo.credits = newer.number{wholly})
            ) THEN
                RAISE EXCEPTION 'a newer invoice than % is not credited yet', NEW.credits
                    USING ERRCODE = 'check_violation', CONSTRAINT = 'newer_invoice_first';
            END IF;{further}
            RETURN NEW;
        END
"""

WHOLE_PERIOD = "(taken_back.period_start, taken_back.period_end) <> (NEW.period_start, NEW.period_end)"

# Rules, section 6: from a day on, up to the last day that is still billed.
LAST_PART = """NEW.period_start < taken_back.period_start OR NEW.period_end <> COALESCE(
                    (SELECT min(memo.period_start) - 1 FROM billing_documents memo WHERE memo.credits = NEW.credits),
                    taken_back.period_end)"""

WHOLLY_CREDITED = " AND memo.period_start <= newer.period_start"

BILLED_ONCE = """
            IF NEW.kind = 'invoice' AND EXISTS (
                SELECT 1 FROM billing_documents other
                WHERE other.subscription_line = NEW.subscription_line AND other.kind = 'invoice'
                AND other.number <> NEW.number AND other.period_start <= NEW.period_end
                AND NEW.period_start <= COALESCE(
                    (SELECT min(memo.period_start) - 1 FROM billing_documents memo WHERE memo.credits = other.number),
                    other.period_end)
            ) THEN
                RAISE EXCEPTION 'invoice % bills days of line % that are billed', NEW.number, NEW.subscription_line
                    USING ERRCODE = 'check_violation', CONSTRAINT = 'period_already_billed';
            END IF;"""

# Rules, section 6: start and terms of a line under cancellation are frozen; section 4: the start date of one that is billed.
TERMS_STAND = """
        BEGIN
            IF OLD.frozen_by IS NOT NULL AND NEW.frozen_by IS NOT DISTINCT FROM OLD.frozen_by AND (
                (NEW.start_date, NEW.initial_term, NEW.subsequent_term, NEW.notice_period, NEW.billing_rhythm)
                IS DISTINCT FROM
                (OLD.start_date, OLD.initial_term, OLD.subsequent_term, OLD.notice_period, OLD.billing_rhythm)
            ) THEN
                RAISE EXCEPTION 'line % is frozen by cancellation %', OLD.id, OLD.frozen_by
                    USING ERRCODE = 'check_violation', CONSTRAINT = 'line_frozen';
            ELSIF NEW.start_date <> OLD.start_date AND OLD.next_billing_date <> OLD.start_date THEN
                RAISE EXCEPTION 'line % is billed', OLD.id
                    USING ERRCODE = 'check_violation', CONSTRAINT = 'start_date_billed';
            END IF;
            RETURN NEW;
        END
"""


def _document_rules(**parts: str) -> None:
    op.execute(
        "CREATE OR REPLACE FUNCTION credit_memo_rules() RETURNS trigger LANGUAGE plpgsql AS "
        f"$rule${BEFORE.format(**parts)}$rule$"
    )


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "billing_feed_positions",
        sa.Column("subscription_line", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["subscription_line"], ["subscription_lines.id"], name=op.f("fk_billing_feed_positions_subscription_line")
        ),
        sa.PrimaryKeyConstraint("subscription_line", "source", name=op.f("pk_billing_feed_positions")),
    )
    op.create_unique_constraint(
        op.f("uq_billing_documents_credits_period_end"), "billing_documents", ["credits", "period_end"]
    )
    op.drop_constraint(op.f("uq_billing_documents_credits"), "billing_documents", type_="unique")
    _document_rules(other_period=LAST_PART, wholly=WHOLLY_CREDITED, further=BILLED_ONCE)
    op.execute(f"CREATE FUNCTION line_terms_stand() RETURNS trigger LANGUAGE plpgsql AS $rule${TERMS_STAND}$rule$")
    op.execute(
        "CREATE TRIGGER line_terms_stand BEFORE UPDATE OF start_date, initial_term, subsequent_term, notice_period, "
        "billing_rhythm ON subscription_lines FOR EACH ROW EXECUTE FUNCTION line_terms_stand()"
    )


def downgrade() -> None:
    """Revert; it fails where an invoice has more than one credit memo."""
    op.execute("DROP FUNCTION line_terms_stand() CASCADE")
    _document_rules(other_period=WHOLE_PERIOD, wholly="", further="")
    op.create_unique_constraint(op.f("uq_billing_documents_credits"), "billing_documents", ["credits"])
    op.drop_constraint(op.f("uq_billing_documents_credits_period_end"), "billing_documents", type_="unique")
    op.drop_table("billing_feed_positions")
