"""Bulk cancellations in the records: planned, judged, confirmed, carried out row by row."""
