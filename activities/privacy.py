"""The retention of personal data, slice by slice: run again, it finds what is left."""

import time
from datetime import timedelta

from sqlalchemy.orm import Session
from temporalio import activity

from activities.common.records import OnRecords
from activities.common.registration import Registered
from contract import WorkQueue
from contract.steps import Forgotten, RetentionSlice
from records import privacy

SLICE = timedelta(seconds=30)
"""The duration of one activity, after which the next one continues."""

PAGE = 100


class Retention(OnRecords):
    """The activities of the retention of personal data."""

    @property
    def registered(self) -> Registered:
        """The activities that a worker runs."""
        return {WorkQueue.NIGHTLY: [self.forget_cases]}

    @activity.defn(no_thread_cancel_exception=True)
    def forget_cases(self, work: RetentionSlice) -> Forgotten:
        """Remove the personal data of cases whose time is over, each in a transaction of its own."""
        forgotten, ends_at = 0, time.monotonic() + SLICE.total_seconds()
        while time.monotonic() < ends_at:
            with Session(self._engine) as session:
                page = privacy.due_cases(session, work.at, most=PAGE)
            for case in page:
                with self._transaction() as transaction:
                    forgotten += privacy.forget(transaction, case, at=work.at)
                activity.heartbeat(forgotten)
            if len(page) < PAGE:
                return Forgotten(cases=forgotten, more=False)
        return Forgotten(cases=forgotten, more=True)
