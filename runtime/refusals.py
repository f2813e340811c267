"""The translation of refusals and of a lost database into the errors that leave an activity.

One interceptor serves all activities, so that none of them has to know Temporal's errors: a refusal is final and
expected; an unreachable database is worth waiting for, and is reported in one sentence that the Web UI shows.
"""

from typing import Any

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from domain.refusals import Refusal, RefusalDetails

DATABASE_UNAVAILABLE = "database_unavailable"


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
    if isinstance(error, ApplicationError) and error.non_retryable and error.details:
        return RefusalDetails.model_validate(error.details[0])
    return None


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
            raise as_application_error(refusal) from None
        except (DBAPIError, PoolTimeoutError) as error:
            if isinstance(error, DBAPIError) and not _worth_waiting(error):
                raise
            raise ApplicationError(
                f"The database is not available: {_first_line(error)}. This step waits and continues by itself.",
                type=DATABASE_UNAVAILABLE,
            ) from None


def _worth_waiting(error: DBAPIError) -> bool:
    """Return true if the statement may succeed later unchanged: lost connections, restarts, lock waits, deadlocks."""
    state: str | None = getattr(error.orig, "sqlstate", None)
    return error.connection_invalidated or state is None or state[:2] in {"08", "40", "53", "55", "57"}


def _first_line(error: Exception) -> str:
    text = str(error.orig) if isinstance(error, DBAPIError) else str(error)
    return (text.strip().splitlines() or ["no reason given"])[0]
