"""The cancellation of a marketing service alone."""
