"""The exit of a process that has talked to Temporal."""

import logging
import os
import sys
from contextlib import suppress
from typing import NoReturn


def leave(status: int) -> NoReturn:
    """End this process with ``status`` as soon as its output is written, without finalizing the interpreter.

    Threads of Temporal's SDK may still be delivering a response; if one does so while Python finalizes itself, Python
    aborts, and a command that has succeeded ends with SIGABRT (https://github.com/temporalio/sdk-python/issues/300).
    """
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(status)
