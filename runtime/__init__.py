"""What every process of the service shares: the connection to Temporal, how refusals cross it, and how a process ends."""
