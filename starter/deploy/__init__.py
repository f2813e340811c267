"""The parts that a deployment runs beside the service: the set-up, the health check, the bucket of its own store."""
