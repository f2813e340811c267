"""The import document: its form, its reading, and its refusals."""
