"""The facade: the service as Python programs, the command line, the pages and the demonstration see it."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import Engine, QueuePool
from temporalio.client import Client

from activities.messaging.webhook_secrets import WebhookKeys
from contract import TASK_QUEUE
from starter.service.access import AccessClient
from starter.service.area import AreaClient, Connections
from starter.service.audit import AuditClient
from starter.service.billing import BillingClient
from starter.service.bulk import BulkClient
from starter.service.cancellation import CancellationClient
from starter.service.events import EventClient
from starter.service.export import ExportClient
from starter.service.imports import ImportClient
from starter.service.legal_holds import HoldClient
from starter.service.limits import LimitClient
from starter.service.line_cancellations import LineCancellationClient
from starter.service.lines import LineDatesClient
from starter.service.marketing import MarketingClient
from starter.service.migration import MigrationClient
from starter.service.privacy import PrivacyClient
from starter.service.readiness import ReadinessClient
from starter.service.reconciliation import ReconciliationClient
from starter.service.tenants import TenantClient
from starter.service.webhooks import WebhookClient
from storage.objects import Objects
from storage.tenants.database import TenantDatabase


class Offramp:
    """A client of the service, with an attribute for each area. It decides nothing.

    **Commands** on a case go to its workflow in Temporal, which decides; they need no database, and are looked up in it first
    while it is there. **Lists, histories, quotes,
    audit trails, imports and holds** come from the database and need no Temporal, so each works while the other is down. The
    **status** of a case is its workflow's while that runs and answers, and the records' otherwise; it says what holds the case up. A command on a case that
    has ended is refused by the rules in `records.late_requests`, and audited: that needs the database too. Neither
    connection is used before a call needs it.

    **Request ids.** Every command takes ``request_id``: repeat a command with the same id, and the first one's result is
    returned, in later cases of the same subscription too (`records.requests`). Without one each call is a request of its own.
    ``cancellation`` names the case; without it, the newest one is meant. ``actor`` names the agent or system that acts, for the
    audit trail; no e-mail address.

    **Errors.** Every method refuses with a `domain.refusals.Refusal`, whose code is stable. Its own documentation names what
    it may raise besides these:

    Raises:
        ForwardedRefusal: the workflow refused, with the code and the values of its refusal.
        RequestIdReused: another request was made under this id.
        StillWaiting: no answer within 30 seconds; the request is kept, and may be repeated under the same id.
        CancellationSuspended: the workflow fails, and continues when workers with a repaired version run.
        CaseBusy: the workflow has as many requests to answer as it takes at once.
        CaseNotRunning: a migration has not ended, and its workflow is gone; its cancellation starts it again.
        RequestLost: the workflow ended before it answered.
        TemporalUnavailable, TemporalBusy, TemporalDenied, NamespaceUnknown, TemporalFailed, TemporalRefused: Temporal does
            not take the call (`runtime.temporal_refusals`).
        DatabaseUnavailable, DatabaseBusy, DatabaseNotMigrated, DatabaseRightMissing, DatabaseFailed, RecordsConflict: the
            records cannot be read or written (`storage.refusals`).

    """

    cancellations: CancellationClient
    line_cancellations: LineCancellationClient
    bulk: BulkClient
    migrations: MigrationClient
    marketing: MarketingClient
    exports: ExportClient
    holds: HoldClient
    line_dates: LineDatesClient
    imports: ImportClient
    billing: BillingClient
    tenants: TenantClient
    reconciliation: ReconciliationClient
    audit: AuditClient
    limits: LimitClient
    privacy: PrivacyClient
    events: EventClient
    webhooks: WebhookClient
    readiness: ReadinessClient
    access: AccessClient

    def __init__(
        self,
        temporal: Client,
        engine: Engine,
        *,
        objects: Objects | None = None,
        tenants: TenantDatabase | None = None,
        task_queue: str = TASK_QUEUE,
        webhook_keys: WebhookKeys | None = None,
        console: str | None = None,
    ) -> None:
        """Put the areas together.

        Args:
            temporal: the connection to Temporal (`runtime.temporal.connect_to_temporal`); a lazy one will do
                for what needs no Temporal.
            engine: the service's own database (`storage.database.create_database_engine`).
            objects: the object store; without one there are no links to files.
            tenants: the database with the organizations' data; without one it can be neither measured nor sampled.
            task_queue: the queue from which workers take the workflows that are started.
            webhook_keys: the keys of webhook endpoints' secrets; without them none is added.
            console: the address of the console, to which the details of workflows that are started link.

        """
        connections = Connections(
            temporal,
            engine,
            objects,
            tenants,
            task_queue,
            webhook_keys=webhook_keys or WebhookKeys(),
            console=console,
            threads=_threads_for(engine),
        )
        for area, client in AREAS.items():
            setattr(self, area, client(connections))
        self.namespace = temporal.namespace
        """The namespace of Temporal in which the workflows are."""
        self.has_files = objects is not None
        """True if there is an object store to link to."""
        self.has_tenants = tenants is not None
        """True if there is a database with the organizations' data to look into."""


def _threads_for(engine: Engine) -> ThreadPoolExecutor:
    """Return as many threads as the engine has connections; they end with the facade, or with the process."""
    pool = engine.pool
    return ThreadPoolExecutor(pool.size() if isinstance(pool, QueuePool) else None, "records")


AREAS: Mapping[str, type[AreaClient]] = dict(Offramp.__annotations__)
"""The areas by the names of the attributes that have them."""
