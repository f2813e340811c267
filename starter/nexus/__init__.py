"""The door for callers with a Temporal namespace of their own: a Nexus service, on a task queue of its own."""
