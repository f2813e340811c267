"""The codec server: it decrypts payloads for the people who watch Temporal's Web UI, once they have signed in."""
