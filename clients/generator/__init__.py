"""What callers get from the models: documents in JSON Schema, OpenAPI and AsyncAPI, and the generated part of the Python client.

It is run from the repository alone (``make client``, ``make schemas``), and is in no package. A test fails where a file is not what
it would write now.
"""
