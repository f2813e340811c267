"""Activities on the tasks of registered systems: each is one transaction in PostgreSQL; run again, it changes nothing."""

from sqlalchemy.orm import Session
from temporalio import activity

from activities.common.records import OnRecords
from activities.common.registration import Registered
from contract import WorkQueue
from contract.steps import Recorded, Step, TaskConfirmed, TasksFollowed
from records.cancellation import system_tasks


class TaskRecords(OnRecords):
    """The records of what cancellations ask of other systems."""

    @property
    def registered(self) -> Registered:
        """The activities that a worker runs."""
        return {WorkQueue.RECORDS: [self.follow_tasks, self.confirm_task, self.remind_systems]}

    @activity.defn(no_thread_cancel_exception=True)
    def follow_tasks(self, cancellation: str) -> TasksFollowed:
        """Return what systems have not confirmed, and the newest messages about the cancellation. Raises CancellationUnknown."""
        with Session(self._engine) as session:
            return system_tasks.followed(session, cancellation)

    @activity.defn(no_thread_cancel_exception=True)
    def confirm_task(self, step: TaskConfirmed) -> Recorded:
        """Record that a system has done what it was asked for. Raises SystemTaskUnknown, SystemTaskSuperseded."""
        return self._recorded(lambda transaction, _: system_tasks.confirm(transaction, step), step)

    @activity.defn(no_thread_cancel_exception=True)
    def remind_systems(self, step: Step) -> Recorded:
        """Ask systems again for what they have not confirmed."""
        return self._recorded(system_tasks.remind, step)
