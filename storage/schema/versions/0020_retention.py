"""The retention of personal data: an ended case is forgotten after its time, and the audit trail keeps the facts of it.

Of an entry of the audit trail only the words can be removed, and only an old one of a case that ended long ago, or of a start that
opened none, under no legal hold. Its digests stay, so that the seals hold. The seals of before have a form in which words inside a change count as they are: those stay.
"""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

CASES = ("cancellations", "marketing_cancellations")

WORDS = "'goodwill_reason', 'received_because', 'organization_name', 'organization_url'"
REFUSED_STARTS = "'cancellation.refused', 'line_cancellation.refused', 'marketing_cancellation.refused'"
"""The actions of requests that opened no case."""

WITHOUT_WORDS = f"""
    CREATE FUNCTION audit_without_words(change jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
        SELECT CASE WHEN change ?| ARRAY[{WORDS}] THEN (
            SELECT jsonb_object_agg(key, CASE
                WHEN key IN ({WORDS}) AND jsonb_typeof(value) = 'string'
                THEN jsonb_build_object('sha256', encode(sha256(convert_to(value #>> '{{}}', 'UTF8')), 'hex'))
                ELSE value END)
            FROM jsonb_each(change)
        ) ELSE change END
    $$
"""  # noqa: S608 - constants of this module
# Every table by its whole name: anybody may have a temporary one of the same name.
FORGETS_WORDS = f"""
    CREATE FUNCTION audit_trail_forgets_words() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE
            of_case text;
        BEGIN
            IF TG_OP = 'UPDATE'
                AND OLD.at < now() - interval '28 days'
                AND NEW.why IS NULL
                AND NEW.why_digest IS NOT DISTINCT FROM
                    COALESCE(OLD.why_digest, encode(sha256(convert_to(OLD.why, 'UTF8')), 'hex'))
                AND (NEW.before IS NOT DISTINCT FROM OLD.before OR NEW.before = public.audit_without_words(OLD.before))
                AND (NEW.after IS NOT DISTINCT FROM OLD.after OR NEW.after = public.audit_without_words(OLD.after))
                AND to_jsonb(NEW) - ARRAY['why', 'why_digest', 'before', 'after']
                    = to_jsonb(OLD) - ARRAY['why', 'why_digest', 'before', 'after']
            THEN
                IF OLD.cancellation LIKE '%/marketing/%' THEN
                    SELECT m.organization INTO of_case FROM public.marketing_cancellations m
                    WHERE m.id = OLD.cancellation AND m.end_recorded_at < now() - interval '28 days';
                ELSE
                    SELECT s.organization INTO of_case FROM public.cancellations c
                    JOIN public.subscriptions s ON s.id = c.subscription
                    WHERE c.id = OLD.cancellation AND c.end_recorded_at < now() - interval '28 days';
                END IF;
                IF of_case IS NULL AND OLD.action IN ({REFUSED_STARTS}) THEN
                    SELECT s.organization INTO of_case FROM public.subscriptions s WHERE s.id = OLD.subscription;
                    of_case := COALESCE(of_case, split_part(OLD.cancellation, '/', 1), '');
                END IF;
                IF of_case IS NOT NULL AND NOT EXISTS (
                    SELECT FROM public.holds h WHERE h.organization = of_case AND h.released_at IS NULL
                ) THEN
                    RETURN NEW;
                END IF;
            END IF;
            RAISE EXCEPTION 'the audit trail is append-only'
                USING ERRCODE = 'restrict_violation', CONSTRAINT = 'audit_append_only';
        END
    $$
"""  # noqa: S608 - constants of this module
ENDS_ONCE = """
    CREATE FUNCTION case_ends_once() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF TG_OP = 'UPDATE' AND OLD.ended_at IS NOT NULL THEN
                RAISE EXCEPTION 'case % has ended already', OLD.id
                    USING ERRCODE = 'restrict_violation', CONSTRAINT = 'case_ends_once';
            END IF;
            NEW.end_recorded_at := now();
            RETURN NEW;
        END
    $$
"""
# A name without its schema is looked for among temporary tables first, unless the path says otherwise.
PATHS = """
    DO $$
    DECLARE
        rule regprocedure;
    BEGIN
        FOR rule IN SELECT oid::regprocedure FROM pg_proc
            WHERE pronamespace = 'public'::regnamespace AND prorettype = 'trigger'::regtype
        LOOP
            EXECUTE format('ALTER FUNCTION %s {change}', rule);
        END LOOP;
    END
    $$
"""


