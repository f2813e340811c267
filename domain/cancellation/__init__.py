"""Cancellations: the checklist, the requester's identity, the stages."""
