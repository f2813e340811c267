"""The HTTP API: thin on top of the facade, for principals with a bearer token."""
