"""The tables of the service."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "audit_trail",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=True),
        sa.Column("subscription", sa.Text(), nullable=True),
        sa.Column("subscription_line", sa.Text(), nullable=True),
        sa.Column("cancellation", sa.Text(), nullable=True),
        sa.Column("before", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("after", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("step", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_trail")),
        sa.UniqueConstraint("step", name=op.f("uq_audit_trail_step")),
    )
    op.create_index("ix_audit_trail_cancellation", "audit_trail", ["cancellation", "id"], unique=False)
    op.create_index("ix_audit_trail_subscription_line", "audit_trail", ["subscription_line", "id"], unique=False)
    op.create_table(
        "contracts",
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("partner", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), server_default="", nullable=False),
        sa.CheckConstraint("partner IN ('customer', 'vendor')", name=op.f("ck_contracts_partner_known")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_contracts")),
        sa.UniqueConstraint("number", "partner", name=op.f("uq_contracts_number_partner")),
    )
    op.create_table(
        "policies",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("durations", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_policies")),
    )
    op.create_table(
        "organizations",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("unique_name", sa.Text(), nullable=False),
        sa.Column("time_zone", sa.Text(), nullable=False),
        sa.Column("platform", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("billing_administrator", sa.Text(), nullable=False),
        sa.Column("policy", sa.Text(), server_default="standard", nullable=False),
        sa.CheckConstraint(
            "platform IN ('microsoft_online_services', 'commerce_transaction')",
            name=op.f("ck_organizations_platform_known"),
        ),
        sa.CheckConstraint(
            "purpose IN ('production', 'training', 'demo', 'testing')", name=op.f("ck_organizations_purpose_known")
        ),
        sa.ForeignKeyConstraint(["policy"], ["policies.name"], name=op.f("fk_organizations_policy")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_organizations")),
        sa.UniqueConstraint("unique_name", name=op.f("uq_organizations_unique_name")),
        sa.UniqueConstraint("url", name=op.f("uq_organizations_url")),
    )
    op.create_table(
        "marketing_services",
        sa.Column("organization", sa.Text(), nullable=False),
        sa.Column("billing_administrator", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization"], ["organizations.id"], name=op.f("fk_marketing_services_organization")
        ),
        sa.PrimaryKeyConstraint("organization", name=op.f("pk_marketing_services")),
    )
    op.create_table(
        "subscriptions",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("organization", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("provision_end_date", sa.Date(), nullable=True),
        sa.Column("access", sa.Text(), server_default="on", nullable=False),
        sa.Column("access_ended_on", sa.Date(), nullable=True),
        sa.CheckConstraint(
            "(access = 'off') = (access_ended_on IS NOT NULL)", name=op.f("ck_subscriptions_access_off_has_a_day")
        ),
        sa.CheckConstraint("access IN ('on', 'off')", name=op.f("ck_subscriptions_access_known")),
        sa.ForeignKeyConstraint(["organization"], ["organizations.id"], name=op.f("fk_subscriptions_organization")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_subscriptions")),
    )
    op.create_index(op.f("ix_subscriptions_organization"), "subscriptions", ["organization"], unique=False)
    op.create_table(
        "cancellations",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("subscription", sa.Text(), nullable=False),
        sa.Column("ordinal", sa.BigInteger(), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("workflow_id", sa.Text(), nullable=False),
        sa.Column("opened_by", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("received_on", sa.Date(), nullable=False),
        sa.Column("termination_date", sa.Date(), nullable=True),
        sa.Column("data", sa.Text(), nullable=True),
        sa.Column("campaigns", sa.Text(), nullable=True),
        sa.Column("verified_by", sa.Text(), nullable=True),
        sa.Column("goodwill_reason", sa.Text(), nullable=True),
        sa.Column("goodwill_approved_by", sa.Text(), nullable=True),
        sa.Column("quote", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("access_ended_on", sa.Date(), nullable=True),
        sa.Column("reversal_deadline", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "campaigns IN ('keep', 'stop', 'no_campaigns')", name=op.f("ck_cancellations_campaigns_known")
        ),
        sa.CheckConstraint("data IN ('none', 'export', 'migrate')", name=op.f("ck_cancellations_data_known")),
        sa.CheckConstraint(
            "stage IN ('intake', 'preparing', 'scheduled', 'canceled', 'reversed', 'closed', 'withdrawn', 'abandoned')",
            name=op.f("ck_cancellations_stage_known"),
        ),
        sa.CheckConstraint(
            "stage NOT IN ('canceled', 'reversed', 'closed') OR (access_ended_on IS NOT NULL AND reversal_deadline IS NOT NULL)",
            name=op.f("ck_cancellations_effect_has_a_deadline"),
        ),
        sa.CheckConstraint(
            "stage NOT IN ('preparing', 'scheduled', 'canceled', 'reversed', 'closed') OR (termination_date IS NOT NULL AND data IS NOT NULL AND campaigns IS NOT NULL AND verified_by IS NOT NULL)",
            name=op.f("ck_cancellations_checklist_before_all_else"),
        ),
        sa.CheckConstraint(
            "verified_by IN ('one_time_code', 'attestation')", name=op.f("ck_cancellations_verified_by_known")
        ),
        sa.CheckConstraint(
            "goodwill_approved_by <> opened_by", name=op.f("ck_cancellations_goodwill_by_a_second_person")
        ),
        sa.ForeignKeyConstraint(["subscription"], ["subscriptions.id"], name=op.f("fk_cancellations_subscription")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cancellations")),
        sa.UniqueConstraint("request_id", name=op.f("uq_cancellations_request_id")),
        sa.UniqueConstraint("subscription", "ordinal", name=op.f("uq_cancellations_subscription_ordinal")),
    )
    op.create_index("ix_cancellations_stage_received_at", "cancellations", ["stage", "received_at"], unique=False)
    op.create_index(
        "uq_cancellations_running",
        "cancellations",
        ["subscription"],
        unique=True,
        postgresql_where=sa.text("stage NOT IN ('abandoned', 'closed', 'reversed', 'withdrawn')"),
    )
    op.create_table(
        "marketing_campaigns",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("organization", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization"], ["marketing_services.organization"], name=op.f("fk_marketing_campaigns_organization")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_marketing_campaigns")),
    )
    op.create_index(op.f("ix_marketing_campaigns_organization"), "marketing_campaigns", ["organization"], unique=False)
    op.create_table(
        "subscription_lines",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("subscription", sa.Text(), nullable=False),
        sa.Column("partner", sa.Text(), nullable=False),
        sa.Column("start_date", sa.Date(), nullable=False),
        sa.Column("initial_term", sa.Text(), nullable=True),
        sa.Column("subsequent_term", sa.Text(), nullable=True),
        sa.Column("notice_period", sa.Text(), nullable=True),
        sa.Column("billing_rhythm", sa.Text(), nullable=False),
        sa.Column("next_billing_date", sa.Date(), nullable=True),
        sa.Column("term_until", sa.Date(), nullable=True),
        sa.Column("cancellation_possible_until", sa.Date(), nullable=True),
        sa.Column("end_date", sa.Date(), nullable=True),
        sa.Column("open_billing_line", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("closed", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("frozen_by", sa.Text(), nullable=True),
        sa.CheckConstraint("partner IN ('customer', 'vendor')", name=op.f("ck_subscription_lines_partner_known")),
        sa.CheckConstraint(
            "NOT closed OR (term_until IS NULL AND cancellation_possible_until IS NULL)",
            name=op.f("ck_subscription_lines_closed_has_no_term"),
        ),
        sa.CheckConstraint(
            "end_date >= next_billing_date - 1", name=op.f("ck_subscription_lines_not_billed_beyond_end")
        ),
        sa.CheckConstraint("end_date >= start_date", name=op.f("ck_subscription_lines_end_not_before_start")),
        sa.CheckConstraint(
            "next_billing_date >= start_date", name=op.f("ck_subscription_lines_billing_not_before_start")
        ),
        sa.ForeignKeyConstraint(
            ["subscription"], ["subscriptions.id"], name=op.f("fk_subscription_lines_subscription")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_subscription_lines")),
    )
    op.create_index(op.f("ix_subscription_lines_frozen_by"), "subscription_lines", ["frozen_by"], unique=False)
    op.create_index("ix_subscription_lines_subscription", "subscription_lines", ["subscription"], unique=False)
    op.create_table(
        "billing_documents",
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subscription_line", sa.Text(), nullable=False),
        sa.Column("period_start", sa.Date(), nullable=False),
        sa.Column("period_end", sa.Date(), nullable=False),
        sa.Column("credits", sa.Text(), nullable=True),
        sa.Column("posted_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(kind = 'credit_memo') = (credits IS NOT NULL)",
            name=op.f("ck_billing_documents_credit_memo_credits_an_invoice"),
        ),
        sa.CheckConstraint("kind IN ('invoice', 'credit_memo')", name=op.f("ck_billing_documents_kind_known")),
        sa.CheckConstraint("period_start <= period_end", name=op.f("ck_billing_documents_period_in_order")),
        sa.ForeignKeyConstraint(["credits"], ["billing_documents.number"], name=op.f("fk_billing_documents_credits")),
        sa.ForeignKeyConstraint(
            ["subscription_line"], ["subscription_lines.id"], name=op.f("fk_billing_documents_subscription_line")
        ),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_billing_documents")),
        sa.UniqueConstraint("credits", name=op.f("uq_billing_documents_credits")),
    )
    op.create_index(
        "ix_billing_documents_line_period", "billing_documents", ["subscription_line", "period_start"], unique=False
    )
    op.create_table(
        "cancellation_lines",
        sa.Column("cancellation", sa.Text(), nullable=False),
        sa.Column("subscription_line", sa.Text(), nullable=False),
        sa.Column("billing_ends_on", sa.Date(), nullable=False),
        sa.Column("end_date_before", sa.Date(), nullable=True),
        sa.Column("term_until_before", sa.Date(), nullable=True),
        sa.Column("cancellation_possible_until_before", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(
            ["cancellation"], ["cancellations.id"], name=op.f("fk_cancellation_lines_cancellation")
        ),
        sa.ForeignKeyConstraint(
            ["subscription_line"], ["subscription_lines.id"], name=op.f("fk_cancellation_lines_subscription_line")
        ),
        sa.PrimaryKeyConstraint("cancellation", "subscription_line", name=op.f("pk_cancellation_lines")),
    )
    op.create_table(
        "checklist_answers",
        sa.Column("cancellation", sa.Text(), nullable=False),
        sa.Column("question", sa.Text(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("answered_by", sa.Text(), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "question IN ('billing_administrator', 'organization_url', 'organization_name', 'termination_date', 'data', 'campaigns')",
            name=op.f("ck_checklist_answers_question_known"),
        ),
        sa.ForeignKeyConstraint(["cancellation"], ["cancellations.id"], name=op.f("fk_checklist_answers_cancellation")),
        sa.PrimaryKeyConstraint("cancellation", "question", name=op.f("pk_checklist_answers")),
    )
    op.create_table(
        "contract_lines",
        sa.Column("contract", sa.Text(), nullable=False),
        sa.Column("line_number", sa.BigInteger(), nullable=False),
        sa.Column("subscription_line", sa.Text(), nullable=False),
        sa.Column("closed", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.ForeignKeyConstraint(["contract"], ["contracts.number"], name=op.f("fk_contract_lines_contract")),
        sa.ForeignKeyConstraint(
            ["subscription_line"], ["subscription_lines.id"], name=op.f("fk_contract_lines_subscription_line")
        ),
        sa.PrimaryKeyConstraint("contract", "line_number", name=op.f("pk_contract_lines")),
        sa.UniqueConstraint("subscription_line", name=op.f("uq_contract_lines_subscription_line")),
    )
    op.create_table(
        "marketing_activities",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("campaign", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), server_default="running", nullable=False),
        sa.CheckConstraint(
            "state IN ('running', 'paused', 'deleted')", name=op.f("ck_marketing_activities_state_known")
        ),
        sa.ForeignKeyConstraint(
            ["campaign"], ["marketing_campaigns.id"], name=op.f("fk_marketing_activities_campaign")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_marketing_activities")),
    )
    op.create_index(op.f("ix_marketing_activities_campaign"), "marketing_activities", ["campaign"], unique=False)
    op.create_table(
        "messages",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("cancellation", sa.Text(), nullable=True),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("recipient", sa.Text(), nullable=False),
        sa.Column("content", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failure", sa.Text(), nullable=True),
        sa.CheckConstraint("channel IN ('mail', 'webhook')", name=op.f("ck_messages_channel_known")),
        sa.CheckConstraint("num_nonnulls(delivered_at, failed_at) <= 1", name=op.f("ck_messages_delivered_or_failed")),
        sa.ForeignKeyConstraint(["cancellation"], ["cancellations.id"], name=op.f("fk_messages_cancellation")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_messages")),
        sa.UniqueConstraint("sequence", name=op.f("uq_messages_sequence")),
    )
    op.create_index(
        "ix_messages_pending",
        "messages",
        ["cancellation", "channel", "sequence"],
        unique=False,
        postgresql_where=sa.text("delivered_at IS NULL AND failed_at IS NULL"),
    )
    op.create_table(
        "planned_lines",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("subscription_line", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("effective_on", sa.Date(), nullable=False),
        sa.Column("terms", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("withdrawn_by", sa.Text(), nullable=True),
        sa.CheckConstraint("kind IN ('renewal', 'price_change')", name=op.f("ck_planned_lines_kind_known")),
        sa.ForeignKeyConstraint(
            ["subscription_line"], ["subscription_lines.id"], name=op.f("fk_planned_lines_subscription_line")
        ),
        sa.ForeignKeyConstraint(["withdrawn_by"], ["cancellations.id"], name=op.f("fk_planned_lines_withdrawn_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_planned_lines")),
    )
    op.create_index(op.f("ix_planned_lines_subscription_line"), "planned_lines", ["subscription_line"], unique=False)
    op.create_index(op.f("ix_planned_lines_withdrawn_by"), "planned_lines", ["withdrawn_by"], unique=False)
    op.create_index(
        "uq_planned_lines_pending",
        "planned_lines",
        ["subscription_line"],
        unique=True,
        postgresql_where=sa.text("withdrawn_by IS NULL"),
    )
    op.create_table(
        "verification_codes",
        sa.Column("cancellation", sa.Text(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("request", sa.Text(), nullable=False),
        sa.Column("salt", sa.Text(), nullable=False),
        sa.Column("code_hash", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["cancellation"], ["cancellations.id"], name=op.f("fk_verification_codes_cancellation")
        ),
        sa.PrimaryKeyConstraint("cancellation", "number", name=op.f("pk_verification_codes")),
        sa.UniqueConstraint("request", name=op.f("uq_verification_codes_request")),
    )
    # The two tables refer to each other, so this one comes when both exist.
    op.create_foreign_key(
        op.f("fk_subscription_lines_frozen_by"), "subscription_lines", "cancellations", ["frozen_by"], ["id"]
    )


def downgrade() -> None:
    """Revert."""
    op.drop_constraint(op.f("fk_subscription_lines_frozen_by"), "subscription_lines", type_="foreignkey")
    op.drop_table("verification_codes")
    op.drop_index(
        "uq_planned_lines_pending", table_name="planned_lines", postgresql_where=sa.text("withdrawn_by IS NULL")
    )
    op.drop_index(op.f("ix_planned_lines_withdrawn_by"), table_name="planned_lines")
    op.drop_index(op.f("ix_planned_lines_subscription_line"), table_name="planned_lines")
    op.drop_table("planned_lines")
    op.drop_index(
        "ix_messages_pending",
        table_name="messages",
        postgresql_where=sa.text("delivered_at IS NULL AND failed_at IS NULL"),
    )
    op.drop_table("messages")
    op.drop_index(op.f("ix_marketing_activities_campaign"), table_name="marketing_activities")
    op.drop_table("marketing_activities")
    op.drop_table("contract_lines")
    op.drop_table("checklist_answers")
    op.drop_table("cancellation_lines")
    op.drop_index("ix_billing_documents_line_period", table_name="billing_documents")
    op.drop_table("billing_documents")
    op.drop_index("ix_subscription_lines_subscription", table_name="subscription_lines")
    op.drop_index(op.f("ix_subscription_lines_frozen_by"), table_name="subscription_lines")
    op.drop_table("subscription_lines")
    op.drop_index(op.f("ix_marketing_campaigns_organization"), table_name="marketing_campaigns")
    op.drop_table("marketing_campaigns")
    op.drop_index(
        "uq_cancellations_running",
        table_name="cancellations",
        postgresql_where=sa.text("stage NOT IN ('abandoned', 'closed', 'reversed', 'withdrawn')"),
    )
    op.drop_index("ix_cancellations_stage_received_at", table_name="cancellations")
    op.drop_table("cancellations")
    op.drop_index(op.f("ix_subscriptions_organization"), table_name="subscriptions")
    op.drop_table("subscriptions")
    op.drop_table("marketing_services")
    op.drop_table("organizations")
    op.drop_table("policies")
    op.drop_table("contracts")
    op.drop_index("ix_audit_trail_subscription_line", table_name="audit_trail")
    op.drop_index("ix_audit_trail_cancellation", table_name="audit_trail")
    op.drop_table("audit_trail")
