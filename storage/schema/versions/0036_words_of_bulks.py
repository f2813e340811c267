"""The words of a bulk can be removed after its end, and in no other way be changed; a removed webhook endpoint has no owner."""

import sqlalchemy as sa
from alembic import op

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None

REFUSED_STARTS = "'cancellation.refused', 'line_cancellation.refused', 'marketing_cancellation.refused'"
OF_BULKS = """
                IF OLD.action LIKE 'bulk.%' AND EXISTS (
                    SELECT FROM public.bulks b WHERE b.id = OLD.after ->> 'bulk' AND b.ended_at < now() - interval '28 days'
                    AND NOT EXISTS (
                        SELECT FROM public.holds h WHERE h.released_at IS NULL AND (h.organization = b.organization
                            OR h.organization IN (SELECT r.organization FROM public.bulk_rows r WHERE r.bulk = b.id))
                    )
                ) THEN
                    RETURN NEW;
                END IF;
"""
FORGETS_WORDS = f"""
    CREATE OR REPLACE FUNCTION audit_trail_forgets_words() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pg_catalog, public, pg_temp AS $$
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
                {{of_bulks}}
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
# A reason that was given later has not been there before; the name of a file and the first reason stay until they go.
WORDS_STAY = """
    CREATE FUNCTION bulk_words_stay() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pg_catalog, public, pg_temp AS $$
        BEGIN
            IF OLD.ended_at IS NULL OR NEW.ended_at IS DISTINCT FROM OLD.ended_at OR NEW.reason <> '(removed)'
                OR NEW.source NOT IN ('(removed)', OLD.source)
            THEN
                RAISE EXCEPTION 'the words of bulk % stay until they are removed', OLD.id
                    USING ERRCODE = 'restrict_violation', CONSTRAINT = 'bulk_words_stay';
            END IF;
            RETURN NEW;
        END
    $$
"""


def upgrade() -> None:
    """Apply."""
    op.execute(FORGETS_WORDS.format(of_bulks=OF_BULKS))
    op.execute(WORDS_STAY)
    op.execute(
        "CREATE TRIGGER bulk_words_stay BEFORE UPDATE ON bulks FOR EACH ROW "
        "WHEN ((NEW.reason, NEW.source) IS DISTINCT FROM (OLD.reason, OLD.source)) EXECUTE FUNCTION bulk_words_stay()"
    )
    op.create_index(
        "ix_audit_trail_words_of_bulks",
        "audit_trail",
        ["at"],
        postgresql_where=sa.text("why IS NOT NULL AND action LIKE 'bulk.%'"),
    )
    op.execute("UPDATE webhook_endpoints SET owner = NULL WHERE state = 'removed'")
    op.create_check_constraint(
        op.f("ck_webhook_endpoints_removed_without_owner"),
        "webhook_endpoints",
        sa.text("state <> 'removed' OR owner IS NULL"),
    )


def downgrade() -> None:
    """Revert."""
    op.drop_constraint(op.f("ck_webhook_endpoints_removed_without_owner"), "webhook_endpoints", type_="check")
    op.drop_index("ix_audit_trail_words_of_bulks", "audit_trail")
    op.execute("DROP TRIGGER bulk_words_stay ON bulks")
    op.execute("DROP FUNCTION bulk_words_stay()")
    op.execute(FORGETS_WORDS.format(of_bulks=""))
