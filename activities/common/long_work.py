"""Long work on systems that others run, the tenants' database and the object store: patient, and stopped in order."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TypeVar

from sqlalchemy import Engine
from temporalio import activity
from temporalio.exceptions import ApplicationError, CancelledError

from activities.common.records import OnRecords
from domain.refusals import Refusal
from domain.vocabulary import Channel
from records.tenants import reviewed_digests
from storage.objects import Objects
from storage.tenants.database import TenantDatabase

WORKER_STOPS = "worker_stops"


Configured = TypeVar("Configured")


def configured(party: Configured | None, without: Callable[[], Refusal]) -> Configured:
    """Return an outside system; raises the refusal where this installation has none."""
    if party is None:
        raise without()
    return party


class WorkCancelled(CancelledError):  # noqa: N818 - a request, not a fault
    """The work was cancelled.

    Raised where the work can be left in order. The SDK's own exception would come into its thread anywhere, also in the middle
    of a clean-up: no activity lets it.
    """


def report_progress(*details: object) -> None:
    """Send a heartbeat with the progress of the work; called every second or so.

    Raises:
        WorkCancelled: the workflow has cancelled the work.
        ApplicationError: the worker stops; another one starts the work again at once.

    """
    activity.heartbeat(*details)
    if activity.is_cancelled():
        raise WorkCancelled
    if activity.is_worker_shutdown():
        raise ApplicationError(
            "The worker stops; another one starts the work again.",
            type=WORKER_STOPS,
            next_retry_delay=timedelta(seconds=1),
        )


@contextmanager
def waiting_for_others() -> Iterator[None]:
    """Turn a refusal into a reason to try again.

    Others grant missing rights or free a full store, and the work continues by itself. Until then the Web UI shows the
    refusal at the pending activity.
    """
    try:
        yield
    except Refusal as refusal:
        raise ApplicationError(str(refusal), type=refusal.details.code) from None


class DataWork(OnRecords):
    """The base of activities on an organization's data, with the records, the tenants' database and the object store.

    The latter two are None where this installation has none; see `configured`.
    """

    def __init__(
        self, engine: Engine, channels: frozenset[Channel], tenants: TenantDatabase | None, objects: Objects | None
    ) -> None:
        super().__init__(engine, channels)
        self._tenants = tenants
        self._objects = objects

    def _reviewed_code(self) -> frozenset[str]:
        """Return the digests of the organizations' code that was reviewed."""
        with self._transaction() as transaction:
            return reviewed_digests(transaction.session)
