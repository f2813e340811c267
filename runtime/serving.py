"""A process that goes on until a signal ends it: a worker, the pages, the codec server."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import NoReturn

from pydantic import ValidationError

from domain.clean_text import escaped
from domain.refusals import Refusal
from runtime.process import leave, limit_memory
from runtime.refusals import log_text


class LineFormatter(logging.Formatter):
    """The form of a log: what others have put into a message neither begins a line of its own nor moves a terminal's cursor."""

    def format(self, record: logging.LogRecord) -> str:
        """Return an entry, whose further lines are indented."""
        return escaped(super().format(record)).replace("\n", "\n    ")


def serve(main: Callable[[], Coroutine[object, object, None]], *, failing: str) -> NoReturn:
    """Run a process's work to its end and leave with status 0; with 1, and ``failing`` with the reason in the log, if it cannot.

    The supervisor of the process restarts it; the reason is logged as a sentence, not as a stack trace.
    """
    handler = logging.StreamHandler()
    handler.setFormatter(LineFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    limit_memory()
    try:
        asyncio.run(main())
    except (Refusal, ValidationError) as reason:
        said = log_text(reason) if isinstance(reason, Refusal) else reason
        logging.error("%s: %s", failing, said)  # noqa: TRY400
        leave(1)
    leave(0)
