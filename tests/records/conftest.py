"""The fixtures of databases, for the tests of the records."""

from tests.records.closed_cases import case, closed
from tests.support.import_documents import document, engine, imported

__all__ = ["case", "closed", "document", "engine", "imported"]
