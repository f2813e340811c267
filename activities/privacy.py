"""The retention of personal data, slice by slice: run again, it finds what is left."""

import time
from datetime import timedelta

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session
from temporalio import activity

from activities.common.heartbeat import report_progress
from activities.common.records import OnRecords
from activities.common.registration import Registered
from contract import WorkQueue
from contract.steps import Forgotten, RetentionSlice
from records import privacy
from records.bulk.retention import forget_bulks

SLICE = timedelta(seconds=30)
"""The duration of one activity, after which the next one continues."""

PAGE = 100
MOST_WORDS = 10_000


class Retention(OnRecords):
    """The activities of the retention of personal data."""

    @property
    def registered(self) -> Registered:
        """The activities that a worker runs."""
        return {WorkQueue.NIGHTLY: [self.forget_cases]}

    @activity.defn(no_thread_cancel_exception=True)
    def forget_cases(self, work: RetentionSlice) -> Forgotten:
        """Remove the personal data of cases whose time is over, each in a transaction of its own.

        A case that cannot be forgotten holds up none of the others; it is counted, and the next day's run tries it again.

        Raises:
            ApplicationError: to be retried, because the worker stops.
            WorkCancelled.

        """
        forgotten, ends_at = 0, time.monotonic() + SLICE.total_seconds()
        failed: dict[str, str] = {}
        while True:
            with Session(self._engine) as session:
                page = [
                    case for case in privacy.due_cases(session, work.at, most=PAGE + len(failed)) if case not in failed
                ]
            for case in page:
                report_progress(forgotten)
                if time.monotonic() >= ends_at:
                    return Forgotten(cases=forgotten, more=True)
                try:
                    with self._transaction() as transaction:
                        forgotten += privacy.forget(transaction, case, at=work.at)
                except SQLAlchemyError as error:
                    failed[case] = type(error).__name__
            if len(page) < PAGE:
                break
        with self._transaction() as transaction:
            words = privacy.forget_refused_starts(transaction, at=work.at, most=MOST_WORDS)
            words = max(words, privacy.forget_late_words(transaction, at=work.at, most=MOST_WORDS))
            words = max(words, forget_bulks(transaction, at=work.at, most=MOST_WORDS))
        if failed:
            named = ", ".join(f"{case} ({error})" for case, error in list(failed.items())[:10])
            activity.logger.error(
                "%d cases could not be forgotten, and are tried again tomorrow: %s", len(failed), named
            )
        return Forgotten(cases=forgotten, more=words == MOST_WORDS, failed=len(failed))
