"""The fixtures of databases, for the tests of a cancellation's records."""

from tests.support.import_documents import document, engine, imported

__all__ = ["document", "engine", "imported"]
