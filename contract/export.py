"""The export of an organization's data, and its erasure: names, messages and status."""

from enum import StrEnum

from contract.common import Request
from domain.vocabulary import CancellationId

UPDATE_ACKNOWLEDGE_EXPORT = "acknowledge_export"
UPDATE_RENEW_EXPORT_LINK = "renew_export_link"
SIGNAL_HOLDS_CHANGED = "holds_changed"


class AcknowledgeExport(Request):
    """The export was downloaded, and is where it is needed: from now on the data may be erased."""

    export: CancellationId
    """The cancellation whose export it is, so that an acknowledgement cannot end at another case."""


class RenewExportLink(Request):
    """Mail a fresh link to the export to the billing administrator on record."""

    export: CancellationId


class ExportStatus(StrEnum):
    """How far the export of the data is."""

    RUNNING = "running"
    READY = "ready"
    ACKNOWLEDGED = "acknowledged"
    ERASED = "erased"