def upgrade() -> None:
    """Apply."""
    op.add_column("policies", sa.Column("retention_months", sa.BigInteger(), nullable=True))
    op.create_check_constraint(
        op.f("ck_policies_retention_is_possible"), "policies", sa.text("retention_months BETWEEN 1 AND 240")
    )
    for table in CASES:
        op.add_column(table, sa.Column("forgotten_at", sa.DateTime(timezone=True), nullable=True))
        op.add_column(table, sa.Column("end_recorded_at", sa.DateTime(timezone=True), nullable=True))
        op.execute(f"UPDATE {table} SET end_recorded_at = ended_at WHERE ended_at IS NOT NULL")  # noqa: S608 - a constant
        op.create_check_constraint(
            op.f(f"ck_{table}_forgotten_after_its_end"), table, sa.text("forgotten_at > ended_at")
        )
        op.create_index(
            f"ix_{table}_remembered",
            table,
            ["ended_at"],
            postgresql_where=sa.text("ended_at IS NOT NULL AND forgotten_at IS NULL"),
        )
    op.add_column("audit_trail", sa.Column("why_digest", sa.Text(), nullable=True))
    op.add_column("audit_seals", sa.Column("form", sa.BigInteger(), server_default=sa.text("1"), nullable=False))
    op.create_check_constraint(op.f("ck_audit_seals_form_known"), "audit_seals", sa.text("form IN (1, 2)"))
    op.execute(WITHOUT_WORDS)
    op.execute(FORGETS_WORDS)
    op.execute("DROP TRIGGER audit_trail_append_only ON audit_trail")
    op.execute(
        "CREATE TRIGGER audit_trail_append_only BEFORE UPDATE OR DELETE ON audit_trail "
        "FOR EACH ROW EXECUTE FUNCTION audit_trail_forgets_words()"
    )
    op.create_index(
        "ix_audit_trail_refused_starts",
        "audit_trail",
        ["at"],
        postgresql_where=sa.text(f"why IS NOT NULL AND action IN ({REFUSED_STARTS})"),
    )
    op.create_index("ix_audit_trail_words", "audit_trail", ["at"], postgresql_where=sa.text("why IS NOT NULL"))
    op.execute(ENDS_ONCE)
    for table in CASES:
        op.execute(
            f"CREATE TRIGGER {table}_end_once BEFORE UPDATE ON {table} FOR EACH ROW "
            "WHEN (NEW.ended_at IS DISTINCT FROM OLD.ended_at) EXECUTE FUNCTION case_ends_once()"
        )
        op.execute(
            f"CREATE TRIGGER {table}_inserted_ended BEFORE INSERT ON {table} FOR EACH ROW "
            "WHEN (NEW.ended_at IS NOT NULL) EXECUTE FUNCTION case_ends_once()"
        )
    op.execute(PATHS.format(change="SET search_path = pg_catalog, public, pg_temp"))


def downgrade() -> None:
    """Revert."""
    op.execute(PATHS.format(change="RESET search_path"))
    for table in CASES:
        op.execute(f"DROP TRIGGER {table}_end_once ON {table}")
        op.execute(f"DROP TRIGGER {table}_inserted_ended ON {table}")
    op.execute("DROP FUNCTION case_ends_once()")
    op.drop_index("ix_audit_trail_words", "audit_trail")
    op.drop_index("ix_audit_trail_refused_starts", "audit_trail")
    op.execute("DROP TRIGGER audit_trail_append_only ON audit_trail")
    op.execute(
        "CREATE TRIGGER audit_trail_append_only BEFORE UPDATE OR DELETE ON audit_trail "
        "FOR EACH ROW EXECUTE FUNCTION audit_trail_append_only()"
    )
    op.execute("DROP FUNCTION audit_trail_forgets_words()")
    op.execute("DROP FUNCTION audit_without_words(jsonb)")
    op.drop_column("audit_seals", "form")
    op.drop_column("audit_trail", "why_digest")
    for table in CASES:
        op.drop_column(table, "forgotten_at")
        op.drop_column(table, "end_recorded_at")
    op.drop_column("policies", "retention_months")
