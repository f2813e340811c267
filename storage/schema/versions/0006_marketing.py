"""Campaigns that are stopped, and marketing services that are cancelled on their own.

Expands only: the version before keeps working on it. The constraint on the state of activities is replaced by a wider
one, which checks every activity once.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

# Rules, section 9. Sharing the lock makes an insert wait for a stop of the campaign, and then see that it is stopped.
RULES = {
    "marketing_campaign_rules": (
        "marketing_campaigns",
        """
        DECLARE service marketing_services;
        BEGIN
            SELECT * INTO service FROM marketing_services WHERE organization = NEW.organization FOR SHARE;
            IF service.canceled_sign_up = service.sign_up THEN
                RAISE EXCEPTION 'the marketing service of % is cancelled', NEW.organization
                    USING ERRCODE = 'check_violation', CONSTRAINT = 'marketing_service_canceled';
            END IF;
            RETURN NEW;
        END
        """,
    ),
    "marketing_activity_rules": (
        "marketing_activities",
        """
        DECLARE stopped timestamptz;
        BEGIN
            SELECT stopped_at INTO stopped FROM marketing_campaigns WHERE id = NEW.campaign FOR SHARE;
            IF stopped IS NOT NULL AND NEW.state = 'running' THEN
                RAISE EXCEPTION 'campaign % was stopped', NEW.campaign
                    USING ERRCODE = 'check_violation', CONSTRAINT = 'campaign_stopped';
            END IF;
            RETURN NEW;
        END
        """,
    ),
}

PENDING = sa.text("delivered_at IS NULL AND failed_at IS NULL")


def upgrade() -> None:
    """Apply."""
    op.add_column("marketing_services", sa.Column("sign_up", sa.Text(), server_default="1", nullable=False))
    op.add_column("marketing_services", sa.Column("canceled_sign_up", sa.Text(), nullable=True))
    op.add_column("marketing_campaigns", sa.Column("stopped_at", sa.DateTime(timezone=True), nullable=True))
    op.create_table(
        "marketing_cancellations",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("organization", sa.Text(), nullable=False),
        sa.Column("ordinal", sa.BigInteger(), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("workflow_id", sa.Text(), nullable=False),
        sa.Column("opened_by", sa.Text(), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("verified_by", sa.Text(), nullable=True),
        sa.Column("campaign_actions", postgresql.JSONB(), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "stage IN ('intake', 'stopping', 'canceled', 'abandoned')",
            name=op.f("ck_marketing_cancellations_stage_known"),
        ),
        sa.CheckConstraint(
            "verified_by IN ('one_time_code', 'attestation')", name=op.f("ck_marketing_cancellations_verified_by_known")
        ),
        sa.CheckConstraint(
            "stage NOT IN ('stopping', 'canceled') OR verified_by IS NOT NULL",
            name=op.f("ck_marketing_cancellations_verified_before_all_else"),
        ),
        sa.ForeignKeyConstraint(
            ["organization"],
            ["marketing_services.organization"],
            name=op.f("fk_marketing_cancellations_organization"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_marketing_cancellations")),
        sa.UniqueConstraint("organization", "ordinal", name=op.f("uq_marketing_cancellations_organization_ordinal")),
        sa.UniqueConstraint("request_id", name=op.f("uq_marketing_cancellations_request_id")),
    )
    op.create_index(
        "uq_marketing_cancellations_running",
        "marketing_cancellations",
        ["organization"],
        unique=True,
        postgresql_where=sa.text("stage IN ('intake', 'stopping')"),
    )
    op.create_table(
        "marketing_codes",
        sa.Column("cancellation", sa.Text(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("request", sa.Text(), nullable=False),
        sa.Column("salt", sa.Text(), nullable=False),
        sa.Column("code_hash", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["cancellation"], ["marketing_cancellations.id"], name=op.f("fk_marketing_codes_cancellation")
        ),
        sa.PrimaryKeyConstraint("cancellation", "number", name=op.f("pk_marketing_codes")),
        sa.UniqueConstraint("request", name=op.f("uq_marketing_codes_request")),
    )
    op.create_table(
        "marketing_stops",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("campaign", sa.Text(), nullable=False),
        sa.Column("cancellation", sa.Text(), nullable=True),
        sa.Column("marketing_cancellation", sa.Text(), nullable=True),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("acknowledged_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("acknowledged_by", sa.Text(), nullable=True),
        sa.CheckConstraint("action IN ('pause', 'delete')", name=op.f("ck_marketing_stops_action_known")),
        sa.CheckConstraint(
            "num_nonnulls(cancellation, marketing_cancellation) = 1", name=op.f("ck_marketing_stops_asked_by_one_case")
        ),
        sa.ForeignKeyConstraint(["campaign"], ["marketing_campaigns.id"], name=op.f("fk_marketing_stops_campaign")),
        sa.ForeignKeyConstraint(["cancellation"], ["cancellations.id"], name=op.f("fk_marketing_stops_cancellation")),
        sa.ForeignKeyConstraint(
            ["marketing_cancellation"],
            ["marketing_cancellations.id"],
            name=op.f("fk_marketing_stops_marketing_cancellation"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_marketing_stops")),
    )
    op.create_index(
        "uq_marketing_stops_open",
        "marketing_stops",
        ["campaign"],
        unique=True,
        postgresql_where=sa.text("acknowledged_at IS NULL"),
    )
    op.create_index("ix_marketing_stops_campaign", "marketing_stops", ["campaign", "requested_at"])
    op.create_index(op.f("ix_marketing_stops_cancellation"), "marketing_stops", ["cancellation"])
    op.create_index(op.f("ix_marketing_stops_marketing_cancellation"), "marketing_stops", ["marketing_cancellation"])
    op.add_column("marketing_activities", sa.Column("stop", sa.Text(), nullable=True))
    op.create_foreign_key(
        op.f("fk_marketing_activities_stop"), "marketing_activities", "marketing_stops", ["stop"], ["id"]
    )
    op.create_index(op.f("ix_marketing_activities_stop"), "marketing_activities", ["stop"])
    _states("'running', 'stopping', 'paused', 'deleted'")
    op.create_check_constraint(
        op.f("ck_marketing_activities_stopping_for_a_reason"),
        "marketing_activities",
        sa.text("state <> 'stopping' OR stop IS NOT NULL"),
    )
    op.add_column(
        "cancellations",
        sa.Column("campaign_actions", postgresql.JSONB(), server_default=sa.text("'{}'"), nullable=False),
    )
    op.add_column("cancellations", sa.Column("marketing_consent", sa.Text(), nullable=True))
    op.add_column("cancellations", sa.Column("marketing_consent_until", sa.DateTime(timezone=True), nullable=True))
    op.create_check_constraint(
        op.f("ck_cancellations_marketing_consent_known"),
        "cancellations",
        sa.text("marketing_consent IN ('asked', 'agreed', 'declined', 'timed_out')"),
    )
    op.add_column("messages", sa.Column("marketing_cancellation", sa.Text(), nullable=True))
    op.create_foreign_key(
        op.f("fk_messages_marketing_cancellation"),
        "messages",
        "marketing_cancellations",
        ["marketing_cancellation"],
        ["id"],
    )
    op.create_index(
        "ix_messages_pending_of_marketing",
        "messages",
        ["marketing_cancellation", "channel", "sequence"],
        postgresql_where=PENDING,
    )
    for name, (table, body) in RULES.items():
        op.execute(f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $rule${body}$rule$")
        op.execute(f"CREATE TRIGGER {name} BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION {name}()")


def downgrade() -> None:
    """Revert; activities that are being stopped count as running."""
    for name in RULES:
        op.execute(f"DROP FUNCTION {name}() CASCADE")
    op.drop_index("ix_messages_pending_of_marketing", table_name="messages")
    op.execute("DELETE FROM messages WHERE marketing_cancellation IS NOT NULL")
    op.drop_column("messages", "marketing_cancellation")
    for column in ("marketing_consent_until", "marketing_consent", "campaign_actions"):
        op.drop_column("cancellations", column)
    op.drop_constraint(op.f("ck_marketing_activities_stopping_for_a_reason"), "marketing_activities")
    op.execute("UPDATE marketing_activities SET state = 'running' WHERE state = 'stopping'")
    _states("'running', 'paused', 'deleted'")
    op.drop_column("marketing_activities", "stop")
    op.drop_table("marketing_stops")
    op.drop_table("marketing_codes")
    op.drop_table("marketing_cancellations")
    op.drop_column("marketing_campaigns", "stopped_at")
    op.drop_column("marketing_services", "canceled_sign_up")
    op.drop_column("marketing_services", "sign_up")


def _states(known: str) -> None:
    constraint = op.f("ck_marketing_activities_state_known")
    op.drop_constraint(constraint, "marketing_activities")
    op.create_check_constraint(constraint, "marketing_activities", sa.text(f"state IN ({known})"))
