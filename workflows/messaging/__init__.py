"""The delivery of messages that outlive their case."""
