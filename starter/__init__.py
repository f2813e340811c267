"""The doors of the service: the facade for Python, the command line, the pages, and the local stack."""
