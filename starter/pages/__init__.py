"""The pages behind the links in our mails: small, without scripts and without a login."""
