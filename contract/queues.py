"""The task queues: a caller in any language must know only the first, on which every workflow is started.

The others are between workflows and workers, one for each kind of work, so that work which waits for something slow takes
no slot from work that does not.
"""

from enum import StrEnum

TASK_QUEUE = "offramp"
"""The task queue of all workflows. A caller starts workflows here and needs no other."""


class WorkQueue(StrEnum):
    """A kind of work, with a task queue of its own; the value is its name in ``OFFRAMP_QUEUES``."""

    WORKFLOWS = "workflows"
    """Workflows, and the short transactions that they have done at once as local activities."""
    RECORDS = "records"
    """Short transactions on our own database that did not succeed at once."""
    MAIL = "mail"
    """The delivery of mails that are in the outbox."""
    WEBHOOKS = "webhooks"
    """The delivery of webhooks that are in the outbox."""
    CODES = "codes"
    """One-time codes, for which a person waits."""
    NIGHTLY = "nightly"
    """The update of line dates, chunk by chunk, and the reconciliation."""
    BULK = "bulk"
    """Bulk cancellations: rows that are judged and started, some seconds at a time."""
    LONG = "long"
    """Work on the organizations' data and the object store that may take days: exports, transfers, erasure."""

    def task_queue(self, workflows: str = TASK_QUEUE) -> str:
        """Return the name of the task queue, beside the workflows' own: ``offramp``, ``offramp-records`` …"""
        return workflows if self is WorkQueue.WORKFLOWS else f"{workflows}-{self.value}"
