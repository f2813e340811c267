"""The log of a process: lines for a terminal, or one JSON object a line, and nothing in either of what a customer has given.

Whatever is logged in an activity or a workflow says of itself which: case, workflow and run, activity and attempt. The text of
an exception stays out, because it may quote a message, a row or a link: its type and its place in the code say what is wrong.
"""

import logging
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from enum import StrEnum
from types import TracebackType
from typing import Any

from pydantic_settings import BaseSettings, SettingsConfigDict
from pythonjsonlogger.json import JsonFormatter
from temporalio import activity, workflow
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory
from temporalio.runtime import LogForwardingConfig, LoggingConfig
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from domain.cases import CaseRef
from domain.clean_text import escaped

FIELDS = ("case", "workflow_id", "run_id", "activity", "attempt")
"""What a record says of where it comes from, as far as it comes from there."""

_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
_OF_LIBRARIES = ("temporalio", "asyncio")
_OF_OURS_TOO = ("temporalio.activity", "temporalio.workflow")
"""The loggers by which activities and workflows log."""
_CLIENT_OF_CORE = "temporalio_client"

_case: ContextVar[str | None] = ContextVar("case", default=None)
logger = logging.getLogger(__name__)

ExceptionInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]

FORWARDED = LoggingConfig(
    filter=LoggingConfig.default.filter,
    forwarding=LogForwardingConfig(
        logger=logging.getLogger("temporalio.core"),
        append_target_to_name=False,
        prepend_target_on_message=False,
        append_log_fields_to_message=False,
    ),
)
"""The records of the SDK's core, without its fields: those of a failed task have the text of the failure."""


class LogFormat(StrEnum):
    """The form of a log."""

    TEXT = "text"
    JSON = "json"


class LogSettings(BaseSettings):
    """The form of the log of a process: ``OFFRAMP_LOG_FORMAT``, ``text`` for a terminal or ``json`` for programs."""

    model_config = SettingsConfigDict(env_prefix="OFFRAMP_", env_ignore_empty=True)

    log_format: LogFormat = LogFormat.TEXT


def log_handler(form: LogFormat) -> logging.Handler:
    """Return the handler of a process, which writes to the standard error."""
    handler = logging.StreamHandler()
    handler.addFilter(with_surroundings)
    handler.setFormatter(LineFormatter(_FORMAT) if form is LogFormat.TEXT else LineOfJson())
    # What the adapters of the SDK append to a message is in fields of its own here.
    activity.logger.activity_info_on_message = workflow.logger.workflow_info_on_message = False
    return handler


def with_surroundings(record: logging.LogRecord) -> bool:
    """Add `FIELDS` to a record, and take from those of libraries what may quote something; False for one that is logged twice."""
    if record.name == "temporalio.activity" and str(record.msg).startswith("Completing activity as failed"):
        return False  # `_Logging` says so, with the reason
    if record.name.startswith(_OF_LIBRARIES):
        record.msg, record.args = _without_values(record), ()
    record.exc_text = None  # what another handler has made of the exception
    for name, value in _surroundings().items():
        setattr(record, name, value)
    return True


def _without_values(record: logging.LogRecord) -> str:
    """Return what a library says without the values that follow; of a call to Temporal that failed, with its reason."""
    said = record.getMessage().partition(", original error")[0]
    if record.name not in _OF_OURS_TOO:
        said = said.partition("\n")[0]
    core = getattr(record, "temporal_log", None)
    if core is not None and core.target.startswith(_CLIENT_OF_CORE) and "error" in core.fields:
        said += f" ({core.fields['error']})"
    return said


def _surroundings() -> Mapping[str, Any]:
    if activity.in_activity():
        info = activity.info()
        found = (_case.get(), info.workflow_id, info.workflow_run_id, info.activity_type, info.attempt)
        return dict(zip(FIELDS, found, strict=True))
    if workflow.in_workflow():
        of_workflow = workflow.info()
        return {"workflow_id": of_workflow.workflow_id, "run_id": of_workflow.run_id}
    return {}


def place_of(error: BaseException | None) -> str:
    """Return the type of an error and of what it comes from, and their places in the code, without their texts."""
    parts = []
    while error is not None:
        parts.append(f"{type(error).__qualname__} at:\n{''.join(traceback.format_tb(error.__traceback__))}".rstrip())
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return "\nfrom ".join(parts)


class LineFormatter(logging.Formatter):
    """The form for a terminal: what others have put into a message neither begins a line of its own nor moves a terminal's cursor."""

    def format(self, record: logging.LogRecord) -> str:
        """Return an entry, whose further lines are indented."""
        named = [f"{name}={value}" for name in FIELDS if (value := getattr(record, name, None)) is not None]
        entry = super().format(record)
        return escaped(f"{entry} [{' '.join(named)}]" if named else entry).replace("\n", "\n    ")

    def formatException(self, ei: ExceptionInfo) -> str:  # noqa: N802 - as logging names it
        """Return the place of an exception."""
        return place_of(ei[1])


class LineOfJson(JsonFormatter):
    """The form for programs: ``time``, ``level``, ``logger``, ``message``, `FIELDS` and ``exception``, as far as there are any.

    Nothing else of a record, for libraries put there what they like.
    """

    def add_fields(self, log_data: dict[str, Any], record: logging.LogRecord, _: dict[str, Any]) -> None:
        """Fill the object of a record."""
        log_data["time"] = datetime.fromtimestamp(record.created, tz=UTC).isoformat(timespec="milliseconds")
        log_data |= {"level": record.levelname, "logger": record.name, "message": record.message}
        log_data |= {name: value for name in FIELDS if (value := getattr(record, name, None)) is not None}
        if record.exc_info:
            log_data["exception"] = place_of(record.exc_info[1])


class LogInterceptor(Interceptor):
    """The interceptor that logs how each activity ends, and names the case in whatever it logs meanwhile."""

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002
        """Wrap every activity."""
        return _Logging(super().intercept_activity(next))


class _Logging(ActivityInboundInterceptor):
    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002
        with _about(_case_of(input.args)):
            try:
                outcome = await super().execute_activity(input)
            except ApplicationError as error:
                if error.category is ApplicationErrorCategory.BENIGN:
                    logger.info("refused: %s", error.type)  # its sentence may quote what somebody has given
                else:
                    logger.warning("failed: %s", error.message if not error.details else error.type)
                raise
            with _about(_case.get() or _case_of([outcome])):  # the case that it has opened
                logger.info("done")
            return outcome


@contextmanager
def _about(case: str | None) -> Iterator[None]:
    token = _case.set(case)
    try:
        yield
    finally:
        _case.reset(token)


def _case_of(arguments: Sequence[Any]) -> str | None:
    """Return the case that an argument or the outcome of an activity names, itself or in a part of it."""
    for argument in arguments:
        for holder in (argument, getattr(argument, "step", None), getattr(argument, "case", None)):
            named = holder if isinstance(holder, str) else getattr(holder, "cancellation", None)
            if isinstance(named, str) and _is_case(named):
                return named
    return None


def _is_case(text: str) -> bool:
    try:
        CaseRef.parse(text)
    except ValueError:
        return False
    return True
