"""The steps of bulk cancellations."""

from contract.bulk import BulkProgress
from contract.steps.common import StepData


class BulkSlice(StepData):
    """Some seconds of work on a bulk: what there is to do is in its record."""

    bulk: str
    task_queue: str
    """The queue on which the workflows of cases are started."""


class BulkSliceDone(StepData):
    """The state of a bulk after it."""

    progress: BulkProgress | None = None
    """Null where there is no such bulk."""
    look_again_after: float | None = None
    """The seconds after which there may be more to do, 0 for at once; null if only a change of the record leads further."""
