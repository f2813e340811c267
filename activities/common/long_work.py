"""Long work on systems that others run, the tenants' database and the object store: patient, and stopped in order."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TypeVar

from sqlalchemy import Engine
from temporalio.exceptions import ApplicationError

from activities.common.records import OnRecords
from domain.refusals import Refusal
from domain.vocabulary import Channel
from records.tenants import reviewed_digests
from storage.objects import Objects
from storage.tenants.database import TenantDatabase
from storage.tenants.refusals import TenantWorkWaits

_LOOKS_AGAIN_AFTER = timedelta(seconds=30)
"""The time after which work that waits for a place looks for one: not the longer, the longer it has waited."""

Configured = TypeVar("Configured")


def configured(party: Configured | None, without: Callable[[], Refusal]) -> Configured:
    """Return an outside system; raises the refusal where this installation has none."""
    if party is None:
        raise without()
    return party


@contextmanager
def waiting_for_others() -> Iterator[None]:
    """Turn a refusal into a reason to try again.

    Others grant missing rights or free a full store, and the work continues by itself. Until then the Web UI shows the
    refusal at the pending activity.
    """
    try:
        yield
    except Refusal as refusal:
        delay = _LOOKS_AGAIN_AFTER if isinstance(refusal, TenantWorkWaits) else None
        raise ApplicationError(str(refusal), type=refusal.details.code, next_retry_delay=delay) from None


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
