"""The service as Python programs see it: one client per area, on top of Temporal and the records."""
