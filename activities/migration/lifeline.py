"""The lifeline of a program, which ends it with its caller: ``python -I lifeline.py PROGRAM ARGUMENT…``.

Standard input is the lifeline: while its other end is open, the program may run. A worker that is killed cannot clean up,
and pg_dump, which notices a closed pipe only when it next writes, would keep its snapshot and locks meanwhile. Uses the
standard library alone, because it is not imported but run.
"""

import os
import resource
import subprocess
import sys
import threading
from contextlib import suppress

_MEMORY_BYTES = 1 << 30
"""The memory of the program: pg_dump keeps each definition of a schema, which may have any size, and the worker lives beside it."""


def main() -> int:
    """Run the program and return its exit status."""
    with suppress(OSError, ValueError):  # a system without this limit, or with a lower one
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
    program = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL)  # noqa: S603 - the caller's own command

    def end_with_the_caller() -> None:
        while os.read(0, 1024):  # not sys.stdin, whose lock this thread would hold when the program has ended
            pass
        program.kill()

    threading.Thread(target=end_with_the_caller, daemon=True).start()
    return program.wait()


if __name__ == "__main__":
    sys.exit(main())
