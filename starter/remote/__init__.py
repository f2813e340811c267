"""The service over its HTTP API, with the attributes and methods of the facade: for whoever has a token, and no database."""
