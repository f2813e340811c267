"""A process that goes on until a signal ends it: a worker, the pages, the codec server."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import NoReturn

from pydantic import ValidationError

from domain.refusals import Refusal
from runtime.logs import LogFormat, LogSettings, log_handler
from runtime.process import allow_open_files, leave, limit_memory
from runtime.refusals import log_text


def serve(main: Callable[[], Coroutine[object, object, None]], *, failing: str) -> NoReturn:
    """Run a process's work to its end and leave with status 0; with 1, and ``failing`` with the reason in the log, if it cannot.

    The supervisor of the process restarts it; the reason is logged as a sentence, not as a stack trace.
    """
    logging.basicConfig(level=logging.INFO, handlers=[log_handler(LogFormat.TEXT)])
    limit_memory()
    allow_open_files()
    try:
        logging.basicConfig(level=logging.INFO, handlers=[log_handler(LogSettings().log_format)], force=True)
        asyncio.run(main())
    except (Refusal, ValidationError) as reason:
        said = log_text(reason) if isinstance(reason, Refusal) else reason
        logging.error("%s: %s", failing, said)  # noqa: TRY400
        leave(1)
    leave(0)
