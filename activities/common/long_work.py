"""Long work on what others run, the tenants' database and the object store: it waits for them, and is stopped in order."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TypeVar

from sqlalchemy import Engine
from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.common.records import OnRecords
from domain.refusals import Refusal
from domain.vocabulary import Channel
from storage.objects import Objects
from storage.tenants.database import TenantDatabase

WORKER_STOPS = "worker_stops"


Configured = TypeVar("Configured")


def configured(party: Configured | None, without: Callable[[], Refusal]) -> Configured:
    """Return an outside party; raises the refusal where this installation does not name one."""
    if party is None:
        raise without()
    return party


class WorkCancelled(Exception):  # noqa: N818 - somebody's wish, not a fault
    """The work was cancelled."""


def go_on(*details: object) -> None:
    """Show how far the work is, and that it lives; called every second or so.

    Raises:
        WorkCancelled: the workflow does not want the work any more.
        ApplicationError: the worker stops; another one begins anew at once.

    """
    activity.heartbeat(*details)
    if activity.is_cancelled():
        raise WorkCancelled
    if activity.is_worker_shutdown():
        raise ApplicationError(
            "The worker stops; another one begins anew.", type=WORKER_STOPS, next_retry_delay=timedelta(seconds=1)
        )


@contextmanager
def waiting_for_others() -> Iterator[None]:
    """Turn a refusal into a reason to try again.

    Rights that are missing, a store that is full: somebody outside puts it right, and the work goes on by itself. Until
    then the Web UI shows the sentence at the pending activity.
    """
    try:
        yield
    except Refusal as refusal:
        raise ApplicationError(str(refusal), type=refusal.details.code) from None


class DataWork(OnRecords):
    """Base of the activities on an organization's data: with the records, the tenants' database and the object store.

    The latter two are None where this installation has none; see `configured`.
    """

    def __init__(
        self, engine: Engine, channels: frozenset[Channel], tenants: TenantDatabase | None, objects: Objects | None
    ) -> None:
        super().__init__(engine, channels)
        self._tenants = tenants
        self._objects = objects
