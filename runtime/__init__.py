"""Parts that every process of the service shares: the connection to Temporal, refusals across it, and the exit."""
