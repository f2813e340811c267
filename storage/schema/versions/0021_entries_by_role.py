"""Entries of the audit trail by callers and pages have keys of their own, and an answered request stays as it was answered.

A key that they could choose freely would keep the entry of a worker's step out that is still to come. Where a worker has recorded
the step, a repetition by way of another role finds it. Entries from before keep their keys. What any of them adds has a form that
whoever reads it can read: nobody can remove it.
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
            IF pg_has_role(to_regrole('offramp_worker')::oid, 'USAGE') THEN  -- at once: a night adds hundreds of thousands
                RETURN NEW;
            END IF;
            CASE public.audit_written_by()
            WHEN 'worker' THEN
                RETURN NEW;
            WHEN 'pages' THEN
                IF NEW.action NOT LIKE '%.refused' AND NEW.action <> 'file.fetched' THEN
                    RAISE EXCEPTION 'the pages record what was fetched or refused, and nothing else'
                        USING ERRCODE = 'restrict_violation', CONSTRAINT = 'audit_of_the_pages';
                END IF;
                IF NEW.at NOT BETWEEN now() - interval '1 day' AND now() + interval '1 day' THEN
                    RAISE EXCEPTION 'the pages record what happens now'
                        USING ERRCODE = 'restrict_violation', CONSTRAINT = 'audit_of_the_pages';
                END IF;
                -- They look up no key: one of the facts alone is the same for a repetition, and for nothing else.
                IF NOT EXISTS (SELECT FROM public.audit_trail a WHERE a.step = NEW.step) THEN
                    NEW.step := 'pages:' || encode(sha256(convert_to(jsonb_build_array(
                        COALESCE(NEW.step, gen_random_uuid()::text), NEW.actor, NEW.action, NEW.subscription, NEW.subscription_line, NEW.cancellation,
                        NEW.before, NEW.after)::text, 'UTF8')), 'hex');
                END IF;
            ELSE
                NEW.step := public.audit_step(NEW.step);
            END CASE;
            IF NEW.action = 'file.fetched' AND jsonb_typeof(NEW.after->'file') IS DISTINCT FROM 'string' THEN
                RAISE EXCEPTION 'a fetched file has a name'
                    USING ERRCODE = 'restrict_violation', CONSTRAINT = 'audit_of_a_file';
            END IF;
            IF octet_length(to_jsonb(NEW)::text) > 1000000 OR NOT public.is_plain(NEW.before)
                OR NOT public.is_plain(NEW.after)
            THEN
                RAISE EXCEPTION 'an entry of the audit trail has a million bytes at most, and nothing that is hard to read'
                    USING ERRCODE = 'restrict_violation', CONSTRAINT = 'audit_of_limited_size';
            END IF;
            RETURN NEW;
        END
    $$
"""
# Readers fail at numbers of thousands of digits, and at things within things without end.
PLAIN = """
    CREATE FUNCTION is_plain(value jsonb) RETURNS boolean LANGUAGE sql IMMUTABLE
    SET search_path = pg_catalog, public, pg_temp AS $$
        SELECT COALESCE(value::text !~ '[0-9]{200}' AND NOT jsonb_path_exists(value, '$.**{20}'), true)
    $$
"""
# A number is taken after the transaction has one of its own: seals go by these (`records.audit_seals`).
NUMBERED = """
    CREATE FUNCTION audit_trail_numbered() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pg_catalog, public, pg_temp AS $$
        BEGIN
            PERFORM pg_current_xact_id();
            RETURN NULL;
        END
    $$
"""
WITHOUT_WORDS = """
    CREATE OR REPLACE FUNCTION audit_without_words(change jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
        SELECT CASE WHEN jsonb_typeof(change) = 'object' AND change ?| ARRAY[{words}] THEN (
            SELECT jsonb_object_agg(key, CASE
                WHEN key IN ({words}) AND jsonb_typeof(value) = 'string'
                THEN jsonb_build_object('sha256', encode(sha256(convert_to(value #>> '{{}}', 'UTF8')), 'hex'))
                ELSE value END)
            FROM jsonb_each(change)
        ) ELSE change END
    $$
"""
WORDS = "'goodwill_reason', 'received_because', 'organization_name', 'organization_url'"
READABLE = {
    "audit_trail": {
        "at_is_an_instant": "at BETWEEN '1970-01-01 00:00Z' AND '3000-01-01 00:00Z'",
        "changes_are_objects": "jsonb_typeof(before) IN ('object', 'null') AND jsonb_typeof(after) IN ('object', 'null')",
    },
    "requests": {
        "at_is_an_instant": "at BETWEEN '1970-01-01 00:00Z' AND '3000-01-01 00:00Z'",
        "refusal_is_one": "refusal IS NULL OR COALESCE(jsonb_typeof(refusal->'code') = 'string' "
        "AND jsonb_typeof(refusal->'message') = 'string' AND is_plain(refusal), false)",
    },
}
# Of a refusal the words can be removed (`records.privacy`), and nothing else.
ANSWERED = """
    CREATE FUNCTION request_answered_once() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pg_catalog, public, pg_temp AS $$
        BEGIN
            IF to_jsonb(NEW) - ARRAY['accepted_at', 'refusal'] IS DISTINCT FROM to_jsonb(OLD) - ARRAY['accepted_at', 'refusal']
                OR (OLD.accepted_at IS NOT NULL
                    AND (NEW.accepted_at IS DISTINCT FROM OLD.accepted_at OR NEW.refusal IS NOT NULL))
                OR (OLD.refusal IS NOT NULL AND NEW.refusal IS DISTINCT FROM OLD.refusal AND (
                    public.audit_written_by() = 'pages'
                    OR NEW.accepted_at IS NOT NULL
                    OR NEW.refusal - 'message' IS DISTINCT FROM jsonb_build_object('code', OLD.refusal->'code')))
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
    for function in (PLAIN, WRITTEN_BY, STEP, ADDED, NUMBERED, ANSWERED, WITHOUT_WORDS.format(words=WORDS)):
        op.execute(function)
    for table, constraints in READABLE.items():
        for name, condition in constraints.items():
            # What is there already stays: nobody could remove it, and a migration that fails on it would be worse.
            op.execute(f"ALTER TABLE {table} ADD CONSTRAINT ck_{table}_{name} CHECK ({condition}) NOT VALID")
            op.execute(
                f"DO $$ BEGIN ALTER TABLE {table} VALIDATE CONSTRAINT ck_{table}_{name}; "
                "EXCEPTION WHEN check_violation THEN NULL; END $$"
            )
    op.execute(
        "CREATE TRIGGER audit_trail_numbered BEFORE INSERT ON audit_trail "
        "FOR EACH STATEMENT EXECUTE FUNCTION audit_trail_numbered()"
    )
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
    op.execute("DROP TRIGGER audit_trail_numbered ON audit_trail")
    op.execute("DROP TRIGGER audit_trail_added ON audit_trail")
    for table, constraints in READABLE.items():
        for name in constraints:
            op.drop_constraint(op.f(f"ck_{table}_{name}"), table, type_="check")
    for function in (
        *("request_answered_once()", "audit_trail_added()", "audit_trail_numbered()", "audit_step(text)"),
        *("audit_written_by()", "is_plain(jsonb)"),
    ):
        op.execute(f"DROP FUNCTION {function}")
