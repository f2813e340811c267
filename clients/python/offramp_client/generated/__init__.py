"""What ``make client`` writes from the documents of the service."""
