"""What a deployment runs beside the service: the set-up, the health check, and the bucket of a store of its own."""
