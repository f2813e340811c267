"""Billing: invoices and credit memos of subscription lines, and the documents in which invoice runs report them."""
