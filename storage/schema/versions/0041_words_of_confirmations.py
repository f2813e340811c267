"""The words of a confirmation stay with it, and all that was confirmed: no row joins a bulk after its plan, and its end is for good."""

from alembic import op

revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None

BEFORE = {
    "system_tasks": ("confirmed_at", "confirmed_by", "cancellation", "system", "task", "requested_at"),
    "bulks": ("confirmed_at", "confirmed_by", "planned_by", "digest", "ready"),
    "marketing_stops": ("acknowledged_at", "acknowledged_by", "campaign", "action"),
    "exports": ("acknowledged_at", "acknowledged_by"),
}
"""The columns that 0035 has let stay once the first of them is set."""
STAYS = {
    "system_tasks": (*BEFORE["system_tasks"], "id"),
    "bulks": (
        *BEFORE["bulks"],
        *("id", "kind", "organization", "organizations", "total", "at_once", "per_minute", "planned_at", "judged_at"),
    ),
    "marketing_stops": (*BEFORE["marketing_stops"], "id", "cancellation", "marketing_cancellation", "requested_at"),
    "exports": (
        *BEFORE["exports"],
        *("cancellation", "attempts", "started_at", "finished_at", "prefix"),
        *("manifest_sha256", "tables", "rows", "bytes", "warnings"),
    ),
}
"""The same with all that was confirmed."""

WORDS_STAY = """
    CREATE OR REPLACE FUNCTION bulk_words_stay() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pg_catalog, public, pg_temp AS $$
        BEGIN
            IF OLD.ended_at IS NULL OR NEW.ended_at IS DISTINCT FROM OLD.ended_at OR NEW.reason <> '(removed)'
                OR NEW.source NOT IN ('(removed)', OLD.source){more}
            THEN
                RAISE EXCEPTION 'the words of bulk % stay until they are removed', OLD.id
                    USING ERRCODE = 'restrict_violation', CONSTRAINT = 'bulk_words_stay';
            END IF;
            RETURN NEW;
        END
    $$
"""
# All of them are removed at once, so that whoever may write a reason, and may not write the first one, removes none.
MORE = """
                OR COALESCE(NEW.confirmed_because, '(removed)') <> '(removed)'
                OR COALESCE(NEW.halted_because, '(removed)') <> '(removed)'"""
WORDS_BEFORE = "(NEW.reason, NEW.source) IS DISTINCT FROM (OLD.reason, OLD.source)"
WORDS = f"""
    {WORDS_BEFORE}
    OR (OLD.confirmed_because IS NOT NULL AND NEW.confirmed_because IS DISTINCT FROM OLD.confirmed_because)
    OR (OLD.ended_at IS NOT NULL AND NEW.halted_because IS DISTINCT FROM OLD.halted_because)
"""
END_STAYS = """
    CREATE FUNCTION bulk_end_stays() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pg_catalog, public, pg_temp AS $$
        BEGIN
            RAISE EXCEPTION 'bulk % has ended for good', OLD.id
                USING ERRCODE = 'restrict_violation', CONSTRAINT = 'bulk_end_stays';
        END
    $$
"""
# The lock has a row wait for a plan that is being completed, and the other way round: each of them is in its digest.
ROWS_STAY = """
    CREATE FUNCTION bulk_rows_stay() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pg_catalog, public, pg_temp AS $$
        BEGIN
            PERFORM FROM public.bulks b WHERE b.id = NEW.bulk AND b.state = 'planning' FOR KEY SHARE;
            IF NOT FOUND THEN
                RAISE EXCEPTION 'no row joins bulk % after its plan', NEW.bulk
                    USING ERRCODE = 'restrict_violation', CONSTRAINT = 'bulk_rows_stay';
            END IF;
            RETURN NEW;
        END
    $$
"""


def upgrade() -> None:
    """Apply."""
    _let_stay(STAYS)
    op.execute(WORDS_STAY.format(more=MORE))
    _watch_words(WORDS)
    op.execute(END_STAYS)
    op.execute(
        "CREATE TRIGGER bulk_end_stays BEFORE UPDATE ON bulks FOR EACH ROW WHEN (OLD.ended_at IS NOT NULL AND "
        "(NEW.state, NEW.ended_at, NEW.halted_by, NEW.halted_at) IS DISTINCT FROM "
        "(OLD.state, OLD.ended_at, OLD.halted_by, OLD.halted_at)) EXECUTE FUNCTION bulk_end_stays()"
    )
    op.execute(ROWS_STAY)
    op.execute(
        "CREATE TRIGGER bulk_rows_stay BEFORE INSERT ON bulk_rows FOR EACH ROW EXECUTE FUNCTION bulk_rows_stay()"
    )


def downgrade() -> None:
    """Revert."""
    op.execute("DROP TRIGGER bulk_rows_stay ON bulk_rows")
    op.execute("DROP FUNCTION bulk_rows_stay()")
    op.execute("DROP TRIGGER bulk_end_stays ON bulks")
    op.execute("DROP FUNCTION bulk_end_stays()")
    op.execute(WORDS_STAY.format(more=""))
    _watch_words(WORDS_BEFORE)
    _let_stay(BEFORE)


def _let_stay(columns_of: dict[str, tuple[str, ...]]) -> None:
    for table, columns in columns_of.items():
        new, old = (", ".join(f"{row}.{column}" for column in columns) for row in ("NEW", "OLD"))
        op.execute(
            f"CREATE OR REPLACE TRIGGER {table}_confirmation_stays BEFORE UPDATE ON {table} FOR EACH ROW "
            f"WHEN (OLD.{columns[0]} IS NOT NULL AND ({new}) IS DISTINCT FROM ({old})) "
            "EXECUTE FUNCTION confirmation_stays()"
        )


def _watch_words(changed: str) -> None:
    op.execute(
        "CREATE OR REPLACE TRIGGER bulk_words_stay BEFORE UPDATE ON bulks FOR EACH ROW "
        f"WHEN ({changed}) EXECUTE FUNCTION bulk_words_stay()"
    )
