"""What activities of several areas share: heartbeats, long work, retry policies."""
