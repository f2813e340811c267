"""What should be running, and what should be gone, by the records."""
