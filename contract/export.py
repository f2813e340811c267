"""The export of an organization's data, and its erasure: names, messages and status."""

from enum import StrEnum

from contract.common import AboutCase, ReceivedRequest
from domain.vocabulary import CancellationId

UPDATE_ACKNOWLEDGE_EXPORT = "acknowledge_export"
"""Update of SubscriptionCancellation: takes `AcknowledgeExport`, returns `CancellationStatus`."""

UPDATE_RENEW_EXPORT_LINK = "renew_export_link"
"""Update of SubscriptionCancellation: takes `RenewExportLink`, returns `CancellationStatus`."""

SIGNAL_HOLDS_CHANGED = "holds_changed"
"""Signal to SubscriptionCancellation, without input: the legal holds on the organization's data have changed."""


class AcknowledgeExport(AboutCase, ReceivedRequest):
    """Acknowledgement that the export was downloaded and is where it is needed: from now on the data may be erased."""

    export: CancellationId
    """The cancellation whose export it is, so that an acknowledgement cannot reach another case."""


class RenewExportLink(AboutCase):
    """A request to mail a fresh link to the export to the billing administrator on record."""

    export: CancellationId


class ExportStatus(StrEnum):
    """The state of the export of the data."""

    RUNNING = "running"
    READY = "ready"
    ACKNOWLEDGED = "acknowledged"
    ERASED = "erased"
