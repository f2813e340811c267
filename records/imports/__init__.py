"""The import of a document: compared with the database first, then written in one transaction, or not at all."""

from records.imports.importer import Counts, ImportOvertaken, ImportReport, import_content

__all__ = ["Counts", "ImportOvertaken", "ImportReport", "import_content"]
