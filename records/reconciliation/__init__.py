"""The workflows that should run and the things that should be gone, by the records."""
