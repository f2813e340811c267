"""Webhook endpoints in the records: how people change them, and how their messages fare."""
