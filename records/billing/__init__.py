"""Billing: credit memos, and the feed in which invoice runs report what they posted."""

from records.billing.credit_memos import post_credit_memo
from records.billing.feed import import_billing, waiting_workflows
from records.billing.report import BillingReport, EntryReport

__all__ = ["BillingReport", "EntryReport", "import_billing", "post_credit_memo", "waiting_workflows"]
