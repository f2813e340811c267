"""Exports of an organization's data: their requests and their manifest."""
