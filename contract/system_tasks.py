"""The tasks of registered systems in a cancellation: the workflow that follows them, and its messages."""

from datetime import timedelta

from pydantic import BaseModel, ConfigDict

from contract.common import AboutCase
from domain.system_tasks import OpenTask, SystemTask
from domain.vocabulary import CaseId
from domain.webhooks import EndpointName

SYSTEM_TASKS = "SystemTasks"
"""The type of the workflow that asks systems for their tasks until they confirm them: takes the id of a cancellation.

The cancellation starts it. It goes on after that has ended.
"""

CONFIRM_TASK = "confirm_task"
"""Update and signal of SystemTasks: takes `ConfirmTask`; the update returns `SystemTasksStatus`."""

SIGNAL_TASKS_CHANGED = "tasks_changed"
"""Signal to SystemTasks: the records know of more tasks, or of fewer."""


def system_tasks_workflow_id(cancellation: str) -> str:
    """Return the only workflow id under which the tasks of a cancellation are followed."""
    return f"systems:{cancellation}"


class ConfirmTask(AboutCase):
    """A system's confirmation that it has done what it was asked for."""

    cancellation: CaseId
    system: EndpointName
    """The name under which the system is registered."""
    task: SystemTask


class SystemTasksStatus(BaseModel):
    """What registered systems have not confirmed: there, access may still be on or off, or data be kept.

    The result of the query ``status`` of SystemTasks, too.
    """

    model_config = ConfigDict(frozen=True)

    cancellation: str
    open: tuple[OpenTask, ...] = ()
    reminder: timedelta
    """The time until the systems are asked again for the first time; doubled each further time, up to 30 days."""
