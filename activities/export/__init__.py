"""The export engine: every table of a schema as compressed CSV and as Excel workbooks, with a manifest (docs/export-format.md).

It knows PostgreSQL, the object store and the formats, and nothing of cancellations or of Temporal.
"""

from activities.export.export import ExportInconsistent, export_schema
from activities.export.limits import Limits
from activities.export.progress import ExportProgress
from activities.export.verification import ManifestMissing, Trouble, Verification, verify_download

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
