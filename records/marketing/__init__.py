"""Marketing services in the records: campaigns and their stops, and the cancellation of a service alone."""
