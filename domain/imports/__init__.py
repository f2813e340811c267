"""The import document: its form, its reader, and its refusals."""
