"""Entries of the audit trail by callers and pages have keys of their own, and an answered request stays as it was answered.

A key that they could choose freely would keep the entry of a worker's step out that is still to come. Where a worker has recorded
the step, a repetition by way of another role finds it. Entries from before keep their keys.
"""

from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

# Whoever owns the tables writes as a worker does: an installation of before has one user for everything.
WRITTEN_BY = """
    CREATE FUNCTION audit_written_by() RETURNS text LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
        SELECT CASE
            WHEN pg_has_role((SELECT relowner FROM pg_class WHERE oid = 'public.audit_trail'::regclass), 'USAGE') THEN 'worker'
            ELSE COALESCE((
                SELECT substr(rolname, 9) FROM pg_roles
                WHERE rolname IN ('offramp_worker', 'offramp_callers', 'offramp_pages') AND pg_has_role(oid, 'USAGE')
                ORDER BY rolname <> 'offramp_worker', rolname LIMIT 1
            ), 'worker')
        END
    $$
"""
STEP = """
    CREATE FUNCTION audit_step(key text) RETURNS text LANGUAGE plpgsql STABLE
    SET search_path = pg_catalog, public, pg_temp AS $$
        DECLARE
            writer text := public.audit_written_by();
        BEGIN
            IF writer = 'worker' OR EXISTS (SELECT FROM public.audit_trail a WHERE a.step = key) THEN
                RETURN key;
            END IF;
            RETURN writer || ':' || COALESCE(key, gen_random_uuid()::text);
        END
    $$
"""
ADDED = """
    CREATE FUNCTION audit_trail_added() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pg_catalog, public, pg_temp AS $$
        BEGIN
            IF public.audit_written_by() = 'pages' AND NEW.action <> 'file.fetched' AND NEW.action NOT LIKE '%.refused' THEN
                RAISE EXCEPTION 'the pages record what was fetched or refused, and nothing else'
                    USING ERRCODE = 'restrict_violation', CONSTRAINT = 'audit_of_the_pages';
            END IF;
            NEW.step := public.audit_step(NEW.step);
            RETURN NEW;
        END
    $$
"""
# Of a refusal the words can be removed (`records.privacy`), and nothing else.
ANSWERED = """
    CREATE FUNCTION request_answered_once() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pg_catalog, public, pg_temp AS $$
        BEGIN
            IF to_jsonb(NEW) - ARRAY['accepted_at', 'refusal'] IS DISTINCT FROM to_jsonb(OLD) - ARRAY['accepted_at', 'refusal']
                OR (OLD.accepted_at IS NOT NULL
                    AND (NEW.accepted_at IS DISTINCT FROM OLD.accepted_at OR NEW.refusal IS NOT NULL))
                OR (OLD.refusal IS NOT NULL
                    AND (NEW.accepted_at IS NOT NULL OR NEW.refusal->'code' IS DISTINCT FROM OLD.refusal->'code'))
            THEN
                RAISE EXCEPTION 'request % is answered once', OLD.id
                    USING ERRCODE = 'restrict_violation', CONSTRAINT = 'request_answered_once';
            END IF;
            RETURN NEW;
        END
    $$
"""


def upgrade() -> None:
    """Apply."""
    for function in (WRITTEN_BY, STEP, ADDED, ANSWERED):
        op.execute(function)
    op.execute(
        "CREATE TRIGGER audit_trail_added BEFORE INSERT ON audit_trail FOR EACH ROW EXECUTE FUNCTION audit_trail_added()"
    )
    op.execute(
        "CREATE TRIGGER requests_answered_once BEFORE UPDATE ON requests "
        "FOR EACH ROW EXECUTE FUNCTION request_answered_once()"
    )


def downgrade() -> None:
    """Revert."""
    op.execute("DROP TRIGGER requests_answered_once ON requests")
    op.execute("DROP TRIGGER audit_trail_added ON audit_trail")
    for function in ("request_answered_once()", "audit_trail_added()", "audit_step(text)", "audit_written_by()"):
        op.execute(f"DROP FUNCTION {function}")
