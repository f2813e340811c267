"""Cancellations: the checklist, the identity of whoever asks, the stages."""
