"""Mail, webhooks, letters and links: the delivery of what the records say is owed."""
