"""The task queues that a process hosts, and the slots of each."""

from collections.abc import Iterable, Mapping

from pydantic import field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from contract import WorkQueue
from domain.refusals import Refusal
from domain.remedies import Remedy, RemedyKind

SLOTS: Mapping[WorkQueue, int] = {
    WorkQueue.WORKFLOWS: 4,
    WorkQueue.RECORDS: 10,
    WorkQueue.MAIL: 8,
    WorkQueue.WEBHOOKS: 8,
    WorkQueue.CODES: 8,
    WorkQueue.NIGHTLY: 2,
    WorkQueue.BULK: 4,
    WorkQueue.LONG: 8,
}
"""The number of activities that a process runs at once for each queue. Those of the workflows' own queue are what versions
up to 0.2 scheduled there (docs/upgrades.md)."""

LOCAL_SLOTS = 20
"""The number of local activities that a process runs at once beside them, where it hosts workflows."""


class QueuesUnknown(Refusal):
    """Names in ``OFFRAMP_QUEUES`` that no queue has."""

    code = "queues_unknown"

    def __init__(self, unknown: Iterable[str]) -> None:
        names = ", ".join(unknown)
        super().__init__(
            f"There are no queues with these names: {names}.",
            remedy=Remedy.of(RemedyKind.CONFIGURE, variable="OFFRAMP_QUEUES", expected=",".join(WorkQueue)),
            names=names,
        )


class QueueSettings(BaseSettings):
    """The queues that a process hosts.

    ``OFFRAMP_QUEUES``: names of `WorkQueue`, separated by commas; without it, all of them.

    Raises QueuesUnknown.
    """

    model_config = SettingsConfigDict(env_prefix="OFFRAMP_")

    queues: str = ""

    @field_validator("queues")
    @classmethod
    def _known(cls, value: str) -> str:
        if unknown := [name for name in _names(value) if name not in list(WorkQueue)]:
            raise QueuesUnknown(unknown)
        return value

    @property
    def hosted(self) -> tuple[WorkQueue, ...]:
        """The queues, each once."""
        named = _names(self.queues)
        return tuple(queue for queue in WorkQueue if not named or queue in named)


def threads(queue: WorkQueue) -> int:
    """Return the number of threads that a queue's work needs in a process: as many as it has slots."""
    return SLOTS[queue] + (LOCAL_SLOTS if queue is WorkQueue.WORKFLOWS else 0)


def connections(queues: Iterable[WorkQueue]) -> int:
    """Return the number of connections to the database that a process needs for some queues: one for each thread."""
    return sum(threads(queue) for queue in queues)


def _names(value: str) -> list[str]:
    return [name.strip() for name in value.split(",") if name.strip()]
