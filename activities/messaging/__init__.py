"""Mail, webhooks, letters and links: the delivery of the recorded messages."""
