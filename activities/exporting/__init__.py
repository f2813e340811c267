"""The export engine: every table of a schema as compressed CSV and as Excel workbooks, with a manifest (docs/export-format.md).

It knows PostgreSQL, the object store and the formats, and nothing of cancellations or of Temporal.
"""

from activities.exporting.export import ExportInconsistent, export_schema
from activities.exporting.limits import Limits
from activities.exporting.progress import ExportProgress
from activities.exporting.verifying import ManifestMissing, Trouble, Verification, verify_download

__all__ = [
    "ExportInconsistent",
    "ExportProgress",
    "Limits",
    "ManifestMissing",
    "Trouble",
    "Verification",
    "export_schema",
    "verify_download",
]
