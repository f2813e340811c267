"""The delivery of messages that outlive their case: names."""

MESSAGE_DELIVERY = "MessageDelivery"
"""The type of the workflow that delivers messages recorded after the workflow of their case ended.

Only the service's own client starts it.
"""

SIGNAL_DELIVER = "deliver"
"""Signal to MessageDelivery: more messages are recorded."""
