"""Access: bearer tokens of an OpenID Connect issuer, and the principals that they are for."""
