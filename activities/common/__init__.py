"""Shared parts of activities: heartbeats, long work, retry policies."""
