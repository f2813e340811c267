"""The memory and the files that a process may take, and its exit when it has talked to Temporal."""

import logging
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

OF_THE_CONTAINER = 0.85
"""The part of a container's memory that a process in it may take."""

MOST_OPEN_FILES = 65_536
"""The number of open files that a process asks for."""

_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))

logger = logging.getLogger(__name__)


def limit_memory(limits: tuple[Path, ...] = _LIMITS) -> int | None:
    """Limit the memory of this process to a part of its container's, if that has a limit; return it in bytes.

    Whoever then asks for too much has an error. Without this, the kernel kills the whole process, and an organization's database
    decides how long the text of an error is, which libpq takes as it comes.
    """
    allowed = min((found for path in limits if (found := _read(path)) is not None), default=None)
    if allowed is None or sys.platform != "linux":
        return None
    import resource  # noqa: PLC0415 - there is none on some systems

    most = round(allowed * OF_THE_CONTAINER)
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    if hard != resource.RLIM_INFINITY and hard < most:
        return None
    resource.setrlimit(resource.RLIMIT_DATA, (most, hard))
    return most


def allow_open_files() -> int | None:
    """Allow this process as many open files as the system lets it have, `MOST_OPEN_FILES` at most; return how many.

    A connection is one. The thousand with which containers begin are fewer than the connections that the doors take, and whoever opens
    them all keeps a process from its database as well.
    """
    if sys.platform != "linux":
        return None
    import resource  # noqa: PLC0415 - there is none on some systems

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = MOST_OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, MOST_OPEN_FILES)
    if soft != resource.RLIM_INFINITY and soft < allowed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
        return allowed
    return soft


def _read(limit: Path) -> int | None:
    try:
        found = int(limit.read_text(encoding="ascii"))
    except (OSError, ValueError):  # none, or "max"
        return None
    return found if found < _NO_LIMIT else None


_NO_LIMIT = 1 << 60


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
