"""The delivery of messages that outlive their case: names."""

MESSAGE_DELIVERY = "MessageDelivery"
"""Delivers what was noted of a case after its own workflow had ended; started by our client."""

SIGNAL_DELIVER = "deliver"
"""Of MessageDelivery."""
