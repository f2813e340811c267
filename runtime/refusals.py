"""The translation of refusals and of faults into the errors that leave an activity.

One interceptor serves all activities, so that none of them has to know Temporal's errors. Whatever leaves an activity is kept
in a history and shown to operators, so it is one sentence of ours: no SQL, no parameter, no text of a driver, which may
contain a customer's data. A refusal is final and expected. Everything else is tried again, and says why; a fault that time
does not mend carries a refusal beside it, for the workflows that do not wait for its end.
"""

import traceback
from datetime import timedelta
from typing import Any

from sqlalchemy.exc import SQLAlchemyError
from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory, FailureError
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from domain.refusals import Refusal, RefusalDetails
from domain.remedies import Remedy, RemedyKind
from runtime.metrics import count_refusal
from storage.refusals import (
    PASSES,
    DatabaseFailed,
    RecordsConflict,
    refusal_of,
)

THE_DATABASE = "of the records"
"""The service's own database in the sentences of activities, which do not know its address."""

FAULT_AFTER = 2
"""The attempt from which on such an error counts as a fault that time does not mend: a step can conflict with an attempt at
itself that was given up for lost."""

FAULT_AGAIN = timedelta(minutes=10)
"""The interval of attempts at work that meets such a fault, where it is tried again at all."""


class StepFailed(Refusal):
    """A step that a fault of the program prevents."""

    code = "step_failed"

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"This step fails again and again ({reason}), which is a fault of the service.",
            remedy=Remedy.of(RemedyKind.REPORT_DEFECT),
        )


FAULT = "fault"
"""The type of the error of a fault that time does not mend: the step of a case that meets one is refused, not tried for ever."""

_FAULTS = (RecordsConflict.code, DatabaseFailed.code, StepFailed.code)


def as_application_error(refusal: Refusal) -> ApplicationError:
    """Return the refusal in the form in which it crosses Temporal: its type is the code, its details are the rest."""
    return ApplicationError(
        str(refusal),
        refusal.details.model_dump(mode="json"),
        *([refusal.record] if refusal.record is not None else []),
        type=refusal.details.code,  # of a forwarded refusal, the code it was made with
        non_retryable=True,
        category=ApplicationErrorCategory.BENIGN,
    )


def as_refusal(error: BaseException) -> RefusalDetails | None:
    """Return the refusal that an error carries, or None if it is something else."""
    if isinstance(error, ApplicationError) and error.details and (error.non_retryable or error.type == FAULT):
        return RefusalDetails.model_validate(error.details[0])
    return None


def is_fault(refusal: RefusalDetails) -> bool:
    """Return true if a refusal is about a fault that time does not mend, and no rule."""
    return refusal.code in _FAULTS


def record_beside(error: BaseException) -> object:
    """Return the record of the case that an error carries beside its refusal; None without one."""
    if isinstance(error, ApplicationError) and len(error.details) > 1:
        return error.details[1]
    return None


def log_text(refusal: Refusal) -> str:
    """Return a refusal for the log of a process, with the values of its remedy: which setting, which store, which file."""
    values = refusal.remedy.values if refusal.remedy else {}
    named = ", ".join(f"{name}: {value}" for name, value in values.items() if value not in str(refusal))
    return f"{refusal} ({named})" if named else str(refusal)


class RefusalInterceptor(Interceptor):
    """The interceptor that translates what activities raise."""

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002
        """Wrap every activity in the translation."""
        return _Translating(super().intercept_activity(next))


class _Translating(ActivityInboundInterceptor):
    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002
        try:
            return await super().execute_activity(input)
        except Refusal as refusal:
            count_refusal(activity.metric_meter(), refusal.details.code)
            raise as_application_error(refusal) from None
        except FailureError as error:
            # A sentence of ours, without what it was made of. Temporal shows no reason at all that is longer than 4 KB.
            raise error.with_traceback(None) from None
        except SQLAlchemyError as error:
            raise as_retried_error(error, activity.info().attempt) from None
        except Exception as error:  # noqa: BLE001 - whatever it is, its own text stays here
            place = "".join(traceback.format_tb(error.__traceback__))
            activity.logger.error("An activity failed with %s:\n%s", type(error).__name__, place)
            raise as_retried_error(error, activity.info().attempt) from None


def as_retried_error(error: Exception, attempt: int = 1) -> ApplicationError:
    """Return an error in one sentence without values, and with a stable type where it is known what it means."""
    what = type(error).__name__
    if isinstance(error, SQLAlchemyError):
        refusal = refusal_of(error, THE_DATABASE)
        if isinstance(refusal, PASSES):
            return ApplicationError(f"{refusal.message} This step waits and continues by itself.", type=refusal.code)
        return _as_fault(refusal) if attempt >= FAULT_AFTER else ApplicationError(refusal.message, type=refusal.code)
    if attempt >= FAULT_AFTER and not isinstance(error, OSError):
        return _as_fault(StepFailed(what))
    reason = f": {error.strerror}" if isinstance(error, OSError) and error.strerror else ""
    return ApplicationError(
        f"This step failed ({what}{reason}), which is a fault of the service or of a part that it uses. It is tried again.",
        type=what,
    )


def _as_fault(refusal: Refusal) -> ApplicationError:
    """Return a fault with its refusal. The policy of an activity says whether it is tried again nevertheless, but rarely."""
    details = refusal.details.model_dump(mode="json")
    return ApplicationError(refusal.message, details, type=FAULT, next_retry_delay=FAULT_AGAIN)
