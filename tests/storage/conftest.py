"""The fixtures of databases, for the tests of how things are kept."""

from tests.support.import_documents import document, engine, imported

__all__ = ["document", "engine", "imported"]
