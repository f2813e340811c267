"""Durable orchestration: deterministic, no I/O; each ``run()`` reads as the business story."""
